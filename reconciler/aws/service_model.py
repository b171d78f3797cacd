"""The limits that AWS documents, read from the installed botocore service model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import regex

from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.text import closest_match, describe_value, format_choices, quote

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel, Shape

MAX_TAGS = 50
"""Tags of one resource (AWS General Reference, "Tag naming limits and requirements"); iot's model does not say it."""

_RESERVED = "aws:"
_TAG_KEY = "TagKey"

# A value and whether it is secret; nothing of a secret value is told.
Check: TypeAlias = Callable[[Any, bool], Iterator[ValueProblem]]


class ServiceModelConstraints:
    """`Limits` from the service models. They are loaded when first asked for, and each member's shape is read once."""

    def violations(
        self, service: str, member: str, value: object, *, secret: bool = False
    ) -> Iterable[ValueProblem]:
        """Where `value` breaks the limits of the request member. Raises LookupError when there is no such member."""
        return _check_of(service, member)(value, secret)

    def operations(self, service: str) -> Collection[str]:
        """The names of the service's operations."""
        return _operations(service)


def shape_of(service: str, member: str) -> Shape:
    """The shape of `CreateThing.attributePayload.attributes`. Raises LookupError when there is none."""
    operation, *path = member.split(".")
    if operation not in _operations(service):
        raise LookupError(f"{service} has no operation {operation}")
    shape: Any = _model(service).operation_model(operation).input_shape
    for name in path:
        if shape is None or shape.type_name != "structure" or name not in shape.members:
            raise LookupError(f"{service} has no member {name} on the way to {member}")
        shape = shape.members[name]
    return shape


@cache
def loader(path: str | None) -> Loader:
    """Botocore's loader of a search path, None for its own; what it has read for one it need not read for others."""
    from botocore.loaders import create_loader

    return create_loader(path)


@cache
def _model(service: str) -> ServiceModel:
    from botocore.model import ServiceModel

    return ServiceModel(loader(None).load_service_model(service, "service-2"), service)


@cache
def _operations(service: str) -> frozenset[str]:
    return frozenset(_model(service).operation_names)


@cache
def _check_of(service: str, member: str) -> Check:
    return _check(shape_of(service, member))


def _check(shape: Any) -> Check:
    match shape.type_name:
        case "string":
            return _typed(_string(shape), "a string", str)
        case "boolean":
            return _typed(_anything, "true or false", bool)
        case "integer" | "long":
            return _typed(_number(shape), "an integer", int)
        case "float" | "double":
            return _typed(_number(shape), "a number", int, float)
        case "map":
            return _typed(_map(shape.metadata, shape.key, shape.value), "a table", Mapping)
        case "list" if _is_tag(shape.member):
            key, value = (shape.member.members[name] for name in ("Key", "Value"))
            return _typed(_map(shape.metadata, key, value), "a table", Mapping)
        case "list":
            return _typed(_list(shape), "an array", list, tuple)
        case "structure" if not shape.is_document_type:
            return _structure(shape)
        case _:
            return _anything


