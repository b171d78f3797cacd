"""Find names in braces that are not replaced in ARNs, such as `{account}` in place of `{aws.account}`.

Only the partition, the Region and the account of an ARN are searched: in them, no brace can be meant literally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from reconciler.kinds.base.schema import is_spec_class
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import External

_ARN = re.compile(r"arn:(?P<partition>[^:]*):[^:]*:(?P<region>[^:]*):(?P<account>[^:]*):")
_BRACES = re.compile(r"\{[^{}]*\}")


def find_unreplaced_names(values: Mapping[str, Any]) -> Iterator[ValueProblem]:
    """Yield a problem for each part of an ARN in a field, or in an inner table of it, that has braces."""
    for name, value in values.items():
        yield from _find_in_value(value, (name,))


def _find_in_value(value: Any, path: ValuePath) -> Iterator[ValueProblem]:
    if isinstance(value, str):
        if "{" in value and value.startswith("arn:"):
            yield from _find_in_arn(value, path)
    elif isinstance(value, External):
        yield from _find_in_value(value.id, path)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _find_in_value(item, (*path, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _find_in_value(item, (*path, key))
    elif is_spec_class(type(value)):
        for attribute in attrs.fields(type(value)):
            yield from _find_in_value(getattr(value, attribute.name), (*path, attribute.name))


def _find_in_arn(arn: str, path: ValuePath) -> Iterator[ValueProblem]:
    match = _ARN.match(arn)
    for name, text in match.groupdict().items() if match else ():
        if braces := _BRACES.search(text):
            problem = f"{braces[0]} in the ARN is not replaced"
            yield ValueProblem("unreplaced-name", problem, f"{{aws.{name}}}", path=path)
