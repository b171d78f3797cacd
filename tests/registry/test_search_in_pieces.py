"""A search reads in pieces, between which other requests are performed."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.registry import HttpRequest, Registry
from reconciler.registry.conditions import Conditions
from reconciler.registry.operations import search
from reconciler.registry.server import RegistryApp

URL = "http://127.0.0.1"
HEADERS = {"host": "127.0.0.1"}
NAMES = ["a-1", "b-1", "a-2", "b-2", "a-3", "b-3", "a-4"]


@pytest.fixture
def registry(monkeypatch):
    """A registry in memory that indexes seven things, of which a piece of a search reads two."""
    monkeypatch.setattr(search, "ROWS_PER_PIECE", 2)
    registry = Registry(":memory:")
    index = {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY"}}
    send(registry, "POST", "/indexing/config", index)
    for name in NAMES:
        send(registry, "POST", f"/things/{name}", {})
    yield registry
    registry.close()


def build_request(method, path, document):
    return HttpRequest(method, URL + path, HEADERS, json.dumps(document).encode())


def send(registry, method, path, document):
    response = registry.handle(build_request(method, path, document))
    assert response.status == 200, response.body
    return json.loads(response.body)


def get_names(document):
    return [thing["thingName"] for thing in document["things"]]


def test_a_search_finds_matches_in_every_piece(registry):
    page = send(registry, "POST", "/indices/search", {"queryString": "thingName:a-*"})

    assert page.keys() == {"things"}
    assert get_names(page) == ["a-1", "a-2", "a-3", "a-4"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_a_search_that_end_within_a_piece_have_every_match_once(registry, size):
    names, token = [], {}
    while token is not None:
        query = {"queryString": "thingName:a-*", "maxResults": size, **token}
        page = send(registry, "POST", "/indices/search", query)
        names.append(get_names(page))
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else None

    matches = ["a-1", "a-2", "a-3", "a-4"]
    assert names == [matches[start : start + size] for start in range(0, len(matches), size)]


def test_a_search_finds_what_is_written_between_two_pieces(registry):
    request = build_request("POST", "/indices/search", {"queryString": "thingName:a-*"})
    pieces = registry.perform_in_pieces(registry.route(request))
    next(pieces)
    send(registry, "POST", "/things/a-5", {})

    *_, response = iterate_with_result(pieces)

    assert get_names(json.loads(response.body)) == ["a-1", "a-2", "a-3", "a-4", "a-5"]


def iterate_with_result(pieces):
    """Yield what a generator yields, and then what it returns."""
    result = yield from pieces
    yield result


def test_the_server_answers_a_request_before_a_search_that_began_earlier(registry):
    app = RegistryApp(registry, Conditions())
    answered = []

    async def request(method, path, document):
        body = json.dumps(document).encode()

        async def receive():
            return {"type": "http.request", "body": body}

        async def send_message(message):
            if message["type"] == "http.response.start":
                answered.append((path, message["status"]))

        scope = {
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "state": {},
        }
        await app(scope, receive, send_message)

    async def run_both():
        await asyncio.gather(
            request("POST", "/indices/search", {"queryString": "thingName:a-*"}),
            request("POST", "/things/b-4", {}),
        )

    with ThreadPoolExecutor(1) as thread:  # this one may have a running event loop
        thread.submit(asyncio.run, run_both()).result()

    assert answered == [("/things/b-4", 200), ("/indices/search", 200)]
