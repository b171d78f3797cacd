"""Tables and helpers that several operations share; this package has no operations.

Invariant: a module here imports none of `operations/`.
"""
