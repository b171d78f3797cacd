"""Fixtures that run commands, for tests of what a command prints."""

from __future__ import annotations

from tests.cli.conftest import run, run_in_starter

# Fixtures of the tests of the command line, which these tests use too.
__all__ = ["run", "run_in_starter"]
