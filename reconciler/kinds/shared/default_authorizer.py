"""The account's default authorizer, which AWS neither deletes nor deactivates.

UNCONFIRMED: no public source states that AWS rejects the deactivation; it has to precede the deletion.
"""

from __future__ import annotations

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Update

TABLE = "account.default_authorizer"
ADDRESS = Address.parse(TABLE)
"""The address of the setting."""

NAME_PATH = ("authorizerDescription", "authorizerName")
"""Where the response of DescribeDefaultAuthorizer has the name."""


def build_need(name: str, action: str, context: PlanContext) -> CheckedNeed | None:
    """Return the need that an authorizer is not the default, or None if the plan makes sure of it.

    `action` is what the plan does with the authorizer, such as "delete".
    """
    change = context.changes.get(ADDRESS)
    if isinstance(change, Delete) or (
        isinstance(change, Create | Update) and change.resource.spec.authorizer != name
    ):
        return None
    return CheckedNeed(("default-authorizer", name, action), "", lambda: _read_problem(name, action))


def _read_problem(name: str, action: str) -> ProblemRead:
    (response,) = yield [ApiCall("iot", "DescribeDefaultAuthorizer", ignored_errors=NOT_FOUND)]
    description, member = NAME_PATH
    if response.get(description, {}).get(member) != name:
        return None
    advice = (
        f"declare the new one under another name, and set that in [{TABLE}]"
        if action == "replace"
        else f"set another in [{TABLE}], or none by leaving out `authorizer` there"
    )
    return f"cannot {action}: it is the default authorizer of this account and Region; {advice}"
