"""A rollout sends, logs, shows and records no secret, credential or environment variable."""

from __future__ import annotations

import pickle
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import cloudpickle
import pytest
from distributed import Client, LocalCluster

from reconciler import Workspace
from reconciler.model.secret import Secret
from reconciler.rollout import Rollout
from tests.support.canaries import CANARIES, write_environment_with_secrets
from tests.support.rollouts import read_contents


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    return write_environment_with_secrets(tmp_path / "files", monkeypatch)


@pytest.fixture
def wire(monkeypatch) -> list[bytes]:
    """Return all that Dask has written to a connection, uncompressed."""
    from distributed.comm import tcp

    sent: list[bytes] = []
    to_frames = tcp.to_frames

    async def record(*arguments, **options):
        frames = await to_frames(*arguments, **options)
        sent.extend(bytes(frame) for frame in frames)
        return frames

    monkeypatch.setattr(tcp, "to_frames", record)
    return sent


def read_pages(client: Client) -> Iterator[bytes]:
    """Yield all pages of the scheduler's HTTP server that can be reached by links."""
    port = client.cluster.scheduler.http_server.port
    pages, queue = (
        set(),
        [
            f"http://127.0.0.1:{port}/{name}"
            for name in (
                "info/main/workers.html",
                "info/logs.html",
                "json/counts.json",
                "metrics",
                "sitemap.json",
            )
        ],
    )
    while queue:
        url = queue.pop()
        if url in pages or "/statics/" in url or "shutdown" in url:
            continue
        pages.add(url)
        try:
            content = urllib.request.urlopen(url, timeout=10).read()
        except urllib.error.HTTPError:
            continue
        yield content
        links = content.decode(errors="replace").split('href="')[1:]
        queue += [
            link
            for link in (urljoin(url, text.partition('"')[0]) for text in links)
            if link.startswith(f"http://127.0.0.1:{port}/")
        ]


def find_canaries(content: bytes) -> set[str]:
    return {name for name, value in CANARIES.items() if value.encode() in content}


def test_no_byte_page_event_log_or_journal_of_a_rollout_contains_a_secret(path, wire, caplog, monkeypatch):
    caplog.set_level("DEBUG", "distributed")
    rollout, events = Rollout(path), []
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            protocol="tcp://",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        executor = client.get_executor(pure=False)
        plan = rollout.plan(executor=executor, on_event=events.append)
        result = rollout.apply(plan, executor=executor, on_event=events.append)
        with monkeypatch.context() as patch:  # a fault whose text has a secret
            patch.setattr(Workspace, "plan", raise_with_secrets)
            failed = rollout.plan(executor=executor, on_event=events.append)
        pages = b"\n".join(read_pages(client))
        logged = repr((client.get_worker_logs(), client.get_scheduler_logs(), client.get_events()))
    assert (result.counts, failed.responses[0].status) == ({"applied": 1}, "failed")
    assert failed.responses[0].error == "internal error: RuntimeError: cannot use (sensitive)"
    files = [file for file in path.parent.rglob("*") if file.is_file() and "secret" not in file.parts]
    stored = [file.read_bytes() for file in files if "registry" not in file.name]
    outputs = {
        "wire": b"\n".join(wire),
        "pages": pages,
        "events": repr(events).encode(),
        "results": repr((plan, result, failed)).encode(),
        "logs": logged.encode() + caplog.text.encode(),
        "files": b"\n".join(stored),
    }
    assert {name: find_canaries(content) for name, content in outputs.items()} == {
        name: set() for name in outputs
    }
    # The outputs are those of this rollout, and the secrets were used.
    assert b"site-1" in outputs["wire"]
    assert b"run_task" in outputs["pages"]
    assert [file.name for file in files if file.name == "journal.sqlite3"] == ["journal.sqlite3"]
    content = read_contents(path, 1)["site-1"]
    assert content["things"]["pump-p"]["attributes"]["pin"] == CANARIES["PIN"]
    assert len(content["managed_things"]) == 4


def raise_with_secrets(workspace: Workspace, **_options: object) -> None:
    workspace.desired  # noqa: B018 (reads the secrets)
    raise RuntimeError(f"cannot use {CANARIES['PIN']}") from ValueError(CANARIES["SETUP_CODE_1"])


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_objects_with_secrets_or_credentials_refuse_to_be_pickled(path, dumps):
    workspace = Workspace(path, environment="site-1")
    texts = {
        "a Workspace cannot be pickled": workspace,
        "a Connection cannot be pickled": workspace.connection,
        "secrets cannot be serialized": Secret("env PIN", CANARIES["PIN"]),
    }
    for message, value in texts.items():
        for container in (value, [value], {"value": value}, lambda value=value: value):
            if dumps is pickle.dumps and callable(container) and container is not value:
                continue
            with pytest.raises(TypeError, match=message):
                dumps(container)
