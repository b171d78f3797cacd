"""Apply a plan: schedule its steps, check each again right before it writes, record what happened."""
