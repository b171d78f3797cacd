"""Check the thing groups of a file: their levels, their children and their policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.kinds.base.aws_limits import GROUP_CHILDREN, GROUP_LEVELS
from reconciler.kinds.shared.policy_grammar import find_grammar_problems
from reconciler.kinds.shared.policy_linter import allows_greengrass, names_greengrass
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, Resource
from reconciler.model.text import quote

TABLE = "thing_groups"


def check_level(group: Resource, desired: Desired) -> Iterator[ValueProblem]:
    """Yield a problem for a group on the first level that AWS does not allow.

    The groups below it are too deep for the same reason, so they are not reported. A parent outside the file counts as one level.
    """
    level = 1
    parent = group.spec.parent
    while parent is not None and level <= GROUP_LEVELS.maximum:
        level += 1
        declared = None if isinstance(parent, External) else desired.get(Address(TABLE, parent))
        parent = declared.spec.parent if declared else None
    if parent is None:
        yield from GROUP_LEVELS.check(level, ("parent",))


def check_children(desired: Desired) -> Iterator[tuple[Address, ValueProblem]]:
    """Yield a problem for each group of the file with too many direct children in the file."""
    children = Counter(
        resource.spec.parent
        for address, resource in desired.items()
        if address.kind == TABLE and isinstance(resource.spec.parent, str)
    )
    for parent, count in children.items():
        address = Address(TABLE, parent)
        if address in desired:
            for problem in GROUP_CHILDREN.check(count, ()):
                yield address, problem


def works_on_thing_groups(policy: str, desired: Desired) -> bool:
    """Return whether a policy allows things the same if it is attached to their thing group.

    AWS does not grant actions of AWS IoT Greengrass through the policies of thing groups (AWS IoT developer guide, "Static thing
    groups"). A policy outside the file may have such actions, as its document is not known.
    """
    resource = desired.get(Address("policies", policy))
    return resource is not None and not allows_greengrass(resource.spec.document.value)


def check_policies(group: Resource, desired: Desired) -> Iterator[ValueProblem]:
    """Yield a warning for each policy of the file that AWS does not apply to the things of a group.

    Source: AWS IoT developer guide, "Static thing groups".
    """
    for index, name in enumerate(group.spec.policies):
        policy = None if isinstance(name, External) else desired.get(Address("policies", name))
        if not policy or find_grammar_problems(policy.spec.document.text):
            continue
        if names_greengrass(policy.spec.document.value):
            problem = f"{quote(str(name))} allows actions of AWS IoT Greengrass, which AWS does not grant through a thing group"
            yield ValueProblem(
                "policy-greengrass-for-group",
                problem,
                "the policy on the certificates of the core devices",
                path=("policies", index),
                severity="warning",
            )
