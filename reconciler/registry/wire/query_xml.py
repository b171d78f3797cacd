"""Output or error → XML, for the query protocol.

Invariant: a document is valid XML for all values; a character that XML cannot contain is replaced with U+FFFD.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from reconciler.frozen_classes import frozen
from reconciler.registry.http import generate_request_id

# Returns the content of an element.
Writer = Callable[[Any], str]

_CONTENT_TYPE = "text/xml"
_INVALID_CHARACTER = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""A pattern that takes long to compile, so `re` compiles it when it is first used."""
_MIN_FAULT_STATUS = 500


@frozen
class XmlSerializer:
    """The serializer of one operation's outputs, compiled once by `compile_xml_serializer`."""

    operation: str
    namespace: str
    write: Writer

    def serialize(self, output: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body."""
        request_id = generate_request_id()
        result = _format_element(f"{self.operation}Result", self.write(output))
        metadata = _format_element("ResponseMetadata", _format_element("RequestId", request_id))
        return _build_response(
            200, f"{self.operation}Response", self.namespace, result + metadata, request_id
        )


def compile_xml_serializer(model: OperationModel) -> XmlSerializer:
    """Compile the serializer of one operation from its model."""
    return XmlSerializer(model.name, _get_namespace(model.service_model), _build_writer(model.output_shape))


def format_xml_error(
    model: ServiceModel, status: int, code: str, message: str
) -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers and body of an error."""
    request_id = generate_request_id()
    sender = "Receiver" if status >= _MIN_FAULT_STATUS else "Sender"
    members = {"Type": sender, "Code": code, "Message": _escape(message)}
    error = _format_element("Error", _format_elements(members))
    content = error + _format_element("RequestId", request_id)
    status, headers, body = _build_response(
        status, "ErrorResponse", _get_namespace(model), content, request_id
    )
    return status, {**headers, "x-amzn-ErrorType": code}, body


def _get_namespace(model: ServiceModel) -> str:
    return str(model.metadata["xmlNamespace"])


def _build_response(
    status: int, root: str, namespace: str, content: str, request_id: str
) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": _CONTENT_TYPE, "x-amzn-RequestId": request_id}
    return status, headers, f'<{root} xmlns="{namespace}">{content}</{root}>'.encode()


def _build_writer(shape: Shape) -> Writer:
    if isinstance(shape, StructureShape):
        return _build_structure_writer(shape)
    if isinstance(shape, ListShape):
        write = _build_writer(shape.member)
        return lambda values: "".join(_format_element("member", write(value)) for value in values)
    return _WRITERS.get(shape.type_name, _escape)


def _build_structure_writer(shape: StructureShape) -> Writer:
    writers = {name: _build_writer(member) for name, member in shape.members.items()}
    return lambda values: _format_elements({name: writers[name](value) for name, value in values.items()})


def _format_elements(contents: Mapping[str, str]) -> str:
    return "".join(_format_element(name, content) for name, content in contents.items())


def _format_element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _escape(value: Any) -> str:
    text = re.sub(_INVALID_CHARACTER, "\ufffd", str(value))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _write_timestamp(value: datetime | float) -> str:
    time = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    return time.isoformat().replace("+00:00", "Z")


_WRITERS: dict[str, Writer] = {
    "timestamp": _write_timestamp,
    "boolean": lambda value: "true" if value else "false",
}
