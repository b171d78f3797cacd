"""A plan as JSON values: what would be sent and what was read, without any secret.

An address becomes a text. Another value without a JSON equivalent becomes an object with one member, which is named `$` and the
value's type:

- `{"$secret": "env PUMP_1_CODE"}`: a sensitive value, as its reference;
- `{"$hash": "…"}`: the hash of a private key, or of a secret's salted hash in the registry, which is hashed once more;
- `{"$ref": {"address": …, "field": …}}`, and other parameters whose values are known only during the apply;
- `{"$pem": …}`, `{"$document": …}`, `{"$external": …}`, `{"$not_compared": "(not compared)"}`, and other values of specs.

If the name of a member in a map begins with `$`, another `$` is put in front of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

import attrs
import msgspec

from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete, FieldChange, Forget
from reconciler.model.document import Document
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.pem import has_private_key
from reconciler.model.plan import Step, Target, UnmanagedResources
from reconciler.model.resource import Live
from reconciler.model.secret import Secret, SecretDigest


@frozen(kw_only=True)
class FieldRecord:
    """One field that differs.

    - `path`: dotted as in the file; differences in ownership and in names have paths of their own, such as `renamed`;
    - `before`: the live value, null if the field is absent; a reference or a hash if the value is a secret;
    - `after`: the desired value, null if the field is absent; a reference or a hash if the value is a secret;
    - `sensitive`: whether the value is a secret;
    - `forces_replacement`: whether the resource is replaced because of this field.
    """

    path: str
    before: Any
    after: Any
    sensitive: bool = False
    forces_replacement: bool = False


@frozen(kw_only=True)
class CallRecord:
    """One complete request.

    `service` and `operation` are boto3's names, such as "iot" and "CreateThing"; `params` are its parameters. `output_files` are
    the files that parts of its response are written to.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    output_files: tuple[str, ...] = ()


@frozen(kw_only=True)
class LiveRecord:
    """A live resource when the plan was made.

    `identity` is AWS's ID. `version` is for AWS's `expectedVersion`, null if the API has none. `owner` is the workspace that
    manages it, or null. `fingerprint` is a SHA-256 over these members and its spec.
    """

    identity: str
    version: int | None
    owner: str | None
    fingerprint: str


@frozen(kw_only=True, slots=True)
class ChangeRecord:
    """One change.

    `action` is "create", "update", "replace", "delete" or "forget". `live` is null if the resource did not exist. `fields` are the
    fields that differ; `calls` are sent in this order. `origin` is the file and line of its table or of its `[[removed]]` entry,
    "[workspace]:1" for an ownership marker, and null for a deletion. `dependencies` are the addresses of the changes that must be
    applied before this one.
    """

    address: str
    action: str
    origin: str | None
    live: LiveRecord | None
    fields: tuple[FieldRecord, ...]
    calls: tuple[CallRecord, ...]
    dependencies: tuple[str, ...]


@frozen(kw_only=True)
class UnmanagedRecord:
    """The resources in one of AWS's listings that the workspace does not manage.

    `kinds` are the kinds that they can have: AWS lists static and dynamic thing groups together. `ids` are AWS's IDs, sorted.
    `complete` is whether the listing was read to its end.
    """

    kinds: tuple[str, ...]
    ids: tuple[str, ...]
    complete: bool


def to_unmanaged_records(unmanaged: Iterable[UnmanagedResources]) -> tuple[UnmanagedRecord, ...]:
    """Return unmanaged resources as records."""
    return tuple(
        UnmanagedRecord(kinds=resources.tables, ids=resources.ids, complete=resources.is_complete)
        for resources in unmanaged
    )


def to_change_records(steps: Sequence[Step]) -> Sequence[ChangeRecord]:
    """Return the steps of a plan as records, in the plan's order."""
    return LazySequence(lambda step: _to_change_record(step, _format_origin(step.change)), steps)


