"""Request → parameters, as botocore's serializer would have been given them.

Law: a value of the wrong type, or bytes that are no JSON, stop at once with `MalformedError`; a value of the right type
that breaks a constraint is noted in `Problems`, so that one answer names them all. What the model does not have is
ignored, as AWS ignores it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from reconciler.registry.wire.constraints import (
    MUST_NOT_BE_NULL,
    ConstraintCheck,
    ValidationErrors,
    checks_of,
    member_path,
    violations,
)
from reconciler.registry.wire.payload import MalformedError, load_json
from reconciler.registry.wire.scalars import from_json, from_text

Parser = Callable[[Any, str, ValidationErrors], Any]
Query = Mapping[str, Sequence[str]]


@frozen
class _Source:
    """One member that does not come from the body: its name, its name in the request, and its parser."""

    member: str
    wire_name: str
    parse: Parser


@frozen
class InputParser:
    """The parser of one operation's requests, made once by `input_parser`."""

    required: tuple[str, ...]
    labels: tuple[_Source, ...]
    query: tuple[_Source, ...]
    headers: tuple[_Source, ...]
    body: Parser | None
    payload: str | None

    def parse(
        self, labels: Mapping[str, str], query: Query, headers: Mapping[str, str], body: bytes
    ) -> tuple[dict[str, Any], ValidationErrors]:
        """Give the parameters and what is wrong with them.

        Header names are expected in lower case. Raises MalformedError when something is not even of its type.
        """
        problems = ValidationErrors()
        params: dict[str, Any] = {}
        for source in self.labels:
            params[source.member] = source.parse(
                [labels[source.wire_name]], member_path("", source.member), problems
            )
        for source in self.query:
            if (values := query.get(source.wire_name)) is not None:
                params[source.member] = source.parse(values, member_path("", source.member), problems)
        for source in self.headers:
            if (value := headers.get(source.wire_name)) is not None:
                params[source.member] = source.parse([value], member_path("", source.member), problems)
        if self.body is not None:
            self._parse_body(params, body, problems)
        for name in self.required:
            if name not in params:
                problems.add(member_path("", name), None, MUST_NOT_BE_NULL)
        return params, problems

    def _parse_body(self, params: dict[str, Any], body: bytes, problems: ValidationErrors) -> None:
        assert self.body is not None
        document = load_json(body)
        if self.payload is None:
            params.update(self.body({} if document is None else document, "", problems))
        elif document is not None:
            params[self.payload] = self.body(document, member_path("", self.payload), problems)


def input_parser(model: OperationModel) -> InputParser:
    """Work out the parser of one operation from its model."""
    shape = model.input_shape
    if shape is None:
        return InputParser((), (), (), (), None, None)
    payload = shape.serialization.get("payload")
    located = {name: member.serialization.get("location") for name, member in shape.members.items()}
    in_body = {name for name, location in located.items() if location is None}
    body: Parser | None = None
    if payload is not None:
        body = _json(shape.members[payload], {})
    elif in_body:
        body = _structure(shape, {}, only=in_body)
    return InputParser(
        # A required member of the body is missed where the body is read, unless the body is one member.
        required=tuple(name for name in shape.required_members if payload == name or (name not in in_body)),
        labels=_sources(shape, located, "uri"),
        query=_sources(shape, located, "querystring"),
        headers=_sources(shape, located, "header"),
        body=body,
        payload=payload,
    )


def values_parser(model: OperationModel) -> Parser:
    """Work out the parser of an operation's parameters as one document, for an operation that calls another."""
    shape = model.input_shape
    if shape is None:
        return _as_it_is
    members = [(name, name, _json(member, {})) for name, member in shape.members.items()]
    return _members(members, frozenset(shape.required_members))


def _sources(shape: StructureShape, located: Mapping[str, str | None], location: str) -> tuple[_Source, ...]:
    return tuple(
        _Source(
            name,
            _wire_name(member, name).lower() if location == "header" else _wire_name(member, name),
            _text(member, location),
        )
        for name, member in shape.members.items()
        if located[name] == location
    )


def _wire_name(member: Shape, name: str) -> str:
    return str(member.serialization.get("name", name))


def _text(shape: Shape, location: str) -> Parser:
    """Parse a member of the path, the query or the headers, which arrives as a sequence of texts."""
    if isinstance(shape, ListShape):
        item = _checked(shape.member, from_text(shape.member, location))
        return _text_list(item, checks_of("list", shape.metadata))
    scalar = _checked(shape, from_text(shape, location))
    # Of a parameter that is given twice the last one counts.
    return lambda values, path, problems: scalar(values[-1], path, problems)


