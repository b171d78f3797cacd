"""Output → response: status, headers and body, according to the model.

The bodies are JSON here; `query_xml` has the XML of the query protocol.

Invariant: a member that its shape does not have is an internal error and raises KeyError. Only at the top of an output it is
ignored, if the output has no shape or its shape has a `payload`. A member that is None is omitted. Timestamps are passed as seconds since the
epoch or as datetimes.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from reconciler.frozen_classes import frozen
from reconciler.registry.wire.query_xml import compile_xml_serializer

Writer = Callable[[Any], Any]
_MILLISECOND_DIGITS = 3

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Serializer(Protocol):
    """The serializer of one operation's outputs."""

    def serialize(self, output: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body."""


@frozen
class OutputSerializer:
    """The serializer of one operation's outputs in JSON, compiled once by `compile_serializer`.

    `headers` has the member, the header and the writer of each member that is sent as a header. `status_member` is the
    member that is sent as the HTTP status in place of `status`, or None. `body` writes the JSON document, and is None when
    there is no body. `payload` is the member that is the whole body; None when members are parts of it.
    """

    content_type: str
    status: int
    headers: tuple[tuple[str, str, Writer], ...]
    status_member: str | None
    body: Writer | None
    payload: str | None

    def serialize(self, output: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body."""
        status, headers, rest = self.status, {}, dict(output)
        if self.status_member is not None:
            status = int(rest.pop(self.status_member, status))
        for member, header, write in self.headers:
            if (value := rest.pop(member, None)) is not None:
                headers[header] = write(value)
        if self.body is None:
            return status, headers, b""
        document = rest.get(self.payload) if self.payload is not None else rest
        headers["Content-Type"] = self.content_type
        return status, headers, _encode(self.body(document or {})).encode()


def compile_serializer(model: OperationModel) -> Serializer:
    """Compile the serializer of one operation from its model."""
    if model.service_model.metadata["protocol"] == "query":
        return compile_xml_serializer(model)
    content_type = find_content_type(model.service_model)
    status = int(model.http.get("responseCode", 200))
    shape = model.output_shape
    if shape is None:
        return OutputSerializer(content_type, status, headers=(), status_member=None, body=None, payload=None)
    payload = shape.serialization.get("payload")
    locations = {name: member.serialization.get("location") for name, member in shape.members.items()}
    headers = tuple(
        (name, str(shape.members[name].serialization.get("name", name)), str)
        for name, location in locations.items()
        if location == "header"
    )
    status_member = next((name for name, location in locations.items() if location == "statusCode"), None)
    in_body = {name for name, location in locations.items() if location is None}
    body = (
        _build_json_writer(shape.members[payload])
        if payload is not None
        else _build_structure_writer(shape, {}, only=in_body)
    )
    return OutputSerializer(content_type, status, headers, status_member, body, payload)


def find_content_type(service_model: ServiceModel) -> str:
    """Return the type of the documents that a service sends."""
    version = service_model.metadata.get("jsonVersion")
    return f"application/x-amz-json-{version}" if version else "application/json"


def compile_error_writer(shape: Shape) -> Writer:
    """Compile the writer of an error shape's members."""
    return _build_json_writer(shape)


def _build_json_writer(shape: Shape, enclosing: dict[str, Writer] | None = None) -> Writer:
    """Return the writer of a shape.

    `enclosing` has the writers of the shapes around it, by the shape's name, for shapes that contain themselves.
    """
    enclosing = enclosing or {}
    if shape.name in enclosing:
        return enclosing[shape.name]
    if isinstance(shape, StructureShape):
        return (
            _write_unchanged if shape.metadata.get("document") else _build_structure_writer(shape, enclosing)
        )
    if isinstance(shape, ListShape):
        return _build_list_writer(_build_json_writer(shape.member, enclosing))
    if isinstance(shape, MapShape):
        return _build_map_writer(_build_json_writer(shape.value, enclosing))
    if shape.type_name == "timestamp":
        return _build_timestamp_writer(shape.serialization.get("timestampFormat", "unixTimestamp"))
    return _write_blob if shape.type_name == "blob" else _write_unchanged


def _build_structure_writer(
    shape: StructureShape, enclosing: dict[str, Writer], only: set[str] | None = None
) -> Writer:
    """Return the writer of a structure, or only of its members in `only`, if this is given."""
    # The name in the document and the writer of each member; filled below, so that a shape can contain itself.
    members: dict[str, tuple[str, Writer]] = {}

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        document = {}
        for name, item in value.items():
            wire_name, write_member = members[name]
            if item is not None:
                document[wire_name] = write_member(item)
        return document

    inner = {**enclosing, shape.name: write}
    members.update(
        (name, (str(member.serialization.get("name", name)), _build_json_writer(member, inner)))
        for name, member in shape.members.items()
        if only is None or name in only
    )
    return write


def _build_list_writer(write: Writer) -> Writer:
    return list if write is _write_unchanged else lambda values: [write(value) for value in values]


def _build_map_writer(write: Writer) -> Writer:
    if write is _write_unchanged:
        return dict
    return lambda values: {key: write(value) for key, value in values.items()}


def _write_unchanged(value: Any) -> Any:
    return value


def _write_blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _build_timestamp_writer(timestamp_format: str) -> Writer:
    def write(value: datetime | float) -> float | str:
        if isinstance(value, datetime):
            value = value.timestamp()
        seconds = round(value, _MILLISECOND_DIGITS)
        if timestamp_format == "iso8601":
            return datetime.fromtimestamp(seconds, UTC).isoformat()
        return int(seconds) if seconds == int(seconds) else seconds

    return write
