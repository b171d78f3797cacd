"""Views: nested records of texts and numbers, ready to be rendered in every format.

Invariant: imports nothing else of `render`.
"""
