"""One value of the file → what its field's annotation asks for. Nothing is coerced: 5 is no string."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from reconciler.engine.load.input_files import IN_WORDS, Surroundings
from reconciler.engine.load.value_error import Wrong, Wrongs
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Reference
from reconciler.model.secret import Secret
from reconciler.model.text import closest_match, describe_value, format_choices, quote, type_name

Hook: TypeAlias = Callable[[Any, Any], Any]

_PEM = 'a certificate in PEM, as text or { file = "path" }'
_DOCUMENT = 'a JSON object: { file = "path" }, text, or a table'
_OR_NAME = "or a name in this file"
_REFERENCE = 'a name in this file, { id = "…" } or { arn = "…" }'

_PLAIN: Mapping[type, str] = {str: "a string", bool: "true or false", int: "an integer", float: "a number"}


def converter(surroundings: Surroundings | None = None) -> Converter:
    """Structures attrs classes from TOML tables; unknown keys are errors.

    With `surroundings`, PEMs, secrets and text may come from where they point; without, there are none.
    """
    made = Converter(detailed_validation=True, forbid_extra_keys=True)
    for plain in _PLAIN:
        made.register_structure_hook(plain, _strict(plain))
    made.register_structure_hook_factory(attrs.has, lambda cls: _table(cls, made))
    made.register_structure_hook_factory(_is(Mapping), lambda cls: _mapping(cls, made))
    made.register_structure_hook_factory(_is(tuple), lambda cls: _array(cls, made))
    made.register_structure_hook_factory(_is(Literal), _literal)
    made.register_structure_hook_factory(_is_union, lambda cls: _union(cls, made))
    if surroundings:
        made.register_structure_hook(str, lambda value, _: _text(value, surroundings))
        made.register_structure_hook(Document, lambda value, _: _document(value, surroundings))
        made.register_structure_hook(OutputFile, lambda value, _: surroundings.output(value))
        made.register_structure_hook(Pem, lambda value, _: _pem(value, surroundings))
        made.register_structure_hook(Secret, lambda value, _: _secret(value, surroundings))
    return made


def written(annotation: Any) -> Any:
    """The part of an annotation that a file can say: of a union the first, and of a `Reference` both.

    What follows the first stands for what AWS reports, or for absence; TOML has no null.
    """
    if not _is_union(annotation):
        return annotation
    parts = get_args(annotation)
    return Reference if External in parts else parts[0]


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Everything that a file can say for an annotation, as annotations of one form each."""
    parts = set(get_args(annotation)) if _is_union(annotation) else set()
    if {str, Secret} <= parts:
        return (str, Secret)
    return (written(annotation),)


def is_named_document(annotation: Any) -> bool:
    """Whether a field takes a document, or the name of one in this file; one outside the file is not read."""
    return _is_union(annotation) and {Document, str} <= set(get_args(annotation))


def wanted(annotation: Any) -> str:
    """What a field of this annotation takes, in words."""
    if is_named_document(annotation):
        return f"{_DOCUMENT}; {_OR_NAME}"
    annotation = written(annotation)
    if annotation == Reference:
        return _REFERENCE
    match get_origin(annotation) or annotation:
        case origin if origin is Literal:
            return format_choices(get_args(annotation))
        case origin if origin is Mapping:
            return "a table"
        case origin if origin is tuple:
            return f"an array, each {wanted(get_args(annotation)[0])}"
        case origin if origin is Pem:
            return _PEM
        case origin if origin is OutputFile:
            return "the path of a new file"
        case origin if origin is Document:
            return _DOCUMENT
        case origin if origin is Secret:
            return IN_WORDS
        case origin:
            return _PLAIN.get(origin, "a table")


def _is(origin: Any) -> Callable[[Any], bool]:
    return lambda annotation: get_origin(annotation) is origin


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _strict(plain: type) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        if plain is float and type(value) is int:
            return float(value)
        if type(value) is not plain:
            raise Wrong(describe_value(value), _PLAIN[plain])
        if isinstance(value, float) and not math.isfinite(value):
            raise Wrong(describe_value(value), "a finite number")
        return value

    return hook


def _table(cls: Any, made: Converter) -> Hook:
    inner = make_dict_structure_fn(cls, made)

    def hook(value: Any, given: Any) -> Any:
        if not isinstance(value, dict):
            # What is written may be a key or a certificate: it is not told.
            names = " or ".join(field.name for field in attrs.fields(cls))
            raise Wrong(type_name(value), f"a table with {names}")
        return inner(value, given)

    return hook


