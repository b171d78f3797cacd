"""JSON documents, compared by meaning: white space and the order of keys, among others, do not count."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from reconciler.frozen_classes import field, frozen
from reconciler.model.diagnostic import InvalidValueError, ValueProblem


@frozen
class Document:
    """One JSON object.

    Documents are compared by `canonical`, compact JSON that is equal for documents with the same meaning; `text` is what is
    sent to AWS; `source` is the file that the document was read from, or None.
    """

    canonical: str
    text: str = field(eq=False, repr=False)
    source: str | None = field(default=None, eq=False)

    @classmethod
    def parse(cls, text: str, source: str | None = None) -> Document:
        """Read JSON text. Raises InvalidValueError."""
        try:
            value = json.loads(
                text, object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant
            )
        except RecursionError:
            raise _build_too_deep_error() from None
        except json.JSONDecodeError as error:
            raise _invalid(f"not JSON: {error}") from None
        except InvalidValueError:
            raise
        except ValueError:  # Python parses no longer numbers, because that takes quadratic time
            raise _invalid("not JSON: a number with too many digits") from None
        return cls.from_value(value, source, text)

    @classmethod
    def from_value(cls, value: Any, source: str | None = None, text: str | None = None) -> Document:
        """Return the document of a value from JSON or TOML.

        `text` is the JSON text that the value was parsed from, if any. Raises InvalidValueError.
        """
        if not isinstance(value, dict):
            raise _invalid("not a JSON object")
        if _is_too_deep(value):
            raise _build_too_deep_error()
        try:
            compact = json.dumps(value, separators=(",", ":"), allow_nan=False)
        except TypeError:  # the only types of TOML without an equivalent in JSON
            raise _invalid("not JSON: a date or time") from None
        except ValueError:
            raise _invalid("not JSON: a number that is infinite, NaN or too large") from None
        canonical = json.dumps(_normalize(value), sort_keys=True, separators=(",", ":"))
        return cls(canonical, text or compact, source)

    @classmethod
    def from_live(cls, text: str) -> Document:
        """Return a document that AWS reports.

        Another client may have stored a text that `parse` rejects. Such a document is equal only to itself.
        """
        try:
            return cls.parse(text)
        except InvalidValueError:
            return cls(json.dumps(text), text)

    @property
    def is_valid(self) -> bool:
        """Whether the text is a JSON object that `parse` accepts; a desired document always is."""
        return self.canonical.startswith("{")

    @property
    def value(self) -> Any:
        """The object; of a document that is not valid, its text."""
        return json.loads(self.text if self.is_valid else self.canonical)

    def __str__(self) -> str:
        return self.canonical


_MAX_DEPTH = 64
"""The maximum nesting of objects and arrays, because each level costs stack frames.

Policies and templates rarely need more than ten levels.
"""


def _invalid(problem: str) -> InvalidValueError:
    return InvalidValueError(ValueProblem("invalid-json", problem))


def _build_too_deep_error() -> InvalidValueError:
    return InvalidValueError(
        ValueProblem("nested-too-deeply", "nested too deeply", f"at most {_MAX_DEPTH} levels")
    )


def _is_too_deep(value: Any) -> bool:
    """Return whether a value is nested more deeply than `_MAX_DEPTH`, without recursion."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        child_groups = (item.values() if isinstance(item, dict) else item for item in level)
        level = [child for children in child_groups for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object as a dictionary. Raises InvalidValueError for a duplicate key.

    Parsers differ in which of the key's values they use, so AWS might not use the one that a reviewer has read.
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        duplicate = next(key for key, count in counts.items() if count > 1)
        raise InvalidValueError(ValueProblem("duplicate-key", f"duplicate key {duplicate!r}"))
    return members


def _reject_constant(constant: str) -> NoReturn:
    raise _invalid(f"not JSON: {constant}")


# Members of a policy document that may be one text, or a list of texts in any order.
# Source: AWS IoT developer guide, "AWS IoT Core policies"; IAM user guide, "Grammar of the IAM JSON policy language".
_SET_MEMBERS = frozenset({"Action", "NotAction", "Resource", "NotResource"})


def _normalize(value: Any) -> Any:
    """Return the value in a form that is equal for values with the same meaning."""
    match value:
        case dict():
            return {key: _normalize_member(key, item) for key, item in value.items()}
        case list():
            return [_normalize(item) for item in value]
        case _:
            return value


def _normalize_member(key: str, value: Any) -> Any:
    if key in _SET_MEMBERS:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return sorted(set(items))
    if key == "Statement" and isinstance(value, dict):
        return [_normalize(value)]
    return _normalize(value)
