"""`frozen` and `field`, a faster way to create the classes of values than attrs's own.

attrs generates and compiles the source of a class's methods, which is a sixth of the work of a short plan. msgspec's classes need no source.
So a class that uses only what both have becomes a class of msgspec: fields with types, defaults, factories and metadata, and the options
`kw_only`, `eq` and `order`. attrs creates the others: classes that extend a class, or have other options of a class or field.

The functions of attrs, such as `evolve` and `fields`, take the values and classes of both. A class that others extend is created by attrs,
which the option `slots=True` demands; it is attrs's default and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from operator import attrgetter
from reprlib import recursive_repr
from threading import RLock
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

__all__ = ["field", "frozen", "get_metadata", "is_value_class"]

_ATTRS_TYPES: tuple[Any, ...] = (type(attrs.field()), attrs.Factory, cached_property)
"""The types of the values in a class that only attrs understands."""

_FIELD_OPTIONS = {"default", "factory", "metadata"}


class _Field:
    """A field that attrs and msgspec have; `options` are some of `_FIELD_OPTIONS`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    def get_default(self) -> Any:
        """Return the default for a class of msgspec."""
        if "factory" in self.options:
            return msgspec.field(default_factory=self.options["factory"])
        default = self.options.get("default", attrs.NOTHING)
        return msgspec.NODEFAULT if default is attrs.NOTHING else default


if TYPE_CHECKING:  # mypy knows attrs's own decorator
    from attrs import field, frozen
else:

    def field(**options: Any) -> Any:
        """Declare a field like `attrs.field`, for a class with this `frozen`."""
        return _Field(options) if options and options.keys() <= _FIELD_OPTIONS else attrs.field(**options)

    def frozen(cls: type | None = None, /, **options: Any) -> Any:
        """Decorate a class like `attrs.frozen`, with the same options."""
        if cls is None:
            return lambda decorated: frozen(decorated, **options)
        create_class = _create_struct if _can_be_struct(cls, options) else _create_attrs_class
        return create_class(cls, options)


def is_value_class(cls: type) -> bool:
    """Return whether attrs or msgspec created a class."""
    return (isinstance(cls, type) and issubclass(cls, _Value)) or attrs.has(cls)


def get_metadata(cls: Any) -> Mapping[str, Mapping[Any, Any]]:
    """Return the metadata of each field of a class of values."""
    if not issubclass(cls, _Value):
        return {item.name: item.metadata for item in attrs.fields(cls)}
    return {name: cls.__metadata__.get(name, {}) for name in cls.__struct_fields__}


class _AttrsFields:
    """The fields for the functions of attrs, from a class that attrs creates when it first needs them."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __get__(self, value: object, cls: Any) -> Any:
        with self._lock:
            if "__attrs_attrs__" not in cls.__dict__:
                cls.__attrs_attrs__ = attrs.fields(_create_attrs_class(cls.__source__, cls.__options__))
            return cls.__dict__["__attrs_attrs__"]


class _Value(msgspec.Struct):
    """The base of all classes that msgspec creates."""

    __attrs_attrs__ = _AttrsFields()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if _Value not in cls.__bases__:
            base = next(base for base in cls.__bases__ if issubclass(base, _Value))
            raise TypeError(
                f"`{cls.__qualname__}` extends `{base.__qualname__}`, which needs `@frozen(slots=True)`"
            )


def _can_be_struct(cls: type, options: Mapping[str, Any]) -> bool:
    return (
        cls.__bases__ == (object,)
        and options.keys() <= {"kw_only", "eq", "order"}
        and not any(name.startswith("_") for name in cls.__annotations__)
        and not any(isinstance(value, _ATTRS_TYPES) for value in cls.__dict__.values())
        and "__attrs_post_init__" not in cls.__dict__
    )


def _create_struct(cls: type, options: Mapping[str, Any]) -> type:
    """Create the class with msgspec. Its methods cannot use `super()`, which needs the original class."""
    members = {name: value for name, value in cls.__dict__.items() if name not in {"__dict__", "__weakref__"}}
    fields = {name: value for name, value in members.items() if isinstance(value, _Field)}
    namespace = {
        **members,
        **{name: item.get_default() for name, item in fields.items()},
        "__qualname__": cls.__qualname__,
        "__source__": cls,
        "__options__": options,
        "__metadata__": {name: item.options.get("metadata", {}) for name, item in fields.items()},
    }
    create: Any = type(_Value)
    struct: type = create(cls.__name__, (_Value,), namespace, frozen=True, weakref=True, **options)
    return struct


def _create_attrs_class(cls: type, options: Mapping[str, Any]) -> Any:
    """Create the class with attrs.

    attrs generates `__repr__`, `__eq__` and `__hash__` only if the options have `repr`, `eq` or `order`; else they are functions that all
    classes share. A class whose values are compared often has `eq=True`: the comparison that attrs generates is faster.
    """
    own_methods = cls.__dict__.keys()
    shares_repr = "repr" not in options and "__repr__" not in own_methods
    shares_eq = not {"eq", "order"} & options.keys() and not {"__eq__", "__hash__"} & own_methods
    for name, value in list(cls.__dict__.items()):
        if isinstance(value, _Field):
            setattr(cls, name, attrs.field(**value.options))
    shared = {"repr": False} if shares_repr else {}
    shared |= {"eq": False} if shares_eq else {}
    frozen_class: Any = attrs.frozen(cls, **{**options, **shared})
    if shares_repr:
        frozen_class.__repr__ = _format
    if shares_eq:
        _add_comparison(frozen_class)
    return frozen_class


@recursive_repr()
def _format(value: Any) -> str:
    """Return a value's class and fields, as attrs does."""
    fields = (
        f"{field.name}={(repr if field.repr is True else field.repr)(getattr(value, field.name))}"
        for field in attrs.fields(type(value))
        if field.repr
    )
    return f"{type(value).__qualname__.rsplit('>.', 1)[-1]}({', '.join(fields)})"


def _add_comparison(cls: Any) -> None:
    """Let values of one class be compared and hashed by their fields."""
    names = [field.name for field in attrs.fields(cls) if field.eq]
    get_values = attrgetter(*names) if names else type  # attrgetter needs a name

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807 (a method)
        return get_values(self) == get_values(other) if type(self) is type(other) else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807 (a method)
        return hash(get_values(self))

    cls.__eq__ = __eq__
    cls.__hash__ = __hash__
