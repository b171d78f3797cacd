"""Tables and helpers that several operations share; it has no operations.

Invariant: a module here imports none of `operations/`.
"""
