"""Every limit that the service models set to an input is enforced, of every operation that is served, in AWS's words.

The limits are read off botocore's shapes here once more, and botocore writes the requests, which are wrong in one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.serialize import create_serializer

from reconciler.registry import HttpRequest, Registry, catalog
from reconciler.registry.wire.patterns import compile_pattern
from reconciler.registry.wire.service import service

BIG = 2**31 - 1
STRANGE = ("§", " ", "\t", "~", "a", "")


@frozen
class Wrong:
    """A value that breaks one limit: where it stands, what the limit is called, and the value."""

    path: str
    sentence: str
    value: Any

    @property
    def told(self) -> str:
        return f"at '{self.path}' failed to satisfy constraint: {self.sentence}"


def wrongs(
    shape: Shape, path: str, location: str | None = None, within: tuple[str, ...] = ()
) -> Iterator[Wrong]:
    """Every way in which a value of this shape can be wrong, its members' included."""
    if shape.name in within or shape.metadata.get("document"):
        return
    below = (*within, shape.name)
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from wrong_members(shape, path, name, member, below)
    elif isinstance(shape, ListShape):
        yield from wrong_lengths(shape, path, location)
        for inner in wrongs(shape.member, f"{path}.1.member", location, below):
            yield Wrong(inner.path, inner.sentence, [inner.value])
    elif isinstance(shape, MapShape):
        yield from wrong_maps(shape, path, location, below)
    else:
        for sentence, value in scalar_limits(shape, location):
            if value is not None:
                yield Wrong(path, sentence, value)


def wrong_members(
    shape: StructureShape, path: str, name: str, member: Shape, within: tuple[str, ...]
) -> Iterator[Wrong]:
    small = name[:1].lower() + name[1:]
    inner_path = f"{path}.{small}" if path else small
    location = member.serialization.get("location")
    if name in shape.required_members and location != "uri":
        yield Wrong(inner_path, "Member must not be null", {})
    for inner in wrongs(member, inner_path, location, within):
        yield Wrong(inner.path, inner.sentence, {name: inner.value})


def wrong_maps(shape: MapShape, path: str, location: str | None, within: tuple[str, ...]) -> Iterator[Wrong]:
    yield from wrong_lengths(shape, path, location)
    yield from wrong_entries(shape, path)
    if isinstance(shape.value, StructureShape | ListShape | MapShape):
        for inner in wrongs(shape.value, f"{path}.k.member", None, within):
            yield Wrong(inner.path, inner.sentence, {"k": inner.value})


def wrong_lengths(shape: Shape, path: str, location: str | None) -> Iterator[Wrong]:
    """Lists and maps with too many or too few entries. What is not given in a query is no empty list."""
    most, least = shape.metadata.get("max"), shape.metadata.get("min")
    made = (
        (lambda count: {f"k{n}": "v" for n in range(count)})
        if isinstance(shape, MapShape)
        else (lambda count: ["v"] * count)
    )
    if most is not None and simple(shape):
        yield Wrong(path, f"Member must have length less than or equal to {most}", made(most + 1))
    if least and not location:
        yield Wrong(path, f"Member must have length greater than or equal to {least}", made(0))


def wrong_entries(shape: MapShape, path: str) -> Iterator[Wrong]:
    """What is wrong with keys is told of all of them together, and so what is wrong with plain values."""
    plain: Any = {} if isinstance(shape.value, StructureShape) else "v"
    for part, inner in (("keys", shape.key), ("value", shape.value)):
        limits = list(scalar_limits(inner, None))
        sentence = f"Map {part} must satisfy constraint: [{', '.join(limit for limit, _ in limits)}]"
        for value in (broken for _, broken in limits if broken is not None):
            yield Wrong(path, sentence, {value: plain} if part == "keys" else {"k": value})


def simple(shape: Shape) -> bool:
    inner = shape.value if isinstance(shape, MapShape) else shape.member
    return inner.type_name == "string"


def scalar_limits(shape: Shape, location: str | None) -> Iterator[tuple[str, Any]]:
    """Each limit of a simple shape, and a value that breaks it; None where a request can carry no such value."""
    most, least = shape.metadata.get("max"), shape.metadata.get("min")
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if shape.type_name in ("integer", "long", "double", "float"):
        if most is not None:
            yield f"Member must have value less than or equal to {most}", most + 1 if most < BIG else None
        if least is not None:
            yield f"Member must have value greater than or equal to {least}", least - 1
    elif shape.type_name == "string":
        if most is not None:
            yield f"Member must have length less than or equal to {most}", "a" * (most + 1)
        if least:
            carried = least > 1 or location not in ("uri", "header")
            yield (
                f"Member must have length greater than or equal to {least}",
                "a" * (least - 1) if carried else None,
            )
        if enum:
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]", "no-such"
        elif pattern is not None:
            yield (
                f"Member must satisfy regular expression pattern: {pattern}",
                breaking(pattern, location),
            )


def breaking(pattern: str, location: str | None) -> str | None:
    """A text that breaks a pattern, or None for one that takes whatever a request can carry here."""
    possible = [text for text in STRANGE if location is None or text.strip()]
    return next((text for text in possible if not compile_pattern(pattern).fullmatch(text)), None)


def as_http(model: OperationModel, params: dict[str, Any]) -> HttpRequest:
    """The request that botocore makes of these parameters; a part of the path that is not given is `x`."""
    shape = model.input_shape
    labels = {
        name: "x" if member.type_name == "string" else 1
        for name, member in shape.members.items()
        if member.serialization.get("location") == "uri"
    }
    made = create_serializer("rest-json", include_validation=False).serialize_to_request(
        {**labels, **params}, model
    )
    prepare_request_dict(made, endpoint_url="https://example.amazonaws.com", context={})
    request = create_request_object(made).prepare()
    body = request.body or b""
    name = model.service_model.metadata.get("signingName", model.service_model.service_name)
    scope = f"AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{name}/aws4_request"
    headers = {key: str(text) for key, text in request.headers.items()}
    return HttpRequest(
        request.method,
        request.url,
        {**headers, "Authorization": scope},
        body.encode() if isinstance(body, str) else bytes(body),
    )


@pytest.fixture(scope="module")
def shared():
    made = Registry(":memory:")
    yield made
    made.close()


@pytest.mark.parametrize(("name", "operation"), sorted(catalog.served_operations()))
def test_every_limit_of_an_input_is_enforced_in_awss_words(shared, name, operation):
    model = service(name).model.operation_model(operation)
    untold = []
    for wrong in wrongs(model.input_shape, "") if model.input_shape else ():
        response = shared.handle(as_http(model, wrong.value))
        message = {key.lower(): text for key, text in json.loads(response.body or b"{}").items()}.get(
            "message", ""
        )
        if response.status != 400 or wrong.told not in message:
            untold.append((wrong.told, response.status, message[:300]))

    assert untold == []
