"""`frozen`, a faster way to create the classes of attrs.

attrs generates and compiles the source of a class's methods. `__repr__`, `__eq__` and `__hash__` are more than half of that, and
most of these classes are never printed or compared in one run of a command. Here they are functions that all classes share. A class
whose values are compared often has `eq=True`: the comparison that attrs generates is faster.
"""

from __future__ import annotations

from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

import attrs

__all__ = ["frozen"]

if TYPE_CHECKING:  # mypy knows attrs's own decorator
    from attrs import frozen
else:

    def frozen(cls: type | None = None, /, **options: Any) -> Any:
        """Decorate a class like `attrs.frozen`, with the same options.

        With the options `repr`, `eq` or `order`, attrs generates the methods.
        """
        if cls is None:
            return lambda decorated: frozen(decorated, **options)
        own_methods = cls.__dict__.keys()
        shares_repr = "repr" not in options and "__repr__" not in own_methods
        shares_eq = not {"eq", "order"} & options.keys() and not {"__eq__", "__hash__"} & own_methods
        if shares_repr:
            options["repr"] = False
        if shares_eq:
            options["eq"] = False
        frozen_class = attrs.frozen(cls, **options)
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
