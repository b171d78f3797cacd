"""Generators of README.md's tables, command outputs and pictures.

`python -m tests.docs.generate` regenerates them; a test fails if the README differs.
"""
