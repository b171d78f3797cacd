"""The record of the last rollout, from which a retry continues."""

from __future__ import annotations

import json

import pytest

from reconciler.model.errors import JournalError, PlanRejectedError
from reconciler.rollout.last_rollout import LastRollout, LastRolloutFile


@pytest.fixture
def record(tmp_path):
    return LastRolloutFile(tmp_path / "desired_state.toml")


def begin(record: LastRolloutFile, *names: str, command="apply") -> None:
    record.begin(command, dict.fromkeys(names))


def test_an_environment_is_unfinished_until_it_is_applied_or_unchanged(record):
    begin(record, "a", "b", "c", "d", "e")
    for name, status in (("a", "applied"), ("b", "unchanged"), ("c", "failed"), ("d", "stopped")):
        record.record(name, status)
    assert record.list_unfinished() == ("c", "d", "e")


def test_a_retry_of_some_environments_does_not_forget_the_others(record):
    begin(record, "a", "b")
    begin(record, "b")
    record.record("b", "applied")
    assert record.list_unfinished() == ("a",)
    record.record("a", "applied")
    with pytest.raises(PlanRejectedError, match="completed all of them"):
        record.list_unfinished()


def test_without_an_apply_there_is_nothing_to_retry(record):
    with pytest.raises(PlanRejectedError, match="no apply of several environments is recorded"):
        record.list_unfinished()
    begin(record, "a", command="destroy")
    with pytest.raises(PlanRejectedError, match="was a destroy"):
        record.list_unfinished()


@pytest.mark.parametrize("content", ["{", "[]", '{"command": "rotate", "statuses": {}}'])
def test_a_damaged_record_is_an_error_and_is_replaced_by_the_next_rollout(record, content):
    begin(record, "a")
    record.path.write_text(content)
    with pytest.raises(JournalError, match="cannot be read"):
        record.list_unfinished()
    begin(record, "b")
    assert record.list_unfinished() == ("b",)


def test_the_record_is_replaced_as_a_whole_and_leaves_no_other_file(record):
    begin(record, "a")
    before = record.path.stat().st_ino
    record.record("a", "applied")
    assert record.path.stat().st_ino != before
    assert [path.name for path in record.path.parent.iterdir()] == ["last_rollout-desired_state.json"]
    assert json.loads(record.path.read_text()) == {
        "command": "apply",
        "format": "reconciler.last-rollout",
        "statuses": {"a": "applied"},
        "version": 1,
    }


def test_a_record_that_cannot_be_written_stops_the_rollout_with_the_way_out(record):
    record.path.parent.write_text("not a folder")
    with pytest.raises(JournalError, match="--no-journal"):
        begin(record, "a")


def test_rollouts_at_the_same_time_record_the_environments_of_both(record):
    other = LastRolloutFile(record.path.parent.parent / "desired_state.toml")
    begin(record, "a", "b")
    begin(other, "c")
    record.record("a", "applied")
    other.record("c", "failed")
    record.record("b", "applied")
    assert record.list_unfinished() == ("c",)
    begin(other, "a", command="destroy")
    record.record("a", "failed")
    assert other.read() == LastRollout("destroy", {"a": "pending"})
