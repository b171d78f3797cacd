"""An empty embedded registry for every test in this folder, and a server of S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    """Return the registry of a module; its boto3 clients are slow to create."""
    return Cloud()


@pytest.fixture
def cloud(module_cloud) -> Cloud:
    """Return the registry of the module, emptied."""
    return module_cloud.reset()


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """The URL of an S3-compatible server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_client(s3_url, monkeypatch):
    """A client of the S3 server, which the workspace's own credentials are for, too."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return boto3.client("s3")
