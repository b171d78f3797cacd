"""The declaration of each field of a spec class, from which everything else is derived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs import frozen

OnChange = Literal["in_place", "replaces", "create_only"]

_METADATA_KEY = "reconciler"


@frozen
class Member:
    """A field of a spec class.

    - `doc`: a description for users;
    - `api`: the dotted path of the request member that the field is sent as (`CreateThing.thingName`), which defines its
      limits;
    - `document_api`: if the field takes a document in place of a reference: the request member that the document is sent as;
    - `references`: the table of the resources that the field refers to (`thing_types`), None if it refers to none;
    - `on_change`: whether AWS changes it in place (`in_place`), only a replacement changes it (`replaces`), or it matters
      only at creation and is never compared (`create_only`);
    - `drops_empty_values`: whether AWS does not store the entries of a map that have an empty text as their value.
    """

    name: str
    doc: str
    api: str | None
    references: str | None
    on_change: OnChange
    required: bool
    drops_empty_values: bool = False
    document_api: str | None = None


def member(  # noqa: PLR0913 (each is one fact that a spec class declares)
    doc: str,
    *,
    api: str | None = None,
    references: str | None = None,
    on_change: OnChange = "in_place",
    drops_empty_values: bool = False,
    document_api: str | None = None,
    default: Any = attrs.NOTHING,
    factory: Any = None,
) -> Any:
    """Return an attrs field with the metadata of a `Member`; without a default, the file has to set it."""
    metadata = {_METADATA_KEY: (doc, api, references, on_change, drops_empty_values, document_api)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


def is_spec_class(value_class: type) -> bool:
    """Return whether the fields of a class are declared with `member`."""
    return attrs.has(value_class) and all(
        _METADATA_KEY in attribute.metadata for attribute in attrs.fields(value_class)
    )


_members_by_class: dict[type, Mapping[str, Member]] = {}


def get_members(spec_class: type) -> Mapping[str, Member]:
    """Return the fields of a spec class by name, in the order of their declaration."""
    if spec_class not in _members_by_class:
        _members_by_class[spec_class] = {
            attribute.name: _to_member(attribute) for attribute in attrs.fields(spec_class)
        }
    return _members_by_class[spec_class]


def has_members(cls: type) -> bool:
    """Return whether a class declares all its fields with `member`, as spec classes do."""
    return attrs.has(cls) and all(_METADATA_KEY in attribute.metadata for attribute in attrs.fields(cls))


def _to_member(attribute: attrs.Attribute[Any]) -> Member:
    doc, api, references, on_change, drops_empty_values, document_api = attribute.metadata[_METADATA_KEY]
    return Member(
        attribute.name,
        doc,
        api,
        references,
        on_change,
        required=attribute.default is attrs.NOTHING,
        drops_empty_values=drops_empty_values,
        document_api=document_api,
    )