def _anything(_value: Any, _secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
    return iter(())


def _typed(check: Check, expected: str, *types: type) -> Check:
    """The check, of what is of the right type. JSON may hold anything, and then that is what is wrong."""

    def typed(value: Any, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        known = value.text if isinstance(value, Document) and str in types else value
        if isinstance(known, types) and (bool in types or not isinstance(known, bool)):
            yield from check(known, secret)
        else:
            yield ValueProblem(
                "wrong-type", "the value is of another type" if secret else describe_value(known), expected
            )

    return typed


def _structure(shape: Any) -> Check:
    """A JSON object, which has AWS's own names, or a table of the file, which has them in the file's spelling."""
    checks = {name: _check(member) for name, member in shape.members.items()}

    def check(given: Any, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        found = _said(given, checks)
        if found is None:
            yield ValueProblem(
                "wrong-type", "the value is of another type" if secret else describe_value(given), "a table"
            )
            return
        for key, (name, value) in found.items():
            if name not in checks:
                yield ValueProblem(
                    "unknown-key",
                    f"{quote(key)} is not known",
                    format_choices(checks),
                    closest_match(key, checks),
                    path=(key,),
                )
                continue
            for breach in checks[name](value, secret):
                yield breach.under(key)
        for name in sorted(set(shape.required_members) - {name for name, _ in found.values()}):
            yield ValueProblem(
                "missing-key", f"{quote(name)} is missing", f"all of {', '.join(shape.required_members)}"
            )

    return check


def _said(given: Any, names: Collection[str]) -> Mapping[str, tuple[str, Any]] | None:
    """What a structure is given: by its name there, AWS's name and the value. None for what is no structure."""
    if isinstance(given, Document):
        given = given.value
    if isinstance(given, Mapping):
        return {key: (key, value) for key, value in given.items()}
    if not attrs.has(type(given)):
        return None
    spelt = {name.lower(): name for name in names}
    said = attrs.asdict(given, recurse=False)
    return {
        key: (spelt.get(key.replace("_", ""), key), value) for key, value in said.items() if value is not None
    }


def _string(shape: Any) -> Check:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    written = shape.metadata.get("pattern")
    pattern = compile_pattern(written) if written else None

    def check(value: str, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        size = "the value has the wrong length" if secret else f"{len(value)} characters"
        what = "the value" if secret else quote(value)
        if shape.enum:
            if value not in shape.enum:
                near = None if secret else closest_match(value, shape.enum)
                yield ValueProblem("invalid-choice", f"{what} is not valid", format_choices(shape.enum), near)
        elif len(value) < least:
            yield ValueProblem(
                "too-short", size, f"at least {least}{'' if most is None else f' and at most {most}'}"
            )
        elif most is not None and len(value) > most:
            yield ValueProblem("too-long", size, f"at most {most}")
        elif pattern and not pattern.fullmatch(value):
            yield ValueProblem("pattern-mismatch", f"{what} is not what AWS takes", f"a match of {written}")

    return check


def _number(shape: Any) -> Check:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")

    def check(value: float, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        what = "the value" if secret else f"{value}"
        if least is not None and value < least:
            yield ValueProblem("out-of-range", f"{what} is too small", f"at least {least}")
        if most is not None and value > most:
            yield ValueProblem("out-of-range", f"{what} is too large", f"at most {most}")

    return check


def _map(metadata: Mapping[str, Any], key: Any, value: Any) -> Check:
    """A map, or a list of tags, which is a map to us."""
    check_key, check_value = _check(key), _check(value)
    tags = key.name == _TAG_KEY
    most = metadata.get("max", MAX_TAGS if tags else None)

    def check(given: Mapping[str, Any], secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        if most is not None and len(given) > most:
            yield ValueProblem("too-many-items", f"{len(given)} entries", f"at most {most}")
        for name, item in given.items():
            if tags and name.lower().startswith(_RESERVED):
                yield ValueProblem(
                    "reserved-name", f"the prefix {_RESERVED!r} is AWS's own", "another key", path=(name,)
                )
            for found in check_key(name, False):
                yield ValueProblem(
                    f"key-{found.code}",
                    f"the key: {found.problem}",
                    found.expected,
                    found.nearest,
                    path=(name,),
                )
            for found in check_value(item, secret):
                yield found.under(name)

    return check


def _list(shape: Any) -> Check:
    check_item, most = _check(shape.member), shape.metadata.get("max")

    def check(given: Collection[Any], secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        if most is not None and len(given) > most:
            yield ValueProblem("too-many-items", f"{len(given)} entries", f"at most {most}")
        for index, item in enumerate(given):
            for found in check_item(item, secret):
                yield found.under(index)

    return check


def _is_tag(shape: Any) -> bool:
    return shape.type_name == "structure" and set(shape.members) == {"Key", "Value"}


# Java's classes as ASCII, which is what they mean there. \s and \S are left as they are: together they say "anything". The
# properties \p{L}, \p{N}, \p{Z}, \p{C} are Unicode's in both.
_ASCII = {
    r"\p{Graph}": r"\x21-\x7e",
    r"\p{Upper}": "A-Z",
    r"\p{Digit}": "0-9",
    r"\p{Cntrl}": r"\x00-\x1f\x7f",
    r"\d": "0-9",
    r"\w": "0-9A-Za-z_",
}
_PIECE = regex.compile(r"\\x\{(?P<code>[0-9A-Fa-f]+)\}|\\p\{\w+\}|\\.|[\[\]]|[^\\\[\]]+", regex.DOTALL)


@cache
def compile_pattern(written: str) -> regex.Pattern[str] | None:
    """A pattern of the service model, which is Java's, for `regex`; meant for `fullmatch`.

    None when `regex` cannot read it: a later model may have what no one has seen yet, and AWS checks the value anyway.
    """
    pieces, depth = [], 0
    for match in _PIECE.finditer(written):
        piece = match[0]
        if match["code"]:
            pieces.append(regex.escape(chr(int(match["code"], 16))))
        elif piece in _ASCII:
            pieces.append(_ASCII[piece] if depth else f"[{_ASCII[piece]}]")
        elif piece == "[" and depth:
            pieces.append(r"\[")
        else:
            depth += {"[": 1, "]": -1}.get(piece, 0)
            pieces.append(piece)
    try:
        return regex.compile("".join(pieces))
    except regex.error:
        return None
