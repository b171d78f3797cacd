"""The endpoint's benchmark runs at a small size, refuses to measure what was not done, and tells all of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.benchmarks.endpoint import REQUESTS, resident, speed, speeds, times
from tests.benchmarks.load import drive, written
from tests.support.registry_server import serve_registry


def test_every_request_is_counted_by_its_status_whatever_the_connections():
    requests = [written("POST", f"/things/t{number % 5}", {}) for number in range(20)]
    requests += [written("GET", "/things/none")] * 3
    with serve_registry() as server:
        _, statuses = drive(server.address, requests, connections=30)
        things = server.client().list_things()["things"]

    assert statuses == {"200": 20, "404": 3}
    assert sorted(thing["thingName"] for thing in things) == [f"t{number}" for number in range(5)]


def test_the_speed_of_what_was_refused_is_no_figure():
    with serve_registry() as server, pytest.raises(SystemExit, match=r"^not all was done: \{'404': 2\}$"):
        speed(server, [written("GET", "/things/none")] * 2)


def passing(number):
    """Requests that leave nothing behind: made and deleted, not found, not understood, not known, each of another name."""
    yield written("POST", f"/things/t{number}", {})
    yield written("DELETE", f"/things/t{number}")
    yield written("GET", f"/things?attributeName=a{number}&attributeValue=b")
    yield written("GET", f"/things/missing-{number}/principals")
    yield written("POST", f"/things/not%20a%20name%20{number}", {"number": number})
    yield written("GET", f"/no/such/path/{number}")


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell what is in memory"
)
def test_memory_stays_what_it_is_however_many_requests_come():
    with serve_registry(capture_log=True) as server:
        read = threading.Thread(target=server.process.stderr.read)
        read.start()
        sizes = []
        for numbers in (range(200), range(200, 1000)):
            drive(server.address, [request for number in numbers for request in passing(number)])
            sizes.append(int(resident(server)))
        server.process.terminate()
        read.join()

    assert sizes[1] - sizes[0] <= 1


def test_every_kind_of_request_has_a_speed_in_memory_and_in_a_file():
    lines = list(speeds(10))

    assert [line[:2] for line in lines] == [
        (where, name) for where in ("memory", "a file") for name, _ in REQUESTS
    ]
    assert all(float(line[2].replace(",", "")) > 0 for line in lines)


def test_a_large_registry_is_asked_in_every_way():
    lines = list(times(600))

    assert [line[1] for line in lines] == [
        "opened, from the command to its answer",
        "all of ListThings, 250 a page",
        "DescribeThing",
        "ListThings, a page in the middle",
        "ListThings by a value of many",
        "ListThings by a value of one",
        "ListThings by a prefix",
        "ListThingsInThingGroup",
        "SearchIndex attributes.site",
        "SearchIndex thingName",
        "SearchIndex attributes.serial",
    ]
