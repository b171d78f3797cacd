"""Request → parameters, in the form in which a caller passes them to a botocore client.

Invariant: a value of the wrong type, or a body that is not JSON, raises `MalformedError` at once. A value of the right type
that violates a constraint is added to `ValidationErrors`, so that one response names them all. Members that the model does
not have are ignored, as AWS ignores them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from reconciler.frozen_classes import frozen
from reconciler.registry.wire.constraints import (
    MUST_NOT_BE_NULL,
    ConstraintCheck,
    ValidationErrors,
    compile_checks,
    find_violations,
    format_member_path,
)
from reconciler.registry.wire.payload import MalformedError, load_form, load_json
from reconciler.registry.wire.scalars import choose_json_converter, choose_text_converter

# Converts the value at a path, and adds its violations to the errors.
Parser = Callable[[Any, str, ValidationErrors], Any]
Query = Mapping[str, Sequence[str]]


@frozen
class _Source:
    """A member outside the body: its name, its name in the request, and its parser."""

    member: str
    wire_name: str
    parse: Parser


@frozen
class InputParser:
    """The parser of one operation's requests, compiled once by `compile_input_parser`.

    `required` are the required members that `body` does not check. `body` parses the JSON document, and is None when no
    member is in the body. `payload` is the member that is the whole document; None when members are parts of it.
    With `is_form`, the body is a form with the members of `query`.
    """

    required: tuple[str, ...]
    labels: tuple[_Source, ...]
    query: tuple[_Source, ...]
    headers: tuple[_Source, ...]
    body: Parser | None
    payload: str | None
    is_form: bool = False

    def parse(
        self, labels: Mapping[str, str], query: Query, headers: Mapping[str, str], body: bytes
    ) -> tuple[dict[str, Any], ValidationErrors]:
        """Return the parameters and their violations.

        Header names must be in lower case. Raises MalformedError when the body is not of the protocol's format or a value is of the wrong type.
        """
        errors = ValidationErrors()
        params: dict[str, Any] = {}
        for source in self.labels:
            params[source.member] = source.parse(
                [labels[source.wire_name]], format_member_path("", source.member), errors
            )
        fields = load_form(body) if self.is_form else query
        for source in self.query:
            if (values := fields.get(source.wire_name)) is not None:
                params[source.member] = source.parse(values, format_member_path("", source.member), errors)
        for source in self.headers:
            if (value := headers.get(source.wire_name)) is not None:
                params[source.member] = source.parse([value], format_member_path("", source.member), errors)
        if self.body is not None:
            self._parse_body(params, body, errors)
        for name in self.required:
            if name not in params:
                errors.add(format_member_path("", name), None, MUST_NOT_BE_NULL)
        return params, errors

    def _parse_body(self, params: dict[str, Any], body: bytes, errors: ValidationErrors) -> None:
        assert self.body is not None
        document = load_json(body)
        if self.payload is None:
            params.update(self.body({} if document is None else document, "", errors))
        elif document is not None:
            params[self.payload] = self.body(document, format_member_path("", self.payload), errors)


def compile_input_parser(model: OperationModel) -> InputParser:
    """Compile the parser of one operation from its model."""
    shape = model.input_shape
    if shape is None:
        return InputParser(required=(), labels=(), query=(), headers=(), body=None, payload=None)
    if model.service_model.metadata["protocol"] == "query":
        return _compile_form_parser(shape)
    payload = shape.serialization.get("payload")
    locations = {name: member.serialization.get("location") for name, member in shape.members.items()}
    in_body = {name for name, location in locations.items() if location is None}
    body: Parser | None = None
    if payload is not None:
        body = _build_json_parser(shape.members[payload], {})
    elif in_body:
        body = _build_structure_parser(shape, {}, only=in_body)
    return InputParser(
        # Required members inside the body are checked while the body is parsed, unless the body is a single member.
        required=tuple(name for name in shape.required_members if payload == name or (name not in in_body)),
        labels=_list_sources(shape, locations, "uri"),
        query=_list_sources(shape, locations, "querystring"),
        headers=_list_sources(shape, locations, "header"),
        body=body,
        payload=payload,
    )


def _compile_form_parser(shape: StructureShape) -> InputParser:
    """Compile the parser of requests whose body is a form with scalar members."""
    fields = _list_sources(shape, dict.fromkeys(shape.members, "querystring"), "querystring")
    required = tuple(shape.required_members)
    return InputParser(required, labels=(), query=fields, headers=(), body=None, payload=None, is_form=True)


def compile_params_parser(model: OperationModel) -> Parser:
    """Compile the parser of parameters that one operation passes to another."""
    shape = model.input_shape
    if shape is None:
        return _accept
    members = [(name, name, _build_json_parser(member, {})) for name, member in shape.members.items()]
    return _build_object_parser(members, frozenset(shape.required_members))


def _list_sources(
    shape: StructureShape, locations: Mapping[str, str | None], location: str
) -> tuple[_Source, ...]:
    return tuple(
        _Source(
            name,
            _get_wire_name(member, name).lower() if location == "header" else _get_wire_name(member, name),
            _build_text_parser(member, location),
        )
        for name, member in shape.members.items()
        if locations[name] == location
    )


def _get_wire_name(member: Shape, name: str) -> str:
    return str(member.serialization.get("name", name))


def _build_text_parser(shape: Shape, location: str) -> Parser:
    """Return the parser of a member in the path, the query or the headers; its input is a list of strings."""
    if isinstance(shape, ListShape):
        item = _build_scalar_parser(shape.member, choose_text_converter(shape.member, location))
        return _build_text_list_parser(item, compile_checks("list", shape.metadata))
    scalar = _build_scalar_parser(shape, choose_text_converter(shape, location))
    # If a parameter is given twice, the last value counts.
    return lambda values, path, errors: scalar(values[-1], path, errors)


def _build_text_list_parser(item: Parser, checks: tuple[ConstraintCheck, ...]) -> Parser:
    def parse(values: Sequence[str], path: str, errors: ValidationErrors) -> list[Any]:
        for constraint in find_violations(checks, values):
            errors.add(path, list(values), constraint)
        return [item(value, f"{path}.{number}.member", errors) for number, value in enumerate(values, 1)]

    return parse


def _build_json_parser(shape: Shape, enclosing: dict[str, Parser]) -> Parser:
    """Return the parser of a member of a JSON document.

    `enclosing` has the parsers of the shapes around it, by the shape's name, for shapes that contain themselves.
    """
    if shape.name in enclosing:
        return enclosing[shape.name]
    if isinstance(shape, StructureShape):
        if shape.metadata.get("document"):
            return _accept
        return _build_structure_parser(shape, enclosing)
    if isinstance(shape, ListShape):
        return _build_list_parser(shape, enclosing)
    if isinstance(shape, MapShape):
        return _build_map_parser(shape, enclosing)
    return _build_scalar_parser(shape, choose_json_converter(shape))


def _accept(value: Any, _path: str, _errors: ValidationErrors) -> Any:
    return value


def _build_scalar_parser(shape: Shape, convert: Callable[[Any, str], Any]) -> Parser:
    checks = compile_checks(shape.type_name, shape.metadata)
    is_sensitive = bool(shape.metadata.get("sensitive"))
    if not checks:
        return lambda value, path, _errors: convert(value, path)

    def parse(value: Any, path: str, errors: ValidationErrors) -> Any:
        converted = convert(value, path)
        for constraint in find_violations(checks, converted):
            errors.add(path, converted, constraint, is_sensitive=is_sensitive)
        return converted

    return parse


def _build_structure_parser(
    shape: StructureShape, enclosing: dict[str, Parser], only: set[str] | None = None
) -> Parser:
    """Return the parser of a structure, or only of its members in `only`, if this is given."""
    # The list is filled after the parser is built, so that a member of the same shape can use the parser itself.
    members: list[tuple[str, str, Parser]] = []
    parse = _build_object_parser(members, frozenset(shape.required_members))
    # A parser of some members is not a parser of the shape, so inner members of that shape get their own.
    inner = {**enclosing, shape.name: parse} if only is None else enclosing
    members.extend(
        (name, _get_wire_name(member, name), _build_json_parser(member, inner))
        for name, member in shape.members.items()
        if only is None or name in only
    )
    return parse


def _build_object_parser(members: Sequence[tuple[str, str, Parser]], required: frozenset[str]) -> Parser:
    """Return the parser of an object from its members: their names, wire names and parsers."""

    def parse(value: Any, path: str, errors: ValidationErrors) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedError(f"{path or 'The request body'} is not a JSON object.")
        params = {}
        for name, wire_name, parse_member in members:
            if (item := value.get(wire_name)) is not None:
                params[name] = parse_member(item, format_member_path(path, name), errors)
            elif name in required:
                errors.add(format_member_path(path, name), None, MUST_NOT_BE_NULL)
        return params

    return parse


def _build_list_parser(shape: ListShape, enclosing: dict[str, Parser]) -> Parser:
    parse_item = _build_json_parser(shape.member, enclosing)
    checks = compile_checks("list", shape.metadata)

    def parse(value: Any, path: str, errors: ValidationErrors) -> list[Any]:
        if not isinstance(value, list):
            raise MalformedError(f"{path} is not a JSON array.")
        for constraint in find_violations(checks, value):
            errors.add(path, f"a list of {len(value)}", constraint)
        items = []
        for number, item in enumerate(value, 1):
            if item is None:
                errors.add(f"{path}.{number}.member", None, MUST_NOT_BE_NULL)
            else:
                items.append(parse_item(item, f"{path}.{number}.member", errors))
        return items

    return parse


def _build_map_parser(shape: MapShape, enclosing: dict[str, Parser]) -> Parser:
    """Return the parser of a map.

    Like AWS, it reports all violations by keys as one error. It also reports all violations by values as one error if the values
    are scalars, or if any value is null; otherwise, each of these violations is an error of its own.
    """
    checks = compile_checks("map", shape.metadata)
    key_checks = compile_checks("string", shape.key.metadata)
    value_checks = compile_checks(shape.value.type_name, shape.value.metadata)
    parse_value = _build_json_parser(shape.value, enclosing)
    has_scalar_values = not isinstance(shape.value, StructureShape | ListShape | MapShape)
    is_sensitive = any(part.metadata.get("sensitive") for part in (shape, shape.key, shape.value))

    def parse(value: Any, path: str, errors: ValidationErrors) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedError(f"{path} is not a JSON object.")
        for constraint in find_violations(checks, value):
            errors.add(path, f"a map of {len(value)}", constraint)
        value_errors = ValidationErrors()
        non_null_items = {key: item for key, item in value.items() if item is not None}
        parsed_items = {
            key: parse_value(item, f"{path}.{key}.member", value_errors)
            for key, item in non_null_items.items()
        }
        if any(find_violations(key_checks, key) for key in value):
            errors.add(path, value, _format_map_constraint("keys", key_checks), is_sensitive=is_sensitive)
        has_null_value = len(non_null_items) < len(value)
        if has_null_value or (has_scalar_values and value_errors.messages):
            errors.add(path, value, _format_map_constraint("value", value_checks), is_sensitive=is_sensitive)
        else:
            errors.messages.extend(value_errors.messages)
        return parsed_items

    return parse


def _format_map_constraint(part: str, checks: Sequence[ConstraintCheck]) -> str:
    texts = [check.text for check in checks] or [MUST_NOT_BE_NULL]
    return f"Map {part} must satisfy constraint: [{', '.join(texts)}]"
