"""Fixtures for the numbered facts about AWS: a served registry, its clients, a device certificate."""

import json

import pytest

from tests.support.direct_client import register_ca, remove_metadata
from tests.support.registry_server import serve_registry

LAG_SECONDS, DELETION_SECONDS, TASK_SECONDS = 5, 60, 60
DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'
INVALID = ("InvalidRequestException", 400)


@pytest.fixture(scope="package")
def buckets(tmp_path_factory):
    """A folder that replaces S3: the bucket `devices`, with the input file of a registration task."""
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "devices").mkdir()
    (folder / "devices" / "all.json").write_text('{"ThingName": "pump-7"}\n')
    return folder


@pytest.fixture(scope="package")
def running_server(buckets):
    times = ("--detach-lag", f"{LAG_SECONDS}s", "--managed-thing-deletion", f"{DELETION_SECONDS}s")
    task = ("--registration-task", f"{TASK_SECONDS}s", "--buckets", str(buckets))
    with serve_registry("--virtual-time", *times, *task) as server:
        yield server


@pytest.fixture(scope="package")
def clients(running_server):
    return running_server.create_client("iot"), running_server.create_client("iot-managed-integrations")


@pytest.fixture(autouse=True)
def server(running_server):
    """The running server, emptied before each test."""
    running_server.reset()
    return running_server


@pytest.fixture
def iot(clients):
    return clients[0]


@pytest.fixture
def managed(clients):
    return clients[1]


@pytest.fixture
def wait(server):
    """A function that advances the registry's clock by seconds."""

    def advance(seconds):
        assert server.request("POST", "/clock", json.dumps({"advance": seconds}).encode()).status == 200

    return advance


@pytest.fixture
def ca(iot, authority):
    """A registered, active CA."""
    return remove_metadata(register_ca(iot, authority, setAsActive=True))


@pytest.fixture
def device(iot, ca, device_pem):
    """A registered, active device certificate of that CA."""
    return remove_metadata(iot.register_certificate(certificatePem=device_pem, status="ACTIVE"))


@pytest.fixture
def thing(iot):
    """The parameters that name a thing, which exists."""
    iot.create_thing(thingName="pump-7")
    return {"thingName": "pump-7"}
