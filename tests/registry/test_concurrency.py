"""Concurrency: many threads, and two processes on one file."""

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.registry import HttpRequest, Registry

IOT = "https://iot.eu-west-1.amazonaws.com"


def call(registry, method, path, document=None):
    body = b"" if document is None else json.dumps(document).encode()
    response = registry.handle(HttpRequest(method, IOT + path, {}, body))
    return response.status, json.loads(response.body or b"{}")


def thing_names(registry):
    names, token = [], ""
    while True:
        status, output = call(registry, "GET", f"/things?maxResults=250{token}")
        assert status == 200
        names += [thing["thingName"] for thing in output["things"]]
        if "nextToken" not in output:
            return names
        token = f"&nextToken={output['nextToken']}"


@pytest.fixture(params=["memory", "file"])
def any_registry(request, tmp_path):
    registry = Registry(":memory:" if request.param == "memory" else tmp_path / "registry.db")
    yield registry
    registry.close()


def test_no_thread_loses_a_write_or_sees_a_partial_one(any_registry):
    def work(number):
        statuses = []
        for turn in range(10):
            path = f"/things/t{number}-{turn}"
            statuses.append(
                call(any_registry, "POST", path, {"attributePayload": {"attributes": {"a": "b"}}})[0]
            )
            statuses.append(call(any_registry, "GET", path)[1]["attributes"])
        return statuses

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))

    assert results == [[200, {"a": "b"}] * 10] * 8
    assert sorted(thing_names(any_registry)) == sorted(
        f"t{number}-{turn}" for number in range(8) for turn in range(10)
    )


def test_exactly_one_thread_updates_an_expected_version(any_registry):
    call(any_registry, "POST", "/things/pump-7")

    def update(_):
        return call(any_registry, "PATCH", "/things/pump-7", {"expectedVersion": 1})[0]

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(update, range(8)))

    assert statuses == {200: 1, 409: 7}
    assert call(any_registry, "GET", "/things/pump-7")[1]["version"] == 2


def test_finished_threads_leave_no_connections_open(tmp_path):
    registry = Registry(tmp_path / "registry.db")
    for number in range(30):
        thread = threading.Thread(target=call, args=(registry, "POST", f"/things/t{number}"))
        thread.start()
        thread.join()

    assert len(registry._store._connections) == 1
    registry.close()


CREATE = """
import json, sys
from reconciler.registry import HttpRequest, Registry
registry = Registry(sys.argv[1])
sys.stdin.readline()
statuses = []
for number in range(60):
    url = f"https://iot.eu-west-1.amazonaws.com/things/{sys.argv[2]}-{number}"
    statuses.append(registry.handle(HttpRequest("POST", url, {}, b"")).status)
    url = "https://iot.eu-west-1.amazonaws.com/things/shared"
    statuses.append(registry.handle(HttpRequest("PATCH", url, {}, b"")).status)
print(json.dumps(statuses))
"""


def test_two_processes_on_one_file_lose_no_writes(tmp_path):
    file = tmp_path / "registry.db"
    registry = Registry(file)
    call(registry, "POST", "/things/shared")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(file), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("left", "right")
    ]
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    outputs = [json.loads(writer.communicate()[0]) for writer in writers]

    assert outputs == [[200] * 120] * 2
    assert len(set(thing_names(registry))) == len(thing_names(registry)) == 121
    assert call(registry, "GET", "/things/shared")[1]["version"] == 121
    registry.close()


OPEN = """
import sys
from reconciler.registry import Registry
sys.stdin.readline()
Registry(sys.argv[1]).close()
"""


def test_processes_can_create_one_database_at_the_same_time(tmp_path):
    file = tmp_path / "registry.db"
    openers = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(file)], stdin=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate()

    assert [opener.returncode for opener in openers] == [0] * 4
