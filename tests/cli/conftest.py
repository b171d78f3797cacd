"""Fixtures that run `reconciler` commands in a temporary folder."""

from __future__ import annotations

import shutil

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


@pytest.fixture(scope="session")
def applied_starter(tmp_path_factory):
    """Return a folder in which `init` has written its files and `apply` has applied them."""
    folder = tmp_path_factory.mktemp("starter")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in (("init", "--name", "greenhouse"), ("apply", "--yes")):
            assert CliRunner().invoke(cli, words, prog_name="reconciler").exit_code == 0
    return folder


@pytest.fixture
def run_in_applied_starter(run, tmp_path, applied_starter):
    """Return `run` for a copy of the applied starter."""
    shutil.copytree(applied_starter, tmp_path, dirs_exist_ok=True)
    return run
