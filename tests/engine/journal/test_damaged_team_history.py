"""Damaged objects among the runs of a team, and places that cannot be used."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler import Workspace
from reconciler.engine.journal import run_store
from reconciler.model.errors import JournalError
from tests.engine.journal.test_team_history import TEXT, apply, list_records

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    """A folder with a run of the team, and no journal of this machine."""
    folder = tmp_path_factory.mktemp("team")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RECONCILER_REGISTRY", raising=False)
        (folder / "desired_state.toml").write_text(TEXT)
        apply(folder)
    (folder / ".reconciler" / "journal.sqlite3").unlink()
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("RECONCILER_REGISTRY", raising=False)
    (tmp_path / "desired_state.toml").write_text(TEXT)
    return tmp_path


def seal(lines: Lines) -> bytes:
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    return text + json.dumps({"seal": hashlib.sha256(text).hexdigest()}).encode()


def change_run(**values: object) -> Callable[[Lines], bytes]:
    def change(lines: Lines) -> bytes:
        lines[1]["run"].update(values)
        return seal(lines)

    return change


CONTENTS: dict[str, Callable[[Lines], bytes]] = {
    "nothing": lambda _lines: b"",
    "no JSON": lambda _lines: b"\0\n\xff\n",
    "numbers": lambda _lines: b"1\n2\n",
    "an array": lambda lines: seal([*lines[:1], []]),  # type: ignore[list-item]
    "deep nesting": lambda lines: json.dumps(lines[0]).encode() + b'\n{"run":' + b"[" * 100_000,
    "a time without a zone": change_run(started_at="2026-01-01T00:00:00"),
    "another run": change_run(id="1m8h36w634s"),
    "another workspace": change_run(workspace="other"),
    "a step that is a number": lambda lines: seal([*lines, 5]),  # type: ignore[list-item]
    "a step without an address": lambda lines: seal([*lines, {"step": {}}]),
}
ONLY_WITH_STEPS = ("a step that is a number", "a step without an address")


@pytest.mark.parametrize("content", CONTENTS)
def test_an_object_that_is_not_a_record_is_reported(sample, monkeypatch, content):
    monkeypatch.delenv("RECONCILER_REGISTRY", raising=False)
    (record,) = list_records(sample)
    original = record.read_bytes()
    lines = [json.loads(line) for line in original.splitlines()[:-1]]
    record.write_bytes(CONTENTS[content](copy.deepcopy(lines)))
    try:
        workspace = Workspace(sample / "desired_state.toml")
        with pytest.raises(JournalError, match=r"is not a record of a run|is the record of another run"):
            workspace.run(record.name.partition(".")[0])
        history = workspace.history()
    finally:
        record.write_bytes(original)
    is_listed = content in ONLY_WITH_STEPS
    assert (len(history.runs), bool(history.problem)) == ((1, False) if is_listed else (0, True))


def test_files_that_are_not_records_neither_block_nor_hide_the_runs(sample, monkeypatch):
    monkeypatch.delenv("RECONCILER_REGISTRY", raising=False)
    (record,) = list_records(sample)
    odd = [record.with_name(f"{number}.jsonl") for number in range(2)]
    os.mkfifo(odd[0])
    odd[1].symlink_to("/dev/zero")
    try:
        history = Workspace(sample / "desired_state.toml").history()
    finally:
        for path in odd:
            path.unlink()
    assert len(history.runs) == 1
    assert "0.jsonl cannot be used: not a regular file" in history.problem
    assert "1.jsonl cannot be used: Too many levels of symbolic links" in history.problem


def test_a_damaged_object_does_not_keep_a_crashed_run_from_its_record(folder):
    apply(folder)
    (record,) = list_records(folder)
    begun = record.with_name(record.name.replace(".jsonl", ".begun.jsonl"))
    record.rename(begun)
    damaged = begun.with_name("0.begun.jsonl")
    damaged.write_text("damaged")
    (folder / "desired_state.toml").write_text(TEXT.replace("oslo", "bergen"))
    workspace = Workspace(folder / "desired_state.toml")
    result = workspace.apply(workspace.plan())
    assert "0.begun.jsonl is not a record of a run" in result.journal_problem
    assert record.exists()
    assert not begun.exists()


def test_a_run_that_crashed_after_its_record_was_written_keeps_it(folder):
    apply(folder)
    (record,) = list_records(folder)
    content = record.read_bytes()
    begun = record.with_name(record.name.replace(".jsonl", ".begun.jsonl"))
    begun.write_bytes(content)
    (folder / "desired_state.toml").write_text(TEXT.replace("oslo", "bergen"))
    apply(folder)
    assert record.read_bytes() == content
    assert not begun.exists()


def test_a_run_without_the_lease_writes_only_its_record(folder, monkeypatch):
    apply(folder)
    written = []
    write = run_store.FolderStore.write
    monkeypatch.setattr(
        run_store.FolderStore,
        "write",
        lambda store, key, content: (written.append(key), write(store, key, content)),
    )
    workspace = Workspace(folder / "desired_state.toml")
    workspace.apply(workspace.plan())
    assert [key.rpartition(".")[0].endswith(".begun") for key in written] == [False]


def test_a_place_that_cannot_be_opened_keeps_the_record_of_this_machine(folder, monkeypatch):
    place = "s3://bucket/runs"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "not a URL")
    path = folder / "desired_state.toml"
    path.write_text(TEXT.replace('"history"', f'"{place}"'))
    workspace = Workspace(path)
    result = workspace.apply(workspace.plan())
    assert result.ok
    assert result.journal_problem.startswith(f"the journal {place}")
    history = Workspace(path).history()
    assert [run.status for run in history] == ["applied"]
    assert history.problem == result.journal_problem
    last_run = Workspace(path).last_run()
    assert last_run
    assert last_run.run == history.runs[0]


def test_a_link_inside_the_folder_does_not_lead_out_of_it(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "history").mkdir()
    (folder / "history" / "greenhouse").symlink_to(elsewhere)
    workspace = Workspace(folder / "desired_state.toml")
    result = workspace.apply(workspace.plan())
    assert "a link leads out of the folder" in result.journal_problem
    assert list(elsewhere.iterdir()) == []


def test_text_of_other_machines_cannot_control_a_terminal(sample, monkeypatch):
    monkeypatch.delenv("RECONCILER_REGISTRY", raising=False)
    (record,) = list_records(sample)
    original = record.read_bytes()
    lines = [json.loads(line) for line in original.splitlines()[:-1]]
    lines[1]["run"]["environment"] = lines[2]["step"]["address"] = "\x1b[31m\r\u202e"
    record.write_bytes(seal(lines))
    try:
        run = Workspace(sample / "desired_state.toml").run(record.name.partition(".")[0])
    finally:
        record.write_bytes(original)
    assert str(run).count("\\x1b[31m\\r\\u202e") == 2
    assert str(run).replace("\n", "").isprintable()
