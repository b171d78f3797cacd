"""Readings that the machines of a team share, in the place that `journal` in `[workspace]` names.

Each run writes its readings to an object of its own, so no run overwrites those of another. An apply writes the names of the things that it
will write to, before it does and when it has ended. Objects older than `max_age` are deleted.

The objects may be damaged or forged, as the cache itself: no write rests on them.
"""

from __future__ import annotations

import gzip
import io
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, TypeAlias

import msgspec

from reconciler.engine.journal.run_store import RunStore
from reconciler.engine.remembered.cache import BEING_WRITTEN, CacheScope, ReadingCache, RememberedThing
from reconciler.engine.remembered.preparation import CHECKPOINT, TRUSTED_SINCE
from reconciler.frozen_classes import field, frozen
from reconciler.model.errors import TEAM_JOURNAL_ADVICE, JournalError
from reconciler.model.text import format_count

_FORMAT, _VERSION = "reconciler.readings", 1
_SUFFIX = ".jsonl.gz"
_MERGED = "merged "
"""The beginning of the name under which the cache has the time of an object that was merged."""

_MAX_LINE_BYTES = 2**20
_MAX_VERSION = 2**63 - 1
"""The largest version of a thing in AWS, and the largest number in the cache."""

_MAX_LINES = 2_000_000
_MAX_BYTES = 2**30
"""The limits of one object; a million things take 200 MB."""

_DAY_SECONDS = 86400.0

_encode = msgspec.json.Encoder().encode


class _Head(msgspec.Struct):
    """The first line of an object: the time of its readings, and the time since when readings are trusted."""

    format: str
    version: int
    scope: str
    read_at: float
    trusted_since: float


class _Reading(msgspec.Struct, tag="thing"):
    """The edges of a thing; the fields are those of `RememberedThing`."""

    name: str
    version: Annotated[int, msgspec.Meta(ge=0, le=_MAX_VERSION)]
    desired_digest: str
    principals: str
    read_at: float


class _Write(msgspec.Struct, tag="write"):
    """A thing that a run writes to, and the end of the run."""

    name: str
    until: float


_Line: TypeAlias = _Reading | _Write

_decode_head = msgspec.json.Decoder(_Head).decode
_decode_line = msgspec.json.Decoder(_Line).decode


