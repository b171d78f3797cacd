"""Fixtures that run `reconciler` commands in a temporary folder."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command in the current folder, which is empty at first.

    The function returns the exit code, stdout and stderr.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_FILE", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")

    def invoke(*words, stdin=None):
        result = CliRunner().invoke(cli, words, input=stdin, prog_name="reconciler")
        return result.exit_code, result.stdout, result.stderr

    return invoke


@pytest.fixture
def run_in_starter(run):
    """Return `run` for a folder in which `init` has written its files; they are not applied yet."""
    run("init", "--name", "greenhouse")
    return run
