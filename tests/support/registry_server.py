"""`reconciler registry serve` in a subprocess, and clients that use it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
from attrs import define
from botocore.config import Config

from tests.support.service_models import create_session

REGION = "eu-west-1"
COMMAND = (sys.executable, "-c", "from reconciler.cli.main import main; main()", "registry", "serve")
NO_RETRIES = Config(retries={"total_max_attempts": 1})


@define
class ServerResponse:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@define
class RunningServer:
    """A registry server that is running in a subprocess at a URL."""

    url: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def create_client(
        self, service: str = "iot", account: str = "test", region: str = REGION, config: Any = NO_RETRIES
    ) -> Any:
        return boto3.Session(botocore_session=create_session()).client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=config,
        )

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> ServerResponse:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return ServerResponse(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def reset(self) -> None:
        assert self.request("POST", "/moto-api/reset").status == 200

    def stop(self, signal_number: int = signal.SIGTERM) -> tuple[int, str | None]:
        """Stop the server with a signal; return its exit code, and its log if `capture_log` was set."""
        self.process.send_signal(signal_number)
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log


@contextmanager
def serve_registry(*options: str, capture_log: bool = False) -> Iterator[RunningServer]:
    """Run a server with these options on a free port, and stop it at the end of the block."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if capture_log else None,
        text=True,
        env=environ,
    )
    try:
        ready_line = process.stdout.readline()
        url = ready_line.split()[-1]
        yield RunningServer(url, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=20)
