"""A worker without the files of the desired state gets those that are not secret."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tarfile
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from reconciler.rollout import Rollout
from reconciler.rollout.file_tree import delete_unused
from reconciler.rollout.task import run_task
from tests.support.rollouts import read_contents, write_environments
from tests.support.small_fleet import get_factory_ca

COUNT = 1

CERTIFICATE_AUTHORITY = """
[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { file = "secret/factory.key" } }
"""


class OtherMachine(Executor):
    """An executor whose worker has the driver's folder under another path, or not at all."""

    def __init__(self, folder: Path, remote_folder: Path) -> None:
        self.folder, self.remote_folder = folder, remote_folder
        self.requests = []
        self.responses = []

    def submit(self, fn, text):
        assert fn is run_task
        self.requests.append(json.loads(text))
        future = Future()
        future.set_result(run_task(text.replace(str(self.folder), str(self.remote_folder))))
        self.responses.append(json.loads(future.result()))
        return future

    @property
    def sent_files(self):
        """The names and contents of the files that were sent, for each request with files."""
        return [unpack(request["files"]) for request in self.requests if request["files"]]


def unpack(files: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(files))) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


@pytest.fixture(autouse=True)
def copies(tmp_path_factory, monkeypatch) -> Path:
    """Return the folder for temporary files, which only this test has."""
    folder = tmp_path_factory.mktemp("copies")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a repository with an included folder, a key, and credentials that no table refers to."""
    root = tmp_path / "folder"
    (root / ".git").mkdir(parents=True)
    write_environments(root / "fleet", COUNT, more=CERTIFICATE_AUTHORITY)
    path = root / "fleet/desired_state.toml"
    path.write_text(
        path.read_text().replace('name = "greenhouse"', 'name = "greenhouse"\ninclude = ["../common"]')
    )
    (root / "common").mkdir()
    (root / "common/types.toml").write_text("[thing_types.pump]\n")
    for name in ("pki", "secret"):
        (root / "fleet" / name).mkdir()
    (root / "fleet/pki/factory.pem").write_text(get_factory_ca().pem)
    (root / "fleet/secret/factory.key").write_text(get_factory_ca().key_pem)
    (root / "fleet/credentials").write_text("aws_secret_access_key = canary")
    return root


@pytest.fixture
def machine(folder, tmp_path, monkeypatch) -> OtherMachine:
    """Return another machine, which has the key but no other file; it reaches the same registry."""
    registry_path = folder / "fleet/.reconciler/registry.sqlite3"
    registry_path.parent.mkdir()
    monkeypatch.setenv("RECONCILER_REGISTRY", str(registry_path))
    remote_folder = tmp_path / "remote_folder"
    (remote_folder / "fleet/secret").mkdir(parents=True)
    shutil.copy(folder / "fleet/secret/factory.key", remote_folder / "fleet/secret")
    return OtherMachine(folder, remote_folder)


FILES = [
    "common/types.toml",
    "fleet/desired_state.toml",
    "fleet/pki/factory.pem",
    "fleet/policies/pumps.json",
]


def test_a_worker_without_the_files_gets_them_once_and_without_secrets(folder, machine):
    rollout = Rollout(folder / "fleet/desired_state.toml")
    plan = rollout.plan(executor=machine)
    assert [response.error for response in plan.responses] == [""] * COUNT
    sent = machine.sent_files
    assert [list(files) for files in sent] == [FILES] * COUNT
    assert all(content == (folder / name).read_bytes() for name, content in sent[0].items())
    result = rollout.apply(plan, executor=machine)
    assert result.counts == {"applied": COUNT}
    assert len(machine.sent_files) == COUNT  # the apply found the copies
    (problem,) = result.journal_problems
    assert problem.startswith("site-1: the worker on ")
    assert problem.endswith("set `journal` in [workspace] to an S3 bucket")
    contents = read_contents(rollout.path, COUNT)
    assert [len(content["ca_certificates"]) for content in contents.values()] == [1]
    assert [list(content["thing_types"]) for content in contents.values()] == [["pump"]] * COUNT


def test_a_worker_with_the_same_files_is_sent_none(folder, machine):
    shutil.copytree(folder / "fleet", machine.remote_folder / "fleet", dirs_exist_ok=True)
    shutil.copytree(folder / "common", machine.remote_folder / "common")
    (machine.remote_folder / ".git").mkdir()
    plan = Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    assert (bool(plan), machine.sent_files) == (True, [])


def test_a_worker_with_another_version_of_a_file_gets_the_drivers(folder, machine):
    shutil.copytree(folder / "fleet", machine.remote_folder / "fleet", dirs_exist_ok=True)
    shutil.copytree(folder / "common", machine.remote_folder / "common")
    (machine.remote_folder / ".git").mkdir()
    (machine.remote_folder / "fleet/policies/pumps.json").write_text("{}")
    plan = Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    assert (plan.failed, len(machine.sent_files)) == ([], COUNT)


def test_a_worker_without_the_secret_names_its_path(folder, machine):
    key = machine.remote_folder / "fleet/secret/factory.key"
    key.unlink()
    plan = Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    problem = f"verification.key: there is no file {key} on this worker; expected that file, or {{ env"
    assert problem in plan.failed[0].error


def test_the_driver_needs_no_secret(folder, machine):
    (folder / "fleet/secret/factory.key").unlink()
    plan = Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    assert [response.error for response in plan.responses] == [""] * COUNT


@pytest.mark.parametrize("name", ["desired_state.toml", "policies/pumps.json", "../common/types.toml"])
def test_files_that_change_after_the_plan_are_rejected(folder, machine, name):
    path = folder / "fleet/desired_state.toml"
    rollout = Rollout(path)
    plan = rollout.plan()
    with (folder / "fleet" / name).open("a") as file:
        file.write(" \n")
    for executor in (None, machine):
        result = rollout.apply(plan, executor=executor)
        assert [(response.status, response.error) for response in result.responses] == [
            ("rejected", "the files have changed since the rollout was planned; plan again")
        ]
    assert (read_contents(path, COUNT)["site-1"]["things"], machine.sent_files) == ({}, [])


def test_a_worker_with_a_copy_of_the_approved_files_applies_these(folder, machine):
    path = folder / "fleet/desired_state.toml"
    rollout = Rollout(path)
    plan = rollout.plan(executor=machine)
    (folder / "fleet/policies/pumps.json").write_text("{}")
    assert rollout.apply(plan, executor=machine).counts == {"applied": 1}
    assert rollout.apply(plan).responses[0].status == "rejected"


def test_a_secret_file_that_is_also_read_as_text_is_not_sent(folder, machine):
    path = folder / "fleet/desired_state.toml"
    path.write_text(path.read_text().replace("secret/factory.key", "pki/factory.pem"))
    plan = Rollout(path).plan(executor=machine)
    error = (
        f"{folder}/fleet/pki/factory.pem: contains a secret, which is not sent to workers; "
        "put the folder where the workers can read it"
    )
    assert [response.error for response in plan.failed] == [error] * COUNT


def test_a_worker_without_the_folder_of_the_embedded_registry_is_rejected(folder, machine, monkeypatch):
    monkeypatch.delenv("RECONCILER_REGISTRY")
    plan = Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    problem = f"the embedded registry is a file next to {machine.remote_folder}/fleet/desired_state.toml"
    assert plan.failed[0].error.startswith(problem)


def test_a_copy_that_was_changed_is_replaced(folder, machine, copies):
    rollout = Rollout(folder / "fleet/desired_state.toml")
    rollout.plan(executor=machine)
    (copy,) = copies.glob("*/*/fleet/policies/pumps.json")
    copy.write_text("{}")
    plan = rollout.plan(executor=machine)
    assert (plan.failed, len(machine.sent_files)) == ([], 2)


def test_copies_that_were_not_used_for_a_month_are_deleted(folder, machine, copies):
    Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    (cache,) = copies.iterdir()
    assert len(list(cache.iterdir())) == 2
    delete_unused(cache)
    (marker,) = cache.glob("*.root")
    day = 24 * 3600
    os.utime(marker, (marker.stat().st_atime, marker.stat().st_mtime - 29 * day))
    delete_unused(cache)
    assert marker.exists()
    os.utime(marker, (marker.stat().st_atime, marker.stat().st_mtime - 2 * day))
    delete_unused(cache)
    assert list(cache.iterdir()) == []


def test_a_worker_of_another_version_is_rejected(folder, machine, monkeypatch):
    monkeypatch.setattr("reconciler.rollout.rollout.get_version", lambda: "9.9")
    plan = Rollout(folder / "fleet/desired_state.toml").plan(executor=machine)
    assert "install the same version" in plan.failed[0].error


class MachineWithoutFiles(OtherMachine):
    """An executor whose worker has no file at the driver's paths."""

    def submit(self, fn, text):
        hidden = self.folder.rename(self.folder.with_name("hidden"))
        try:
            return super().submit(fn, text)
        finally:
            hidden.rename(self.folder)


