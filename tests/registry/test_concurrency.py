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
    """Send a request to `iot`, and return the response's status and document."""
    body = b"" if document is None else json.dumps(document).encode()
    response = registry.handle(HttpRequest(method, IOT + path, {}, body))
    return response.status, json.loads(response.body or b"{}")


def list_thing_names(registry):
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
    document = {"attributePayload": {"attributes": {"a": "b"}}}

    def create_and_read_things(number):
        results = []
        for turn in range(10):
            path = f"/things/t{number}-{turn}"
            status, _ = call(any_registry, "POST", path, document)
            _, thing = call(any_registry, "GET", path)
            results.append((status, thing["attributes"]))
        return results

    with ThreadPoolExecutor(8) as pool:
        results_by_thread = list(pool.map(create_and_read_things, range(8)))

    assert results_by_thread == [[(200, {"a": "b"})] * 10] * 8
    assert sorted(list_thing_names(any_registry)) == sorted(
        f"t{number}-{turn}" for number in range(8) for turn in range(10)
    )


def test_only_one_of_the_threads_that_expect_the_same_version_can_update(any_registry):
    call(any_registry, "POST", "/things/pump-7")

    def update(_):
        return call(any_registry, "PATCH", "/things/pump-7", {"expectedVersion": 1})[0]

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(update, range(8)))

    assert statuses == {200: 1, 409: 7}
    assert call(any_registry, "GET", "/things/pump-7")[1]["version"] == 2


def test_threads_that_run_one_after_another_share_one_connection(tmp_path):
    registry = Registry(tmp_path / "registry.db")
    for number in range(30):
        thread = threading.Thread(target=call, args=(registry, "POST", f"/things/t{number}"))
        thread.start()
        thread.join()

    assert len(registry._store._connections) == 1
    registry.close()


# Each process waits for a line on its standard input, so that all start to work at the same time.
WRITE_SCRIPT = """
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
            [sys.executable, "-c", WRITE_SCRIPT, str(file), name],
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
    # Two times 60 things and the shared one, which was created once and updated 120 times.
    assert len(set(list_thing_names(registry))) == len(list_thing_names(registry)) == 121
    assert call(registry, "GET", "/things/shared")[1]["version"] == 121
    registry.close()


OPEN_SCRIPT = """
import sys
from reconciler.registry import Registry
sys.stdin.readline()
Registry(sys.argv[1]).close()
"""


def test_processes_can_create_one_database_at_the_same_time(tmp_path):
    file = tmp_path / "registry.db"
    openers = [
        subprocess.Popen([sys.executable, "-c", OPEN_SCRIPT, str(file)], stdin=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate()

    assert [opener.returncode for opener in openers] == [0] * 4
