"""The latency of DescribeThing with and without another client that searches, and their ratio.

Run it as `python -m tests.benchmarks.interference HOST PORT QUERY` to be the client that searches; it ends when it is killed.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from attrs import frozen

from tests.support.registry_server import RunningServer

QUERIES = ("attributes.site:oslo", "NOT thingName:t*", "thingName:*zzz*", "zzz*")
"""Queries with a page of hits, and without any: those read every thing."""

COLUMNS = ("things", "SearchIndex", "p50 alone, ms", "p50", "ratio", "p99 alone, ms", "p99", "ratio")
REQUESTS = 1000


@frozen
class Latency:
    """The median and the 99th percentile of some requests, in seconds."""

    p50: float
    p99: float


def measure_rows(
    server: RunningServer, names: Sequence[str], requests: int = REQUESTS
) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each query; each measurement describes `requests` of the things."""
    for query in QUERIES:
        alone = measure_latency(server, names, requests)
        with search_repeatedly(server, query):
            during_search = measure_latency(server, names, requests)
        yield (
            f"{len(names):,}",
            query,
            *_format_cells(alone.p50, during_search.p50),
            *_format_cells(alone.p99, during_search.p99),
        )


def _format_cells(alone: float, during_search: float) -> tuple[str, ...]:
    return f"{alone * 1000:.2f}", f"{during_search * 1000:.2f}", f"{during_search / alone:.1f}"


def measure_latency(server: RunningServer, names: Sequence[str], requests: int) -> Latency:
    """Describe things one after another. Raises SystemExit for an error response."""
    connection = http.client.HTTPConnection(*server.address)
    seconds = []
    for number in range(requests):
        started_at = time.perf_counter()
        connection.request("GET", f"/things/{names[number % len(names)]}")
        response = connection.getresponse()
        body = response.read()
        seconds.append(time.perf_counter() - started_at)
        if response.status != http.HTTPStatus.OK:
            raise SystemExit(f"DescribeThing: {body!r}")
    connection.close()
    return Latency(statistics.median(seconds), statistics.quantiles(seconds, n=100)[-1])


@contextmanager
def search_repeatedly(server: RunningServer, query: str) -> Iterator[None]:
    """Run a process that searches without a pause, from its first response to the end of the block."""
    host, port = server.address
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.interference", host, str(port), query],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        status = process.stdout.readline().strip()
        if status != "200":
            raise SystemExit(f"SearchIndex {query}: status {status}")
        yield
    finally:
        process.kill()
        process.communicate()


def main(host: str, port: str, query: str) -> None:
    connection = http.client.HTTPConnection(host, int(port))
    body = json.dumps({"queryString": query})
    for number in count():
        connection.request("POST", "/indices/search", body)
        response = connection.getresponse()
        response.read()
        if number == 0:
            sys.stdout.write(f"{response.status}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
