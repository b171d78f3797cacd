"""The declaration of each field of a spec class, from which everything else is derived."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

import attrs

from reconciler.frozen_classes import field, frozen, get_metadata, is_value_class
from reconciler.model.secret import Secret

OnChange = Literal["in_place", "replaces", "create_only"]
OutsideType = Literal["role", "function", "kinesis_stream", "delivery_stream"]
"""A type of resource of another AWS service: an IAM role, a Lambda function, or a stream of Kinesis or Firehose."""
LongText = NewType("LongText", str)
"""A value of a map that can be read from a file, as texts outside maps can; other values of maps are literal."""

_METADATA_KEY = "reconciler"


@frozen
class Member:
    """A field of a spec class.

    - `doc`: a description for users;
    - `api`: the dotted path of the request member that the field is sent as (`CreateThing.thingName`), which defines its
      limits;
    - `document_api`: if the field takes a document in place of a reference: the request member that the document is sent as;
    - `references`: the table of the resources that the field refers to (`thing_types`), None if it refers to none;
    - `builtin_prefix`: if the field refers to resources: what the names of those begin with that AWS itself provides (`aws:`); they
      are not references;
    - `outside`: the type of the resource of another AWS service whose ARN or name the field has, None if it has none;
    - `on_change`: whether AWS changes it in place (`in_place`), only a replacement changes it (`replaces`), or it matters
      only at creation and is never compared (`create_only`);
    - `drops_empty_values`: whether AWS does not store the entries of a map that have an empty text as their value;
    - `public_names`: for texts that may be secrets and have names (`kinds/base/named_values.py`): the names in lower case whose texts
      are not secrets; None for any other field;
    - `named_by`: the other field with the name of such a text; for a map, which has names as its keys, None.
    """

    name: str
    doc: str
    api: str | None
    references: str | None
    on_change: OnChange
    required: bool
    drops_empty_values: bool = False
    document_api: str | None = None
    builtin_prefix: str | None = None
    outside: OutsideType | None = None
    public_names: frozenset[str] | None = None
    named_by: str | None = None

    def is_builtin(self, name: str) -> bool:
        """Return whether a name in the field means something that AWS itself provides."""
        return self.builtin_prefix is not None and name.startswith(self.builtin_prefix)


def member(  # noqa: PLR0913 (each is one fact that a spec class declares)
    doc: str,
    *,
    api: str | None = None,
    references: str | None = None,
    on_change: OnChange = "in_place",
    drops_empty_values: bool = False,
    document_api: str | None = None,
    builtin_prefix: str | None = None,
    outside: OutsideType | None = None,
    public_names: frozenset[str] | None = None,
    named_by: str | None = None,
    default: Any = attrs.NOTHING,
    factory: Any = None,
) -> Any:
    """Return an attrs field with the metadata of a `Member`; without a default, the file has to set it."""
    facts = {
        "doc": doc,
        "api": api,
        "references": references,
        "on_change": on_change,
        "drops_empty_values": drops_empty_values,
        "document_api": document_api,
        "builtin_prefix": builtin_prefix,
        "outside": outside,
        "public_names": public_names,
        "named_by": named_by,
        "required": default is attrs.NOTHING and factory is None,
    }
    metadata = {_METADATA_KEY: facts}
    if factory is not None:
        return field(factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


_are_spec_classes: dict[type, bool] = {}


def is_spec_class(value_class: type) -> bool:
    """Return whether the fields of a class are declared with `member`."""
    if value_class not in _are_spec_classes:
        _are_spec_classes[value_class] = is_value_class(value_class) and all(
            _METADATA_KEY in metadata for metadata in get_metadata(value_class).values()
        )
    return _are_spec_classes[value_class]


_members_by_class: dict[type, Mapping[str, Member]] = {}


def get_members(spec_class: type) -> Mapping[str, Member]:
    """Return the fields of a spec class by name, in the order of their declaration."""
    if spec_class not in _members_by_class:
        _members_by_class[spec_class] = {
            name: Member(name=name, **metadata[_METADATA_KEY])
            for name, metadata in get_metadata(spec_class).items()
        }
    return _members_by_class[spec_class]


_types_by_class: dict[type, Mapping[str, Any]] = {}


def get_types(spec_class: type) -> Mapping[str, Any]:
    """Return the resolved types of a class's fields, by name."""
    if spec_class not in _types_by_class:
        _types_by_class[spec_class] = get_type_hints(spec_class)
    return _types_by_class[spec_class]


