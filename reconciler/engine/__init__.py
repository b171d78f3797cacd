"""Reconciliation: load, refresh, compare, plan, apply.

Invariant: AWS is reached only through the `Call` that a function is given. Nothing here imports boto3, `reconciler.aws`,
`reconciler.registry` or `reconciler.render`; AWS's limits on values come from the `Limits` that a function is given.

The kinds do not vary within a process: a function that needs them calls `all_kinds()` once, which is cached.
"""
