"""Role aliases: the names under which devices request the credentials of an IAM role.

Source: AWS IoT API reference, CreateRoleAlias and related operations; developer guide, "Authorizing direct calls to AWS
services". The role is in IAM; the alias only refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_names, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.schema import member
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
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DEFAULT_DURATION_SECONDS = 3600
"""How long credentials are valid by default (API reference, CreateRoleAlias)."""


@frozen
class RoleAlias:
    """`[role_aliases.*]`."""

    role_arn: str = member("The role that devices get.", api="CreateRoleAlias.roleArn")
    credential_duration_seconds: int = member(
        "How long the credentials are valid.",
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
    name_api = "CreateRoleAlias.roleAlias"
    listing = Listing("ListRoleAliases", "roleAliases", id_key="")
    write_operations = ("CreateRoleAlias", "UpdateRoleAlias")

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the role, and with tags that leave no room for the ownership tags."""
        yield from check_role_arn("role_arn", resource.spec.role_arn)
        yield from check_room_for_added_entries("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Describe every alias of the account, as the listing has only names; then read their tags."""
        names = yield from list_names(self, scope)
        responses = yield from request_each("DescribeRoleAlias", "roleAlias", names)
        descriptions = [response["roleAliasDescription"] for response in responses if response]
        aliases = {description["roleAlias"]: description for description in descriptions}
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        arns = {name: description["roleAliasArn"] for name, description in aliases.items()}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        return [_to_live(aliases[name], tags) for name, tags in tags_by_name.items()]

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the alias with its ownership tags in one call."""
        params = _to_params(change.address.name, change.resource.spec)
        describe = ApiCall("iot", "DescribeRoleAlias", {"roleAlias": change.address.name})
        verification = FieldsMatch(describe, {name: f"roleAliasDescription.{name}" for name in params})
        tags = to_tag_list(with_ownership_tags(change.resource, context.workspace))
        return [ApiCall("iot", "CreateRoleAlias", {**params, "tags": tags}, verification=verification)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update role and duration in one call; update tags separately."""
        calls = []
        if change.has_changed("role_arn") or change.has_changed("credential_duration_seconds"):
            params = _to_params(change.live.identity, change.resource.spec)
            calls.append(ApiCall("iot", "UpdateRoleAlias", params))
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, tags)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the alias; AWS requires nothing before that."""
        params = {"roleAlias": change.live.identity}
        return [ApiCall("iot", "DeleteRoleAlias", params, ignored_errors=NOT_FOUND)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]


def _to_params(name: str, spec: RoleAlias) -> dict[str, Any]:
    return {
        "roleAlias": name,
        "roleArn": spec.role_arn,
        "credentialDurationSeconds": spec.credential_duration_seconds,
    }


def _to_live(description: Response, tags: Mapping[str, str]) -> Live:
    spec = RoleAlias(
        role_arn=description["roleArn"],
        credential_duration_seconds=description.get("credentialDurationSeconds", DEFAULT_DURATION_SECONDS),
        tags=select_user_tags(tags),
    )
    return build_tagged_live(description["roleAlias"], spec, tags, description["roleAliasArn"])


KIND = RoleAliases()
