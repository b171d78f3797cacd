"""The parts that files of other tools have in common: text, and declared resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.field_aliases import fold_name
from reconciler.model.errors import ReconcilerError
from reconciler.model.file_content import recognize_bytes
from reconciler.model.text import type_name

SourcePath: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value in a resource's attributes."""

STDIN = "-"

_BYTE_ORDER_MARKS: Mapping[bytes, str] = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""The encodings in which PowerShell redirects output to a file."""


@frozen
class SourceResource:
    """A resource as another tool declares it.

    - `address`: the tool's name of it, such as `aws_iot_thing.pump["a"]`;
    - `block`: the address of the block that declares it, and others with `count` or `for_each`: `aws_iot_thing.pump`;
    - `type`: the tool's type, such as `aws_iot_thing`;
    - `noun`: AWS's noun in lower case without separators, such as `thingtype`;
    - `label`: a short name, for a table whose resource has none of its own;
    - `attributes`: the values, of which some are secret;
    - `sensitive_paths`: the paths of the values that the tool treats as secrets;
    - `obstacle`: why it cannot be converted, or None.
    """

    address: str
    block: str
    type: str
    noun: str
    label: str
    attributes: Mapping[str, Any] = field(repr=False)
    sensitive_paths: frozenset[SourcePath] = frozenset()
    obstacle: str | None = None

    def find(self, *names: str) -> Any:
        """Return the value of the first of these attributes that is set, in any spelling, or None."""
        values = {fold_name(key): value for key, value in self.attributes.items()}
        return next((values[name] for name in map(fold_name, names) if not is_empty(values.get(name))), None)

    def find_text(self, *names: str) -> str:
        """Return the text of the first of these attributes that is set, or an empty text."""
        value = self.find(*names)
        return value if isinstance(value, str) else ""

    def is_sensitive(self, path: SourcePath) -> bool:
        """Return whether a value, or one that contains it, is secret."""
        return any(path[:length] in self.sensitive_paths for length in range(1, len(path) + 1))


@frozen
class Source:
    """The resources of one file of another tool.

    - `tool`: the tool's name;
    - `resources`: those of AWS IoT;
    - `other_types`: type → number of resources of other services;
    - `assumed_parameters`: the defaults that were used for parameters without a given value, by name.
    """

    tool: str
    resources: tuple[SourceResource, ...]
    other_types: Mapping[str, int]
    assumed_parameters: Mapping[str, str] = field(factory=dict)


def is_empty(value: Any) -> bool:
    """Return whether a value means that an attribute is not set."""
    return value is None or value in ("", [], {})


def is_placeholder(text: str) -> bool:
    """Return whether a text is only the placeholder of a variable, so its value is not known."""
    return text.startswith("{var.") and text.endswith("}") and text.count("{") == 1


def read_source(path: str, read_stdin: Callable[[], bytes]) -> str:
    """Return the text of a file, or of the standard input if `path` is `-`.

    Raises ReconcilerError and OSError.
    """
    content = read_stdin() if path == STDIN else Path(path).read_bytes()
    name = name_source(path)
    try:
        text = content.decode(_BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig"))
    except UnicodeDecodeError:
        raise ReconcilerError(f"{name}: {recognize_bytes(content) or 'not UTF-8 text'}") from None
    if not text.strip():
        raise ReconcilerError(f"{name}: the file is empty")
    return text


def name_source(path: str) -> str:
    """Return the name of a source for messages."""
    return "stdin" if path == STDIN else path


def to_text(value: object) -> str:
    """Return a scalar as text. Raises ValueError for another value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("expected a string")


def parse_json_object(text: str, name: str, advice: str) -> dict[str, Any]:
    """Return the object in a JSON text.

    Raises ReconcilerError with `advice`; the message has nothing of the text.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReconcilerError(
            f"{name}: not JSON: {error.msg} in line {error.lineno}, column {error.colno}; {advice}"
        ) from None
    except RecursionError:
        raise ReconcilerError(f"{name}: nested too deeply; {advice}") from None
    except ValueError:  # a number with too many digits
        raise ReconcilerError(f"{name}: not JSON: a number with too many digits; {advice}") from None
    if not isinstance(value, dict):
        raise ReconcilerError(f"{name}: got {type_name(value)} instead of a JSON object; {advice}")
    return value


def iterate_true_paths(value: Any, path: SourcePath = ()) -> Iterator[SourcePath]:
    """Yield the paths at which a structure has the value true."""
    if value is True:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from iterate_true_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from iterate_true_paths(item, (*path, index))
