"""Values that all other packages exchange.

Invariant: a module here imports nothing of the project outside this package but `frozen`, and does no I/O. Every value is frozen.
"""
