"""Whoever reads a command's output may have seen enough before its end."""

from __future__ import annotations

import os

import pytest

from tests.support.project_folder import Ended, Folder
from tests.support.small_fleet import SMALL


def unread(folder: Folder, *words: str) -> Ended:
    """A run whose output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as nobody:
        run = folder.start(*words, out=nobody)
        _, err = run.communicate(timeout=60)
    return Ended(run.returncode, "", err)


@pytest.mark.parametrize(("command", "form"), [("plan", "text"), ("plan", "jsonl"), ("drift", "jsonl")])
def test_the_files_are_written_though_nobody_reads_the_result(folder, command, form):
    folder.write(SMALL)
    more = ("--out", "plan.json") if command == "plan" else ()
    ended = unread(folder, command, "--format", form, "--summary", "told.md", *more)
    assert (ended.code, "Traceback" in ended.err, "error" in ended.err) == (1, False, False)
    read = folder.run(command, "--format", form, "--summary", "read.md")
    assert read.out
    assert (folder.path / "told.md").read_text() == (folder.path / "read.md").read_text()
    assert (folder.path / "plan.json").exists() == (command == "plan")
