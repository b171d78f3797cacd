"""The security profiles that keep AWS from deleting a custom metric or a dimension.

Source: AWS IoT API reference, DeleteCustomMetric (security profiles must release it first) and ListSecurityProfiles. UNCONFIRMED
for dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete, Replace
from reconciler.model.text import join_some

SECURITY_PROFILES = frozenset({"security_profiles"})
"""The kinds that refer to custom metrics and dimensions."""


def find_user_needs(change: Change, param: str, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need that no unmanaged security profile uses a deleted resource.

    `param` is the parameter of ListSecurityProfiles that selects the profiles that use it.
    """
    if not isinstance(change, Delete | Replace):
        return
    name = change.live.identity
    managed_names = {
        live.identity for address, live in context.live.items() if address.kind in SECURITY_PROFILES
    }

    def read() -> ProblemRead:
        (response,) = yield [ApiCall("iot", "ListSecurityProfiles", {param: name})]
        names = {item["name"] for item in response["securityProfileIdentifiers"]}
        users = sorted(names - managed_names)
        if not users:
            return None
        return (
            f"cannot {change.action}: security profiles that this workspace does not manage use it "
            f"({join_some(users)}); remove it from them first, or keep it"
        )

    yield CheckedNeed(("security-profile-users", param, name), "", read)
