"""Values: what everything else talks about.

Law: a module in here imports nothing of ours outside this package and does no I/O. Every value is frozen.
"""
