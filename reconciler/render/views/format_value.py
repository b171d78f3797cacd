"""How one value reads: short, truthful and inert."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen

from reconciler.model.call import Deferred
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.redaction import REDACTED
from reconciler.model.resource import NotCompared
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.text import visible as visible  # noqa: PLC0414 (offered from here, too)

_BARE = re.compile(r"[\w./:@%+=#,*-]+")
_REQUEST = re.compile(
    r"\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*"
)
_SHORT_DOCUMENT = 120


@frozen
class ValueView:
    """A value as people read it. `quiet` marks words of ours in its place: "(sensitive)", "(known after apply)"."""

    text: str
    is_placeholder: bool = False


REDACTED_VALUE = ValueView(REDACTED, is_placeholder=True)
KNOWN_AFTER_APPLY = "(known after apply)"


def format_value(value: Any) -> ValueView:
    """Any value of a spec or of a request. A value class with words of its own is told in those."""
    match value:
        case Secret() | SecretDigest():
            return REDACTED_VALUE
        case None | NotCompared():
            return ValueView("none" if value is None else value.value, is_placeholder=True)
        case bool():
            return ValueView("true" if value else "false")
        case str():
            return _text(value)
        case Deferred():
            return ValueView(
                visible(str(value)) if _speaks(value) else KNOWN_AFTER_APPLY, is_placeholder=True
            )
        case OutputFile():
            name = visible(value.name)
            return ValueView(f"will be written to {name}" if value.content is None else name)
        case Document():
            return _document(value)
        case Mapping() | list() | tuple():
            return _collection(value)
        case _ if attrs.has(type(value)) and not _speaks(value):
            return _collection({name: item for name, item in _fields(value) if item is not None})
        case _:
            return ValueView(visible(str(value)))


def format_optional(value: Any, *, hide: bool = False) -> ValueView | None:
    """A value where there may be none; with `hide`, nothing of it is shown."""
    return None if value is None else REDACTED_VALUE if hide else format_value(value)


def flatten_spec(spec: Any) -> Iterator[tuple[str, Any]]:
    """Every leaf of a spec by its dotted path in the file, in the order in which the kind declares them."""
    for name, value in _fields(spec):
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in sorted(value.items()))
        elif attrs.has(type(value)) and not _speaks(value):
            yield from ((f"{name}.{path}", item) for path, item in flatten_spec(value))
        else:
            yield name, value


def truncate_pair(before: str, after: str, room: int) -> tuple[str, str]:
    """Both cut to about `room` characters, so that where they first differ is still seen; what was cut is counted."""
    if len(before) <= room and len(after) <= room:
        return before, after
    same = next(
        (place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other),
        min(len(before), len(after)),
    )
    start = max(0, same - 12) if same > room - 12 else 0
    return truncate(before, room, start), truncate(after, room, start)


def truncate(text: str, room: int, start: int = 0) -> str:
    """At most `room` characters from `start`, saying how many there are in all."""
    if len(text) <= room:
        return text
    tail = "…" if start + room < len(text) else ""
    return f"{'…' if start else ''}{text[start : start + room]}{tail} ({len(text):,} characters)"


def _text(value: str) -> ValueView:
    if "PRIVATE KEY-----" in value or SecretDigest.parse(value):
        return REDACTED_VALUE
    if value.startswith("-----BEGIN CERTIFICATE-----"):
        try:
            return ValueView(str(Pem.parse(value)))
        except ValueError:
            pass  # not one certificate: shown as the text it is
    if request := _REQUEST.fullmatch(value):
        try:
            der = base64.b64decode(request[1])
        except ValueError:
            pass
        else:
            return ValueView(f"a signing request, sha256:{hashlib.sha256(der).hexdigest()[:12]}…")
    if _BARE.fullmatch(value):
        return ValueView(visible(value))
    value = _in_one_line(value)
    if (
        '"' in value and "'" not in value and value.isprintable()
    ):  # as TOML has it: what is in there is as it is
        return ValueView(f"'{value}'")
    return ValueView('"' + visible(value.replace("\\", "\\\\").replace('"', '\\"')) + '"')


def _in_one_line(text: str) -> str:
    """JSON without the spaces and line breaks between its parts; any other text as it is."""
    if not text.startswith("{") or "\n" not in text:
        return text
    try:
        return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _speaks(value: Any) -> bool:
    return any("__str__" in vars(base) for base in type(value).__mro__[:-1])


def _collection(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> ValueView:
    if not value:
        return ValueView("none", is_placeholder=True)
    if isinstance(value, Mapping):
        pairs = (f"{visible(str(key))} = {format_value(item).text}" for key, item in value.items())
        return ValueView(f"{{ {', '.join(pairs)} }}")
    return ValueView(f"[{', '.join(format_value(item).text for item in value)}]")


def _document(value: Document) -> ValueView:
    """Whole where that is short, else what its parts are called."""
    whole = _collection(value.value).text
    if len(whole) > _SHORT_DOCUMENT:
        whole = f"{{ {', '.join(visible(str(key)) for key in value.value)} }}"
    return ValueView(f"{whole} ({visible(value.source)})" if value.source else whole)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(value, field.name)) for field in attrs.fields(type(value)))