def _mapping(cls: Any, made: Converter) -> Hook:
    item = get_args(cls)[1]
    # The text of a map's entry is what is written, never a file's.
    inner: Hook = _strict(str) if item is str else made.get_structure_hook(item)

    def hook(value: Any, _: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(describe_value(value), "a table")
        return _each(value.items(), lambda entry: inner(entry, item), dict)

    return hook


def _array(cls: Any, made: Converter) -> Hook:
    item = get_args(cls)[0]
    inner: Hook = made.get_structure_hook(item)

    def hook(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(describe_value(value), wanted(cls))
        found = _each(enumerate(value), lambda entry: inner(entry, item), dict)
        first: dict[Any, int] = {}
        for index, entry in found.items():
            if first.setdefault(entry, index) != index:
                raise Wrong(f"{entry!s} is named twice", "each at most once", path=(index,))
        return tuple(found.values())

    return hook


def _each(
    entries: Any, structure: Callable[[Any], Any], make: Callable[[], dict[Any, Any]]
) -> dict[Any, Any]:
    found, wrongs = make(), []
    for key, entry in entries:
        try:
            found[key] = structure(entry)
        except Wrong as wrong:
            wrongs.append(wrong.under(key))
        except Wrongs as several:
            wrongs += [wrong.under(key) for wrong in several.found]
    if wrongs:
        raise Wrongs(wrongs)
    return found


def _literal(cls: Any) -> Hook:
    valid = get_args(cls)

    def hook(value: Any, _: Any) -> Any:
        if type(value) is not str:
            raise Wrong(describe_value(value), format_choices(valid))
        if value not in valid:
            raise Wrong(f"{quote(value)} is not valid", format_choices(valid), closest_match(value, valid))
        return value

    return hook


def _union(cls: Any, made: Converter) -> Hook:
    parts = set(get_args(cls))
    if is_named_document(cls):
        return _either(made.get_structure_hook(Document))
    if {str, Secret} <= parts:
        text, secret = made.get_structure_hook(str), made.get_structure_hook(Secret)
        return lambda value, _: (
            secret(value, Secret) if isinstance(value, dict) and "env" in value else text(value, str)
        )
    annotation = written(cls)
    if annotation == Reference:
        return _reference
    inner: Hook = made.get_structure_hook(annotation)
    return lambda value, _: inner(value, annotation)


def _either(document: Hook) -> Hook:
    """A document, or the name of one; JSON text begins with a brace, which no name does."""

    def hook(value: Any, annotation: Any) -> Any:
        if isinstance(value, str) and not value.lstrip().startswith("{"):
            return value
        if not isinstance(value, str | dict):
            raise Wrong(describe_value(value), f"{_DOCUMENT}; {_OR_NAME}")
        return document(value, annotation)

    return hook


def _reference(value: Any, _: Any) -> str | External:
    match value:
        case str():
            return value
        case {"id": str(name), **rest} if name and not rest:
            return External(name)
        case {"arn": str(arn), **rest} if not rest:
            if arn.partition(":")[0] != "arn" or arn.count(":") < 5 or not arn.rpartition("/")[2]:  # noqa: PLR2004
                raise Wrong(f"{quote(arn)} is not an ARN", "arn:partition:service:region:account:resource")
            return External(arn)
        case dict():
            raise Wrong("a table of another form", _REFERENCE)
        case _:
            raise Wrong(describe_value(value), _REFERENCE)


def _named(value: Mapping[str, Any], surroundings: Surroundings, expected: str) -> str:
    if set(value) != {"file"}:
        raise Wrong("a table of another form", expected)
    return surroundings.text(value["file"])


def _text(value: Any, surroundings: Surroundings) -> str:
    if isinstance(value, dict):
        return _named(value, surroundings, 'a string, or { file = "path" } for long text')
    text: str = _strict(str)(value, str)
    return text


def _pem(value: Any, surroundings: Surroundings) -> Pem:
    match value:
        case str():
            text, source = value, None
        case dict():
            text = _named(value, surroundings, _PEM)
            source = str(value["file"])
        case _:
            raise Wrong(describe_value(value), _PEM)
    try:
        return Pem.parse(text, source)
    except InvalidValueError as error:
        raise _in_file(error, source, _PEM) from None


def _document(value: Any, surroundings: Surroundings) -> Document:
    source = None
    try:
        match value:
            case {"file": name, **rest} if not rest:
                text, source = surroundings.text(name), str(name)
                return Document.parse(text, source)
            case str():
                return Document.parse(value)
            case dict():
                return Document.from_value(value)
            case _:
                raise Wrong(describe_value(value), _DOCUMENT)
    except InvalidValueError as error:
        raise _in_file(error, source, _DOCUMENT) from None


def _in_file(error: InvalidValueError, source: str | None, expected: str) -> Wrong:
    (problem,) = error.problems
    where = f"{quote(source)}: " if source else ""
    return Wrong(f"{where}{problem.problem}", problem.expected or expected)


def _secret(value: Any, surroundings: Surroundings) -> Secret:
    if isinstance(value, dict):
        return surroundings.secret(value)
    raise Wrong("a secret is never written into the file", IN_WORDS)
