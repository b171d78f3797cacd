"""Build a plan: refresh, compare, check, order, estimate."""
