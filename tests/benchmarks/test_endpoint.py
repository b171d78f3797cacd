"""The endpoint benchmark runs at a small size, stops if a request fails, and shows every measurement."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.benchmarks import interference
from tests.benchmarks.endpoint import (
    REQUESTS,
    measure_interference_rows,
    measure_latency_rows,
    measure_throughput,
    measure_throughput_rows,
    read_resident_mib,
)
from tests.benchmarks.http_client import encode_request, send_requests
from tests.support.registry_server import serve_registry


def test_every_response_is_counted_by_status_when_there_are_more_connections_than_requests():
    requests = [encode_request("POST", f"/things/t{number % 5}", {}) for number in range(20)]
    requests += [encode_request("GET", "/things/none")] * 3
    with serve_registry() as server:
        _, statuses = send_requests(server.address, requests, connections=30)
        things = server.create_client().list_things()["things"]

    assert statuses == {"200": 20, "404": 3}
    assert sorted(thing["thingName"] for thing in things) == [f"t{number}" for number in range(5)]


def test_throughput_is_not_measured_when_a_request_fails():
    with (
        serve_registry() as server,
        pytest.raises(SystemExit, match=r"^not all requests succeeded: \{'404': 2\}$"),
    ):
        measure_throughput(server, [encode_request("GET", "/things/none")] * 2)


def build_requests_without_effect(number):
    """Yield requests that leave nothing in the registry.

    Two create and delete a thing, one lists things, and three fail.
    """
    yield encode_request("POST", f"/things/t{number}", {})
    yield encode_request("DELETE", f"/things/t{number}")
    yield encode_request("GET", f"/things?attributeName=a{number}&attributeValue=b")
    yield encode_request("GET", f"/things/missing-{number}/principals")
    yield encode_request("POST", f"/things/not%20a%20name%20{number}", {"number": number})
    yield encode_request("GET", f"/no/such/path/{number}")


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="resident memory is read from /proc, which is missing"
)
def test_memory_grows_by_about_1_mib_at_most_during_thousands_of_requests():
    with serve_registry(capture_log=True) as server:
        log_reader = threading.Thread(
            target=server.process.stderr.read
        )  # else a full pipe would block the server
        log_reader.start()
        sizes_mib = []  # after the first 1,200 requests, and after 4,800 more
        for numbers in (range(200), range(200, 1000)):
            requests = [request for number in numbers for request in build_requests_without_effect(number)]
            send_requests(server.address, requests)
            sizes_mib.append(int(read_resident_mib(server)))
        server.process.terminate()
        log_reader.join()

    assert sizes_mib[1] - sizes_mib[0] <= 1


def test_throughput_is_measured_for_every_kind_of_request_in_memory_and_in_a_file():
    rows = list(measure_throughput_rows(10))

    assert [row[:2] for row in rows] == [
        (storage, name) for storage in ("memory", "a file") for name, _ in REQUESTS
    ]
    assert all(float(row[2].replace(",", "")) > 0 for row in rows)


def test_latency_is_measured_for_the_start_and_for_every_request():
    rows = list(measure_latency_rows(600))

    assert [row[1] for row in rows] == [
        "start of the server with this file",
        "ListThings, all pages of 250",
        "DescribeThing",
        "ListThings, a page from the middle",
        "ListThings by a common attribute value",
        "ListThings by a unique attribute value",
        "ListThings by a prefix of a value",
        "ListThingsInThingGroup",
        "SearchIndex attributes.site",
        "SearchIndex thingName",
        "SearchIndex attributes.serial",
    ]


def test_the_latency_during_a_search_is_measured_for_every_query():
    rows = list(measure_interference_rows(20))

    assert [row[:2] for row in rows] == [("20", query) for query in interference.QUERIES]
