"""`reconciler registry serve` stops at a signal, and loses nothing."""

import http.client
import json
import signal
import socket
import sqlite3

import pytest

from tests.support.registry_server import serve_registry


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_the_file_keeps_its_things(tmp_path, signal_number):
    file = tmp_path / "registry.db"
    with serve_registry("--db", str(file), capture_log=True) as first:
        first.create_client().create_thing(thingName="kept")
        result = first.stop(signal_number)
    with serve_registry("--db", str(file)) as second:
        things = second.create_client().list_things()["things"]

    assert result == (0, "")
    assert [thing["thingName"] for thing in things] == ["kept"]


def send_creations(server, count):
    """Send creations of things to a server with a latency, and return their connections, one for each.

    The server has counted the creations, and has not responded yet.
    """
    connections = [socket.create_connection(server.address, timeout=20) for _ in range(count)]
    for number, connection in enumerate(connections):
        request_head = f"POST /things/t{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
        connection.sendall(request_head.encode() + b"{}")
    while server.request("GET", "/calls").document != {"123456789012:iot:CreateThing": count}:
        pass
    return connections


def request_until_disconnected(server):
    while server.request("GET", "/health"):
        pass


def read_response(connection):
    """Return the status, the error code or None, and the document of a response; close its connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    with connection, response:
        return response.status, response.headers.get("x-amzn-ErrorType"), json.loads(response.read())


def read_integrity_and_thing_names(file):
    with sqlite3.connect(file) as database:
        integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
        return integrity, sorted(name for (name,) in database.execute("SELECT name FROM things"))


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_requests_before_a_signal_are_performed_and_answered(tmp_path, signal_number):
    file = tmp_path / "registry.db"
    with serve_registry("--db", str(file), "--latency", "1s", capture_log=True) as server:
        connections = send_creations(server, 8)
        result = server.stop(signal_number)
        responses = [read_response(connection) for connection in connections]

    assert result == (0, "")
    assert [(status, document["thingName"]) for status, _, document in responses] == [
        (200, f"t{position}") for position in range(8)
    ]
    assert read_integrity_and_thing_names(file) == ("ok", [f"t{position}" for position in range(8)])


def test_a_second_interrupt_stops_the_server_and_requests_in_flight_get_503(tmp_path):
    file = tmp_path / "registry.db"
    with serve_registry("--db", str(file), "--latency", "60s", capture_log=True) as server:
        (connection,) = send_creations(server, 1)
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionError):
            request_until_disconnected(server)
        result = server.stop(signal.SIGINT)
        response = read_response(connection)

    assert result == (0, "")
    assert response == (
        503,
        "ServiceUnavailableException",
        {"message": "The registry is shutting down; the request was not performed."},
    )
    assert read_integrity_and_thing_names(file) == ("ok", [])
