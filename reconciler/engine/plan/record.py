"""A plan written down: plain values that say what would be sent and what was seen, and nothing that is secret.

A value that JSON has no word for becomes an object with one member, whose name begins with `$` and says what it is:

- `{"$secret": "env PUMP_1_CODE"}`: a sensitive value, by its reference;
- `{"$hash": "…"}`: what the registry keeps of one, as a hash of that;
- `{"$ref": {"address": …, "field": …}}` and other parameters that are known only while the plan runs;
- `{"$pem": …}`, `{"$document": …}`, `{"$external": …}`, `{"$whatever": "(not compared)"}` and other values of specs.

A member of a real object that begins with `$` gets another one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

import attrs
import msgspec
from attrs import evolve, frozen

from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete, FieldChange, Forget
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.plan import Step, Target
from reconciler.model.resource import Live, NotCompared
from reconciler.model.secret import Secret, SecretDigest

_WORDS: Mapping[type, str] = {NotCompared: "whatever", OutputFile: "output"}
"""Names of values in digests and saved plans, where they differ from the class's name."""


@frozen(kw_only=True)
class FieldRecord:
    """One attribute that differs. `path` is dotted as in the file; null is absence."""

    path: str
    before: Any
    after: Any
    sensitive: bool = False
    forces_replacement: bool = False


@frozen(kw_only=True)
class CallRecord:
    """One request, complete. `writes` are the files that parts of its answer go into."""

    service: str
    operation: str
    params: Mapping[str, Any]
    output_files: tuple[str, ...] = ()


@frozen(kw_only=True)
class LiveRecord:
    """What was there when the plan was made. `fingerprint` is a SHA-256 over all of it."""

    identity: str
    version: int | None
    owner: str | None
    fingerprint: str


@frozen(kw_only=True)
class ChangeRecord:
    """One change. `seen` is null where nothing was there; `origin` is file and line, null for what the file no longer has."""

    address: str
    action: str
    origin: str | None
    live: LiveRecord | None
    fields: tuple[FieldRecord, ...]
    calls: tuple[CallRecord, ...]
    dependencies: tuple[str, ...]


def to_change_records(steps: Iterable[Step]) -> tuple[ChangeRecord, ...]:
    """The steps of a plan, in its order."""
    return tuple(map(_change, steps))


def compute_digest(workspace: str, target: Target, steps: Iterable[Step]) -> str:
    """The SHA-256 of what would be sent and where, and of what was seen. Two plans with one digest send the same.

    Secrets stand as their references: which value a reference yields is not in it, and so nothing can be guessed from it.
    Where in the file a change comes from is not in it either.
    """
    head, tail = msgspec.json.encode([workspace, attrs.asdict(target), []], order="sorted"), b"]]"
    whole = hashlib.sha256(head.removesuffix(tail))
    for number, change in enumerate(map(_change, steps)):  # as one list, and never all of it at once
        whole.update(b"," if number else b"")
        whole.update(msgspec.json.encode(evolve(change, origin=None), order="sorted"))
    whole.update(tail)
    return whole.hexdigest()


def to_json_values(value: Any) -> Any:
    """Any value of a spec or of a request as JSON has it."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _text(value)
        case Mapping():
            return {_escaped(str(key)): to_json_values(value[key]) for key in sorted(value, key=str)}
        case list() | tuple():
            return [to_json_values(item) for item in value]
        case _:
            return _tagged(value)


def _tagged(value: Any) -> Any:
    """What JSON has no word for."""
    match value:
        case Secret():
            return {"$secret": value.reference}
        case SecretDigest():
            return {"$hash": _sha256(str(value))[:16]}
        case Document():
            return {"$document": json.loads(value.canonical)}
        case Enum():
            return {f"${_word(type(value))}": value.value}
        case Address():
            return str(value)
        case _ if attrs.has(type(value)):
            return {
                f"${_word(type(value))}": {
                    name: to_json_values(getattr(value, name)) for name in _meant(type(value))
                }
            }
        case _:
            return str(value)


def find_secrets(value: Any) -> Iterator[Secret]:
    """Every secret in a value, wherever in it."""
    match value:
        case Secret():
            yield value
        case Mapping():
            for item in value.values():
                yield from find_secrets(item)
        case list() | tuple():
            for item in value:
                yield from find_secrets(item)
        case _ if attrs.has(type(value)):
            for name in _meant(type(value)):
                yield from find_secrets(getattr(value, name))


def _change(step: Step) -> ChangeRecord:
    change = step.change
    return ChangeRecord(
        address=str(step.address),
        action=change.action,
        origin=_origin(change),
        live=_seen(step.precondition) if step.precondition else None,
        fields=tuple(map(_field, change.fields)),
        calls=tuple(map(_call, step.calls)),
        dependencies=tuple(map(str, sorted(step.dependencies))),
    )


def _origin(change: Change) -> str | None:
    match change:
        case Delete():
            return None
        case Forget():
            return str(change.origin)
        case _:
            return str(change.resource.origin)


def _seen(live: Live) -> LiveRecord:
    whole = msgspec.json.encode(
        to_json_values([live.identity, live.version, live.owner, live.spec]), order="sorted"
    )
    return LiveRecord(
        identity=live.identity,
        version=live.version,
        owner=live.owner,
        fingerprint=hashlib.sha256(whole).hexdigest(),
    )


def _field(field: FieldChange) -> FieldRecord:
    return FieldRecord(
        path=field.path,
        before=to_json_values(field.before),
        after=to_json_values(field.after),
        sensitive=field.sensitive,
        forces_replacement=field.forces_replacement,
    )


def _call(call: ApiCall) -> CallRecord:
    return CallRecord(
        service=call.service,
        operation=call.operation,
        params={name: to_json_values(value) for name, value in call.params.items()},
        output_files=tuple(str(save.file) for save in call.output_files),
    )


def _text(text: str) -> str | Mapping[str, str]:
    """As it is, but for a private key that stands where none belongs, and for what UTF-8 cannot say."""
    if "PRIVATE KEY-----" in text:
        return {"$hash": _sha256(text)[:16]}
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _escaped(key: str) -> str:
    return f"${key}" if key.startswith("$") else key


def _meant(sort: type) -> tuple[str, ...]:
    """The attributes that make a value of a class what it is: where it was read from is none of them."""
    return tuple(field.name for field in attrs.fields(sort) if field.eq)


def _word(sort: type) -> str:
    if sort in _WORDS:
        return _WORDS[sort]
    """Return the name of a class in plan files and digests: its `stored_name`, or its own name in snake case."""
    stored_name: str | None = getattr(sort, "stored_name", None)
    return stored_name or re.sub(r"(?<!^)(?=[A-Z])", "_", sort.__name__).lower()
