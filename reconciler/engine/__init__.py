"""Reconciliation: load, observe, compare, plan, apply.

Law: it reaches AWS only through the `Call` that it is handed. It never imports boto3, nor `reconciler.aws`,
`reconciler.registry` or `reconciler.render`; what it must know of AWS's limits it asks of the `Limits` it is handed.
"""