def _text_list(item: Parser, checks: tuple[ConstraintCheck, ...]) -> Parser:
    def parse(values: Sequence[str], path: str, problems: ValidationErrors) -> list[Any]:
        for sentence in violations(checks, values):
            problems.add(path, list(values), sentence)
        return [item(value, f"{path}.{n}.member", problems) for n, value in enumerate(values, 1)]

    return parse


def _json(shape: Shape, known: dict[str, Parser]) -> Parser:
    """Parse a member of a JSON document. `known` holds the shapes under way, for shapes that contain themselves."""
    if shape.name in known:
        return known[shape.name]
    if isinstance(shape, StructureShape):
        if shape.metadata.get("document"):
            return _as_it_is
        return _structure(shape, known)
    if isinstance(shape, ListShape):
        return _list(shape, known)
    if isinstance(shape, MapShape):
        return _map(shape, known)
    return _checked(shape, from_json(shape))


def _as_it_is(value: Any, _path: str, _problems: ValidationErrors) -> Any:
    return value


def _checked(shape: Shape, convert: Callable[[Any, str], Any]) -> Parser:
    checks = checks_of(shape.type_name, shape.metadata)
    sensitive = bool(shape.metadata.get("sensitive"))
    if not checks:
        return lambda value, path, _problems: convert(value, path)

    def parse(value: Any, path: str, problems: ValidationErrors) -> Any:
        converted = convert(value, path)
        for sentence in violations(checks, converted):
            problems.add(path, converted, sentence, sensitive=sensitive)
        return converted

    return parse


def _structure(shape: StructureShape, known: dict[str, Parser], only: set[str] | None = None) -> Parser:
    members: list[tuple[str, str, Parser]] = []
    parse = _members(members, frozenset(shape.required_members))
    below = {**known, shape.name: parse} if only is None else known
    members.extend(
        (name, _wire_name(member, name), _json(member, below))
        for name, member in shape.members.items()
        if only is None or name in only
    )
    return parse


def _members(members: Sequence[tuple[str, str, Parser]], required: frozenset[str]) -> Parser:
    """Parse an object by its members, each with its name, its name on the wire and its parser."""

    def parse(value: Any, path: str, problems: ValidationErrors) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedError(f"{path or 'The request body'} is not a JSON object.")
        params = {}
        for name, wire_name, parse_member in members:
            if (item := value.get(wire_name)) is not None:
                params[name] = parse_member(item, member_path(path, name), problems)
            elif name in required:
                problems.add(member_path(path, name), None, MUST_NOT_BE_NULL)
        return params

    return parse


def _list(shape: ListShape, known: dict[str, Parser]) -> Parser:
    parse_item = _json(shape.member, known)
    checks = checks_of("list", shape.metadata)

    def parse(value: Any, path: str, problems: ValidationErrors) -> list[Any]:
        if not isinstance(value, list):
            raise MalformedError(f"{path} is not a JSON array.")
        for sentence in violations(checks, value):
            problems.add(path, f"a list of {len(value)}", sentence)
        items = []
        for n, item in enumerate(value, 1):
            if item is None:
                problems.add(f"{path}.{n}.member", None, MUST_NOT_BE_NULL)
            else:
                items.append(parse_item(item, f"{path}.{n}.member", problems))
        return items

    return parse


def _map(shape: MapShape, known: dict[str, Parser]) -> Parser:
    """Parse a map; AWS reports all violations of its keys as one, and so all of its values when they are simple."""
    checks = checks_of("map", shape.metadata)
    key_checks = checks_of("string", shape.key.metadata)
    value_checks = checks_of(shape.value.type_name, shape.value.metadata)
    parse_value = _json(shape.value, known)
    simple = not isinstance(shape.value, StructureShape | ListShape | MapShape)
    sensitive = any(part.metadata.get("sensitive") for part in (shape, shape.key, shape.value))

    def parse(value: Any, path: str, problems: ValidationErrors) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedError(f"{path} is not a JSON object.")
        for sentence in violations(checks, value):
            problems.add(path, f"a map of {len(value)}", sentence)
        inside = ValidationErrors()
        present = {key: item for key, item in value.items() if item is not None}
        parsed = {key: parse_value(item, f"{path}.{key}.member", inside) for key, item in present.items()}
        if any(violations(key_checks, key) for key in value):
            problems.add(path, value, _every("keys", key_checks), sensitive=sensitive)
        if len(present) < len(value) or (simple and inside.found):
            problems.add(path, value, _every("value", value_checks), sensitive=sensitive)
        elif inside.found:
            problems.found.extend(inside.found)
        return parsed

    return parse


def _every(part: str, checks: Sequence[ConstraintCheck]) -> str:
    sentences = [check.sentence for check in checks] or [MUST_NOT_BE_NULL]
    return f"Map {part} must satisfy constraint: [{', '.join(sentences)}]"
