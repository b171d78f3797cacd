"""JSON documents: two are the same when they mean the same, whatever their spaces and the order of their keys."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from attrs import field, frozen


@frozen
class Document:
    """One JSON object.

    `canonical` is its meaning as compact JSON with sorted keys, and is what is compared; `text` is what is sent; `source`
    says where it was read from.
    """

    canonical: str
    text: str = field(eq=False, repr=False)
    source: str | None = field(default=None, eq=False)

    @classmethod
    def parse(cls, text: str, source: str | None = None) -> Document:
        """Read JSON. Raises ValueError saying what is wrong."""
        try:
            value = json.loads(text, object_pairs_hook=_once, parse_constant=_no)
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error}") from None
        return cls.from_value(value, source, text)

    @classmethod
    def from_value(cls, value: Any, source: str | None = None, text: str | None = None) -> Document:
        """From what JSON would be read to. Raises ValueError when that is no object."""
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 (the file is wrong, not the caller)
        if _is_deep(value):
            raise ValueError(_TOO_DEEP)
        try:
            compact = json.dumps(value, separators=(",", ":"), allow_nan=False)
        except TypeError:  # the one sort of TOML that JSON lacks
            raise ValueError("not JSON: a date or time") from None
        except ValueError:
            raise ValueError("not JSON: a number that is infinite or none") from None
        return cls(
            json.dumps(_meaning(value), sort_keys=True, separators=(",", ":")), text or compact, source
        )

    @property
    def value(self) -> Any:
        """The object."""
        return json.loads(self.text)

    def __str__(self) -> str:
        return self.canonical


_DEEPEST = 64
"""Objects and arrays in each other: no policy and no template needs a tenth of it, and each costs frames of the stack."""

_TOO_DEEP = f"nested too deeply, expected at most {_DEEPEST} levels"


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        below = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in below for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values of a key JSON's readers take one or the other: what a reviewer read may not be what AWS does."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return found


def _no(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant}")


# Members of a policy document that may be one value or a list of them, in any order.
# Source: AWS IoT developer guide, "AWS IoT Core policies"; IAM user guide, "Grammar of the IAM JSON policy language".
_SETS = frozenset({"Action", "NotAction", "Resource", "NotResource"})


def _meaning(value: Any) -> Any:
    match value:
        case dict():
            return {key: _member(key, item) for key, item in value.items()}
        case list():
            return [_meaning(item) for item in value]
        case _:
            return value


def _member(key: str, value: Any) -> Any:
    if key in _SETS:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return sorted(set(items))
    if key == "Statement" and isinstance(value, dict):
        return [_meaning(value)]
    return _meaning(value)
