"""Formatting of one value: short, accurate, and escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.model.call import Deferred
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem, has_private_key
from reconciler.model.redaction import REDACTED
from reconciler.model.resource import NotCompared
from reconciler.model.secret import KeySecret, Secret, SecretDigest
from reconciler.model.text import escape_invisible, format_count
from reconciler.render.views.format_document import format_document_lines, parse_json_object
from reconciler.render.views.value_structure import has_own_text, is_table, to_plain

_BARE = re.compile(r"[\w./:@%+=#,*-]+")
"""Text that needs no quotes."""

_PEM_BLOCK = re.compile(
    r"\s*-----BEGIN (?P<label>(?:NEW )?CERTIFICATE REQUEST|PUBLIC KEY)-----(?P<content>[A-Za-z0-9+/=\s]+)"
    r"-----END (?P=label)-----\s*"
)
"""One certificate signing request, or one public key."""

_MAX_DOCUMENT_LENGTH = 120
"""Documents that are longer when formatted are shown in several lines."""

_MAX_NAMES_LENGTH = 40
"""The names of a document's members are only shown above its lines if they are not longer."""

_CONTEXT_LENGTH = 12
"""Characters shown before the first difference of two truncated values."""


@frozen
class ValueView:
    """A value as people read it.

    `is_placeholder` is true for words in the place of a value that is absent or not shown, such as "none", "(sensitive)" or
    "(known after apply)". `lines` are a long document, table or list in full, as indented JSON; `text` then names only its members.
    """

    text: str
    is_placeholder: bool = False
    lines: tuple[str, ...] = ()


REDACTED_VALUE = ValueView(REDACTED, is_placeholder=True)
KNOWN_AFTER_APPLY = "(known after apply)"


def format_value(value: Any) -> ValueView:
    """Format any value of a spec or of a request; a long document, table or list has several lines.

    An object of a class that is not treated here is formatted by the class's own `__str__`, or else by its fields.
    """
    match value:
        case str():
            return _format_long_text(value)
        case Document() if value.is_valid:
            return _format_document(value)
        case _ if isinstance(value, list | tuple) or is_table(value):
            return format_document_part(value)
        case _:
            return _format_in_one_line(value)


@lru_cache(maxsize=4096)  # the calls of a fleet have the same names, and its CA, many times
def _format_long_text(value: str) -> ValueView:
    document = None
    if len(value) > _MAX_DOCUMENT_LENGTH and not _is_secret_text(value):
        document = parse_json_object(value)
    return _format_in_lines(document) if document else _format_text(value)


def _format_in_one_line(value: Any) -> ValueView:
    match value:
        case str():
            return _format_text(value)
        case dict() | list() | tuple():  # before the abstract classes, whose checks are slow
            return _format_collection(value)
        case Secret() | SecretDigest():
            return REDACTED_VALUE
        case None:
            return _build_placeholder("none")
        case NotCompared():
            return _build_placeholder(value.value)
        case Deferred():
            return _build_placeholder(
                escape_invisible(str(value)) if has_own_text(type(value)) else KNOWN_AFTER_APPLY
            )
        case bool():
            return ValueView("true" if value else "false")
        case Mapping():
            return _format_collection(value)
        case _:
            return _format_object(value)


def format_optional(value: Any, *, redact: bool = False) -> ValueView | None:
    """Format a value that may be absent; with `redact`, a present value is shown as sensitive."""
    if value is None:
        return None
    return REDACTED_VALUE if redact else format_value(value)


