"""Every limit of the service models is enforced in every served operation, with AWS's texts.

The test reads the limits from botocore's shapes with its own code, not the registry's. botocore writes the requests, each with
one violation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from reconciler.registry import HttpRequest, HttpResponse, Registry, catalog
from reconciler.registry.wire.patterns import compile_pattern
from reconciler.registry.wire.service import load_service

MAX_INTEGER = 2**31 - 1
MISMATCH_CANDIDATES = ("§", " ", "\t", "~", "a", "")


@frozen
class Violation:
    """A value that violates one limit: its path, AWS's text for the limit, and the value."""

    path: str
    constraint: str
    value: Any

    @property
    def message(self) -> str:
        return f"at '{self.path}' failed to satisfy constraint: {self.constraint}"


def generate_violations(
    shape: Shape, path: str, location: str | None = None, enclosing: tuple[str, ...] = ()
) -> Iterator[Violation]:
    """Yield every violation of a shape, including those of its members.

    `location` is where the value is sent, such as `uri`, or None for the body. `enclosing` has the names of the shapes
    that contain this one: recursive shapes are not entered twice.
    """
    if shape.name in enclosing or shape.metadata.get("document"):
        return
    inner_enclosing = (*enclosing, shape.name)
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from generate_member_violations(shape, path, name, member, inner_enclosing)
    elif isinstance(shape, ListShape):
        yield from generate_length_violations(shape, path, location)
        for inner in generate_violations(shape.member, f"{path}.1.member", location, inner_enclosing):
            yield Violation(inner.path, inner.constraint, [inner.value])
    elif isinstance(shape, MapShape):
        yield from generate_map_violations(shape, path, location, inner_enclosing)
    else:
        for constraint, value in generate_scalar_limits(shape, location):
            if value is not None:
                yield Violation(path, constraint, value)


def generate_member_violations(
    shape: StructureShape, path: str, name: str, member: Shape, enclosing: tuple[str, ...]
) -> Iterator[Violation]:
    member_name = name[:1].lower() + name[1:]  # as AWS writes it in error texts
    inner_path = f"{path}.{member_name}" if path else member_name
    location = member.serialization.get("location")
    if name in shape.required_members and location != "uri":
        yield Violation(inner_path, "Member must not be null", {})
    for inner in generate_violations(member, inner_path, location, enclosing):
        yield Violation(inner.path, inner.constraint, {name: inner.value})


def generate_map_violations(
    shape: MapShape, path: str, location: str | None, enclosing: tuple[str, ...]
) -> Iterator[Violation]:
    yield from generate_length_violations(shape, path, location)
    yield from generate_entry_violations(shape, path)
    if isinstance(shape.value, StructureShape | ListShape | MapShape):
        for inner in generate_violations(shape.value, f"{path}.k.member", None, enclosing):
            yield Violation(inner.path, inner.constraint, {"k": inner.value})


def generate_length_violations(shape: Shape, path: str, location: str | None) -> Iterator[Violation]:
    """Yield lists and maps with too many or too few entries.

    Empty ones are yielded only for the body, because a query cannot contain an empty list.
    """
    maximum, minimum = shape.metadata.get("max"), shape.metadata.get("min")

    def build_value(count: int) -> Any:
        return (
            {f"k{number}": "v" for number in range(count)} if isinstance(shape, MapShape) else ["v"] * count
        )

    if maximum is not None and has_string_items(shape):
        yield Violation(
            path, f"Member must have length less than or equal to {maximum}", build_value(maximum + 1)
        )
    if minimum and not location:
        yield Violation(path, f"Member must have length greater than or equal to {minimum}", build_value(0))


def generate_entry_violations(shape: MapShape, path: str) -> Iterator[Violation]:
    """Yield maps with invalid keys or scalar values, which AWS reports as one error for the whole map."""
    valid_value: Any = {} if isinstance(shape.value, StructureShape) else "v"
    for part, inner in (("keys", shape.key), ("value", shape.value)):
        limits = list(generate_scalar_limits(inner, None))
        constraint = f"Map {part} must satisfy constraint: [{', '.join(limit for limit, _ in limits)}]"
        for value in (invalid for _, invalid in limits if invalid is not None):
            yield Violation(path, constraint, {value: valid_value} if part == "keys" else {"k": value})


