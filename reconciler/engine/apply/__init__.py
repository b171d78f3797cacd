"""Apply a plan: schedule its steps, re-read each resource before its first write, record every call."""
