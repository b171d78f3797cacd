"""`reconciler registry serve`: one port for both services, for this machine alone, until it is told to end."""

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.support.registry_server import COMMAND, served


@pytest.fixture(scope="module")
def running():
    with served() as found:
        yield found


@pytest.fixture
def server(running):
    running.reset()
    return running


def code_of(operation, **params):
    with pytest.raises(ClientError) as caught:
        operation(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_both_services_answer_on_one_port(server):
    server.client("iot").create_thing(thingName="pump-7")

    assert server.client("iot").list_things()["things"][0]["thingName"] == "pump-7"
    assert server.client("iot-managed-integrations").list_managed_things()["Items"] == []


def test_accounts_and_regions_are_separate(server):
    def things(account, region):
        return [t["thingArn"] for t in server.client("iot", account, region).list_things()["things"]]

    server.client("iot", "111122223333", "us-east-1").create_thing(thingName="a")

    assert [
        things("111122223333", "us-east-1"),
        things("111122223333", "eu-west-1"),
        things("x", "us-east-1"),
    ] == [
        ["arn:aws:iot:us-east-1:111122223333:thing/a"],
        [],
        [],
    ]


def test_a_reset_forgets_everything_and_goes_on(server):
    other = server.client("iot", "111122223333", "us-east-1")
    for client in (server.client(), other):
        client.create_thing(thingName="a", attributePayload={"attributes": {"b": "c"}})
        client.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')

    answer = server.ask("POST", "/moto-api/reset")

    assert (answer.status, answer.document) == (200, {"status": "ok"})
    assert [client.list_things()["things"] for client in (server.client(), other)] == [[], []]
    assert server.client().create_thing(thingName="a")["thingName"] == "a"


def test_its_health_is_told_without_a_signature(server):
    answer = server.ask("GET", "/health")

    assert (answer.status, answer.document) == (
        200,
        {"status": "ok", "services": ["iot", "iot-managed-integrations"]},
    )


def test_calls_are_counted_by_account_service_and_operation_since_the_last_reset(server):
    for client in (server.client(), server.client(), server.client("iot", "000000000001")):
        client.list_things()
    server.client("iot-managed-integrations").list_managed_things()
    counted = server.ask("GET", "/calls").document
    server.reset()

    assert counted == {
        "123456789012:iot:ListThings": 2,
        "000000000001:iot:ListThings": 1,
        "123456789012:iot-managed-integrations:ListManagedThings": 1,
    }
    assert server.ask("GET", "/calls").document == {}


def test_a_client_is_told_who_it_is(server):
    def identity(account):
        answer = server.client("sts", account).get_caller_identity()
        return {name: answer[name] for name in ("Account", "UserId", "Arn")}

    assert [identity("test"), identity("000000000001")] == [
        {"Account": account, "UserId": account, "Arn": f"arn:aws:iam::{account}:root"}
        for account in ("123456789012", "000000000001")
    ]


@pytest.mark.parametrize("path", ["/things", "/things/none", "/no/such/path"])
def test_every_answer_of_awss_has_request_id_and_date_and_no_word_of_the_server(server, path):
    headers = {name.lower() for name in server.ask("GET", path).headers}

    told = {"content-type", "content-length", "date", "x-amzn-requestid"}
    assert headers - {"x-amzn-errortype"} == told


@pytest.mark.parametrize(
    "host", ["evil.example", "192.168.1.5:80", "127.0.0.1.evil.example", "", "[::2]", "localhost.evil"]
)
def test_a_host_that_is_not_this_machine_is_refused(server, host):
    """Or a name that was rebound to 127.0.0.1 would let a web page in."""
    answer = server.ask("POST", "/moto-api/reset", Host=host)

    assert (answer.status, answer.document) == (
        403,
        {"message": "The Host header must be localhost or a loopback address."},
    )


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.2:80", "[::1]:80", "iot.localhost"])
def test_names_of_this_machine_are_taken(server, host):
    assert server.ask("GET", "/health", Host=host).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_web_page_is_refused_and_told_of_no_rights(server, method):
    answer = server.ask(method, "/moto-api/reset", Origin="http://127.0.0.1:8000")

    message = "Requests with an Origin header are rejected: web pages may not use this server."
    assert (answer.status, answer.document) == (403, {"message": message})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_names_of_any_letters_survive_the_wire(server):
    client = server.client()
    for name in ("a b", "a/b", "a%2Fb", "ø"):
        assert code_of(client.describe_thing, thingName=name)[1] in (400, 404)
    name = "a:b_c-1"
    client.create_thing(thingName=name)

    assert client.describe_thing(thingName=name)["thingName"] == name


def test_a_request_that_is_too_long_is_refused(server):
    answer = server.ask("POST", "/things/a", b"x" * (4 * 1024 * 1024 + 1))

    assert answer.status == 413


def test_an_answer_leaves_a_client_the_time_to_finish_writing_its_body(server):
    """Go's does so after the head, and gives up on a connection that answers meanwhile."""
    with socket.create_connection(server.address, timeout=5) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(b"POST /things/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n")
        while server.ask("GET", "/health").status != 200:
            pass
        begun = time.monotonic()
        raw.sendall(b"{}")
        answered = raw.recv(12)

    assert answered == b"HTTP/1.1 200"
    assert time.monotonic() - begun >= 0.003


def test_a_request_whose_sender_leaves_half_way_is_not_performed(server):
    with socket.create_connection(server.address) as half:
        half.sendall(b"POST /things/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{}")

    assert server.ask("GET", "/health").status == 200
    assert server.client().list_things()["things"] == []


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"BREW\r\n\r\n", b"\0" * 4096]
)
def test_what_is_no_http_is_answered_400_and_the_server_goes_on(server, noise):
    with socket.create_connection(server.address, timeout=5) as raw:
        raw.sendall(noise)
        answered = raw.recv(12)

    assert answered in (b"HTTP/1.1 400", b"HTTP/1.1 403", b"")
    assert server.ask("GET", "/health").status == 200


