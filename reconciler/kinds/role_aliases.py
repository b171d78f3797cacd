"""Role aliases: the names under which devices request the credentials of an IAM role.

Source: AWS IoT API reference, CreateRoleAlias and related operations; developer guide, "Authorizing direct calls to AWS
services". The role is in IAM; the alias only refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Resource

DEFAULT_DURATION_SECONDS = 3600
"""How long credentials are valid by default (API reference, CreateRoleAlias)."""


@frozen
class RoleAlias:
    """`[role_aliases.*]`."""

    role_arn: str = member("The role that devices get.", api="CreateRoleAlias.roleArn", outside="role")
    credential_duration_seconds: int = member(
        "How long the credentials are valid.",
        api="CreateRoleAlias.credentialDurationSeconds",
        default=DEFAULT_DURATION_SECONDS,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateRoleAlias.tags", factory=dict)


class RoleAliases(PlainKind):
    """Role aliases: found by name, owned by tag."""

    table = "role_aliases"
    noun = "role alias"
    spec_class = RoleAlias
    api = PlainApi(
        "RoleAlias",
        name="roleAlias",
        arn="roleAliasArn",
        listing=Listing("ListRoleAliases", "roleAliases", id_key=""),
        described="roleAliasDescription",
    )

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the role, and with tags that leave no room for the ownership tags."""
        yield from check_role_arn("role_arn", resource.spec.role_arn)
        yield from super().check(resource, desired)


KIND = RoleAliases()
