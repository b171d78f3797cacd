"""Output → response: status, headers and JSON body, as the model says.

Law: an operation gives exactly members that its output shape has; another one is a fault of ours and raises KeyError. A
member that is None is left out. Timestamps are given as seconds since the epoch or as datetimes.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

Writer = Callable[[Any], Any]
_MILLISECOND = 3


@frozen
class OutputSerializer:
    """The serializer of one operation's outputs, made once by `output_serializer`."""

    status: int
    headers: tuple[tuple[str, str, Writer], ...]
    status_member: str | None
    body: Writer | None
    payload: str | None

    def serialize(self, output: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Give status, headers and body."""
        status, headers, rest = self.status, {}, dict(output)
        if self.status_member is not None:
            status = int(rest.pop(self.status_member, status))
        for member, header, write in self.headers:
            if (value := rest.pop(member, None)) is not None:
                headers[header] = write(value)
        if self.body is None:
            return status, headers, b""
        document = rest.get(self.payload) if self.payload is not None else rest
        headers["Content-Type"] = "application/json"
        return status, headers, json.dumps(self.body(document or {}), separators=(",", ":")).encode()


def output_serializer(model: OperationModel) -> OutputSerializer:
    """Work out the serializer of one operation from its model."""
    status = int(model.http.get("responseCode", 200))
    shape = model.output_shape
    if shape is None:
        return OutputSerializer(status, (), None, None, None)
    payload = shape.serialization.get("payload")
    located = {name: member.serialization.get("location") for name, member in shape.members.items()}
    headers = tuple(
        (name, str(shape.members[name].serialization.get("name", name)), str)
        for name, location in located.items()
        if location == "header"
    )
    status_member = next((name for name, location in located.items() if location == "statusCode"), None)
    in_body = {name for name, location in located.items() if location is None}
    body = _json(shape.members[payload]) if payload is not None else _structure(shape, {}, only=in_body)
    return OutputSerializer(status, headers, status_member, body, payload)


def error_writer(shape: Shape) -> Writer:
    """Work out how the members of an error shape are written."""
    return _json(shape)


def _json(shape: Shape, known: dict[str, Writer] | None = None) -> Writer:
    known = known or {}
    if shape.name in known:
        return known[shape.name]
    if isinstance(shape, StructureShape):
        return _as_it_is if shape.metadata.get("document") else _structure(shape, known)
    if isinstance(shape, ListShape):
        return _list(_json(shape.member, known))
    if isinstance(shape, MapShape):
        return _map(_json(shape.value, known))
    if shape.type_name == "timestamp":
        return _timestamp(shape.serialization.get("timestampFormat", "unixTimestamp"))
    return _blob if shape.type_name == "blob" else _as_it_is


def _structure(shape: StructureShape, known: dict[str, Writer], only: set[str] | None = None) -> Writer:
    members: dict[str, tuple[str, Writer]] = {}

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        document = {}
        for name, item in value.items():
            wire_name, write_member = members[name]
            if item is not None:
                document[wire_name] = write_member(item)
        return document

    below = {**known, shape.name: write}
    members.update(
        (name, (str(member.serialization.get("name", name)), _json(member, below)))
        for name, member in shape.members.items()
        if only is None or name in only
    )
    return write


def _list(write: Writer) -> Writer:
    return list if write is _as_it_is else lambda values: [write(value) for value in values]


def _map(write: Writer) -> Writer:
    return dict if write is _as_it_is else lambda values: {key: write(value) for key, value in values.items()}


def _as_it_is(value: Any) -> Any:
    return value


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _timestamp(written: str) -> Writer:
    def write(value: datetime | float) -> float | str:
        if isinstance(value, datetime):
            value = value.timestamp()
        seconds = round(value, _MILLISECOND)
        if written == "iso8601":
            return datetime.fromtimestamp(seconds, UTC).isoformat()
        return int(seconds) if seconds == int(seconds) else seconds

    return write