def has_string_items(shape: Shape) -> bool:
    inner = shape.value if isinstance(shape, MapShape) else shape.member
    return inner.type_name == "string"


def generate_scalar_limits(shape: Shape, location: str | None) -> Iterator[tuple[str, Any]]:
    """Yield each limit of a scalar with a value that violates it.

    The value is None if no request can contain such a value.
    """
    maximum, minimum = shape.metadata.get("max"), shape.metadata.get("min")
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if shape.type_name in ("integer", "long", "double", "float"):
        if maximum is not None:
            yield (
                f"Member must have value less than or equal to {maximum}",
                maximum + 1 if maximum < MAX_INTEGER else None,
            )
        if minimum is not None:
            yield f"Member must have value greater than or equal to {minimum}", minimum - 1
    elif shape.type_name == "string":
        if maximum is not None:
            yield f"Member must have length less than or equal to {maximum}", "a" * (maximum + 1)
        if minimum:
            can_be_sent = minimum > 1 or location not in ("uri", "header")
            yield (
                f"Member must have length greater than or equal to {minimum}",
                "a" * (minimum - 1) if can_be_sent else None,
            )
        if enum:
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]", "no-such"
        elif pattern is not None:
            yield (
                f"Member must satisfy regular expression pattern: {pattern}",
                find_mismatch(pattern, location),
            )


def find_mismatch(pattern: str, location: str | None) -> str | None:
    """Return a string that can be sent at this location and does not match a pattern, or None."""
    texts = [text for text in MISMATCH_CANDIDATES if location is None or text.strip()]
    return next((text for text in texts if not compile_pattern(pattern).fullmatch(text)), None)


def build_http_request(model: OperationModel, params: dict[str, Any]) -> HttpRequest:
    """Return the request that botocore builds.

    Path parameters that are not in `params` are `x`, or 1 if they are numbers.
    """
    shape = model.input_shape
    labels = {
        name: "x" if member.type_name == "string" else 1
        for name, member in shape.members.items()
        if member.serialization.get("location") == "uri"
    }
    serialized = create_serializer(
        model.service_model.metadata["protocol"], include_validation=False
    ).serialize_to_request({**labels, **params}, model)
    prepare_request_dict(serialized, endpoint_url="https://example.amazonaws.com", context={})
    request = create_request_object(serialized).prepare()
    body = request.body or b""
    name = model.service_model.metadata.get("signingName", model.service_model.service_name)
    authorization = f"AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{name}/aws4_request"
    headers = {key: str(text) for key, text in request.headers.items()}
    return HttpRequest(
        request.method,
        request.url,
        {**headers, "Authorization": authorization},
        body.encode() if isinstance(body, str) else bytes(body),
    )


def read_message(model: OperationModel, response: HttpResponse) -> str:
    """Return the message of an error as botocore reads it, or an empty text."""
    parser = create_parser(model.service_model.metadata["protocol"])
    headers = {name.lower(): text for name, text in response.headers.items()}
    parsed = parser.parse(
        {"status_code": response.status, "headers": headers, "body": response.body}, model.output_shape
    )
    return str(parsed.get("Error", {}).get("Message", ""))


@pytest.fixture(scope="module")
def shared_registry():
    registry = Registry(":memory:")
    yield registry
    registry.close()


@pytest.mark.parametrize(("service", "operation"), sorted(catalog.load_served_operations()))
def test_every_limit_of_an_input_is_enforced_with_the_text_of_aws(shared_registry, service, operation):
    model = load_service(service).model.operation_model(operation)
    unreported = []
    payload = model.input_shape.serialization.get("payload") if model.input_shape else None
    for violation in generate_violations(model.input_shape, "") if model.input_shape else ():
        if violation.message.startswith(f"at '{payload}' ") and violation.message.endswith("not be null"):
            continue  # a request without a body is one with an empty payload
        response = shared_registry.handle(build_http_request(model, violation.value))
        message = read_message(model, response)
        if response.status != 400 or violation.message not in message:
            unreported.append((violation.message, response.status, message[:300]))

    assert unreported == []
