"""Build a plan: refresh, diff, check, order, estimate."""
