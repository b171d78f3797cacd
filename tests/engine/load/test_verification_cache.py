"""The facts about certificates that loading remembers from one run to the next, and believes."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.kinds.shared.verified_certificates import VERIFIED
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.pem import Pem
from tests.support.builtin_calls import count_builtin_calls
from tests.support.pki import Authority

DEVICES = 60
"""So many have more than a hundred facts: each a period and a signature."""

FILE = """\
[workspace]
name = "w"
[ca_certificates.factory]
pem = { file = "ca.pem" }
certificate_mode = "SNI_ONLY"
[certificates."{name}"]
for_each = { file = "devices.csv" }
pem = { file = "{name}.pem" }
ca = "factory"
"""


@cache
def create_pems(authority_name: str, devices: int) -> tuple[str, list[str]]:
    authority = Authority(authority_name)
    return authority.pem, [authority.get_device_pem(f"pump-{number}") for number in range(devices)]


@pytest.fixture(autouse=True)
def unknown_certificates() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    """Do what the end of a process does."""
    VERIFIED.periods.clear()
    VERIFIED.signatures.clear()


def write_fleet(folder: Path, devices: int = DEVICES) -> Path:
    """Write a fleet, and return the path of its cache."""
    ca, pems = create_pems("Cache CA", devices)
    (folder / "ca.pem").write_text(ca)
    for number, pem in enumerate(pems):
        (folder / f"pump-{number}.pem").write_text(pem)
    names = [f"pump-{number}\n" for number in range(devices)]
    (folder / "devices.csv").write_text("name\n" + "".join(names))
    (folder / "d.toml").write_text(FILE)
    return folder / ".reconciler" / "certificates.sqlite3"


def load_fleet(cache_path: Path) -> None:
    path = cache_path.parent.parent / "d.toml"
    load(path, constraints=ServiceModelConstraints(), environ={}, verification_cache=cache_path)


def count_verifications(cache_path: Path) -> int:
    """Load the fleet in what could be another process, and return how many signatures that verifies."""
    forget()
    return count_builtin_calls(lambda: load_fleet(cache_path))["Certificate.verify_directly_issued_by"]


def test_a_second_load_of_unchanged_certificates_verifies_no_signature(tmp_path):
    cache_path = write_fleet(tmp_path)
    assert [count_verifications(cache_path) for _ in range(2)] == [DEVICES, 0]


def test_the_cache_is_readable_by_its_owner_only_and_has_fingerprints(tmp_path):
    cache_path = write_fleet(tmp_path)
    load_fleet(cache_path)
    ca, pems = create_pems("Cache CA", DEVICES)
    with closing(sqlite3.connect(cache_path)) as connection:
        rows = connection.execute("SELECT lower(hex(certificate)), lower(hex(ca)) FROM signatures").fetchall()
    assert stat.S_IMODE(cache_path.stat().st_mode) == 0o600
    assert rows == [(Pem.parse(pem).fingerprint, Pem.parse(ca).fingerprint) for pem in pems]
    assert [path.name for path in cache_path.parent.iterdir()] == [cache_path.name]


def make_readable(cache_path: Path) -> None:
    cache_path.chmod(0o640)


def copy(cache_path: Path) -> None:
    copied = shutil.copy2(cache_path, cache_path.with_name("copied"))
    Path(copied).replace(cache_path)


def damage(cache_path: Path) -> None:
    cache_path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)


def cut(cache_path: Path) -> None:
    cache_path.write_bytes(cache_path.read_bytes()[:5000])


def empty(cache_path: Path) -> None:
    cache_path.write_bytes(b"")


def set_other_version(cache_path: Path) -> None:
    with closing(sqlite3.connect(cache_path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def link(cache_path: Path) -> None:
    cache_path.rename(cache_path.with_name("other"))
    cache_path.symlink_to("other")


@pytest.mark.parametrize("change", [make_readable, copy, damage, cut, empty, set_other_version, link])
def test_a_cache_that_cannot_be_trusted_is_replaced_silently(tmp_path, change):
    cache_path = write_fleet(tmp_path)
    load_fleet(cache_path)
    change(cache_path)
    assert [count_verifications(cache_path) for _ in range(2)] == [DEVICES, 0]
    assert stat.S_ISREG(cache_path.lstat().st_mode)


def test_a_file_next_to_the_cache_does_not_change_what_is_read(tmp_path):
    cache_path = write_fleet(tmp_path)
    load_fleet(cache_path)
    for suffix in ("-journal", "-wal", "-shm"):
        cache_path.with_name(cache_path.name + suffix).write_bytes(
            b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"x" * 600
        )
    assert count_verifications(cache_path) == 0


def test_a_false_signature_in_a_cache_from_a_repository_is_not_believed(tmp_path):
    cache_path = write_fleet(tmp_path)
    load_fleet(cache_path)
    other_ca, _ = create_pems("Other CA", 0)
    (tmp_path / "ca.pem").write_text(other_ca)
    with closing(sqlite3.connect(cache_path)) as connection, connection:
        connection.execute("UPDATE signatures SET ca = ?", (bytes.fromhex(Pem.parse(other_ca).fingerprint),))
    copy(cache_path)
    forget()
    with pytest.raises(InvalidDesiredStateError) as caught:
        load_fleet(cache_path)
    assert str(caught.value.diagnostics[0]) == (
        "d.toml:8: error: certificates.{name}.pem: in every row of devices.csv, column 'name': ca_certificates.factory did not "
        "sign this certificate; expected a certificate signed by 'factory'"
    )


@pytest.mark.parametrize("parent", ["file", "folder/missing"])
def test_a_cache_that_cannot_be_written_is_left_out(tmp_path, parent):
    write_fleet(tmp_path)
    (tmp_path / "file").write_text("")
    path = tmp_path / "d.toml"
    for _ in range(2):
        forget()
        state = load(
            path,
            constraints=ServiceModelConstraints(),
            environ={},
            verification_cache=tmp_path / parent / "certificates.sqlite3",
        )
        assert (len(state.resources), state.warnings) == (DEVICES + 1, ())


def test_a_small_fleet_writes_no_cache(tmp_path):
    cache_path = write_fleet(tmp_path, 3)
    load_fleet(cache_path)
    assert not cache_path.parent.exists()


def test_the_validity_of_a_remembered_certificate_is_checked_again(tmp_path):
    cache_path = write_fleet(tmp_path)
    load_fleet(cache_path)
    forget()
    load_fleet(cache_path)
    certificate = Pem.parse((tmp_path / "pump-7.pem").read_text()).fingerprint
    VERIFIED.periods[certificate] = (0, 86_400)
    path = tmp_path / "d.toml"
    state = load(path, constraints=ServiceModelConstraints(), environ={})
    assert [str(warning) for warning in state.warnings] == [
        "d.toml:8: warning: certificates.pump-7.pem: devices.csv:9, column 'name': the certificate expired on 1970-01-02"
    ]


def test_each_pem_file_is_opened_once(tmp_path):
    def count_opens(devices: int) -> int:
        folder = tmp_path / str(devices)
        folder.mkdir()
        cache_path = write_fleet(folder, devices)
        return count_builtin_calls(lambda: load_fleet(cache_path))["posix.open"]

    load_fleet(write_fleet(tmp_path, 1))  # imports open files, too
    assert count_opens(30) - count_opens(10) == 20
