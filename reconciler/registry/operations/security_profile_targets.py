"""The targets of security profiles: the operations that attach, detach and list them.

Targets are static and dynamic thing groups, and the things of the account: all, the registered ones, or the others.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.security_profiles import identify_profile
from reconciler.registry.operations.thing_groups import build_group_arn, find_group
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.security_profiles import SECURITY_PROFILES

MAX_PROFILES_PER_TARGET = 5
"""AWS General Reference, "AWS IoT Device Defender endpoints and quotas"."""

_ACCOUNT_TARGETS = ("all/things", "all/registered-things", "all/unregistered-things")
"""AWS IoT Device Defender developer guide, "How to use AWS IoT Device Defender detect"."""

_TARGET = "securityProfileTargetArn"


@operation("iot", "AttachSecurityProfile")
def attach_security_profile(context: Context, params: Params) -> Output | None:
    """Attach a security profile to a target; repeating the call succeeds.

    UNCONFIRMED: whether that changes the version of the profile; here, it does not.

    Raises ResourceNotFound, InvalidRequest for an invalid target, LimitExceeded (410) for a sixth profile of a target.
    """
    profile = SECURITY_PROFILES.require(context, params)
    target = params[_TARGET]
    _require_target(context, target)
    context.tx.run(
        "INSERT OR IGNORE INTO security_profile_targets (scope, profile, target) VALUES (?, ?, ?)",
        context.scope,
        profile.name,
        target,
    )
    row = context.tx.fetch_one(
        "SELECT count(*) AS number FROM security_profile_targets WHERE scope = ? AND target = ?",
        context.scope,
        target,
    )
    if row["number"] > MAX_PROFILES_PER_TARGET:
        raise ApiError(
            "LimitExceededException", f"A target can have {MAX_PROFILES_PER_TARGET} security profiles."
        )
    return None


@operation("iot", "DetachSecurityProfile")
def detach_security_profile(context: Context, params: Params) -> Output | None:
    """Detach a security profile from a target; one that is not attached is not an error (UNCONFIRMED).

    Raises ResourceNotFound for an unknown profile.
    """
    profile = SECURITY_PROFILES.require(context, params)
    context.tx.run(
        "DELETE FROM security_profile_targets WHERE scope = ? AND profile = ? AND target = ?",
        context.scope,
        profile.name,
        params[_TARGET],
    )
    return None


@operation("iot", "ListTargetsForSecurityProfile")
def list_targets_for_security_profile(context: Context, params: Params) -> Output | None:
    """Return the ARNs of the targets, in the order in which they were attached. Raises ResourceNotFound."""
    profile = SECURITY_PROFILES.require(context, params)
    page = REGISTRY_PAGER.start_page(context, params)
    rows = context.tx.fetch_all(
        "SELECT * FROM security_profile_targets WHERE scope = ? AND profile = ? AND seq > ? ORDER BY seq LIMIT ?",
        context.scope,
        profile.name,
        page.after[0] if page.after else 0,
        page.limit,
    )
    return page.build_output(
        "securityProfileTargets",
        rows,
        key=lambda row: (row["seq"],),
        item=lambda row: {"arn": row["target"]},
    )


@operation("iot", "ListSecurityProfilesForTarget")
def list_security_profiles_for_target(context: Context, params: Params) -> Output | None:
    """Return the security profiles of a target, in the order in which they were attached.

    `recursive` has no effect: AWS documents two meanings of it.

    Raises ResourceNotFound, InvalidRequest for an invalid target.
    """
    target = params[_TARGET]
    _require_target(context, target)
    page = REGISTRY_PAGER.start_page(context, params)
    rows = context.tx.fetch_all(
        "SELECT * FROM security_profile_targets WHERE scope = ? AND target = ? AND seq > ? ORDER BY seq LIMIT ?",
        context.scope,
        target,
        page.after[0] if page.after else 0,
        page.limit,
    )

    def build_mapping(name: str) -> Output:
        profile = SECURITY_PROFILES.find(context, name)
        assert profile
        return {"securityProfileIdentifier": identify_profile(profile), "target": {"arn": target}}

    return page.build_output(
        "securityProfileTargetMappings",
        rows,
        key=lambda row: (row["seq"],),
        item=lambda row: build_mapping(row["profile"]),
    )


def _require_target(context: Context, target: str) -> None:
    """Raise InvalidRequest for an invalid target, ResourceNotFound for a thing group that does not exist."""
    if target in map(context.build_arn, _ACCOUNT_TARGETS):
        return
    name = target.rpartition("/")[2]
    if target != build_group_arn(context, name):
        raise context.invalid(f"The target {target} is not valid.")
    if find_group(context, name) is None:
        raise not_found(f"The thing group {name} does not exist.")
