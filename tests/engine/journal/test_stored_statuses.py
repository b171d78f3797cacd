"""Journals keep the words for statuses that the first version stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from reconciler.model.call import ApiCall
from reconciler.model.outcome import Canceled
from tests.support.journals import (
    THIS_PROCESS,
    build_address,
    make_group_creation,
    make_group_plan,
    open_journal,
    read_record_of_only_run,
)

STORED_CALL_STATUSES = {"completed": "answered", "rejected": "refused", "no response": "lost"}


def test_every_status_is_stored_as_in_the_first_version_and_read_as_it_was_recorded(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")
    for status in STORED_CALL_STATUSES:
        run.record_response(run.record_request(build_address("a"), ApiCall("iot", "Make")), status)
    run.record_outcome(Canceled(make_group_creation("a")))
    run.end()

    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database:
        stored_calls = database.execute("SELECT state FROM calls ORDER BY number").fetchall()
        stored_steps = database.execute("SELECT state FROM steps").fetchall()
    assert stored_calls == [(stored,) for stored in STORED_CALL_STATUSES.values()]
    assert stored_steps == [("cancelled",)]

    record = read_record_of_only_run(journal)
    assert [call.status for call in record.calls] == list(STORED_CALL_STATUSES)
    assert [step.status for step in record.steps] == ["canceled"]
    assert record.run.unanswered_call_count == 1
