"""Find the security profiles of other clients on thing groups that a plan deletes.

Source: AWS IoT API reference, ListSecurityProfilesForTarget. UNCONFIRMED: AWS detaches the profiles of a thing group that is deleted; none
of its errors is for attached profiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.reads import request_each
from reconciler.kinds.base.tags import OWNER_TAG, from_tag_list
from reconciler.model.resource import NOT_COMPARED, Live, NotCompared
from reconciler.model.text import join_some

PROFILES_FOR_TARGET = "ListSecurityProfilesForTarget"


@frozen
class ProfileTargetFacts:
    """The names of a group's security profiles that the workspace does not own.

    They are read only if the group may be deleted or replaced.
    """

    foreign_profiles: tuple[str, ...] | NotCompared = field(default=NOT_COMPARED, kw_only=True)


def read_foreign_profiles(arns: Mapping[str, str], scope: Scope) -> Read[dict[str, tuple[str, ...]]]:
    """Return the security profiles of each group that the workspace does not own, by name of the group.

    `arns` are those of the groups, by name. A re-read returns the profiles of the groups whose profiles the previous read returned.
    """
    if scope.previous_states is not None:
        previous = scope.previous_states
        arns = {name: arn for name, arn in arns.items() if _has_profiles(previous.get(name))}
    responses = yield from request_each(PROFILES_FOR_TARGET, "securityProfileTargetArn", [*arns.values()])
    profiles_by_group = {
        name: [
            item["securityProfileIdentifier"] for item in response.get("securityProfileTargetMappings", ())
        ]
        for name, response in zip(arns, responses, strict=True)
    }
    profile_arns = {item["name"]: item["arn"] for items in profiles_by_group.values() for item in items}
    tags = yield from request_each("ListTagsForResource", "resourceArn", [*profile_arns.values()])
    foreign = {
        name
        for name, response in zip(profile_arns, tags, strict=True)
        if from_tag_list(response.get("tags", ())).get(OWNER_TAG) != scope.workspace
    }
    return {
        group: tuple(sorted(item["name"] for item in items if item["name"] in foreign))
        for group, items in profiles_by_group.items()
    }


def find_foreign_profiles(live: Live, context: PlanContext) -> Iterator[str]:
    """Yield a description of the security profiles that other clients have attached, if any.

    They are neither owned by the workspace nor in the file. AWS deletes their attachments with the group.
    """
    profiles = live.get_facts(ProfileTargetFacts).foreign_profiles
    if isinstance(profiles, NotCompared):
        return
    declared = {
        resource.address.name
        for resource in context.declared.values()
        if resource.address.kind == "security_profiles"
    }
    names = [name for name in profiles if name not in declared]
    if names:
        yield f"the attachment of security profiles that this workspace does not manage ({join_some(names)})"


def _has_profiles(live: Live | None) -> bool:
    return live is not None and not isinstance(
        live.get_facts(ProfileTargetFacts).foreign_profiles, NotCompared
    )
