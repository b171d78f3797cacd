"""Policies: what connected devices may do.

Source: AWS IoT API reference, CreatePolicy and related operations; AWS General Reference, AWS IoT Core quotas (five versions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any

from reconciler.kinds.base.aws_limits import POLICY_VERSIONS
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    to_tag_list,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared import cognito_identities
from reconciler.kinds.shared.policy_attachments import attach_policy, detach_policy
from reconciler.kinds.shared.policy_checks import check_policy
from reconciler.kinds.shared.policy_spec import Policy, PolicyFacts
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts
from reconciler.kinds.shared.versions import describe_other_versions
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some

__all__ = ["KIND", "Policies", "Policy"]

DERIVED_MEMBERS = {
    "CreatePolicyVersion.setAsDefault": "always true: the file's document is the one in effect"
}


class Policies(Kind):
    """Policies: found by name, owned by tag, compared by the meaning of the default version."""

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
        create=("CreatePolicy", "AttachPolicy"),
        update=(
            "DeletePolicyVersion",
            "CreatePolicyVersion",
            "AttachPolicy",
            "DetachPolicy",
            "UntagResource",
            "TagResource",
        ),
        delete=("DetachPolicy", "DeletePolicyVersion", "DeletePolicy"),
        forget=("UntagResource", "TagResource"),
    )
    name_api = "CreatePolicy.policyName"
    listing = Listing("ListPolicies", "policies", "policyName", "policyArn")
    description = Description("GetPolicy", "policyName")
    write_operations = ("CreatePolicy", "CreatePolicyVersion")
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check tags and identities, and the size, the grammar and the permissions of the document."""
        yield from cognito_identities.check_identities(resource.spec)
        yield from check_room_for_added_entries("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)
        yield from check_policy(resource.spec.document.text, "document")

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Policy:
        """Return the spec with its identities sorted."""
        spec: Policy = cognito_identities.sort_identities(resource.spec)
        return spec

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def find_undeclarable_parts(self, live: Live) -> Mapping[str, str]:
        """Return the versions other than the default one."""
        return describe_other_versions(live.get_facts(PolicyFacts).other_versions)

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all policies with their tags; read documents, versions and targets of desired or owned ones."""
        arns = yield from list_arns(self, scope)
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        policies = yield from request_each("GetPolicy", "policyName", tags_by_name)
        versions = yield from request_each("ListPolicyVersions", "policyName", tags_by_name)
        targets = yield from request_each("ListTargetsForPolicy", "policyName", tags_by_name)
        rows = zip(tags_by_name.values(), policies, versions, targets, strict=True)
        return [
            _to_live(
                policy,
                version_list["policyVersions"],
                target_list.get("targets", ()),
                tags,
                self.find_reference_spec(policy["policyName"], scope),
            )
            for tags, policy, version_list, target_list in rows
            if policy and version_list
        ]

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a deletion if the policy stays attached to a target: AWS would never delete it."""
        if not isinstance(change, Delete):
            return
        targets = set(change.live.get_facts(PolicyFacts).targets)
        released = (
            _find_released_targets(change.address, context)
            | _find_certificate_deleters(context).keys()
            | set(cognito_identities.find_declared(change.address, context))
        )
        remaining = sorted(targets - released)
        if remaining:
            count = "1 target" if len(remaining) == 1 else f"{len(remaining):,} targets"
            names = join_some(map(_format_target, remaining))
            yield (
                f"cannot delete: the policy stays attached to {count} after this plan ({names}); "
                "detach it there first"
            )

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the provisioned things whose steps delete a certificate that a deleted policy is attached to."""
        if not isinstance(change, Delete):
            return set()
        deleters = _find_certificate_deleters(context)
        return {deleters[arn] for arn in change.live.get_facts(PolicyFacts).targets if arn in deleters}

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the policy with its ownership tags in one call; then attach it to its identities."""
        spec: Policy = change.resource.spec
        name = change.address.name
        params = {
            "policyName": name,
            "policyDocument": spec.document.text,
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        create = ApiCall("iot", "CreatePolicy", params, verification=_build_document_verification(name))
        identities = cognito_identities.get_declared(spec)
        return [create, *(attach_policy(name, identity) for identity in identities)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Create a new default version; if there are five versions, first delete the oldest non-default one."""
        spec: Policy = change.resource.spec
        name = change.live.identity
        calls: list[ApiCall] = []
        if change.has_changed("document"):
            other_versions = change.live.get_facts(PolicyFacts).other_versions
            if len(other_versions) + 1 >= POLICY_VERSIONS.maximum:
                calls.append(_delete_version(name, other_versions[0]))
            params = {"policyName": name, "policyDocument": spec.document.text, "setAsDefault": True}
            calls.append(
                ApiCall("iot", "CreatePolicyVersion", params, verification=_build_document_verification(name))
            )
        added, removed = cognito_identities.list_added_and_removed(change)
        calls += [attach_policy(name, identity) for identity in added]
        calls += [detach_policy(name, identity) for identity in removed]
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, tags)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Detach the policy from the identities in the file; delete the other versions, then the policy.

        The deletion is retried, as AWS may still see attachments for minutes after they have ended.
        """
        name = change.live.identity
        delete = ApiCall(
            "iot",
            "DeletePolicy",
            {"policyName": name},
            ignored_errors=NOT_FOUND,
            retried_errors={"DeleteConflictException"},
        )
        facts = change.live.get_facts(PolicyFacts)
        identities = cognito_identities.find_declared(change.address, context)
        return [
            *(detach_policy(name, identity) for identity in identities if identity in facts.targets),
            *(_delete_version(name, version) for version in facts.other_versions),
            delete,
        ]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields; for a deletion also the targets."""
        fields = super().precondition(live, deletes=deletes)
        return {**fields, "targets": live.get_facts(PolicyFacts).targets} if deletes else fields


def _find_released_targets(policy: Address, context: PlanContext) -> set[str]:
    """Return the ARNs of the targets that the plan deletes or detaches from the policy."""
    arns = set()
    remaining_users = set(context.find_remaining_users(policy))
    for user in context.live_users.get(policy, ()):
        change, live = context.changes.get(user), context.live[user]
        has_grace_period = isinstance(change, Replace) and getattr(change.resource.spec, "rotation", None)
        if user in remaining_users or has_grace_period:
            continue  # the user keeps the policy; during a grace period, the old certificate does
        if isinstance(change, Update | Replace | Delete):
            # A provisioned thing has no ARN: the policy is attached to its certificate.
            facts = live.facts
            identity = facts.registered_id if isinstance(facts, ProvisionedThingFacts) else live.identity
            arns.add(live.arn or context.build_arn(f"cert/{identity}"))
    return arns


def _find_certificate_deleters(context: PlanContext) -> Mapping[str, Address]:
    """Return the provisioned thing whose step deletes each certificate, by the certificate's ARN.

    Such certificates are in no table, so no spec shows which policies they have.
    """
    return {
        context.build_arn(f"cert/{identity}"): address
        for address, change in context.changes.items()
        if isinstance(change, Update)
        and isinstance(change.live.facts, ProvisionedThingFacts)
        and change.has_changed("other_certificates")
        for identity in change.live.facts.deletable_ids
    }


def _build_document_verification(name: str) -> FieldsMatch:
    """Return the verification of a call that makes a document the default version.

    Sending a document twice would create two versions of it.
    """
    return FieldsMatch(
        ApiCall("iot", "GetPolicy", {"policyName": name}), {"policyDocument": "policyDocument"}
    )


def _format_target(target: str) -> str:
    """Return the last part of an ARN, such as `cert/…`, or a whole Cognito identity."""
    return target if cognito_identities.is_identity(target) else target.rpartition(":")[2]


def _delete_version(name: str, version: str) -> ApiCall:
    params = {"policyName": name, "policyVersionId": version}
    return ApiCall("iot", "DeletePolicyVersion", params, ignored_errors=NOT_FOUND)


def _to_live(
    policy: Response,
    versions: Sequence[Response],
    targets: Sequence[str],
    tags: Mapping[str, str],
    reference: Policy | None,
) -> Live:
    """Return a live policy; `reference` decides whether its identities are compared."""
    other_versions = sorted(
        (str(version["versionId"]) for version in versions if not version["isDefaultVersion"]), key=int
    )
    identities = cognito_identities.select_compared(targets, reference)
    spec = Policy(Document.from_live(policy["policyDocument"]), select_user_tags(tags), identities)
    # Live certificates contain the same ARNs; storing each text only once saves memory in a large fleet.
    shared_targets = tuple(map(intern, targets))
    facts = PolicyFacts(tuple(other_versions), shared_targets)
    return build_tagged_live(policy["policyName"], spec, tags, policy["policyArn"], facts=facts)


KIND = Policies()
