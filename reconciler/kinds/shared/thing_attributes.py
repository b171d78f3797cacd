"""Check the number and the size of a thing's attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds.base.aws_limits import (
    THING_ATTRIBUTE_BYTES,
    TYPED_THING_ATTRIBUTES,
    UNTYPED_THING_ATTRIBUTES,
)
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.secret import Secret


def check_attributes(
    attributes: Mapping[str, str | Secret], path: ValuePath, type_field: str, *, has_type: bool
) -> Iterator[ValueProblem]:
    """Yield a problem if there are too many attributes, or if they are too large.

    Empty values do not count: AWS stores no attribute for them. The sizes of secret values are not counted.
    """
    stored = {name: value for name, value in attributes.items() if value}
    if has_type:
        yield from TYPED_THING_ATTRIBUTES.check(len(stored), path)
    else:
        alternative = "" if len(stored) > TYPED_THING_ATTRIBUTES.maximum else f", or a {type_field}"
        yield from UNTYPED_THING_ATTRIBUTES.check(len(stored), path, alternative=alternative)
    texts = [*stored, *[value for value in stored.values() if not isinstance(value, Secret)]]
    yield from THING_ATTRIBUTE_BYTES.check(len("".join(texts).encode()), path)
