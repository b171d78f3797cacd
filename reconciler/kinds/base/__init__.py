"""The parts of every kind: the `Kind` class, fields, tags, references and reads.

Imports no kind.
"""
