"""A file that is not a usable journal is reported and left unchanged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from reconciler.engine.journal.journal import DAMAGED_JOURNAL_ADVICE, Journal
from reconciler.model.call import ApiCall
from reconciler.model.errors import NEW_JOURNAL_ADVICE, JournalError
from reconciler.model.outcome import Applied
from tests.support.journals import (
    THIS_PROCESS,
    build_address,
    make_group_creation,
    make_group_plan,
    open_journal,
)


def write_garbage(path: Path) -> None:
    path.write_bytes(b"\x00 not a database \xff" * 400)


def write_empty_file(path: Path) -> None:
    path.touch()


def write_folder(path: Path) -> None:
    path.mkdir()


def write_fifo(path: Path) -> None:
    os.mkfifo(path)


def write_symbolic_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere.sqlite3"))


def write_journal(path: Path, *names: str) -> None:
    """Write a journal of one run, whose plan creates groups with these names."""
    Journal(path).begin(make_group_plan(names), THIS_PROCESS, "apply", "").end()


def write_journal_of_later_version(path: Path) -> None:
    write_journal(path, "a")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def write_corrupted_journal(path: Path) -> None:
    write_journal(path, *map(str, range(500)))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def write_journal_without_column(path: Path) -> None:
    write_journal(path, "a")
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE runs DROP COLUMN born")
    connection.close()


def test_a_journal_without_an_expected_column_raises_a_journal_error(tmp_path):
    path = tmp_path / "journal.sqlite3"
    write_journal_without_column(path)
    for operation in (
        lambda: Journal(path).begin(make_group_plan("a"), THIS_PROCESS, "apply", ""),
        Journal(path).list_runs,
    ):
        with pytest.raises(JournalError):
            operation()


PROBLEMS = {
    write_garbage: "cannot be {verb}: file is not a database",
    write_empty_file: "is not a journal",
    write_folder: "is not a regular file",
    write_fifo: "is not a regular file",
    write_symbolic_link: "is not a regular file",
    write_journal_of_later_version: "was written by a later version of reconciler",
    write_corrupted_journal: "is damaged: database disk image is malformed",
}
"""The error message by the function that writes the file; `{verb}` is `read` or `written`."""


def read_file_state(path: Path) -> tuple[int, bytes]:
    """Return the type and the content of a file; the content of one that is not regular is empty."""
    mode = os.lstat(path).st_mode
    return stat.S_IFMT(mode), path.read_bytes() if stat.S_ISREG(mode) else b""


@pytest.mark.parametrize("write_file", PROBLEMS, ids=lambda write_file: write_file.__name__)
def test_a_file_that_is_not_a_usable_journal_is_reported_and_left_unchanged(tmp_path, write_file):
    path = tmp_path / "journal.sqlite3"
    write_file(path)
    journal = Journal(path)
    before = read_file_state(path)
    for verb, operation in (
        ("written", lambda: journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")),
        ("read", journal.list_runs),
    ):
        with pytest.raises(JournalError) as error:
            operation()
        is_damaged = write_file is write_corrupted_journal
        advice = DAMAGED_JOURNAL_ADVICE if is_damaged else NEW_JOURNAL_ADVICE
        assert str(error.value) == f"the journal {path} {PROBLEMS[write_file].format(verb=verb)}; {advice}"
    assert read_file_state(path) == before


def test_the_readable_runs_of_a_damaged_journal_are_listed_with_the_damage(tmp_path):
    path = tmp_path / "journal.sqlite3"
    for number in range(6):
        journal = Journal(path, clock=lambda number=number: 1e9 + number)
        journal.begin(make_group_plan(f"g{step}" for step in range(200)), THIS_PROCESS, "apply", "").end()
    complete = journal.read_history()
    content = path.read_bytes()
    readable_counts = set()
    for page in range(1, len(content) // 4096):
        path.write_bytes(content[: page * 4096] + b"\xff" * 4096 + content[(page + 1) * 4096 :])
        with contextlib.suppress(JournalError):  # no run can be read
            history = Journal(path).read_history()
            is_damage_named = "is damaged: database disk image is malformed" in history.problem
            counted_runs = [run for run in history if run.is_counted]
            readable_counts.add((len(history), is_damage_named, len(counted_runs)))
            assert all(run in complete.runs for run in counted_runs)
    assert readable_counts == {(6, True, 0), (6, True, 4), (6, True, 5), (6, False, 6)}


def test_a_journal_that_fails_during_a_run_is_reported_once_and_stops_nothing(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")
    run.record_response(run.record_request(build_address("a"), ApiCall("iot", "Make")), "completed")
    connection = sqlite3.connect(journal.path)
    connection.execute("DROP TABLE calls")
    connection.close()
    run.record_response(run.record_request(build_address("a"), ApiCall("iot", "Make")), "completed")
    run.record_outcome(Applied(make_group_creation("a"), 0.0))
    run.end()
    assert run.problem == f"the journal {journal.path} cannot be written: no such table: calls"
    # A further request is not recorded and does not wait: the thread that writes has ended.
    run.record_request(build_address("a"), ApiCall("iot", "Make"))


def damage(path):
    """Overwrite every page but the first, as a disk may do that was full or failed."""
    page_size = 4096
    with path.open("r+b") as file:
        file.seek(page_size)
        file.write(b"\xff" * (path.stat().st_size - page_size))


def test_a_damaged_journal_is_renamed_and_a_new_one_is_started(tmp_path):
    journal = open_journal(tmp_path)
    journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "").end()
    damage(journal.path)
    with pytest.raises(JournalError) as error:
        journal.list_runs()
    assert str(error.value).startswith(f"the journal {journal.path} is damaged: ")
    assert str(error.value).endswith(DAMAGED_JOURNAL_ADVICE)
    journal.check_writable()
    assert journal.list_runs() == ()
    assert [path.name for path in tmp_path.glob("*.damaged-*")] == ["journal.sqlite3.damaged-1000000002"]


def test_a_journal_on_a_full_disk_is_not_writable(tmp_path, monkeypatch):
    journal = open_journal(tmp_path)
    journal.check_writable()

    def fill_disk(connection):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("reconciler.engine.journal.journal.check_integrity", fill_disk)
    with pytest.raises(JournalError) as error:
        journal.check_writable()
    assert str(error.value) == (
        f"the journal {journal.path} cannot be written: database or disk is full; nothing was sent, because the journal would miss "
        "this run; solve this, or use --no-journal (in Python: journal=False)"
    )
