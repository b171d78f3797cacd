"""Role aliases: the names by which devices ask for an IAM role's credentials.

Source: AWS IoT API reference, CreateRoleAlias and its neighbours; developer guide, "Authorizing direct calls to AWS
services". The role itself belongs to IAM and is only named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_names, request_each, select_wanted_or_owned
from reconciler.kinds.base.schema import member
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
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DEFAULT_DURATION_SECONDS = 3600
"""Seconds for which credentials hold where nothing else is said (API reference, CreateRoleAlias)."""


@frozen
class RoleAlias:
    """`[role_aliases.*]`."""

    role_arn: str = member("The role that devices get.", api="CreateRoleAlias.roleArn")
    credential_duration_seconds: int = member(
        "How long the credentials hold.",
        api="CreateRoleAlias.credentialDurationSeconds",
        default=DEFAULT_DURATION_SECONDS,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateRoleAlias.tags", factory=dict)


class RoleAliases(Kind):
    """Role aliases: found by name, owned by tag."""

    table = "role_aliases"
    noun = "role alias"
    spec_class = RoleAlias
    operations = Operations(
        read=("ListRoleAliases", "DescribeRoleAlias", "ListTagsForResource"),
        create=("CreateRoleAlias",),
        update=("UpdateRoleAlias", "UntagResource", "TagResource"),
        delete=("DeleteRoleAlias",),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListRoleAliases", "roleAliases", "")
    name_api = "CreateRoleAlias.roleAlias"
    write_operations = ("CreateRoleAlias", "UpdateRoleAlias")

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks."""
        return check_room_for_tags("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All aliases of the account in pages, and each by itself: the list has nothing but names."""
        names = yield from list_names(self, scope)
        answers = yield from request_each("DescribeRoleAlias", "roleAlias", names)
        found = {
            answer["roleAliasDescription"]["roleAlias"]: answer["roleAliasDescription"]
            for answer in answers
            if answer
        }
        wanted = {resource.address.name for resource in scope.resources_of(self.table)}
        arns = {name: item["roleAliasArn"] for name, item in found.items()}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        return [_live(found[name], tags) for name, tags in matter.items()]

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included."""
        spec: RoleAlias = change.resource.spec
        tags = to_tag_list(with_ownership_tags(change.resource, context.workspace))
        params = _params(change.address.name, spec)
        question = ApiCall("iot", "DescribeRoleAlias", {"roleAlias": change.address.name})
        proof = FieldsMatch(question, {name: f"roleAliasDescription.{name}" for name in params})
        return [ApiCall("iot", "CreateRoleAlias", {**params, "tags": tags}, verification=proof)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Role and duration in one call, tags in their own."""
        spec: RoleAlias = change.resource.spec
        calls = []
        if change.has_changed("role_arn") or change.has_changed("credential_duration_seconds"):
            calls.append(ApiCall("iot", "UpdateRoleAlias", _params(change.live.identity, spec)))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Nothing stands in the way."""
        return [
            ApiCall("iot", "DeleteRoleAlias", {"roleAlias": change.live.identity}, ignored_errors=NOT_FOUND)
        ]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


def _params(name: str, spec: RoleAlias) -> dict[str, Any]:
    return {
        "roleAlias": name,
        "roleArn": spec.role_arn,
        "credentialDurationSeconds": spec.credential_duration_seconds,
    }


def _live(item: Mapping[str, Any], tags: Mapping[str, str]) -> Live:
    spec = RoleAlias(
        item["roleArn"], item.get("credentialDurationSeconds", DEFAULT_DURATION_SECONDS), user_tags(tags)
    )
    return tagged_live(item["roleAlias"], spec, tags, item["roleAliasArn"])


KIND = RoleAliases()
