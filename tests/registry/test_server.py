"""`reconciler registry serve`: one port for both services, only for this machine, until a signal."""

import json
import socket
import subprocess
import threading
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.support.direct_client import catch_error
from tests.support.registry_server import COMMAND, serve_registry


def test_both_services_are_served_on_one_port(server):
    server.create_client("iot").create_thing(thingName="pump-7")

    assert server.create_client("iot").list_things()["things"][0]["thingName"] == "pump-7"
    assert server.create_client("iot-managed-integrations").list_managed_things()["Items"] == []


def test_accounts_and_regions_are_separate(server):
    def list_thing_arns(account, region):
        return [
            thing["thingArn"]
            for thing in server.create_client("iot", account, region).list_things()["things"]
        ]

    server.create_client("iot", "111122223333", "us-east-1").create_thing(thingName="a")

    assert [
        list_thing_arns("111122223333", "us-east-1"),
        list_thing_arns("111122223333", "eu-west-1"),
        list_thing_arns("x", "us-east-1"),
    ] == [
        ["arn:aws:iot:us-east-1:111122223333:thing/a"],
        [],
        [],
    ]


def test_a_reset_deletes_everything_in_all_accounts(server):
    other = server.create_client("iot", "111122223333", "us-east-1")
    for client in (server.create_client(), other):
        client.create_thing(thingName="a", attributePayload={"attributes": {"b": "c"}})
        client.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')

    response = server.request("POST", "/moto-api/reset")

    assert (response.status, response.document) == (200, {"status": "ok"})
    assert [client.list_things()["things"] for client in (server.create_client(), other)] == [[], []]
    assert server.create_client().create_thing(thingName="a")["thingName"] == "a"


def test_health_can_be_checked_without_a_signature(server):
    response = server.request("GET", "/health")

    assert (response.status, response.document) == (
        200,
        {"status": "ok", "services": ["iot", "iot-managed-integrations"]},
    )


def test_calls_are_counted_per_account_and_operation_since_the_last_reset(server):
    for client in (
        server.create_client(),
        server.create_client(),
        server.create_client("iot", "000000000001"),
    ):
        client.list_things()
    server.create_client("iot-managed-integrations").list_managed_things()
    counts = server.request("GET", "/calls").document
    server.reset()

    assert counts == {
        "123456789012:iot:ListThings": 2,
        "000000000001:iot:ListThings": 1,
        "123456789012:iot-managed-integrations:ListManagedThings": 1,
    }
    assert server.request("GET", "/calls").document == {}


def test_sts_returns_the_callers_identity(server):
    def get_identity(account):
        response = server.create_client("sts", account).get_caller_identity()
        return {name: response[name] for name in ("Account", "UserId", "Arn")}

    assert [get_identity("test"), get_identity("000000000001")] == [
        {"Account": account, "UserId": account, "Arn": f"arn:aws:iam::{account}:root"}
        for account in ("123456789012", "000000000001")
    ]


@pytest.mark.parametrize("path", ["/things", "/things/none", "/no/such/path"])
def test_a_response_has_only_the_headers_of_aws(server, path):
    headers = {name.lower() for name in server.request("GET", path).headers}

    expected = {"content-type", "content-length", "date", "x-amzn-requestid"}
    assert headers - {"x-amzn-errortype"} == expected


@pytest.mark.parametrize(
    "host", ["evil.example", "192.168.1.5:80", "127.0.0.1.evil.example", "", "[::2]", "localhost.evil"]
)
def test_a_request_with_a_host_other_than_this_machine_is_rejected(server, host):
    """Otherwise a web page could use DNS rebinding to 127.0.0.1."""
    response = server.request("POST", "/moto-api/reset", Host=host)

    assert (response.status, response.document) == (
        403,
        {"message": "The Host header must be localhost or a loopback address."},
    )


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.2:80", "[::1]:80", "iot.localhost"])
def test_a_request_with_a_host_of_this_machine_is_accepted(server, host):
    assert server.request("GET", "/health", Host=host).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_request_of_a_web_page_is_rejected_and_its_response_has_no_cors_headers(server, method):
    response = server.request(method, "/moto-api/reset", Origin="http://127.0.0.1:8000")

    message = "Requests with an Origin header are rejected: web pages may not use this server."
    assert (response.status, response.document) == (403, {"message": message})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_names_with_special_characters_arrive_unchanged_or_are_rejected(server):
    client = server.create_client()
    for name in ("a b", "a/b", "a%2Fb", "ø"):
        assert catch_error(client.describe_thing, thingName=name)[1] in (400, 404)
    name = "a:b_c-1"
    client.create_thing(thingName=name)

    assert client.describe_thing(thingName=name)["thingName"] == name


def test_a_request_that_is_too_long_is_rejected(server):
    response = server.request("POST", "/things/a", b"x" * (4 * 1024 * 1024 + 1))

    assert response.status == 413


def test_a_response_is_delayed_if_the_body_of_the_request_came_after_its_head(server):
    """Go's client writes the head of a request and then its body.

    If the response arrives before the client's write of the body has returned, the client closes the connection.
    """
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"POST /things/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n")
        # When this request has its response, the server has also read the head above.
        assert server.request("GET", "/health").status == 200
        start = time.monotonic()
        connection.sendall(b"{}")
        status_line = connection.recv(12)

    assert status_line == b"HTTP/1.1 200"
    # The server waits 10 milliseconds from when it has the body; the client may measure a little less.
    assert time.monotonic() - start >= 0.003


