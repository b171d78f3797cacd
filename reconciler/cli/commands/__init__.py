"""One module per command.

Invariant: importing a command imports only click and light modules of `cli` and `model`; everything else is imported when
the command runs, so that `reconciler --help` starts fast.
"""
