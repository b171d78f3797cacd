"""The targets of security profiles: thing groups, and the things of the account.

Source: AWS IoT API reference, AttachSecurityProfile; AWS IoT Device Defender developer guide, "How to use AWS IoT Device Defender
detect" (the ARNs of the account's targets). UNCONFIRMED: whether AWS detaches the profiles of a thing group that is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import TARGET_PROFILES
from reconciler.kinds.base.context import PlanContext, Read
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND, request_each
from reconciler.kinds.shared.security_profile_spec import SecurityProfile, get_name
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.resource import External
from reconciler.model.text import join_some

TABLE = "security_profiles"
TARGET_FIELDS = ("thing_groups", "dynamic_thing_groups", "account_targets")
"""The fields with the targets, which the creation and the update of a profile do not change."""

_GROUP, _ACCOUNT = "thinggroup/", "all/"


def map_targets(spec: SecurityProfile) -> dict[str, str]:
    """Return the field of each target of a profile.

    A target is the last part of its ARN, such as `thinggroup/pumps` or `all/things`.
    """
    return {
        **{f"{_GROUP}{get_name(group)}": "thing_groups" for group in spec.thing_groups},
        **{f"{_GROUP}{get_name(group)}": "dynamic_thing_groups" for group in spec.dynamic_thing_groups},
        **{f"{_ACCOUNT}{name}": "account_targets" for name in spec.account_targets},
    }


def attach_profile(name: str, target: str, context: PlanContext) -> ApiCall:
    """Return the call that attaches a profile to a target."""
    return _build_call("AttachSecurityProfile", name, target, context)


def detach_profile(name: str, target: str, context: PlanContext) -> ApiCall:
    """Return the call that detaches a profile; it succeeds if the profile or the target does not exist."""
    return evolve(_build_call("DetachSecurityProfile", name, target, context), ignored_errors=NOT_FOUND)


def _build_call(operation: str, name: str, target: str, context: PlanContext) -> ApiCall:
    params = {"securityProfileName": name, "securityProfileTargetArn": context.build_arn(target)}
    return ApiCall("iot", operation, params, idempotent=True)


def reattach_profiles(group: Address, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that attach the workspace's profiles again to a thing group that is replaced."""
    for user in context.find_remaining_users(group):
        if user.kind == TABLE:
            yield attach_profile(context.live[user].identity, f"{_GROUP}{group.name}", context)


@frozen
class Targets:
    """The live targets of a profile, as the fields of its spec."""

    thing_groups: tuple[External, ...]
    dynamic_thing_groups: tuple[External, ...]
    account_targets: tuple[str, ...]


def read_targets(
    references: Mapping[str, SecurityProfile | None],
    dynamic_groups: frozenset[str],
    static_groups: frozenset[str],
) -> Read[Mapping[str, Targets]]:
    """Return the targets of profiles, by name.

    The ARNs of static and dynamic groups look alike, so groups of an unknown type are described.

    Args:
        references: By name of a profile: the spec that knows the types of its groups.
        dynamic_groups: The names of groups that are known to be dynamic.
        static_groups: The names of groups that are known to be static.
    """
    responses = yield from request_each("ListTargetsForSecurityProfile", "securityProfileName", references)
    targets = {
        name: [item["arn"].rpartition(":")[2] for item in response.get("securityProfileTargets", ())]
        for name, response in zip(references, responses, strict=True)
    }
    specs = [spec for spec in references.values() if spec]
    static_groups |= {get_name(group) for spec in specs for group in spec.thing_groups}
    dynamic_groups |= {get_name(group) for spec in specs for group in spec.dynamic_thing_groups}
    groups = {name for items in targets.values() for name in _select(items, _GROUP)}
    unknown_groups = sorted(groups - static_groups - dynamic_groups)
    descriptions = yield from request_each("DescribeThingGroup", "thingGroupName", unknown_groups)
    described = zip(unknown_groups, descriptions, strict=True)
    dynamic_groups |= {name for name, description in described if "queryString" in description}
    return {name: _to_targets(items, dynamic_groups) for name, items in targets.items()}


def _to_targets(items: Sequence[str], dynamic_groups: frozenset[str]) -> Targets:
    groups = _select(items, _GROUP)
    return Targets(
        tuple(External(name) for name in groups if name not in dynamic_groups),
        tuple(External(name) for name in groups if name in dynamic_groups),
        tuple(_select(items, _ACCOUNT)),
    )


def _select(items: Sequence[str], prefix: str) -> list[str]:
    return sorted(item.removeprefix(prefix) for item in items if item.startswith(prefix))


def build_room_need(target: str, field: str, context: PlanContext) -> CheckedNeed:
    """Return the need that a target has room for the workspace's profiles, those of others included.

    `field` is the field that attaches a profile to it.
    """
    own_names = {live.identity for address, live in context.live.items() if address.kind == TABLE}
    desired_names = {
        address.name
        for address, resource in context.desired.items()
        if address.kind == TABLE and target in map_targets(resource.spec)
    }

    def read() -> ProblemRead:
        arn = context.build_arn(target)
        call = ApiCall(
            "iot",
            "ListSecurityProfilesForTarget",
            {"securityProfileTargetArn": arn},
            ignored_errors=NOT_FOUND,
        )
        (response,) = yield [call]
        mappings = response.get("securityProfileTargetMappings", ())
        names = {mapping["securityProfileIdentifier"]["name"] for mapping in mappings}
        others = sorted(names - own_names - desired_names)
        count = len(others) + len(desired_names)
        if not others or count <= TARGET_PROFILES.maximum:
            return None
        return (
            f"{target} would have {count} security profiles, with those that this workspace does not manage "
            f"({join_some(others)}), and AWS allows {TARGET_PROFILES.maximum}; detach some of them first"
        )

    return CheckedNeed(("security-profiles", target), field, read)
