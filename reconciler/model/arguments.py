"""Checks of the arguments of the Python API.

Invariant: each error names the argument, and has its value and what is expected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from threading import Event
from typing import Any

from reconciler.model.address import Address
from reconciler.model.amount import MAX_PERCENT
from reconciler.model.text import format_choices

ENVIRONMENT_NAMES = "names or globs of environments"


@contextmanager
def name_argument(name: str) -> Iterator[None]:
    """Put the name of an argument in front of the message of every ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_percentage(name: str, value: float) -> None:
    """Raise ValueError unless an argument is more than 0 and at most 100."""
    if not (isinstance(value, Real) and 0 < value <= MAX_PERCENT):
        raise ValueError(
            f"{name}: {value!r} is not a valid percentage; expected a number above 0, at most 100"
        )


def check_seconds(name: str, value: float) -> None:
    """Raise ValueError unless an argument is a number of seconds."""
    if not (isinstance(value, Real) and value >= 0):
        raise ValueError(f"{name}: {value!r} is not a valid time; expected a number of seconds, such as 300")


def check_count(name: str, value: int | None) -> None:
    """Raise ValueError unless an argument is a count or None, which means all."""
    if value is not None and not (isinstance(value, Integral) and value >= 0):
        raise ValueError(f"{name}: {value!r} is not a valid count; expected a whole number, or None for all")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise ValueError unless an argument is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name}: {value!r} is not a valid choice; expected {format_choices(choices)}")


def check_type(name: str, value: object, types: type | tuple[type, ...], expected: str) -> None:
    """Raise TypeError unless an argument has one of the types; `expected` describes it."""
    if not isinstance(value, types):
        raise TypeError(f"{name}: {type(value).__name__!r} is not a valid type; expected {expected}")


def check_function(name: str, value: object) -> None:
    """Raise TypeError unless an argument is a function or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: {type(value).__name__!r} is not a valid type; expected a function")


def check_stop(value: object) -> None:
    """Raise TypeError unless the argument `stop` is an event or None."""
    if value is not None:
        check_type("stop", value, Event, "a threading.Event")


def parse_address(name: str, value: str | Address) -> Address:
    """Return an argument that is an address.

    Raises ValueError, and TypeError if it is neither text nor an Address.
    """
    check_type(name, value, (str, Address), "an address such as 'things.pump-7'")
    with name_argument(name):
        return value if isinstance(value, Address) else Address.parse(value)


def parse_selectors(name: str, selectors: str | Address | Iterable[str | Address]) -> tuple[str, ...]:
    """Return an argument that selects resources as texts.

    Raises TypeError if one is neither text nor an Address.
    """
    return tuple(map(str, list_selectors(name, selectors)))


def list_selectors(name: str, selectors: str | Address | Iterable[str | Address]) -> list[str | Address]:
    """Return the items of an argument that selects resources.

    Raises TypeError as `parse_selectors` does.
    """
    items = [selectors] if isinstance(selectors, Address) else selectors
    return _list_items(name, items, (str, Address), "an address, a glob or a kind, or several of them")


def parse_names(name: str, names: str | Iterable[str], expected: str) -> tuple[str, ...]:
    """Return an argument that has names or globs. Raises TypeError if one is not text."""
    return tuple(_list_items(name, names, str, expected))


def _list_items(name: str, value: Any, types: type | tuple[type, ...], expected: str) -> list[Any]:
    """Return the items of an argument; a text is one item, not a collection of letters."""
    check_type(name, value, Iterable, expected)
    items = [value] if isinstance(value, str) else list(value)
    for item in items:
        check_type(name, item, types, expected)
    return items


def parse_folders(name: str, folders: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    """Return an argument that names folders as paths. Raises ValueError if one is not a folder."""
    paths = tuple(map(Path, (folders,) if isinstance(folders, str | Path) else folders))
    for path in paths:
        if not path.is_dir():
            problem = "is a file" if path.exists() else "does not exist"
            raise ValueError(f"{name}: {str(path)!r} {problem}; expected a folder")
    return paths
