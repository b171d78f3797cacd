"""A TOML table → an attrs class, with everything that is wrong in it and where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import attrs
from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from reconciler.engine.values import wanted
from reconciler.engine.wrong import Wrong, Wrongs
from reconciler.model.wording import closest, one_of

T = TypeVar("T")


def structured(
    table: Mapping[str, Any], cls: type[T], converter: Converter, beside: Collection[str] = ()
) -> tuple[T | None, list[Wrong]]:
    """The table as an instance of `cls`, or None and everything that is wrong in it.

    `beside` are keys that are valid in the file next to the class's own.
    """
    try:
        return converter.structure(table, cls), []
    except (ClassValidationError, Wrong, Wrongs) as error:
        return None, list(_walk(error, (), cls, beside))


def understood(table: Mapping[str, Any], cls: type, converter: Converter) -> dict[str, Any]:
    """The fields that are right in a table that `structured` has found wrong."""
    found = {}
    for field in attrs.fields(cls):
        if field.name in table:
            with suppress(ClassValidationError, Wrong, Wrongs):  # told by then, each with its place
                found[field.name] = converter.structure(table[field.name], field.type)
    return found


def _walk(
    error: Exception, path: tuple[str | int, ...], cls: Any, beside: Collection[str]
) -> Iterator[Wrong]:
    match error:
        case Wrong():
            yield error.under(*path)
        case Wrongs():
            for wrong in error.found:
                yield from _walk(wrong, path, cls, ())
        case ForbiddenExtraKeysError():
            valid = [*(field.name for field in attrs.fields(error.cl)), *beside]
            for name in sorted(error.extra_fields):
                nearest = closest(name, valid)
                yield Wrong("unknown key", None if nearest else one_of(valid), nearest, (*path, name))
        case ClassValidationError():
            noted, bare = error.group_exceptions()
            for inner, note in noted:
                yield from _noted(inner, (*path, note.name), note.type)
            for other in bare:
                yield from _walk(other, path, cls, beside)
        case _:
            raise error


def _noted(error: Exception, path: tuple[str | int, ...], annotation: Any) -> Iterator[Wrong]:
    if isinstance(error, KeyError):  # so cattrs says that a required key is not there
        yield Wrong("missing", wanted(annotation), path=path)
    else:
        yield from _walk(error, path, annotation, ())
