"""Routing of requests to account, Region, service and operation, and the headers of responses."""

import json
import logging
import threading
import uuid

import pytest

from reconciler.registry import HttpRequest, HttpResponse, Registry, RegistrySettings, catalog
from reconciler.registry.catalog import ServedOperation
from tests.support.direct_client import create_client

IOT = "https://iot.eu-west-1.amazonaws.com"


def build_signature_header(key_id="AKIAEXAMPLE", region="eu-west-1", name="iot"):
    """Return a header whose credential scope names a key, a Region and a service.

    `name` is the signing name of the service.
    """
    scope = f"{key_id}/20250101/{region}/{name}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def test_account_and_region_come_from_the_credential_scope(registry, current_registry):
    def create_thing(account, region):
        client = create_client("iot", current_registry.get, account=account, region=region)
        return client.create_thing(thingName="pump-7")["thingArn"]

    assert [
        create_thing("test", "eu-west-1"),
        create_thing("111122223333", "us-east-1"),
        create_thing("test", "cn-north-1"),
    ] == [
        "arn:aws:iot:eu-west-1:123456789012:thing/pump-7",
        "arn:aws:iot:us-east-1:111122223333:thing/pump-7",
        "arn:aws-cn:iot:cn-north-1:123456789012:thing/pump-7",
    ]


def test_accounts_and_regions_are_isolated(iot, current_registry):
    iot.create_thing(thingName="pump-7")

    for account, region in (("111122223333", "eu-west-1"), ("test", "us-east-1")):
        other = create_client("iot", current_registry.get, account=account, region=region)
        assert other.list_things()["things"] == []


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"authorization": ""}])
def test_an_unsigned_request_uses_the_settings_account_and_region(headers):
    registry = Registry(":memory:", RegistrySettings(account="000000000001", region="ap-south-1"))

    response = registry.handle(HttpRequest("POST", f"{IOT}/things/a", headers, b""))

    assert json.loads(response.body)["thingArn"] == "arn:aws:iot:ap-south-1:000000000001:thing/a"


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:4566/managed-things", {}),
        ("http://127.0.0.1:4566/managed-things", build_signature_header(name="iotmanagedintegrations")),
        (
            "https://api.eu-west-1.iotmanagedintegrations.api.aws/managed-things",
            build_signature_header(name="unknown"),
        ),
    ],
)
def test_the_service_is_resolved_by_signature_host_or_path(registry, url, headers):
    response = registry.handle(HttpRequest("GET", url, headers, b""))

    assert (response.status, response.body) == (200, b'{"Items":[]}')


@pytest.mark.parametrize("name", ["iot", "execute-api"])  # older clients sign `iot` requests as "execute-api"
def test_the_signature_takes_precedence_over_the_path(registry, name):
    response = registry.handle(
        HttpRequest("GET", "http://127.0.0.1/managed-things", build_signature_header(name=name), b"")
    )

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/jobs", "The operation ListJobs is not served by the embedded registry."),
        ("GET", "/no/such/path", "No operation has the path of this GET request."),
        ("GET", "/things/", "No operation has the path of this GET request."),
        ("BREW", "/things", "No operation has the path of this BREW request."),
    ],
)
def test_a_request_that_is_not_served_is_an_unknown_operation(registry, method, path, message):
    response = registry.handle(HttpRequest(method, IOT + path, {}, b""))

    assert (response.status, json.loads(response.body)) == (404, {"message": message})
    assert response.headers["x-amzn-ErrorType"] == "UnknownOperationException"


def test_every_response_has_its_own_request_id_a_date_and_a_length(registry):
    responses = [registry.handle(HttpRequest("GET", f"{IOT}/things", {}, b"")) for _ in range(2)]

    ids = [response.headers["x-amzn-RequestId"] for response in responses]
    assert [str(uuid.UUID(request_id)) for request_id in ids] == ids
    assert ids[0] != ids[1]
    assert responses[0] == HttpResponse(
        200,
        {
            "Content-Type": "application/json",
            "Date": "Sun, 15 Jun 2025 15:06:40 GMT",
            "x-amzn-RequestId": ids[0],
            "Content-Length": "13",
        },
        b'{"things":[]}',
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/things"), ("GET", "/things/none"), ("GET", "/no/such/path"), ("GET", "/%ff")],
)
def test_every_response_has_the_clocks_time_as_its_date(registry, clock, method, path):
    def read_date():
        return registry.handle(HttpRequest(method, IOT + path, {}, b"")).headers["Date"]

    first_date = read_date()
    clock.advance(1.0)

    assert (first_date, read_date()) == ("Sun, 15 Jun 2025 15:06:40 GMT", "Sun, 15 Jun 2025 15:06:41 GMT")


@pytest.mark.parametrize(
    ("path", "code"),
    [("/things/a", "InternalFailureException"), ("/managed-things", "InternalServerException")],
)
def test_an_internal_error_is_logged_rolled_back_and_answered_with_awss_error(
    registry, monkeypatch, caplog, path, code
):
    def fail(context, params):
        context.tx.run("INSERT INTO registration_codes (scope, code) VALUES (1, 'x')")
        raise RuntimeError("a secret of ours")

    for key in (("iot", "CreateThing"), ("iot-managed-integrations", "CreateManagedThing")):
        monkeypatch.setitem(catalog._served, key, ServedOperation(*key, fail, None))
    document = {
        "Role": "DEVICE",
        "AuthenticationMaterial": "1",
        "AuthenticationMaterialType": "ZWAVE_QR_BAR_CODE",
    }

    with caplog.at_level(logging.ERROR):
        response = registry.handle(
            HttpRequest("POST", f"http://127.0.0.1{path}", {}, json.dumps(document).encode())
        )

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (500, code)
    assert list(json.loads(response.body).values()) == ["An unexpected error has occurred."]
    assert "a secret of ours" in caplog.text
    with registry._store.read() as tx:
        assert tx.fetch_one("SELECT count(*) FROM registration_codes")[0] == 0


def test_headers_may_be_bytes_and_their_names_in_any_case(registry):
    headers = {b"AUTHORIZATION": build_signature_header("999999999999")["Authorization"].encode()}

    response = registry.handle(HttpRequest("POST", f"{IOT}/things/a", headers, b""))

    assert json.loads(response.body)["thingArn"] == "arn:aws:iot:eu-west-1:999999999999:thing/a"


def test_a_registry_creates_the_folder_of_its_file(tmp_path):
    registry = Registry(tmp_path / "a" / "b" / "registry.db")
    registry.close()

    assert (tmp_path / "a" / "b" / "registry.db").exists()


def test_an_in_memory_registry_serves_many_threads(registry):
    statuses = []

    def create_thing(number):
        statuses.append(registry.handle(HttpRequest("POST", f"{IOT}/things/t{number}", {}, b"")).status)

    threads = [threading.Thread(target=create_thing, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 16