class DigestBuilder:
    """Computes the digest of a plan: the SHA-256 of what would be sent and where, and of what was read.

    Plans with the same digest send the same calls, apart from the values of secrets: these are included as their references, so
    that the digest reveals nothing about the values. It does not depend on line numbers in the file either.
    """

    def __init__(self, workspace: str, target: Target) -> None:
        # The JSON of [workspace, target, [change, …]], hashed piece by piece to save memory.
        self._encode = msgspec.json.Encoder(order="sorted").encode
        head = self._encode([workspace, attrs.asdict(target), []])
        self._digest = hashlib.sha256(head.removesuffix(_DIGEST_END))
        self._separator = b""

    def add(self, step: Step) -> None:
        """Add the next step."""
        self._digest.update(self._separator)
        self._digest.update(self._encode(_to_change_record(step, origin=None)))
        self._separator = b","

    def complete(self) -> str:
        """Return the digest of all steps."""
        self._digest.update(_DIGEST_END)
        return self._digest.hexdigest()


_DIGEST_END = b"]]"


def to_json_values(value: Any) -> Any:
    """Return any value of a spec or of a request as JSON values."""
    match value:
        case str():
            return _to_text(value)
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [to_json_values(item) for item in value]
        case dict() | Mapping():  # the check of `dict` alone is fast
            return {_escape_key(str(key)): to_json_values(value[key]) for key in sorted(value, key=str)}
        case _:
            return _to_tagged_value(value)


def _to_tagged_value(value: Any) -> Any:
    """Return the JSON form of a value without a JSON equivalent: an object with a `$` tag, or a text."""
    match value:
        case Secret():
            return {"$secret": value.reference}
        case SecretDigest():
            return {"$hash": _compute_short_hash(str(value))}
        case Document():
            return {"$document": json.loads(value.canonical)}
        case Enum():
            return {f"${_find_tag(type(value))}": value.value}
        case Address():
            return str(value)
        case _ if attrs.has(type(value)):
            value_type: type = type(value)
            names = _list_compared_attributes(value_type)
            return {
                f"${_find_tag(value_type)}": {name: to_json_values(getattr(value, name)) for name in names}
            }
        case _:
            return str(value)


def _to_change_record(step: Step, origin: str | None) -> ChangeRecord:
    change = step.change
    return ChangeRecord(
        address=str(step.address),
        action=change.action,
        origin=origin,
        live=_to_live_record(step.precondition) if step.precondition else None,
        fields=tuple(map(to_field_record, change.fields)),
        calls=tuple(map(_to_call_record, step.calls)),
        dependencies=tuple(map(str, sorted(step.dependencies))),
    )


def _format_origin(change: Change) -> str | None:
    match change:
        case Delete():
            return None
        case Forget():
            return str(change.origin) if change.origin else None
        case _:
            return str(change.resource.origin)


def _to_live_record(live: Live) -> LiveRecord:
    values = to_json_values([live.identity, live.version, live.owner, live.spec])
    return LiveRecord(
        identity=live.identity,
        version=live.version,
        owner=live.owner,
        fingerprint=hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest(),
    )


def to_field_record(field: FieldChange) -> FieldRecord:
    """Return a field that differs as a record."""
    return FieldRecord(
        path=field.path,
        before=to_json_values(field.before),
        after=to_json_values(field.after),
        sensitive=field.sensitive,
        forces_replacement=field.forces_replacement,
    )


def _to_call_record(call: ApiCall) -> CallRecord:
    return CallRecord(
        service=call.service,
        operation=call.operation,
        params={name: to_json_values(value) for name, value in call.params.items()},
        output_files=tuple(str(output.file) for output in call.output_files),
    )


def _to_text(text: str) -> str | Mapping[str, str]:
    """Return the text, escaped where UTF-8 cannot encode it; a misplaced private key becomes a hash."""
    if has_private_key(text):
        return {"$hash": _compute_short_hash(text)}
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _compute_short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _escape_key(key: str) -> str:
    return f"${key}" if key.startswith("$") else key


@cache
def _list_compared_attributes(value_type: type) -> tuple[str, ...]:
    """Return the attributes that are compared for equality; the source of a value is not one of them."""
    return tuple(attribute.name for attribute in attrs.fields(value_type) if attribute.eq)


@cache
def _find_tag(value_type: type) -> str:
    """Return the tag of a class in plan files and digests: `stored_name`, or its name in snake case."""
    stored_name: str | None = getattr(value_type, "stored_name", None)
    return stored_name or re.sub(r"(?<!^)(?=[A-Z])", "_", value_type.__name__).lower()
