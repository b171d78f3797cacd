"""Views: nested records of texts and numbers, ready to be rendered in every format.

Invariant: no module here imports from other parts of `render`.
"""
