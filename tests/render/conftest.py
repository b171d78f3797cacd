"""The command line, for tests that render what a command prints."""

from __future__ import annotations

from tests.cli.conftest import run, run_in_starter

__all__ = ["run", "run_in_starter"]
