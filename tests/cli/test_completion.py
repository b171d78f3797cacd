"""Shell completion of commands, addresses and values; the tests call it as a shell does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("reconciler")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_own_valid_script(run, shell):
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert f"_RECONCILER_COMPLETE={shell}_complete" in out
    if path := shutil.which(shell):
        # `-n` only checks the syntax.
        syntax_check = subprocess.run([path, "-n"], input=out, capture_output=True, text=True, check=False)
        assert (syntax_check.returncode, syntax_check.stderr) == (0, "")


def complete(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what bash receives when a user completes the last word."""
    command_line = ["reconciler", *words]
    environ = {
        **os.environ,
        "_RECONCILER_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(command_line),
        "COMP_CWORD": str(len(command_line) - 1),
    }
    return subprocess.run([COMMAND], cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sch"], ["schema"]),
        (["show", "things."], ["things.pump-1", "things.pump-2"]),
        (["plan", "--adopt", "certificates.pump-1"], ["certificates.pump-1"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["export", "--kind", "thing_"], ["thing_types", "thing_groups"]),
    ],
)
def test_words_are_completed_from_the_commands_and_the_file(run_in_starter, tmp_path, words, expected):
    process = complete(tmp_path, *words)
    assert [line.partition(",")[2] for line in process.stdout.splitlines()] == expected


def test_nothing_is_completed_from_an_invalid_file(run_in_starter, tmp_path):
    (tmp_path / "desired_state.toml").write_text("[workspace\n")
    process = complete(tmp_path, "show", "things.")
    assert (process.stdout.strip(), process.stderr) == ("", "")


def test_without_a_shell_the_error_lists_the_choices_in_one_line(run):
    code, out, err = run("completion")
    assert (code, out, err.splitlines()[0]) == (
        1,
        "",
        "error: missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish",
    )
