"""Fill a registry with a fleet in seconds, by copying the rows of its first device.

The first device must have been applied, and may have been in several accounts. Each of these accounts then contains what it would
contain if the whole fleet had been applied to it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from tests.support.pki import compute_certificate_id

_COPY_STATEMENTS = (
    """
    INSERT INTO things (scope, name, id, type, attributes, billing_group, version)
    SELECT t.scope, d.name, lower(hex(randomblob(16))), t.type, t.attributes, t.billing_group, t.version
    FROM devices d JOIN things t ON t.name = (SELECT name FROM first)
    """,
    """
    INSERT INTO thing_attributes
    SELECT a.scope, a.name, a.value, copy.seq
    FROM devices d JOIN things copy ON copy.name = d.name
    JOIN things t ON t.scope = copy.scope AND t.name = (SELECT name FROM first) JOIN thing_attributes a ON a.seq = t.seq
    """,
    """
    INSERT INTO thing_group_members
    SELECT m.scope, m.thing_group, copy.seq
    FROM devices d JOIN things copy ON copy.name = d.name
    JOIN things t ON t.scope = copy.scope AND t.name = (SELECT name FROM first) JOIN thing_group_members m ON m.thing = t.seq
    """,
    """
    INSERT INTO certificates
    SELECT c.scope, d.id, d.pem, c.ca_id, c.mode, c.status, c.previous_owner, c.generation_id, c.customer_version,
      c.not_before, c.not_after, c.created_at, c.modified_at
    FROM devices d JOIN certificates c ON c.id = (SELECT id FROM first)
    """,
    """
    INSERT INTO policy_edges (scope, target, policy, gone_at)
    SELECT e.scope, replace(e.target, first.id, d.id), e.policy, e.gone_at
    FROM devices d JOIN first JOIN policy_edges e ON e.target LIKE '%' || first.id
    """,
    """
    INSERT INTO principal_edges
    SELECT e.scope, d.name, replace(e.principal, first.id, d.id), e.exclusive, e.gone_at
    FROM devices d JOIN first JOIN principal_edges e ON e.thing = first.name
    """,
)


Device: TypeAlias = tuple[str, str, str]
"""The name of a thing, and the ID and the PEM of its certificate."""


def copy_first_device(database: Path, folder: Path, names: Sequence[str]) -> None:
    """Add the devices `names[1:]` to the registry as copies of `names[0]`, which it already has."""
    first, *copies = _read_devices(folder, names)
    copy_device(database, first, copies)


def copy_device(database: Path, first: Device, copies: Iterable[Device]) -> None:
    """Add copies of a device to the registry, which already has the first one."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, devices in (("first", [first]), ("devices", copies)):
            connection.execute(f"CREATE TEMP TABLE {table} (name TEXT, id TEXT, pem TEXT)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", devices)
        for statement in _COPY_STATEMENTS:
            connection.execute(statement)


def _read_devices(folder: Path, names: Sequence[str]) -> Iterator[Device]:
    """Yield each device's name, certificate ID and PEM."""
    for name in names:
        pem = (folder / "pems" / f"{name}.pem").read_text()
        yield name, compute_certificate_id(pem), pem
