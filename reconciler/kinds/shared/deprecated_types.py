"""Find things that would get a deprecated type, which AWS does not allow.

Source: AWS IoT developer guide, "Thing types": after its deprecation, no new things can be associated with a type.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.model.address import Address
from reconciler.model.change import Create, Replace, Update


def find_deprecated_type_errors(
    change: Create | Update | Replace, context: PlanContext, *, gets_type: bool
) -> Iterator[str]:
    """Yield an error if a thing gets a type of the file that will be deprecated or stays so.

    `gets_type` is whether the thing does not have the type yet. Types outside the file are checked as references.
    """
    name = change.resource.spec.thing_type
    if not gets_type or not isinstance(name, str):
        return
    address = Address("thing_types", name)
    declared, live = context.declared.get(address), context.live.get(address)
    if declared and declared.spec.deprecated:
        yield f"cannot have the type {address}, which the file deprecates; choose another type"
    elif live and live.spec.deprecated and _stays_deprecated(address, context):
        yield (
            f"cannot have the type {address}: it is deprecated, and this plan does not change that; choose another type, or "
            "end its deprecation first"
        )


def _stays_deprecated(thing_type: Address, context: PlanContext) -> bool:
    change = context.changes.get(thing_type)
    return not isinstance(change, Update | Replace) or bool(change.resource.spec.deprecated)
