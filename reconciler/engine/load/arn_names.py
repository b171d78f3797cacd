"""Find names in braces that are not replaced in ARNs, such as `{account}` in place of `{aws.account}`.

Only the partition, the Region and the account of an ARN are searched: in them, no brace can be meant literally.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from reconciler.kinds.base.schema import is_spec_class
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import External

_ARN = re.compile(r"arn:(?P<partition>[^:]*):[^:]*:(?P<region>[^:]*):(?P<account>[^:]*):")
_BRACES = re.compile(r"\{[^{}]*\}")

_MAP_TYPES = (dict, Mapping)
"""Whether a value is a `dict` is found out faster than whether it is another `Mapping`."""


def find_unreplaced_names(field: str, value: Any) -> list[ValueProblem]:
    """Return a problem for each part of an ARN in a field, or in an inner table of it, that has braces."""
    return _find_in_value(value, (field,))


def _find_in_value(value: Any, path: ValuePath) -> list[ValueProblem]:
    if isinstance(value, tuple):
        items: Iterable[tuple[str | int, Any]] = enumerate(value)
    elif isinstance(value, _MAP_TYPES):
        items = value.items()
    elif isinstance(value, str):
        return [*_find_in_arn(value, path)] if "{" in value and value.startswith("arn:") else []
    elif isinstance(value, External):
        return _find_in_value(value.id, path)
    elif is_spec_class(type(value)):
        items = attrs.asdict(value, recurse=False).items()
    else:
        return []
    return [
        problem
        for key, item in items
        if type(item) is not str or "{" in item
        for problem in _find_in_value(item, (*path, key))
    ]


def _find_in_arn(arn: str, path: ValuePath) -> Iterator[ValueProblem]:
    match = _ARN.match(arn)
    for name, text in match.groupdict().items() if match else ():
        if braces := _BRACES.search(text):
            problem = f"{braces[0]} in the ARN is not replaced"
            yield ValueProblem("unreplaced-name", problem, f"{{aws.{name}}}", path=path)
