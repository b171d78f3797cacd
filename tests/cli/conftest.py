"""Functions that run a command in a folder of its own."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder, and return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_FILE", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")

    def invoke(*words, stdin=None):
        result = CliRunner().invoke(cli, words, input=stdin, prog_name="reconciler")
        return result.exit_code, result.stdout, result.stderr

    return invoke


@pytest.fixture
def run_in_starter(run):
    """Run a command in a folder with the files that `init` writes, which are not applied yet."""
    run("init", "--name", "greenhouse")
    return run
