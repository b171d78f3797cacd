"""Views: trees of plain values that every format renders.

Invariant: imports nothing else of `render`.
"""
