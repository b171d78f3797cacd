"""Many threads, and two processes on one file."""

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


def names(registry):
    found, token = [], ""
    while True:
        status, output = call(registry, "GET", f"/things?maxResults=250{token}")
        assert status == 200
        found += [thing["thingName"] for thing in output["things"]]
        if "nextToken" not in output:
            return found
        token = f"&nextToken={output['nextToken']}"


@pytest.fixture(params=["memory", "file"])
def either(request, tmp_path):
    registry = Registry(":memory:" if request.param == "memory" else tmp_path / "registry.db")
    yield registry
    registry.close()


def test_of_many_threads_none_loses_a_write_or_sees_half_of_one(either):
    def work(number):
        statuses = []
        for turn in range(10):
            path = f"/things/t{number}-{turn}"
            statuses.append(call(either, "POST", path, {"attributePayload": {"attributes": {"a": "b"}}})[0])
            statuses.append(call(either, "GET", path)[1]["attributes"])
        return statuses

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))

    assert results == [[200, {"a": "b"}] * 10] * 8
    assert sorted(names(either)) == sorted(f"t{number}-{turn}" for number in range(8) for turn in range(10))


def test_of_threads_that_expect_one_version_exactly_one_wins(either):
    call(either, "POST", "/things/pump-7")

    def update(_):
        return call(either, "PATCH", "/things/pump-7", {"expectedVersion": 1})[0]

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(update, range(8)))

    assert statuses == {200: 1, 409: 7}
    assert call(either, "GET", "/things/pump-7")[1]["version"] == 2


def test_threads_that_end_leave_no_connections_behind(tmp_path):
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
seen = []
for number in range(60):
    url = f"https://iot.eu-west-1.amazonaws.com/things/{sys.argv[2]}-{number}"
    seen.append(registry.handle(HttpRequest("POST", url, {}, b"")).status)
    url = "https://iot.eu-west-1.amazonaws.com/things/shared"
    seen.append(registry.handle(HttpRequest("PATCH", url, {}, b"")).status)
print(json.dumps(seen))
"""


def test_two_processes_on_one_file_lose_nothing(tmp_path):
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
    assert len(set(names(registry))) == len(names(registry)) == 121
    assert call(registry, "GET", "/things/shared")[1]["version"] == 121
    registry.close()


OPEN = """
import sys
from reconciler.registry import Registry
sys.stdin.readline()
Registry(sys.argv[1]).close()
"""


def test_processes_that_make_one_database_at_once_all_get_it(tmp_path):
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
