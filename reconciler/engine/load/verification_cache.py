"""The facts about certificates that earlier runs verified, in a small SQLite file.

It can be deleted at any time. It has fingerprints and periods of validity, and no secret.

Invariant: only what this user verified on this machine is believed. A file that other users can read or write, or that was copied here (from a
repository, for example), is replaced, and so is a damaged one. Without a cache, or if it cannot be written, certificates are verified again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from reconciler.kinds.shared.verified_certificates import VERIFIED

_VERSION = 1
"""The version of the tables and of the checks; a file with another one is replaced."""

_MIN_NEW_FACTS = 100
"""Verifying fewer certificates takes hardly longer than writing the file."""

_MAX_FACTS = 4_000_000

_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA user_version = {_VERSION};
CREATE TABLE file (inode INTEGER);
CREATE TABLE periods (certificate BLOB, start INTEGER, finish INTEGER);
CREATE TABLE signatures (certificate BLOB, ca BLOB);
"""


@contextmanager
def use_verification_cache(path: Path | None) -> Iterator[None]:
    """Read the facts in the file, and then add those that were verified meanwhile; None: no file."""
    if path is None:
        yield
        return
    if os.path.lexists(path):
        _try(_read, path)
    earlier_count = len(VERIFIED.periods) + len(VERIFIED.signatures)
    yield
    new_count = len(VERIFIED.periods) + len(VERIFIED.signatures) - earlier_count
    if new_count >= _MIN_NEW_FACTS:
        _try(_write, path)


def _try(use: Callable[[Path], None], path: Path) -> None:
    """Read or write the file, if that is possible."""
    import sqlite3  # slow to import, and most runs have no such file

    with suppress(OSError, sqlite3.Error):
        use(path)


def _read(path: Path) -> None:
    """Read the facts if the file can be trusted. Raises OSError and sqlite3.Error."""
    import sqlite3

    status = path.lstat()
    is_private = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077 and status.st_uid == os.geteuid()
    if not is_private:
        return
    # No other file is read: one with the name of SQLite's journal could change the content.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()
        if version != (_VERSION,) or connection.execute("SELECT * FROM file").fetchall() != [
            (status.st_ino,)
        ]:
            return
        periods = connection.execute(
            "SELECT lower(hex(certificate)), CAST(start AS INTEGER), CAST(finish AS INTEGER) FROM periods"
        ).fetchall()
        signatures = connection.execute(
            "SELECT lower(hex(certificate)), lower(hex(ca)) FROM signatures"
        ).fetchall()
    VERIFIED.periods.update({certificate: (start, end) for certificate, start, end in periods})
    VERIFIED.signatures.update(dict.fromkeys(signatures))


def _write(path: Path) -> None:
    """Replace the file with what is known now. Raises OSError and sqlite3.Error."""
    import sqlite3
    import tempfile

    path.parent.mkdir(exist_ok=True)
    descriptor, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}."
    )  # only its owner can read it
    try:
        inode = os.fstat(descriptor).st_ino
        os.close(descriptor)
        with closing(sqlite3.connect(name)) as connection:
            connection.executescript(_SCHEMA)
            with connection:
                connection.execute("INSERT INTO file VALUES (?)", (inode,))
                connection.executemany("INSERT INTO periods VALUES (?, ?, ?)", _iterate_periods())
                connection.executemany("INSERT INTO signatures VALUES (?, ?)", _iterate_signatures())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


# Other threads may be verifying certificates, so the facts are copied before they are iterated over.
def _iterate_periods() -> Iterator[tuple[bytes, int, int]]:
    for certificate, (start, end) in list(VERIFIED.periods.items())[-_MAX_FACTS:]:
        yield bytes.fromhex(certificate), start, end


def _iterate_signatures() -> Iterator[tuple[bytes, bytes]]:
    for certificate, ca in list(VERIFIED.signatures)[-_MAX_FACTS:]:
        yield bytes.fromhex(certificate), bytes.fromhex(ca)
