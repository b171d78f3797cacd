"""Credential lockers: what holds the credentials of several managed things together.

Source: managed integrations API reference, CreateCredentialLocker and its neighbours. AWS assigns the id, a locker cannot be
changed, and its deletion cannot be undone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from reconciler.kinds import managed_things
from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Operations
from reconciler.kinds.base.reads import NOT_FOUND, pair_by_name_tag
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNER_TAG,
    OWNERSHIP_TAG_COUNT,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    tagged_live,
    user_tags,
    with_ownership_tags,
)
from reconciler.kinds.managed_things import SERVICE
from reconciler.kinds.shared.managed_setup_code import sha256_hex
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DERIVED_MEMBERS = {
    "CreateCredentialLocker.ClientToken": "made of the request, so that sending it twice makes one locker"
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
    """Credential lockers: found by the tag that names them, owned by tag."""

    table = "credential_lockers"
    noun = "credential locker"
    service = SERVICE
    spec_class = CredentialLocker
    id_member = "Id"
    operations = Operations(
        read=("ListCredentialLockers", "GetCredentialLocker"),
        create=("CreateCredentialLocker",),
        update=("UntagResource", "TagResource"),
        replace=("CreateCredentialLocker", "UpdateManagedThing", "DeleteCredentialLocker"),
        delete=("DeleteCredentialLocker",),
        forget=("UntagResource", "TagResource"),
    )
    write_operations = ("CreateCredentialLocker",)
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks."""
        return check_room_for_tags("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def effective(self, resource: Resource, scope: Scope) -> CredentialLocker:
        """Name filled in."""
        spec: CredentialLocker = resource.spec
        return attrs.evolve(spec, name=spec.name or resource.address.name)

    def identity(self, resource: Resource) -> str | None:
        """Only AWS can assign it."""
        return None

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All of the account in pages, and one question for each: the list does not tell tags."""
        if scope.previous_states is None:
            (listed,) = yield [ApiCall(SERVICE, "ListCredentialLockers")]
            ids = [item["Id"] for item in listed["Items"]]
        else:
            ids = sorted(scope.previous_states)
        answers = yield [
            ApiCall(SERVICE, "GetCredentialLocker", {"Identifier": name}, ignored_errors=NOT_FOUND)
            for name in ids
        ]
        return [
            _live(answer) for answer in answers if answer.get("Tags", {}).get(OWNER_TAG) == scope.workspace
        ]

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """By the tag. A run that died within a replacement leaves two of a name: then the one that is as wanted."""
        return pair_by_name_tag(self, missing, spare, scope)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, with a token that makes the same request the same locker."""
        return [_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Only the tags can be changed."""
        after = with_ownership_tags(change.resource, context.workspace)
        return [*retag(SERVICE, change.live.arn, change.live.tags, after)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """A new one first, then all that were in the old one move over, and at last the old one goes."""
        return [
            _create(change.resource, context, replaces=change.live.identity),
            *_moves(change, context),
            _delete(change.live),
        ]

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """What moves over with it: an update says all that the file says."""
        return _moving(change, context) if isinstance(change, Replace) else ()

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """The workspace's managed things have left it by then."""
        return [_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags(SERVICE, change.live)]


def _moving(change: Change, context: PlanContext) -> list[Address]:
    """Those that stay in it and that no other step changes; such a step comes later and says the new locker itself."""
    stays = set(context.desired_users.get(change.address, ()))
    users = context.live_users.get(change.address, ())
    return [user for user in users if user in stays and user not in context.changes]


def _moves(change: Replace, context: PlanContext) -> Iterator[ApiCall]:
    for user in _moving(change, context):
        params = managed_things.attributes(context.desired[user], context, refined=False)
        yield ApiCall(SERVICE, "UpdateManagedThing", {"Identifier": context.live[user].identity, **params})


def _create(resource: Resource, context: PlanContext, *, replaces: str = "") -> ApiCall:
    spec: CredentialLocker = resource.spec
    params: dict[str, Any] = {
        "Name": spec.name or resource.address.name,
        "Tags": with_ownership_tags(resource, context.workspace),
    }
    request = json.dumps([context.workspace, replaces, params], sort_keys=True)
    params["ClientToken"] = sha256_hex(request)
    return ApiCall(SERVICE, "CreateCredentialLocker", params, idempotent=True)


def _delete(live: Live) -> ApiCall:
    return ApiCall(SERVICE, "DeleteCredentialLocker", {"Identifier": live.identity}, ignored_errors=NOT_FOUND)


def _live(answer: Mapping[str, Any]) -> Live:
    tags = answer.get("Tags", {})
    spec = CredentialLocker(answer.get("Name"), user_tags(tags))
    return tagged_live(answer["Id"], spec, tags, answer["Arn"], declared_name=tags.get(NAME_TAG))


KIND = CredentialLockers()
