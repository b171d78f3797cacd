"""Credential lockers: the shared credentials of several managed things.

Source: managed integrations API reference, CreateCredentialLocker and related operations. AWS assigns the ID, a locker cannot
be changed except for its tags, and its deletion cannot be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.client_tokens import build_client_token
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND, list_names, pair_by_name_tag
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    with_ownership_tags,
)
from reconciler.kinds.shared.connectors import select_by_name
from reconciler.kinds.shared.managed_integrations import SERVICE, with_default_name
from reconciler.kinds.shared.managed_thing_params import to_update_params
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DERIVED_MEMBERS = {
    "CreateCredentialLocker.ClientToken": "derived from the request, so that sending it twice creates one locker"
}


@frozen
class CredentialLocker:
    """`[credential_lockers.*]`."""

    name: str | None = member(
        "The name in managed integrations; by default the one in this file.",
        api="CreateCredentialLocker.Name",
        on_change="replaces",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateCredentialLocker.Tags", factory=dict)


class CredentialLockers(Kind):
    """Credential lockers: found by name tag, owned by tag."""

    table = "credential_lockers"
    noun = "credential locker"
    service = SERVICE
    spec_class = CredentialLocker
    operations = Operations(
        read=("ListCredentialLockers", "GetCredentialLocker"),
        create=("CreateCredentialLocker",),
        update=("UntagResource", "TagResource"),
        replace=("CreateCredentialLocker", "UpdateManagedThing", "DeleteCredentialLocker"),
        delete=("DeleteCredentialLocker",),
        forget=("UntagResource", "TagResource"),
    )
    id_member = "Id"
    listing = Listing("ListCredentialLockers", "Items", "Id")
    description = Description("GetCredentialLocker", "Identifier")
    kept_operations = frozenset({"GetCredentialLocker"})
    write_operations = ("CreateCredentialLocker",)
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a problem if the tags leave no room for the ownership tags."""
        return check_room_for_added_entries("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Any:
        """Return the spec with the default name."""
        return with_default_name(resource)

    def identity(self, resource: Resource) -> str | None:
        """Return None: AWS assigns the ID."""
        return None

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all lockers and get each of them, as the listing has no tags."""
        ids = yield from list_names(self, scope)
        lockers = yield [
            ApiCall(SERVICE, "GetCredentialLocker", {"Identifier": identity}, ignored_errors=NOT_FOUND)
            for identity in ids
        ]
        live_lockers = [_to_live(locker) for locker in lockers if locker]
        return [*select_by_name(self, live_lockers, scope).values()]

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Pair by name tag, even if an interrupted replacement has left two lockers with the same tag."""
        return pair_by_name_tag(self, missing, spare, scope)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the locker with a token that lets AWS recognize the same request."""
        return [_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update the tags; AWS changes nothing else of a locker."""
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*retag(SERVICE, change.live.arn, change.live.tags, tags)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Create the new locker, move the managed things to it, and delete the old one."""
        return [
            _create(change.resource, context, replaced_id=change.live.identity),
            *_move_managed_things(change, context),
            _delete(change.live),
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the locker; earlier steps have removed the workspace's managed things from it."""
        return [_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags(SERVICE, change.live)]

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the managed things that a replacement moves to the new locker.

        The call that moves a managed thing sends all fields that the file sets, except capabilities, so it would undo
        changes that another caller has made to these fields.
        """
        return _find_moved_things(change, context) if isinstance(change, Replace) else ()


def _find_moved_things(change: Replace, context: PlanContext) -> list[Address]:
    """Return the managed things that keep referring to the locker and have no step of their own.

    A managed thing's own step runs later and sends the new locker's ID.
    """
    desired_users = set(context.desired_users.get(change.address, ()))
    live_users = context.live_users.get(change.address, ())
    return [user for user in live_users if user in desired_users and user not in context.changes]


def _move_managed_things(change: Replace, context: PlanContext) -> Iterator[ApiCall]:
    for address in _find_moved_things(change, context):
        params = to_update_params(context.desired[address], context, with_capabilities=False)
        identity = context.live[address].identity
        yield ApiCall(SERVICE, "UpdateManagedThing", {"Identifier": identity, **params})


def _create(resource: Resource, context: PlanContext, *, replaced_id: str = "") -> ApiCall:
    """Return the call that creates a locker.

    `replaced_id` makes the token of a replacement differ from that of an earlier creation with the same fields.
    """
    spec: CredentialLocker = resource.spec
    params: dict[str, Any] = {
        "Name": spec.name or resource.address.name,
        "Tags": with_ownership_tags(resource, context.workspace),
    }
    params["ClientToken"] = build_client_token(context.workspace, replaced_id, params)
    return ApiCall(SERVICE, "CreateCredentialLocker", params, idempotent=True)


def _delete(live: Live) -> ApiCall:
    params = {"Identifier": live.identity}
    return ApiCall(SERVICE, "DeleteCredentialLocker", params, ignored_errors=NOT_FOUND)


def _to_live(locker: Response) -> Live:
    tags = locker.get("Tags", {})
    spec = CredentialLocker(locker.get("Name"), select_user_tags(tags))
    return build_tagged_live(locker["Id"], spec, tags, locker["Arn"], declared_name=tags.get(NAME_TAG))


KIND = CredentialLockers()
