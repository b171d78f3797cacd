"""What a kind says about each field of its spec class; everything else reads it from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs import frozen

OnChange = Literal["in_place", "replaces", "create_only"]

_KEY = "reconciler"


@frozen
class Member:
    """A field of a spec class.

    `api` is the dotted path of the request member that it becomes (`CreateThing.thingName`): limits come from there.
    `references` is the table whose names it holds. `changing` says what a difference means: AWS changes it in place, or
    only a replacement does, or it matters at creation alone and is never compared. `doc` is one sentence for people.
    """

    name: str
    doc: str
    api: str | None
    references: str | None
    on_change: OnChange
    required: bool


def member(  # noqa: PLR0913 (each is a word that a spec class may say)
    doc: str,
    *,
    api: str | None = None,
    references: str | None = None,
    on_change: OnChange = "in_place",
    default: Any = attrs.NOTHING,
    factory: Any = None,
) -> Any:
    """An attrs field with what a kind has to say about it; without a default it is required in the file."""
    metadata = {_KEY: (doc, api, references, on_change)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


_KNOWN: dict[type, Mapping[str, Member]] = {}


def members(spec: type) -> Mapping[str, Member]:
    """The fields of a spec class by name, in the order in which they are declared."""
    if spec not in _KNOWN:
        _KNOWN[spec] = _read_members(spec)
    return _KNOWN[spec]


def _read_members(spec: type) -> Mapping[str, Member]:
    found = {}
    for attribute in attrs.fields(spec):
        doc, api, references, changing = attribute.metadata[_KEY]
        required = attribute.default is attrs.NOTHING
        found[attribute.name] = Member(attribute.name, doc, api, references, changing, required)
    return found