@frozen
class SharedReadings:
    """The readings of one workspace in one registry, in a store of a team.

    `run` is a text that no other run has.
    """

    store: RunStore
    scope: CacheScope
    max_age_seconds: float
    run: str = field(factory=lambda: secrets.token_hex(8))

    def pull(self, cache: ReadingCache, now: float) -> list[str]:
        """Add the readings of other runs to the cache, and return a warning for each object that is not valid.

        An object that cannot be read does not keep the others from being used. The checkpoint of the feed becomes that of the oldest
        reading. Raises CacheError and JournalError.
        """
        warnings: list[str] = []
        unreadable: list[str] = []
        with _convert_errors(self.store.name):
            keys = sorted(self.store.list_keys(self._folder))
        for key in keys:
            time = _parse_time(key.removeprefix(self._folder))
            if time is None or cache.read_time(_MERGED + key) is not None:
                continue
            if time < now - self.max_age_seconds - _DAY_SECONDS:
                with suppress(OSError):  # the file of another user, for example: its owner deletes it
                    self.store.delete(key)
                continue
            try:
                content = self.store.read(key)
            except FileNotFoundError:  # another run has deleted it since it was listed
                continue
            except OSError as error:
                unreadable.append(f"{self.store.name}/{key} cannot be read: {error.strerror or error}")
                continue
            try:
                self._merge(cache, content)
            except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
                warnings.append(
                    f"{self.store.name}/{key} has no readings and is ignored; delete it ({error})"
                )
            cache.write_times(**{_MERGED + key: now})
        return [*warnings, *_summarize(unreadable)]

    def push(self, cache: ReadingCache, now: float) -> None:
        """Write what this run read at `now`. Raises CacheError and JournalError."""
        lines = [
            _Reading(
                thing.name, thing.version, thing.desired_digest, thing.principals.decode(), thing.read_at
            )
            for thing in cache.iterate_things()
            if thing.read_at == now
        ]
        if lines:
            self._write(cache, self._build_key(now, "read"), now, lines)

    def push_writes(self, cache: ReadingCache, names: Iterable[str], start: float, end: float | None) -> None:
        """Write the names of the things that a run writes to; `end` is None until it has ended.

        Raises CacheError and JournalError.
        """
        start_key = self._build_key(start, "writing")
        if end is None:
            self._write(cache, start_key, start, [_Write(name, BEING_WRITTEN) for name in sorted(names)])
            return
        self._write(
            cache, self._build_key(end, "written"), end, [_Write(name, end) for name in sorted(names)]
        )
        with _convert_errors(self.store.name):
            self.store.delete(start_key)

    @property
    def _folder(self) -> str:
        target = self.scope.target
        return f"{self.scope.workspace}/{target.account}-{target.region}/readings/"

    def _build_key(self, time: float, state: str) -> str:
        return f"{self._folder}{time:.0f}-{self.run}-{state}{_SUFFIX}"

    def _merge(self, cache: ReadingCache, content: bytes) -> None:
        """Add the readings in the content of an object, unless they are of another scope.

        Raises ValueError and what reading compressed content raises, too.
        """
        lines = _iterate_lines(content)
        head = _decode_head(next(lines, b""))
        if (head.format, head.version) != (_FORMAT, _VERSION):
            raise ValueError("another format")
        if head.scope != self.scope.format():
            return
        things, writes = [], {}
        for line in map(_decode_line, lines):
            if isinstance(line, _Write):
                writes[line.name] = line.until
            else:
                things.append(
                    RememberedThing(
                        line.name, line.version, line.desired_digest, line.principals.encode(), line.read_at
                    )
                )
        cache.store(things)
        cache.mark_written(writes)
        if things:
            checkpoint, trusted_since = cache.read_time(CHECKPOINT), cache.read_time(TRUSTED_SINCE) or 0.0
            times = {
                CHECKPOINT: head.read_at if checkpoint is None else min(checkpoint, head.read_at),
                TRUSTED_SINCE: max(trusted_since, head.trusted_since),
            }
            cache.write_times(**times)

    def _write(self, cache: ReadingCache, key: str, now: float, lines: Iterable[_Line]) -> None:
        head = _Head(_FORMAT, _VERSION, self.scope.format(), now, cache.read_time(TRUSTED_SINCE) or 0.0)
        content = io.BytesIO()
        with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
            for line in (head, *lines):
                file.write(_encode(line) + b"\n")
        with _convert_errors(self.store.name):
            self.store.write(key, content.getvalue())


def _parse_time(name: str) -> float | None:
    """Return the time in the name of an object, or None for another object."""
    time = name.partition("-")[0]
    is_readings = name.endswith(_SUFFIX) and time.isdecimal() and time.isascii()
    return float(time) if is_readings else None


def _summarize(problems: Sequence[str]) -> Iterator[str]:
    """Yield one text for all objects that cannot be read, because usually all have the same reason."""
    if problems:
        others = (
            f"; {format_count(len(problems) - 1, 'more object')} cannot be read" if len(problems) > 1 else ""
        )
        yield f"{problems[0]}; check who may read there{others}"


def _iterate_lines(content: bytes) -> Iterator[bytes]:
    """Yield the lines of compressed content, of which it may have a limited number."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        bytes_left = _MAX_BYTES
        for _ in range(_MAX_LINES):
            line = file.readline(_MAX_LINE_BYTES)
            if not line:
                return
            bytes_left -= len(line)
            if bytes_left < 0:
                break
            yield line
    raise ValueError("too large")


@contextmanager
def _convert_errors(name: str) -> Iterator[None]:
    """Convert errors of the file system to JournalError; `name` is that of the store or of an object."""
    try:
        yield
    except OSError as error:
        raise JournalError(name, f"cannot be used: {error.strerror or error}", TEAM_JOURNAL_ADVICE) from error
