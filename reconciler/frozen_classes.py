"""`frozen` and `field`, a faster way to create the classes of values than attrs's own.

attrs generates and compiles the source of a class's methods, which is a sixth of the work of a short plan. msgspec's classes need no source.
So a class becomes a class of msgspec if it extends none, and if its options are only `kw_only`, `eq`, `order` and `slots=False`, and those
of its fields only `default`, `factory`, `metadata`, `eq` and `repr`. attrs creates the others.

The functions of attrs, such as `evolve` and `fields`, take the values and classes of both. A class that others extend is created by attrs,
which the option `slots=True` demands; it is attrs's default and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from operator import attrgetter
from reprlib import recursive_repr
from threading import RLock
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

__all__ = ["field", "frozen", "get_metadata", "is_value_class"]

_ATTRS_TYPES: tuple[Any, ...] = (type(attrs.field()), attrs.Factory)
"""The types of the values in a class that only attrs understands."""

_FIELD_OPTIONS = {"default", "factory", "metadata", "eq", "repr"}
_FACTORY: Any = attrs.Factory  # a class, which attrs types as a function


class _Field:
    """A field that attrs and msgspec have; `options` are some of `_FIELD_OPTIONS`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = dict(options)
        if "factory" in options:
            self.options["default"] = attrs.Factory(self.options.pop("factory"))

    @property
    def struct_default(self) -> Any:
        """The default for a class of msgspec."""
        default = self.options.get("default", attrs.NOTHING)
        if isinstance(default, _FACTORY):
            return msgspec.field(default_factory=default.factory)
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
    return {name: options.get("metadata", {}) for name, options in cls.__field_options__.items()}


class _AttrsFields:
    """The fields for the functions of attrs, created when the first one needs them."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __get__(self, value: object, cls: Any) -> Any:
        with self._lock:
            if "__attrs_attrs__" not in cls.__dict__:
                cls.__attrs_attrs__ = _Attributes(
                    _get_attribute().evolve(name=name, alias=name, type=cls.__annotations__[name], **options)
                    for name, options in cls.__field_options__.items()
                )
            return cls.__dict__["__attrs_attrs__"]


@cache
def _get_attribute() -> Any:
    """Return a field of attrs without options; attrs creates no field but for a class."""
    return attrs.fields(attrs.make_class("Example", ["field"])).field


class _Attributes(tuple[Any, ...]):
    """The fields of a class, also as attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        for item in self:
            if item.name == name:
                return item
        raise AttributeError(name)


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
    values = cls.__dict__.values()
    compares_some_fields = any(isinstance(value, _Field) and "eq" in value.options for value in values)
    return (
        cls.__bases__ == (object,)
        and options.keys()
        <= ({"kw_only", "slots"} if compares_some_fields else {"kw_only", "eq", "order", "slots"})
        and not options.get("slots")
        and not any(name.startswith("_") for name in cls.__annotations__)
        and not any(isinstance(value, _ATTRS_TYPES) for value in values)
        and "__attrs_post_init__" not in cls.__dict__
    )


def _create_struct(cls: type, options: Mapping[str, Any]) -> Any:
    """Create the class with msgspec. Its methods cannot use `super()`, which needs the original class."""
    members = {name: value for name, value in cls.__dict__.items() if name not in {"__dict__", "__weakref__"}}
    defaults = {name: value.struct_default for name, value in members.items() if isinstance(value, _Field)}
    namespace = {**members, **defaults, "__qualname__": cls.__qualname__}
    has_dict = "slots" in options or any(isinstance(value, cached_property) for value in members.values())
    struct_options = {name: value for name, value in options.items() if name != "slots"}
    create: Any = type(_Value)
    struct = create(
        cls.__name__, (_Value,), namespace, frozen=True, weakref=True, dict=has_dict, **struct_options
    )
    kw_only = options.get("kw_only", False)
    struct.__field_options__ = {
        name: {"kw_only": kw_only, **_get_options(members.get(name, attrs.NOTHING))}
        for name in struct.__struct_fields__
    }
    used_options = {name for options in struct.__field_options__.values() for name in options}
    if "repr" in used_options and "__repr__" not in members:
        struct.__repr__ = _format
    if "eq" in used_options and not {"__eq__", "__hash__"} & members.keys():
        _add_comparison(struct)
    return struct


def _get_options(value: Any) -> Mapping[str, Any]:
    """Return the options of a field, given its value in the class."""
    return value.options if isinstance(value, _Field) else {"default": value}


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