def test_a_request_whose_client_disconnects_is_not_performed(server):
    with socket.create_connection(server.address) as connection:
        connection.sendall(b"POST /things/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{}")

    assert server.request("GET", "/health").status == 200
    assert server.create_client().list_things()["things"] == []


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"BREW\r\n\r\n", b"\0" * 4096]
)
def test_invalid_http_is_rejected_and_the_server_continues(server, noise):
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(noise)
        status_line = connection.recv(12)

    assert status_line in (b"HTTP/1.1 400", b"HTTP/1.1 403", b"")
    assert server.request("GET", "/health").status == 200


def test_many_concurrent_clients_lose_no_writes(server):
    def create_things(number):
        client = server.create_client()
        for turn in range(20):
            client.create_thing(thingName=f"t{number}-{turn}")

    threads = [threading.Thread(target=create_things, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pages = server.create_client().get_paginator("list_things").paginate()
    assert len({thing["thingName"] for page in pages for thing in page["things"]}) == 8 * 20


def test_an_unserved_operation_is_logged():
    with serve_registry(capture_log=True) as server:
        assert catch_error(server.create_client().list_jobs) == ("UnknownOperationException", 404)
        _, log = server.stop()

    # The line begins with the time, the level and the logger, `reconciler.registry.endpoint`.
    assert log.split("endpoint: ", 1)[1] == (
        "iot: The operation ListJobs is not served by the embedded registry.\n"
    )


def test_quotas_throttle_and_delays_pass_in_virtual_time():
    with serve_registry("--quotas", "aws", "--virtual-time", "--latency", "20ms") as server:
        iot, managed = server.create_client(), server.create_client("iot-managed-integrations")
        start = server.request("GET", "/clock").document["now"]
        statuses = [server.request("GET", "/certificates").status for _ in range(40)]
        elapsed = server.request("GET", "/clock").document["now"] - start

        # The quota of ListCertificates is 10 calls per second, and the 40 calls come at 50 per second.
        assert statuses[:10] == [200] * 10
        assert statuses.count(400) > 5
        assert 40 * 0.02 < elapsed < 60
        for client, operation, status in ((iot, "list_policies", 400), (managed, "list_managed_things", 429)):
            while True:
                try:
                    getattr(client, operation)()
                except ClientError as error:
                    response = error.response
                    break
            assert (response["Error"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
                {"Code": "ThrottlingException", "Message": "Rate exceeded"},
                status,
            )


def test_the_virtual_clock_can_be_advanced():
    with serve_registry("--virtual-time", "--thing-type-deletion", "5m") as server:
        iot = server.create_client()
        iot.create_thing_type(thingTypeName="pump")
        iot.deprecate_thing_type(thingTypeName="pump")
        early_error = catch_error(iot.delete_thing_type, thingTypeName="pump")
        invalid_statuses = [
            server.request("POST", "/clock", body).status
            for body in (b"", b"[]", b'{"advance": -1}', b'{"advance": NaN}')
        ]
        clock = server.request("POST", "/clock", json.dumps({"advance": 300}).encode()).document
        iot.delete_thing_type(thingTypeName="pump")

    assert (early_error, invalid_statuses) == (("InvalidRequestException", 400), [400] * 4)
    assert list(clock) == ["now"]


def test_faults_are_injected_including_lost_connections(tmp_path):
    rules = tmp_path / "faults.toml"
    rules.write_text(
        """
        [[rules]]
        operation = "iot:CreateThing"
        kind = "reset_after"
        calls = [1]
        [[rules]]
        operation = "iot:CreateThing"
        kind = "error_before"
        calls = [2]
        """
    )
    with serve_registry("--faults", str(rules), capture_log=True) as server:
        iot = server.create_client()
        with pytest.raises(ConnectionClosedError):
            iot.create_thing(thingName="first")
        error = catch_error(iot.create_thing, thingName="second")
        iot.create_thing(thingName="third")
        names = [thing["thingName"] for thing in iot.list_things()["things"]]
        result = server.stop()

    assert (error, names) == (("InternalFailureException", 500), ["first", "third"])
    assert result == (0, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--host", "0.0.0.0"), "0.0.0.0 is not a loopback address; the registry checks no credentials"),
        (("--host", "::"), ":: is not a loopback address"),
        (("--latency", "soon"), "'soon' is not a valid latency; expected a time such as 20ms"),
        (("--detach-lag", "soon"), "'soon' is not a valid duration; expected a number and a unit"),
        (("--trail-lag", "15m,1m"), "'15m,1m' is not a valid duration; expected a number and a unit"),
        (("--trail-loss", "101%"), "'101%' is not a valid percentage; expected one from 0% to 100%"),
        (("--db", "/"), "the database is not usable"),
    ],
)
def test_invalid_options_are_reported_without_a_traceback(options, message):
    completed = subprocess.run(
        [*COMMAND, "--port", "0", *options], capture_output=True, text=True, timeout=30, check=False
    )

    assert (completed.returncode, completed.stdout) == (1, "")
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr


def test_a_port_in_use_is_reported(server):
    port = str(server.address[1])
    completed = subprocess.run(
        [*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False
    )

    assert (completed.returncode, completed.stdout) == (1, "")
    assert (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; --port 0 uses any free port"
        in completed.stderr
    )
