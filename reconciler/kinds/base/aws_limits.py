"""AWS's fixed limits per resource and per account, which no service quota raises.

AWS's service models omit them.
Source: AWS General Reference, "AWS IoT Core endpoints and quotas", "AWS IoT Device Management endpoints and quotas" and "AWS IoT Device
Defender endpoints and quotas" (not adjustable);
"Tag naming limits and requirements". The limits in the service models, such as the lengths of names, are checked with `Constraints`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.model.address import Address
from reconciler.model.change import Change, Create, Delete
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import Desired


@frozen
class Limit:
    """A limit: its maximum, and what is counted.

    `counted` is the noun in messages, such as `direct child groups`; `owner` completes it in the documentation.
    """

    maximum: int
    counted: str
    owner: str = ""

    def check(
        self,
        count: int,
        path: ValuePath,
        *,
        reserved: int = 0,
        reserved_for: str = "",
        alternative: str = "",
    ) -> Sequence[ValueProblem]:
        """Return a problem if `count` exceeds the limit.

        `reserved` is how many reconciler adds, and `reserved_for` names them. `alternative` would make the number valid.
        """
        room = self.maximum - reserved
        if count <= room:
            return ()
        problem = f"{count:,} {self.counted}"
        if reserved_for:
            problem += f" and {reserved_for} are more than the {self.maximum:,} that AWS allows"
        return (ValueProblem("too-many-items", problem, f"at most {room:,}{alternative}", path=path),)


UNTYPED_THING_ATTRIBUTES = Limit(3, "attributes on a thing without a type")
TYPED_THING_ATTRIBUTES = Limit(50, "attributes on a thing with a type")
THING_ATTRIBUTE_BYTES = Limit(47 * 1024, "bytes of attribute names and values", "of a thing")
THING_STATIC_GROUPS = Limit(10, "groups", "of a thing")
GROUP_ATTRIBUTES = Limit(50, "attributes on a thing group")
GROUP_LEVELS = Limit(7, "levels of thing groups")
GROUP_CHILDREN = Limit(100, "direct child groups", "of a thing group")
DYNAMIC_GROUPS = Limit(100, "dynamic thing groups", "of an account in a Region")
SEARCHABLE_ATTRIBUTES = Limit(3, "searchable attributes", "of a thing type")
CERTIFICATE_POLICIES = Limit(10, "policies on a certificate")
POLICY_CHARACTERS = Limit(2048, "characters in the policy document, without white space")
POLICY_VERSIONS = Limit(5, "versions of a policy")
TEMPLATE_CHARACTERS = Limit(10_240, "characters in the provisioning template")
TEMPLATE_VERSIONS = Limit(5, "versions of a provisioning template")
TEMPLATES = Limit(256, "provisioning templates", "of an account in a Region")
CAS_WITH_ONE_SUBJECT = Limit(10, "CA certificates with the same subject", "of an account in a Region")
CERTIFICATE_PROVIDERS = Limit(1, "certificate providers", "of an account in a Region")
SCHEDULED_AUDITS = Limit(5, "scheduled audits", "of an account in a Region")
DIMENSIONS = Limit(10, "dimensions", "of an account in a Region")
MITIGATION_ACTIONS = Limit(100, "mitigation actions", "of an account in a Region")
TARGET_PROFILES = Limit(5, "security profiles", "of a thing group, or of the things of an account")
METRIC_VALUE_ELEMENTS = Limit(1000, "elements of metric values", "of a security profile")
TAGS = Limit(50, "tags", "of a resource")

FIXED_LIMITS = tuple(value for value in list(globals().values()) if isinstance(value, Limit))
"""All of them, for the documentation."""


def check_table_size(limit: Limit, table: str, desired: Desired) -> Iterator[tuple[Address, ValueProblem]]:
    """Yield a problem, for the last resource, if a table has more than an account may have."""
    addresses = [address for address in desired if address.kind == table]
    for problem in limit.check(len(addresses), ()):
        yield max(addresses), problem


def find_count_errors(
    limit: Limit, change: Change, existing_count: int, context: PlanContext
) -> Iterator[str]:
    """Yield an error, for the last new resource of a kind, if the account has no room for all of them.

    `existing_count` has subtracted only deletions that come before the creations (`count_kept`).
    """
    if not isinstance(change, Create):
        return
    created = [
        address
        for address, other in context.changes.items()
        if address.kind == change.address.kind and isinstance(other, Create)
    ]
    count = existing_count + len(created)
    if count > limit.maximum and change.address == max(created):
        yield (
            f"cannot create: there would be {count:,} {limit.counted}, with those that exist already, and AWS allows "
            f"{limit.maximum:,}; delete some of them first"
        )


def count_kept(table: str, context: PlanContext) -> int:
    """Return how many of the account's resources in a table the plan does not delete.

    Those of others count, too. This is for kinds with `creates_after_deletes`, whose deletions make room for creations.
    """
    deleted = sum(
        address.kind == table and isinstance(change, Delete) for address, change in context.changes.items()
    )
    return len(context.outside.listed_ids.get(table, ())) - deleted