def test_an_absolute_include_is_read_from_the_copy(tmp_path, monkeypatch):
    monkeypatch.setenv("RECONCILER_REGISTRY", str(tmp_path / "registry.sqlite3"))
    folder = tmp_path / "folder"
    (folder / ".git").mkdir(parents=True)
    (folder / "common.toml").write_text("[thing_types.pump]\n")
    path = folder / "fleet/desired_state.toml"
    path.parent.mkdir()
    path.write_text(f'[workspace]\nname = "w"\ninclude = ["{folder}/common.toml"]\n[environments.a]\n')
    (response,) = Rollout(path).plan(executor=MachineWithoutFiles(folder, folder)).responses
    assert response.error == ""
    assert response.plan
    assert response.plan.counts["create"] == 2  # one is the workspace's marker


def test_files_named_after_an_unknown_account_are_an_error(tmp_path, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "desired_state.toml"
    path.write_text(
        '[workspace]\nname = "w"\ntarget = "aws"\n[environments.a]\n[things.t]\nattributes = { a = "{aws.account}" }\n'
        '[policies.p]\ndocument = { file = "{aws.region}.json" }\n'
    )
    (response,) = Rollout(path).plan(executor=OtherMachine(tmp_path, tmp_path)).responses
    assert response.error == (
        "which files it has depends on its account or Region, which are not known here; set `account` and `region`"
    )
