"""`reconciler registry serve` in a process of its own, and clients that know it by its address alone."""

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

REGION = "eu-west-1"
COMMAND = (sys.executable, "-c", "from reconciler.cli.main import main; main()", "registry", "serve")
ONCE = Config(retries={"total_max_attempts": 1})


@define
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@define
class Served:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def client(
        self, service: str = "iot", account: str = "test", region: str = REGION, config: Any = ONCE
    ) -> Any:
        return boto3.Session().client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=config,
        )

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def reset(self) -> None:
        assert self.ask("POST", "/moto-api/reset").status == 200

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; give the exit code and the log."""
        self.process.send_signal(number)
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log


@contextmanager
def served(*options: str, log: bool = False) -> Iterator[Served]:
    """A server with these options, ended afterwards; with `log`, what it writes to stderr is kept."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if log else None,
        text=True,
        env=environ,
    )
    try:
        line = process.stdout.readline()
        yield Served(line.split()[-1], process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=20)
