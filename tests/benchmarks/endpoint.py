"""How fast `reconciler registry serve` answers: requests a second on one core, and single requests of a large registry.

    python -m tests.benchmarks.endpoint [--requests N] [--things N …]

The server has one processor to itself, where there are two, and the client, which has eight connections, another.
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
from tests.benchmarks.load import drive, written
from tests.benchmarks.race import machine, table
from tests.support.registry_server import RunningServer, serve_registry

SITES = ("oslo", "bergen", "moss", "hamar")
MEMORY = ":memory:"
LARGEST_PAGE = 250
REPEATED = 5
DEVICE = {"Role": "DEVICE", "AuthenticationMaterialType": "WIFI_SETUP_QR_BAR_CODE"}

SPEEDS = ("kept in", "request", "a second", "CPU ms each", "MiB after")
TIMES = ("things", "what", "ms")

REQUESTS: tuple[tuple[str, Callable[[int], bytes]], ...] = (
    ("CreateThing", lambda n: written("POST", f"/things/t{n}", attributes("oslo"))),
    ("DescribeThing", lambda n: written("GET", f"/things/t{n}")),
    ("ListThings, 50 of them", lambda _: written("GET", "/things?maxResults=50")),
    ("UpdateThing", lambda n: written("PATCH", f"/things/t{n}", attributes("bergen"))),
    ("DeleteThing", lambda n: written("DELETE", f"/things/t{n}")),
    ("CreateManagedThing", lambda n: written("POST", "/managed-things", device(n), "iotmanagedintegrations")),
)


def attributes(site: str) -> dict[str, Any]:
    return {"attributePayload": {"attributes": {"site": site}}}


def device(number: int) -> dict[str, Any]:
    return {**DEVICE, "AuthenticationMaterial": f"SN:{number};UPC:012345678905"}


def speeds(requests: int) -> Iterator[tuple[str, ...]]:
    """A row a kind of request, for a registry in memory and for one in a file."""
    with tempfile.TemporaryDirectory(prefix="reconciler-speed-") as folder:
        for where, db in (("memory", MEMORY), ("a file", f"{folder}/registry.db")):
            with serve_registry("--db", db) as server, apart(server):
                for name, request in REQUESTS:
                    yield (where, name, *speed(server, [request(number) for number in range(requests)]))


def speed(server: RunningServer, requests: Sequence[bytes]) -> tuple[str, ...]:
    """Raises SystemExit unless every request is done."""
    before = processor_seconds(server)
    seconds, statuses = drive(server.address, requests)
    used = processor_seconds(server) - before
    if sum(statuses[status] for status in ("200", "201")) != len(requests):
        raise SystemExit(f"not all was done: {dict(statuses)}")
    each = f"{1000 * used / len(requests):.2f}" if used else ""
    return f"{len(requests) / seconds:,.0f}", each, resident(server)


@contextmanager
def apart(server: RunningServer) -> Iterator[None]:
    """Give the server the first processor that there is, and this process the others."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(allowed) < 2:
        yield
        return
    os.sched_setaffinity(server.process.pid, {min(allowed)})
    os.sched_setaffinity(0, allowed - {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def processor_seconds(server: RunningServer) -> float:
    """What the server has used so far; 0 where the system does not tell (proc(5))."""
    stat = Path(f"/proc/{server.process.pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(server: RunningServer) -> str:
    """MiB in memory; nothing where the system does not tell."""
    status = Path(f"/proc/{server.process.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((f"{int(line.split()[1]) / 1024:.0f}" for line in lines if line.startswith("VmRSS")), "")


def fill(file: Path, things: int) -> None:
    """A registry of things that have a site and a serial number; every tenth of them is in a group."""
    Registry(file).close()
    with sqlite3.connect(file) as database:
        run, each = database.execute, database.executemany
        run("INSERT INTO scopes (account, region) VALUES ('123456789012', 'eu-west-1')")
        numbers = range(1, things + 1)
        each(
            "INSERT INTO things (seq, scope, name, id, attributes, version) VALUES (?, 1, ?, ?, ?, 1)",
            (
                (n, name(n), f"{n:036}", json.dumps({"site": SITES[n % 4], "serial": f"s{n:07}"}))
                for n in numbers
            ),
        )
        each("INSERT INTO thing_attributes VALUES (1, 'serial', ?, ?)", ((f"s{n:07}", n) for n in numbers))
        each("INSERT INTO thing_attributes VALUES (1, 'site', ?, ?)", ((SITES[n % 4], n) for n in numbers))
        run(
            "INSERT INTO thing_groups (seq, scope, name, id, root, depth, attributes, version, created_at)"
            " VALUES (1, 1, 'tenth', 'tenth', 'tenth', 1, '{}', 1, 0)"
        )
        each("INSERT INTO thing_group_members VALUES (1, 1, ?)", ((n,) for n in numbers if n % 10 == 0))
    database.close()


def name(number: int) -> str:
    return f"pump-{number:07}"


def times(things: int) -> Iterator[tuple[str, ...]]:
    """A row a request: medians of a few, in a registry of so many things; opening it includes the command's start."""
    with tempfile.TemporaryDirectory(prefix="reconciler-large-") as folder:
        file = Path(folder) / "registry.db"
        fill(file, things)
        begun = time.perf_counter()
        with serve_registry("--db", str(file)) as server:
            yield row(things, "opened, from the command to its answer", [time.perf_counter() - begun])
            index = {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY"}}
            ask(server, "POST", "/indexing/config", index)
            begun = time.perf_counter()
            middle = walk(server, things)
            yield row(things, f"all of ListThings, {LARGEST_PAGE} a page", [time.perf_counter() - begun])
            for what, method, path, document in single(things, middle):
                yield row(things, what, [ask(server, method, path, document) for _ in range(REPEATED)])


def single(things: int, middle: str) -> Iterator[tuple[str, str, str, Any]]:
    """What is asked of a large registry once: each request's name, method, path and document."""
    page, sought = f"maxResults={LARGEST_PAGE}", f"s{things * 3 // 4:07}"
    yield "DescribeThing", "GET", f"/things/{name(things // 2)}", None
    yield "ListThings, a page in the middle", "GET", f"/things?{page}&nextToken={quote(middle)}", None
    yield (
        "ListThings by a value of many",
        "GET",
        f"/things?{page}&attributeName=site&attributeValue=oslo",
        None,
    )
    by_serial = f"/things?{page}&attributeName=serial&attributeValue={sought}"
    yield "ListThings by a value of one", "GET", by_serial, None
    prefix = f"{by_serial[:-2]}&usePrefixAttributeValue=true"
    yield "ListThings by a prefix", "GET", prefix, None
    yield "ListThingsInThingGroup", "GET", f"/thing-groups/tenth/things?{page}", None
    for query in ("attributes.site:oslo", f"thingName:{name(things // 2)}", f"attributes.serial:{sought}"):
        yield f"SearchIndex {query.partition(':')[0]}", "POST", "/indices/search", {"queryString": query}


def walk(server: RunningServer, things: int) -> str:
    """Read every page; give the token that stands in the middle. Raises SystemExit when there are not that many things."""
    tokens, count = [""], 0
    while True:
        more = f"&nextToken={quote(tokens[-1])}" if tokens[-1] else ""
        answer = server.request("GET", f"/things?maxResults={LARGEST_PAGE}{more}").document
        count += len(answer["things"])
        if "nextToken" not in answer:
            break
        tokens.append(answer["nextToken"])
    if count != things:
        raise SystemExit(f"{count} things were listed, and there are {things}")
    return tokens[len(tokens) // 2]


def ask(server: RunningServer, method: str, path: str, document: Any) -> float:
    """Give the seconds of one request. Raises SystemExit for an error."""
    begun = time.perf_counter()
    answer = server.request(method, path, None if document is None else json.dumps(document).encode())
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.body!r}")
    return time.perf_counter() - begun


def row(things: int, what: str, seconds: Sequence[float]) -> tuple[str, ...]:
    return f"{things:,}", what, f"{1000 * statistics.median(seconds):,.1f}"


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=4000, metavar="N", help="of each kind; 4,000")
    parser.add_argument(
        "--things", type=int, action="append", metavar="N", help="100,000 and 1,000,000; may be given again"
    )
    given = parser.parse_args(words)
    say = sys.stdout.write
    say(f"One server, eight connections, on {machine()}:\n\n")
    say(table(SPEEDS, list(speeds(given.requests)), 2) + "\n\n")
    say("A large registry in a file, one request after the other:\n\n")
    counts = given.things or (100_000, 1_000_000)
    say(table(TIMES, [line for things in counts for line in times(things)], 2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
