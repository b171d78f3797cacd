"""Reconciliation: load, refresh, compare, plan, apply.

Invariant: AWS is reached only through the `Call` that is passed to a function. Nothing here imports boto3, `reconciler.aws`,
`reconciler.registry` or `reconciler.render`; AWS's constraints on values come from the `Constraints` that are passed to a function.

The kinds do not vary within a process, so they are not passed as arguments: a function that needs them calls `all_kinds()`,
which is cached, once and outside loops.
"""