def test_many_clients_at_once_lose_nothing(server):
    def work(number):
        client = server.client()
        for turn in range(20):
            client.create_thing(thingName=f"t{number}-{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pages = server.client().get_paginator("list_things").paginate()
    assert len({thing["thingName"] for page in pages for thing in page["things"]}) == 160


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_and_the_file_keeps_what_was_registered(tmp_path, number):
    file = tmp_path / "registry.db"
    with served("--db", str(file), log=True) as first:
        first.client().create_thing(thingName="kept")
        ended = first.end(number)
    with served("--db", str(file)) as second:
        kept = second.client().list_things()["things"]

    assert ended == (0, "")
    assert [thing["thingName"] for thing in kept] == ["kept"]


def asked_and_not_answered(server, count):
    """Connections on each of which the creation of a thing is under way: counted, and waiting for its latency."""
    opened = [socket.create_connection(server.address, timeout=20) for _ in range(count)]
    for number, one in enumerate(opened):
        head = f"POST /things/t{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
        one.sendall(head.encode() + b"{}")
    while server.ask("GET", "/calls").document != {"123456789012:iot:CreateThing": count}:
        pass
    return opened


def ask_on_and_on(server):
    while server.ask("GET", "/health"):
        pass


def answer_on(opened):
    """Status, error and body of the answer that ends a connection."""
    answer = http.client.HTTPResponse(opened)
    answer.begin()
    with opened, answer:
        return answer.status, answer.headers.get("x-amzn-ErrorType"), json.loads(answer.read())


def kept_in(file):
    with sqlite3.connect(file) as database:
        sound = database.execute("PRAGMA integrity_check").fetchone()[0]
        return sound, sorted(name for (name,) in database.execute("SELECT name FROM things"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_asked_before_a_signal_is_done_and_answered(tmp_path, number):
    file = tmp_path / "registry.db"
    with served("--db", str(file), "--latency", "1s", log=True) as server:
        opened = asked_and_not_answered(server, 8)
        ended = server.end(number)
        answers = [answer_on(one) for one in opened]

    assert ended == (0, "")
    assert [(status, document["thingName"]) for status, _, document in answers] == [
        (200, f"t{place}") for place in range(8)
    ]
    assert kept_in(file) == ("ok", [f"t{place}" for place in range(8)])


def test_a_second_interrupt_ends_it_at_once_and_what_was_not_done_is_told(tmp_path):
    file = tmp_path / "registry.db"
    with served("--db", str(file), "--latency", "60s", log=True) as server:
        (opened,) = asked_and_not_answered(server, 1)
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionError):
            ask_on_and_on(server)
        ended = server.end(signal.SIGINT)
        answered = answer_on(opened)

    assert ended == (0, "")
    assert answered == (
        503,
        "ServiceUnavailableException",
        {"message": "The registry is shutting down; the request was not performed."},
    )
    assert kept_in(file) == ("ok", [])


def test_what_is_not_served_is_said_in_the_log():
    with served(log=True) as server:
        assert code_of(server.client().list_jobs) == ("UnknownOperationException", 404)
        _, log = server.end()

    assert log.split("endpoint: ", 1)[1] == (
        "iot: The operation ListJobs is not served by the embedded registry.\n"
    )


def test_quotas_throttle_and_virtual_time_passes_where_a_client_would_wait():
    with served("--quotas", "aws", "--virtual-time", "--latency", "20ms") as server:
        iot, managed = server.client(), server.client("iot-managed-integrations")
        begun = server.ask("GET", "/clock").document["now"]
        answers = [server.ask("GET", "/certificates").status for _ in range(40)]
        passed = server.ask("GET", "/clock").document["now"] - begun

        assert answers[:10] == [200] * 10
        assert answers.count(400) > 5
        assert 40 * 0.02 < passed < 60
        for client, operation, status in ((iot, "list_policies", 400), (managed, "list_managed_things", 429)):
            while True:
                try:
                    getattr(client, operation)()
                except ClientError as error:
                    answered = error.response
                    break
            assert (answered["Error"], answered["ResponseMetadata"]["HTTPStatusCode"]) == (
                {"Code": "ThrottlingException", "Message": "Rate exceeded"},
                status,
            )


def test_a_virtual_clock_is_moved_by_hand_and_things_happen_at_its_time():
    with served("--virtual-time", "--thing-type-deletion", "5m") as server:
        iot = server.client()
        iot.create_thing_type(thingTypeName="pump")
        iot.deprecate_thing_type(thingTypeName="pump")
        early = code_of(iot.delete_thing_type, thingTypeName="pump")
        wrong = [
            server.ask("POST", "/clock", body).status
            for body in (b"", b"[]", b'{"advance": -1}', b'{"advance": NaN}')
        ]
        moved = server.ask("POST", "/clock", json.dumps({"advance": 300}).encode()).document
        iot.delete_thing_type(thingTypeName="pump")

    assert (early, wrong) == (("InvalidRequestException", 400), [400] * 4)
    assert list(moved) == ["now"]


def test_faults_are_injected_and_a_lost_connection_is_one(tmp_path):
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
    with served("--faults", str(rules), log=True) as server:
        iot = server.client()
        with pytest.raises(ConnectionClosedError):
            iot.create_thing(thingName="first")
        code = code_of(iot.create_thing, thingName="second")
        iot.create_thing(thingName="third")
        names = [thing["thingName"] for thing in iot.list_things()["things"]]
        ended = server.end()

    assert (code, names) == (("InternalFailureException", 500), ["first", "third"])
    assert ended == (0, "")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--host", "0.0.0.0"), "0.0.0.0 is not a loopback address; the registry checks no credentials"),
        (("--host", "::"), ":: is not a loopback address"),
        (("--latency", "soon"), "'soon' is not a valid latency; expected a time such as 20ms"),
        (("--detach-lag", "soon"), "'soon' is not a number and s, m, h or d"),
        (("--db", "/"), "the database is not usable"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(options, told):
    done = subprocess.run(
        [*COMMAND, "--port", "0", *options], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told(server):
    port = str(server.address[1])
    done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; --port 0 uses any free port"
        in done.stderr
    )
