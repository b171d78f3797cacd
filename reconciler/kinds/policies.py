"""Policies: what a device may do once it is connected.

Source: AWS IoT API reference, CreatePolicy and its neighbours; AWS General Reference, AWS IoT Core quotas (five versions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, request_each, select_wanted_or_owned
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    tagged_live,
    to_tag_list,
    user_tags,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.policy_spec import Policy, PolicyFacts
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some

MAX_VERSIONS = 5
MAX_DOCUMENT_CHARACTERS = 2048
"""Characters of a policy document, white space aside."""

DERIVED_MEMBERS = {
    "CreatePolicyVersion.setAsDefault": "always true: what the file says is what holds",
}


class Policies(Kind):
    """Policies: found by name, owned by tag, compared by what the default version means."""

    table = "policies"
    noun = "policy"
    spec_class = Policy
    operations = Operations(
        read=(
            "ListPolicies",
            "ListTagsForResource",
            "GetPolicy",
            "ListPolicyVersions",
            "ListTargetsForPolicy",
        ),
        create=("CreatePolicy",),
        update=("DeletePolicyVersion", "CreatePolicyVersion", "UntagResource", "TagResource"),
        delete=("DeletePolicyVersion", "DeletePolicy"),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListPolicies", "policies", "policyName", "policyArn")
    name_api = "CreatePolicy.policyName"
    write_operations = ("CreatePolicy", "CreatePolicyVersion")
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """AWS counts the document without its white space."""
        yield from check_room_for_tags("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)
        size = len("".join(resource.spec.document.text.split()))
        if size > MAX_DOCUMENT_CHARACTERS:
            yield ValueProblem(
                "too-long",
                f"the document has {size} characters, white space aside",
                f"at most {MAX_DOCUMENT_CHARACTERS}",
                path=("document",),
            )

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All policies of the account in pages, the tags of each, and what else there is to those that matter.

        Whom a policy is attached to is asked of the policy: AWS lists its targets in pages, whatever kind they are of.
        """
        arns = yield from list_arns(self, scope)
        wanted = {resource.address.name for resource in scope.resources_of(self.table)}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        documents = yield from request_each("GetPolicy", "policyName", matter)
        versions = yield from request_each("ListPolicyVersions", "policyName", matter)
        targets = yield from request_each("ListTargetsForPolicy", "policyName", matter)
        return [
            _live(document, version["policyVersions"], target.get("targets", ()), tags)
            for tags, document, version, target in zip(
                matter.values(), documents, versions, targets, strict=True
            )
            if document and version
        ]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Nobody but those that were seen has a policy that goes."""
        seen = super().precondition(live, deletes=deletes)
        return {**seen, "targets": live.facts_as(PolicyFacts).targets} if deletes else seen

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """AWS deletes no policy that anything has; what the plan does not make let go of it would keep it for good."""
        if not isinstance(change, Delete):
            return
        stay = sorted(set(change.live.facts_as(PolicyFacts).targets) - _letting_go(change.address, context))
        if stay:
            count = "one target has" if len(stay) == 1 else f"{len(stay):,} targets have"
            yield (
                f"AWS deletes no policy that is attached, and {count} it that this plan does not change "
                f"({join_some(arn.rpartition(':')[2] for arn in stay)}); detach it there first"
            )

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included."""
        spec: Policy = change.resource.spec
        params = {
            "policyName": change.address.name,
            "policyDocument": spec.document.text,
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        return [ApiCall("iot", "CreatePolicy", params, verification=_shown(change.address.name))]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """A new default version; the oldest of the others goes first where five are there."""
        spec: Policy = change.resource.spec
        name = change.live.identity
        calls: list[ApiCall] = []
        if change.has_changed("document"):
            older = change.live.facts_as(PolicyFacts).older_versions
            if len(older) + 1 >= MAX_VERSIONS:
                calls.append(_drop(name, older[0]))
            params = {"policyName": name, "policyDocument": spec.document.text, "setAsDefault": True}
            calls.append(ApiCall("iot", "CreatePolicyVersion", params, verification=_shown(name)))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Nobody has it any more and no other version is left: then AWS deletes it, some minutes late at the most."""
        params = {"policyName": change.live.identity}
        return [
            *(_drop(change.live.identity, old) for old in change.live.facts_as(PolicyFacts).older_versions),
            ApiCall(
                "iot",
                "DeletePolicy",
                params,
                ignored_errors=NOT_FOUND,
                retried_errors={"DeleteConflictException"},
            ),
        ]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


def _letting_go(policy: Address, context: PlanContext) -> set[str]:
    """The ARNs of those that the plan deletes, or has detach the policy."""
    found = set()
    for user in context.live_users.get(policy, ()):
        change, live = context.changes.get(user), context.live[user]
        keeps = isinstance(change, Update) and policy.name in change.resource.spec.policies
        if isinstance(change, Update | Replace | Delete) and not keeps:
            facts = live.facts
            registered = facts.registered if isinstance(facts, ProvisionedThingFacts) else live.identity
            found.add(live.arn or context.build_arn(f"cert/{registered}"))
    for live in context.live.values():  # what provisioned things had before is deleted in their own steps
        if isinstance(live.facts, ProvisionedThingFacts):
            found |= {context.build_arn(f"cert/{name}") for name in live.facts.deletable}
    return found


def _shown(name: str) -> FieldsMatch:
    """Sending the same document twice makes two versions of it; the default one tells."""
    return FieldsMatch(
        ApiCall("iot", "GetPolicy", {"policyName": name}), {"policyDocument": "policyDocument"}
    )


def _drop(name: str, version: str) -> ApiCall:
    params = {"policyName": name, "policyVersionId": version}
    return ApiCall("iot", "DeletePolicyVersion", params, ignored_errors=NOT_FOUND)


def _live(
    policy: Mapping[str, Any],
    versions: Sequence[Mapping[str, Any]],
    targets: Sequence[str],
    tags: Mapping[str, str],
) -> Live:
    older = sorted((str(v["versionId"]) for v in versions if not v["isDefaultVersion"]), key=int)
    spec = Policy(Document.parse(policy["policyDocument"]), user_tags(tags))
    facts = PolicyFacts(tuple(older), tuple(map(intern, targets)))
    return tagged_live(policy["policyName"], spec, tags, policy["policyArn"], facts=facts)


KIND = Policies()
