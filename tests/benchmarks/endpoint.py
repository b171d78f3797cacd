"""The speed of `reconciler registry serve` with a small registry and with a large one.

    python -m tests.benchmarks.endpoint [--requests N] [--things N]…

The first table shows how many requests per second the server handles from a client with eight connections. On Linux, if two
processors or more are available, the server runs on one of them and the client on the others. The second table shows the latency
of single requests to a large registry, and how long the start of its server takes. The third table shows the latency of
DescribeThing without other clients and while one searches, with their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconciler.registry import Registry
from tests.benchmarks import interference
from tests.benchmarks.http_client import encode_request, send_requests
from tests.benchmarks.processor_time import read_cpu_seconds
from tests.benchmarks.report import describe_machine, format_table
from tests.support.registry_server import RunningServer, serve_registry

SITES = ("oslo", "bergen", "moss", "hamar")
MEMORY = ":memory:"
MAX_PAGE_SIZE = 250
REPETITIONS = 5
"""How often each request to a large registry is timed; the table shows the median."""
DEVICE = {"Role": "DEVICE", "AuthenticationMaterialType": "WIFI_SETUP_QR_BAR_CODE"}

THROUGHPUT_COLUMNS = (
    "stored in",
    "request",
    "per second",
    "per CPU second",
    "CPU ms per request",
    "MiB afterwards",
)
LATENCY_COLUMNS = ("things", "request", "ms")

REQUESTS: tuple[tuple[str, Callable[[int], bytes]], ...] = (
    ("CreateThing", lambda n: encode_request("POST", f"/things/t{n}", build_thing_with_site("oslo"))),
    ("DescribeThing", lambda n: encode_request("GET", f"/things/t{n}")),
    ("ListThings, a page of 50", lambda _: encode_request("GET", "/things?maxResults=50")),
    ("UpdateThing", lambda n: encode_request("PATCH", f"/things/t{n}", build_thing_with_site("bergen"))),
    ("DeleteThing", lambda n: encode_request("DELETE", f"/things/t{n}")),
    (
        "CreateManagedThing",
        lambda n: encode_request("POST", "/managed-things", build_managed_thing(n), "iotmanagedintegrations"),
    ),
)
"""The requests whose throughput is measured: a name, and a function that returns the request about thing number n."""


def build_thing_with_site(site: str) -> dict[str, Any]:
    return {"attributePayload": {"attributes": {"site": site}}}


def build_managed_thing(number: int) -> dict[str, Any]:
    return {**DEVICE, "AuthenticationMaterial": f"SN:{number};UPC:012345678905"}


def measure_throughput_rows(requests: int) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each kind of request to a registry in memory and to one in a file.

    `requests` is the number of requests that are sent for each row.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-throughput-") as folder:
        for storage, database in (("memory", MEMORY), ("a file", f"{folder}/registry.db")):
            with serve_registry("--db", database) as server, separate_processors(server):
                for name, build_request in REQUESTS:
                    encoded_requests = [build_request(number) for number in range(requests)]
                    yield (storage, name, *measure_throughput(server, encoded_requests))


def measure_throughput(server: RunningServer, requests: Sequence[bytes]) -> tuple[str, ...]:
    """Return table cells: requests per second and per CPU second, CPU ms per request, and memory in MiB.

    CPU time and memory are the server's.

    Raises SystemExit unless all requests succeed.
    """
    cpu_before = read_cpu_seconds(server.process.pid)
    seconds, statuses = send_requests(server.address, requests)
    cpu_used = read_cpu_seconds(server.process.pid) - cpu_before
    if statuses["200"] + statuses["201"] != len(requests):
        raise SystemExit(f"not all requests succeeded: {dict(statuses)}")
    requests_per_cpu_second = f"{len(requests) / cpu_used:,.0f}" if cpu_used else ""
    cpu_per_request = f"{1000 * cpu_used / len(requests):.2f}" if cpu_used else ""
    rate = f"{len(requests) / seconds:,.0f}"
    return rate, requests_per_cpu_second, cpu_per_request, read_resident_mib(server)


@contextmanager
def separate_processors(server: RunningServer) -> Iterator[None]:
    """Give the server the first available processor and this process the others.

    Change nothing if fewer than two processors are available, or if the system cannot do this.
    """
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(processors) < 2:
        yield
        return
    os.sched_setaffinity(server.process.pid, {min(processors)})
    os.sched_setaffinity(0, processors - {min(processors)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def read_resident_mib(server: RunningServer) -> str:
    """Return the server's resident memory in MiB, or an empty string if the system has no /proc."""
    status = Path(f"/proc/{server.process.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((f"{int(line.split()[1]) / 1024:.0f}" for line in lines if line.startswith("VmRSS")), "")


def fill_registry(file: Path, things: int) -> None:
    """Write a registry file with things that have a site and a serial number.

    Every tenth thing is in the group `tenth`.
    """
    Registry(file).close()
    with sqlite3.connect(file) as database:
        database.execute("INSERT INTO scopes (account, region) VALUES ('123456789012', 'eu-west-1')")
        numbers = range(1, things + 1)
        database.executemany(
            "INSERT INTO things (seq, scope, name, id, attributes, version) VALUES (?, 1, ?, ?, ?, 1)",
            (
                (n, make_thing_name(n), f"{n:036}", json.dumps({"site": SITES[n % 4], "serial": f"s{n:07}"}))
                for n in numbers
            ),
        )
        database.executemany(
            "INSERT INTO thing_attributes VALUES (1, 'serial', ?, ?)", ((f"s{n:07}", n) for n in numbers)
        )
        database.executemany(
            "INSERT INTO thing_attributes VALUES (1, 'site', ?, ?)", ((SITES[n % 4], n) for n in numbers)
        )
        database.execute(
            "INSERT INTO thing_groups (seq, scope, name, id, root, depth, attributes, version, created_at)"
            " VALUES (1, 1, 'tenth', 'tenth', 'tenth', 1, '{}', 1, 0)"
        )
        database.executemany(
            "INSERT INTO thing_group_members VALUES (1, 1, ?)", ((n,) for n in numbers if n % 10 == 0)
        )
    database.close()


def make_thing_name(number: int) -> str:
    return f"pump-{number:07}"


def measure_latency_rows(things: int) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each request to a registry of `things` things.

    A row has the median of a few repetitions. The first two rows are measured only once: the start of the server, and
    reading all pages of things.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-latency-") as folder:
        file = Path(folder) / "registry.db"
        fill_registry(file, things)
        started_at = time.perf_counter()
        with serve_registry("--db", str(file)) as server:
            yield format_row(things, "start of the server with this file", [time.perf_counter() - started_at])
            index = {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY"}}
            time_request(server, "POST", "/indexing/config", index)
            started_at = time.perf_counter()
            middle_token = list_all_things(server, things)
            seconds = time.perf_counter() - started_at
            yield format_row(things, f"ListThings, all pages of {MAX_PAGE_SIZE}", [seconds])
            for name, method, path, document in build_single_requests(things, middle_token):
                repetitions = [time_request(server, method, path, document) for _ in range(REPETITIONS)]
                yield format_row(things, name, repetitions)


def measure_interference_rows(things: int) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each query that another client repeats while things are described."""
    with tempfile.TemporaryDirectory(prefix="reconciler-interference-") as folder:
        file = Path(folder) / "registry.db"
        fill_registry(file, things)
        with serve_registry("--db", str(file)) as server:
            index = {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY"}}
            time_request(server, "POST", "/indexing/config", index)
            names = [make_thing_name(number) for number in range(1, things + 1)]
            yield from interference.measure_rows(server, names)


def build_single_requests(things: int, middle_token: str) -> Iterator[tuple[str, str, str, Any]]:
    """Yield the requests to a large registry: name, method, path and document.

    `middle_token` is the `nextToken` with which ListThings returns the page in the middle.
    """
    page = f"maxResults={MAX_PAGE_SIZE}"
    serial = f"s{things * 3 // 4:07}"
    middle_thing = make_thing_name(things // 2)
    by_site = f"/things?{page}&attributeName=site&attributeValue=oslo"
    by_serial = f"/things?{page}&attributeName=serial&attributeValue={serial}"
    # The prefix is the serial number without its last two digits.
    by_prefix = f"{by_serial[:-2]}&usePrefixAttributeValue=true"
    yield "DescribeThing", "GET", f"/things/{middle_thing}", None
    yield "ListThings, a page from the middle", "GET", f"/things?{page}&nextToken={quote(middle_token)}", None
    yield "ListThings by a common attribute value", "GET", by_site, None
    yield "ListThings by a unique attribute value", "GET", by_serial, None
    yield "ListThings by a prefix of a value", "GET", by_prefix, None
    yield "ListThingsInThingGroup", "GET", f"/thing-groups/tenth/things?{page}", None
    for query in ("attributes.site:oslo", f"thingName:{middle_thing}", f"attributes.serial:{serial}"):
        yield f"SearchIndex {query.partition(':')[0]}", "POST", "/indices/search", {"queryString": query}


def list_all_things(server: RunningServer, things: int) -> str:
    """Read all pages of ListThings, and return the `nextToken` that requests the page in the middle.

    Raises SystemExit unless the pages list `things` things.
    """
    tokens = [""]
    count = 0
    while True:
        next_token = f"&nextToken={quote(tokens[-1])}" if tokens[-1] else ""
        page = server.request("GET", f"/things?maxResults={MAX_PAGE_SIZE}{next_token}").document
        count += len(page["things"])
        if "nextToken" not in page:
            break
        tokens.append(page["nextToken"])
    if count != things:
        raise SystemExit(f"expected ListThings to return {things} things; got {count}")
    return tokens[len(tokens) // 2]


def time_request(server: RunningServer, method: str, path: str, document: Any) -> float:
    """Send a request, and return how many seconds it took. Raises SystemExit for an error response."""
    started_at = time.perf_counter()
    body = None if document is None else json.dumps(document).encode()
    response = server.request(method, path, body)
    if response.status != 200:
        raise SystemExit(f"{method} {path}: {response.body!r}")
    return time.perf_counter() - started_at


def format_row(things: int, request: str, seconds: Sequence[float]) -> tuple[str, ...]:
    """Return a table row with the median of the seconds, in milliseconds."""
    return f"{things:,}", request, f"{1000 * statistics.median(seconds):,.1f}"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--requests", type=int, default=4000, metavar="N", help="Requests of each kind (default: 4000)."
    )
    parser.add_argument(
        "--things",
        type=int,
        action="append",
        metavar="N",
        help="Things in the large registry; repeatable (default: 100000 and 1000000).",
    )
    options = parser.parse_args(arguments)
    write = sys.stdout.write
    write(f"One server, eight connections, on {describe_machine()}:\n\n")
    write(format_table(THROUGHPUT_COLUMNS, list(measure_throughput_rows(options.requests)), 2) + "\n\n")
    write("A large registry in a file, one request at a time:\n\n")
    rows = [row for things in options.things or (100_000, 1_000_000) for row in measure_latency_rows(things)]
    write(format_table(LATENCY_COLUMNS, rows, 2) + "\n\n")
    write("DescribeThing alone, and while another client searches without a pause:\n\n")
    write(format_table(interference.COLUMNS, list(measure_interference_rows(10_000)), 2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
