"""The runs of a team: one sealed record for each run, in a folder or in an S3 bucket."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from reconciler import Workspace
from reconciler.aws.s3_store import S3Store
from reconciler.engine.journal.run_store import FolderStore
from reconciler.model.errors import InvalidDesiredStateError, JournalError

TEXT = """
[workspace]
name = "greenhouse"
journal = "history"
[things.a]
attributes = { site = "oslo" }
"""


@pytest.fixture
def bucket(s3_client) -> Iterator[str]:
    """The name of a bucket that the workspace's own credentials find."""
    name = "team-runs"
    s3_client.create_bucket(Bucket=name)
    yield name
    for item in s3_client.list_objects_v2(Bucket=name).get("Contents", ()):
        s3_client.delete_object(Bucket=name, Key=item["Key"])
    s3_client.delete_bucket(Bucket=name)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("RECONCILER_REGISTRY", raising=False)
    (tmp_path / "desired_state.toml").write_text(TEXT)
    return tmp_path


def test_an_object_that_does_not_exist_is_a_missing_file_in_every_store(bucket, tmp_path, s3_client):
    for store in (FolderStore(tmp_path), S3Store(s3_client, bucket, "iot/")):
        with pytest.raises(FileNotFoundError):
            store.read("runs/a.jsonl")


def apply(folder: Path) -> None:
    workspace = Workspace(folder / "desired_state.toml")
    result = workspace.apply(workspace.plan())
    assert result.ok
    assert result.journal_problem == ""


def list_records(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "history").rglob("*") if path.is_file())


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_shared_file_has_the_permissions_of_every_new_file(tmp_path, umask, mode):
    previous = os.umask(umask)
    try:
        FolderStore(tmp_path).write("runs/1.jsonl", b"record")
    finally:
        os.umask(previous)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in files] == [("1.jsonl", mode)]


def test_each_run_is_one_sealed_record_with_its_steps_and_calls(folder):
    apply(folder)
    (record,) = list_records(folder)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [next(iter(sorted(line))) for line in lines] == [
        "format",
        "run",
        "step",
        "step",
        *["call"] * 3,
        "seal",
    ]
    assert record.parent.relative_to(folder / "history").as_posix() == "greenhouse/123456789012-eu-west-1"


def test_history_has_the_runs_of_other_machines(folder):
    apply(folder)
    local = Workspace(folder / "desired_state.toml").history()
    (folder / ".reconciler" / "journal.sqlite3").unlink()
    workspace = Workspace(folder / "desired_state.toml")
    assert workspace.history().runs == local.runs
    assert workspace.run(local.runs[0].id).run == local.runs[0]


def test_the_run_after_a_crashed_one_seals_its_record(folder):
    apply(folder)
    (record,) = list_records(folder)
    begun = record.with_name(record.name.replace(".jsonl", ".begun.jsonl"))
    record.rename(begun)
    (folder / "desired_state.toml").write_text(TEXT.replace("oslo", "bergen"))
    apply(folder)
    assert record in list_records(folder)
    assert begun not in list_records(folder)
    (folder / ".reconciler" / "journal.sqlite3").unlink()
    statuses = [run.status for run in Workspace(folder / "desired_state.toml").history()]
    assert statuses == ["applied", "crashed"]


def test_a_record_that_was_changed_is_not_shown(folder):
    apply(folder)
    (record,) = list_records(folder)
    run_id = Workspace(folder / "desired_state.toml").history().runs[0].id
    record.write_text(record.read_text().replace("things.a", "things.b"))
    (folder / ".reconciler" / "journal.sqlite3").unlink()
    with pytest.raises(JournalError, match="was changed after the run"):
        Workspace(folder / "desired_state.toml").run(run_id)


def test_a_folder_that_cannot_be_written_is_reported_after_the_run(folder):
    (folder / "history").mkdir()
    (folder / "history/greenhouse").write_text("a file")
    workspace = Workspace(folder / "desired_state.toml")
    result = workspace.apply(workspace.plan())
    assert result.ok
    assert "history cannot be used: " in result.journal_problem


def test_a_folder_outside_the_repository_needs_permission(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = folder / "desired_state.toml"
    path.write_text(TEXT.replace('"history"', f'"{elsewhere}"'))
    assert "--allow-outside" in Workspace(path).history().problem
    with pytest.raises(InvalidDesiredStateError) as caught:
        Workspace(path).plan()
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.line, diagnostic.field) == (4, "journal")
    assert diagnostic.problem.endswith("; allow it with `--allow-outside FOLDER`")
    workspace = Workspace(path, allow_outside=[elsewhere])
    workspace.apply(workspace.plan())
    assert len(list(elsewhere.rglob("*.jsonl"))) == 1


@pytest.mark.parametrize(
    ("table", "line"),
    [("", 4), ('[environments.dev]\njournal = "records/runs"\n', 8), ("[environments.dev]\n", 4)],
)
def test_a_file_cannot_be_the_journal_of_the_team(folder, table, line):
    (folder / "history").touch()
    (folder / "records").touch()
    path = folder / "desired_state.toml"
    path.write_text(f"{TEXT}{table}")
    for load in (
        lambda: Workspace(path, environment="dev" if table else None).desired,
        Workspace(path).list_environments,
    ):
        with pytest.raises(InvalidDesiredStateError) as caught:
            load()
        (diagnostic,) = caught.value.diagnostics
        assert (diagnostic.line, diagnostic.field) == (line, "journal")
        assert diagnostic.problem == f"'{'records' if line == 8 else 'history'}' is not a folder"
    (folder / "history").unlink()
    (folder / "records").unlink()
    assert Workspace(path, environment="dev" if table else None).desired.settings.journal


def test_a_bucket_has_the_runs_of_other_machines(folder, bucket):
    path = folder / "desired_state.toml"
    path.write_text(TEXT.replace('"history"', f'"s3://{bucket}/iot/runs"'))
    apply(folder)
    local = Workspace(path).history()
    (folder / ".reconciler" / "journal.sqlite3").unlink()
    assert Workspace(path).history() == local
    assert Workspace(path).run(local.runs[0].id).run == local.runs[0]
    (item,) = boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert item["Key"] == f"iot/runs/greenhouse/123456789012-us-east-1/{local.runs[0].id}.jsonl"


def test_a_missing_bucket_is_reported_after_the_run_and_hides_no_local_run(folder, bucket):
    path = folder / "desired_state.toml"
    path.write_text(TEXT.replace('"history"', f'"s3://{bucket}-2/runs"'))
    workspace = Workspace(path)
    result = workspace.apply(workspace.plan())
    assert result.ok
    assert "NoSuchBucket" in result.journal_problem
    history = Workspace(path).history()
    assert [run.status for run in history] == ["applied"]
    assert "NoSuchBucket" in history.problem
