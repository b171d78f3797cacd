"""A TOML table → the values of an attrs class's fields, with everything that is wrong in it and where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen
from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from reconciler.engine.load.converters import Hook, wanted
from reconciler.engine.load.value_error import Wrong, Wrongs
from reconciler.model.text import closest_match, format_choices


@frozen(eq=False)
class Shape:
    """What a table may say: the annotation of each key and the hook that reads it; and what it has to say."""

    hooks: Mapping[str, tuple[Any, Hook]]
    required: tuple[str, ...]

    def __or__(self, other: Shape) -> Shape:
        """A table that says both."""
        return Shape({**self.hooks, **other.hooks}, self.required + other.required)


def shape_of(cls: type, converter: Converter) -> Shape:
    """The shape of an attrs class."""
    fields = attrs.fields(attrs.resolve_types(cls))
    return Shape(
        {field.name: (field.type, converter.get_structure_hook(field.type)) for field in fields},
        tuple(field.name for field in fields if field.default is attrs.NOTHING),
    )


def key_wrongs(keys: Collection[str], shape: Shape, beside: Collection[str] = ()) -> Iterator[Wrong]:
    """The keys that are unknown, and those that are missing; `beside` are valid next to the shape's own."""
    valid = [*shape.hooks, *beside]
    for name in keys:
        if name not in valid:
            nearest = closest_match(name, valid)
            yield Wrong("unknown key", None if nearest else format_choices(valid), nearest, (name,))
    for name in shape.required:
        if name not in keys:
            yield Wrong("missing", wanted(shape.hooks[name][0]), path=(name,))


def understood(table: Mapping[str, Any], shape: Shape) -> tuple[dict[str, Any], list[Wrong]]:
    """The values that are right, and what is wrong with the others; unknown keys are passed over."""
    values: dict[str, Any] = {}
    wrongs: list[Wrong] = []
    for name, value in table.items():
        if name in shape.hooks:
            annotation, hook = shape.hooks[name]
            try:
                values[name] = hook(value, annotation)
            except (ClassValidationError, Wrong, Wrongs) as error:
                wrongs += _walk(error, (name,), annotation)
    return values, wrongs


def _walk(error: Exception, path: tuple[str | int, ...], annotation: Any) -> Iterator[Wrong]:
    match error:
        case Wrong():
            yield error.under(*path)
        case Wrongs():
            for wrong in error.found:
                yield from _walk(wrong, path, annotation)
        case ForbiddenExtraKeysError():
            valid = [field.name for field in attrs.fields(error.cl)]
            for name in sorted(error.extra_fields):
                nearest = closest_match(name, valid)
                yield Wrong("unknown key", None if nearest else format_choices(valid), nearest, (*path, name))
        case ClassValidationError():
            noted, bare = error.group_exceptions()
            for inner, note in noted:
                yield from _noted(inner, (*path, note.name), note.type)
            for other in bare:
                yield from _walk(other, path, annotation)
        case _:
            raise error


def _noted(error: Exception, path: tuple[str | int, ...], annotation: Any) -> Iterator[Wrong]:
    if isinstance(error, KeyError):  # so cattrs says that a required key is not there
        yield Wrong("missing", wanted(annotation), path=path)
    else:
        yield from _walk(error, path, annotation)