_value_types_by_class: dict[type, Mapping[str, frozenset[Any]]] = {}


def list_value_types(spec_class: type) -> Mapping[str, frozenset[Any]]:
    """Return the types of the values that each field may have, at any depth."""
    if spec_class not in _value_types_by_class:
        _value_types_by_class[spec_class] = {
            name: frozenset(_iterate_value_types(annotation))
            for name, annotation in get_types(spec_class).items()
        }
    return _value_types_by_class[spec_class]


def _iterate_value_types(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    yield origin or getattr(annotation, "__supertype__", annotation)
    if origin is not Literal:
        for argument in get_args(annotation):
            yield from _iterate_value_types(argument)
    if isinstance(annotation, type) and is_spec_class(annotation):
        yield from frozenset().union(*list_value_types(annotation).values())


_nested_classes_by_class: dict[type, Mapping[str, tuple[type, ...]]] = {}


def find_nested_classes(spec_class: type) -> Mapping[str, tuple[type, ...]]:
    """Return the spec classes of the inner tables of each field: itself, in an array or in a map."""
    if spec_class not in _nested_classes_by_class:
        _nested_classes_by_class[spec_class] = {
            name: tuple(item for named in types for item in _iterate_spec_classes(named))
            for name, types in _find_named_types(spec_class).items()
        }
    return _nested_classes_by_class[spec_class]


def _find_named_types(spec_class: type) -> Mapping[str, Sequence[Any]]:
    """Return the types that the annotation of each field names, without those of Python itself.

    A plan needs this of all kinds. To resolve the annotations, as `get_types` does, takes much longer.
    """
    return {
        name: _parse_annotation(base.__module__, annotation)
        for base in reversed(spec_class.__mro__)
        for name, annotation in getattr(base, "__annotations__", {}).items()
    }


@cache  # many fields have the same annotation, such as `str | None`
def _parse_annotation(module: str, annotation: str) -> tuple[Any, ...]:
    names = vars(sys.modules[module])
    return tuple(names[word] for word in re.findall(r"\w+", annotation) if word in names)


_secret_members_by_class: dict[type, frozenset[str]] = {}


def list_secret_members(spec_class: type) -> frozenset[str]:
    """Return the API's names of the request members that may have secrets, at any depth."""
    if spec_class not in _secret_members_by_class:
        types = _find_named_types(spec_class)
        names = {
            member.api.rpartition(".")[2]
            for member in get_members(spec_class).values()
            if member.api and any(map(_takes_secret, types[member.name]))
        }
        nested = (
            list_secret_members(item) for items in find_nested_classes(spec_class).values() for item in items
        )
        _secret_members_by_class[spec_class] = frozenset(names).union(*nested)
    return _secret_members_by_class[spec_class]


def _takes_secret(annotation: Any) -> bool:
    return annotation is Secret or any(map(_takes_secret, get_args(annotation)))


_can_contain: dict[tuple[type, type], bool] = {}


def can_contain(spec_class: type, value_class: type) -> bool:
    """Return whether a field of a spec class, or of an inner table, can have a value of a class."""
    key = (spec_class, value_class)
    if key not in _can_contain:
        annotations = get_types(spec_class).values()
        _can_contain[key] = any(_can_be(annotation, value_class) for annotation in annotations)
    return _can_contain[key]


def _can_be(annotation: Any, value_class: type) -> bool:
    if isinstance(annotation, type):
        is_table_with_it = is_spec_class(annotation) and can_contain(annotation, value_class)
        return is_table_with_it or issubclass(annotation, value_class) or issubclass(value_class, annotation)
    return annotation is Any or any(_can_be(item, value_class) for item in get_args(annotation))


def _iterate_spec_classes(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and is_spec_class(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _iterate_spec_classes(argument)