def truncate_pair(before: str, after: str, max_length: int) -> tuple[str, str]:
    """Truncate each of two values to about `max_length` characters; keep their first difference visible."""
    if len(before) <= max_length and len(after) <= max_length:
        return before, after
    differences = (index for index, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
    first_difference = next(differences, min(len(before), len(after)))
    is_far = first_difference > max_length - _CONTEXT_LENGTH
    start = max(0, first_difference - _CONTEXT_LENGTH) if is_far else 0
    return truncate(before, max_length, start), truncate(after, max_length, start)


def truncate(text: str, max_length: int, start: int = 0) -> str:
    """Return text of up to `max_length` characters as it is, and shorten longer text.

    Longer text becomes at most `max_length` of its characters from `start`, followed by the length of the whole text.
    """
    if len(text) <= max_length:
        return text
    head = "…" if start else ""
    tail = "…" if start + max_length < len(text) else ""
    return f"{head}{text[start : start + max_length]}{tail} ({len(text):,} characters)"


def truncate_all(texts: Sequence[str], max_length: int) -> Sequence[str]:
    """Truncate each of several texts, except those that would then look like another one."""
    beginnings = Counter(text[:max_length] for text in set(texts))
    return [text if beginnings[text[:max_length]] > 1 else truncate(text, max_length) for text in texts]


def _build_placeholder(text: str) -> ValueView:
    return ValueView(text, is_placeholder=True)


def _format_object(value: Any) -> ValueView:
    match value:
        case OutputFile():
            name = escape_invisible(value.name)
            return ValueView(name if value.is_written else f"will be written to {name}")
        case KeySecret():
            return ValueView(f"will be stored in the secret {value.name}" if not value.exists else value.name)
        case Document():
            return _format_in_one_line(value.value)
        case _ if is_table(value):
            return _format_collection(to_plain(value))
        case _:
            return ValueView(escape_invisible(str(value)))


def _format_text(value: str) -> ValueView:
    if _BARE.fullmatch(value):  # without spaces, so without PEM
        return REDACTED_VALUE if SecretDigest.parse(value) else ValueView(escape_invisible(value))
    if _is_secret_text(value):
        return REDACTED_VALUE
    description = _describe_pem(value)
    if description:
        return ValueView(description)
    value = _compact_json(value)
    if '"' in value and "'" not in value and value.isprintable():
        return ValueView(f"'{value}'")  # a literal string, as in TOML, where nothing is escaped
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return ValueView(f'"{escape_invisible(escaped)}"')


def _is_secret_text(value: str) -> bool:
    return has_private_key(value) or SecretDigest.parse(value) is not None


def _describe_certificate(value: str) -> str:
    """Describe one certificate by its SHA-256; return an empty string for other text."""
    if not value.startswith("-----BEGIN CERTIFICATE-----"):
        return ""
    try:
        return str(Pem.parse(value))
    except ValueError:
        return ""


def _describe_pem(value: str) -> str:
    """Describe a certificate, a signing request or a public key by its SHA-256; "" for other text."""
    if "-----BEGIN" not in value:
        return ""
    block = _PEM_BLOCK.fullmatch(value)
    if not block:
        return _describe_certificate(value)
    try:
        der = base64.b64decode(block["content"])
    except ValueError:
        return ""
    name = "CSR" if block["label"].endswith("REQUEST") else "public key"
    return f"{name} sha256:{hashlib.sha256(der).hexdigest()[:12]}…"


def _compact_json(text: str) -> str:
    """Return a JSON object of several lines as one line, and other text unchanged.

    The line has no white space between the tokens of JSON.
    """
    if not text.startswith("{") or "\n" not in text:
        return text
    try:
        return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _format_collection(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> ValueView:
    if not value:
        return _build_placeholder("none")
    if isinstance(value, Mapping):
        pairs = (
            f"{escape_invisible(str(key))} = {_format_in_one_line(item).text}" for key, item in value.items()
        )
        return ValueView(f"{{ {', '.join(pairs)} }}")
    return ValueView(f"[{', '.join(_format_in_one_line(item).text for item in value)}]")


def format_document_part(value: Any) -> ValueView:
    """Format a part of a document: in one line if it is short, and otherwise in several lines."""
    part = to_plain(value)
    if not isinstance(part, Mapping | list):
        return format_value(part)
    view = _format_in_one_line(part)
    if len(view.text) <= _MAX_DOCUMENT_LENGTH:
        return view
    return _format_in_lines(part)


def _format_document(document: Document) -> ValueView:
    """Format a short document in one line, and a long one in several lines."""
    view = format_document_part(document.value)
    return (
        evolve(view, text=f"{view.text} ({escape_invisible(document.source)})") if document.source else view
    )


def _format_in_lines(value: Mapping[str, Any] | list[Any]) -> ValueView:
    """Format a long value in several lines; its text has its members' names, if short, or its length."""
    lines = format_document_lines(value, _format_leaf)
    if isinstance(value, Mapping):
        names = f"{{ {', '.join(escape_invisible(str(key)) for key in value)} }}"
        return ValueView(names if len(names) <= _MAX_NAMES_LENGTH else "{…}", lines=lines)
    return ValueView(f"[{format_count(len(value), 'item')}]", lines=lines)


def _format_leaf(value: Any) -> str:
    """Format a string in a document as JSON; describe secrets, certificates and other objects."""
    if not isinstance(value, str):
        return _format_in_one_line(value).text
    if _is_secret_text(value):
        return REDACTED
    return _describe_pem(value) or escape_invisible(json.dumps(value, ensure_ascii=False))
