"""The command line, for tests that render what a command prints."""

from __future__ import annotations

from tests.cli.conftest import fleet, run

__all__ = ["fleet", "run"]
