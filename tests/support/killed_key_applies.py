"""Applies of certificates with keys from AWS, killed at one point after another.

Each is completed by another apply.

Kill points are before and after each write to the registry, and before and after each file gets its final name.

Run it as `python -m tests.support.killed_key_applies FOLDER FIRST COUNT`: FOLDER has the desired state and its folder for keys, or the keys are in
the secrets `iot/pump-1` and so on; FIRST is
the first kill point, and COUNT the number of kill points, at most. It prints a line of JSON for each kill. As in `killed_applies`, each
apply runs in a fork.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from reconciler import Workspace
from reconciler.registry import Registry
from tests.support.killed_applies import apply, open_cloud, run_in_fork

NAMES = ("pump-1", "pump-2", "pump-3")


@frozen
class KilledKeyApply:
    """An apply that was killed, what the next plan deletes, and what the next apply leaves."""

    kill_point: int
    place: str
    """The request or the file at which the apply was killed, and whether that was before or after it."""
    usable_certificates_without_key: int
    """The number of ACTIVE certificates after the kill whose keys are not saved."""
    lost_certificates: int
    """The number of certificates after the kill whose keys are not saved."""
    warnings: list[str]
    """The addresses of the next plan's deletions, with the warnings about them."""
    next_exit_code: int
    certificates: dict[str, str]
    """The status of each certificate after the next apply, by the name of the file or secret for it; "" without one."""
    files: list[str]
    """The files for keys and certificates, or the secrets with keys."""
    is_converged: bool
    """Whether the plan after the next apply is empty."""


class _Killer:
    """Kills this process at a kill point; `place_file` then has the place."""

    def __init__(self, kill_point: int, place_file: Path) -> None:
        self._kill_point = kill_point
        self._place_file = place_file
        self._lock = threading.Lock()
        self._point = -1

    def pass_point(self, place: str) -> None:
        with self._lock:
            self._point += 1
            if self._point == self._kill_point:
                self._place_file.write_text(place)
                os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, function: Callable[..., Any], describe: Callable[..., str | None]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            place = describe(*args)
            if place is None:
                return function(*args, **kwargs)
            self.pass_point(f"before {place}")
            result = function(*args, **kwargs)
            self.pass_point(f"after {place}")
            return result

        return call


def kill_at(kill_point: int, place_file: Path) -> None:
    """Make this process kill itself at a kill point."""
    killer = _Killer(kill_point, place_file)

    def describe_request(_: Registry, request: Any) -> str | None:
        path = request.url.partition("amazonaws.com")[2].partition("?")[0]
        target = request.headers.get("X-Amz-Target")
        return None if request.method == "GET" else f"{request.method} {target or path}"

    Registry.handle = killer.wrap(Registry.handle, describe_request)  # type: ignore[method-assign]
    os.link = killer.wrap(os.link, lambda _, path: f"link {Path(path).name}")


def kill_and_complete(source: Path, kill_point: int) -> KilledKeyApply | None:
    """Kill an apply of a copy of the folder, and apply again.

    Return None if the apply ends before the kill point.
    """
    folder = source.with_name(f"killed-{kill_point}")
    shutil.copytree(source, folder)
    place_file = folder / "place"

    def apply_until_killed() -> bool:
        kill_at(kill_point, place_file)
        return apply(folder)

    def read_warnings() -> bool:
        plan = Workspace(folder / "desired_state.toml").plan()
        deletions = {step.address for step in plan.steps if step.change.action == "delete"}
        warnings = [f"{note.address}: {note.text}" for note in plan.notes if note.address in deletions]
        (folder / "warnings").write_text(json.dumps(warnings))
        return True

    try:
        if run_in_fork(apply_until_killed) != -signal.SIGKILL:
            return None
        lost = [status for name, status in list_certificates(folder, "*.pem") if not name]
        assert run_in_fork(read_warnings) == 0
        return KilledKeyApply(
            kill_point,
            place_file.read_text(),
            usable_certificates_without_key=lost.count("ACTIVE"),
            lost_certificates=len(lost),
            warnings=json.loads((folder / "warnings").read_text()),
            next_exit_code=run_in_fork(lambda: apply(folder)),
            certificates=dict(list_certificates(folder, "*.crt")),
            files=list_places(folder),
            is_converged=run_in_fork(lambda: not Workspace(folder / "desired_state.toml").plan().steps) == 0,
        )
    finally:
        shutil.rmtree(folder)


def list_certificates(folder: Path, pattern: str) -> list[tuple[str, str]]:
    """Return the file or the secret with the key, and the status, of each certificate in the registry."""
    names = {read_public_key(path): path.stem for path in sorted((folder / "keys").glob(pattern))}
    names |= {parse_public_key(key): name for name, key in read_secrets(folder).items()}
    cloud = open_cloud(folder)
    certificates = cloud.list_all(cloud.iot, "list_certificates", "certificates")
    described = [
        cloud.iot.describe_certificate(certificateId=item["certificateId"])["certificateDescription"]
        for item in certificates
    ]
    return [(names.get(parse_public_key(item["certificatePem"]), ""), item["status"]) for item in described]


def list_places(folder: Path) -> list[str]:
    """Return the names of the files for keys and certificates, and of the secrets with keys."""
    return sorted([*(path.name for path in (folder / "keys").glob("*")), *read_secrets(folder)])


def read_secrets(folder: Path) -> dict[str, str]:
    """Return the private keys in the registry's secrets by the last part of the secret's name."""
    client = Workspace(folder / "desired_state.toml").client("secretsmanager")
    response = client.batch_get_secret_value(SecretIdList=[f"iot/{name}" for name in NAMES])
    return {
        secret["Name"].removeprefix("iot/"): secret["SecretString"] for secret in response["SecretValues"]
    }


def read_public_key(path: Path) -> bytes:
    return parse_public_key(path.read_text())


def parse_public_key(pem: str) -> bytes:
    """Return the public key of a private key or of a certificate, in DER."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509 import load_pem_x509_certificate

    loaded: Any = (
        load_pem_x509_certificate(pem.encode())
        if "CERTIFICATE" in pem
        else serialization.load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    )
    key = loaded.public_key()
    der: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der


def main(folder: Path, first: int, count: int) -> None:
    apply(
        Path(shutil.copytree(folder, folder.with_name("clean")))
    )  # imports everything before the first fork
    for kill_point in range(first, first + count):
        killed_apply = kill_and_complete(folder, kill_point)
        if killed_apply is None:
            break
        sys.stdout.write(json.dumps(asdict(killed_apply)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
