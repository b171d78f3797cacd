"""Managed things: devices in AWS IoT managed integrations.

Source: managed integrations API reference, CreateManagedThing and related operations. AWS assigns the ID and never returns the
authentication material; a tag stores a salted hash of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNER_TAG,
    OWNERSHIP_TAG_COUNT,
    TAG_PREFIX,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    with_ownership_tags,
)
from reconciler.kinds.shared.managed_integrations import SERVICE, with_default_name
from reconciler.kinds.shared.managed_setup_code import (
    ClientToken,
    HashedText,
    MaterialHash,
    find_setup_code_errors,
)
from reconciler.kinds.shared.managed_thing_params import to_update_params
from reconciler.kinds.shared.managed_thing_reads import find_import_candidates, to_live
from reconciler.kinds.shared.managed_thing_spec import (
    CAPABILITY_MEMBERS,
    HUB_NETWORK_MODE,
    OPTIONAL_MEMBERS,
    ManagedThing,
    ManagedThingFacts,
    find_optional_fields,
)
from reconciler.kinds.shared.managed_thing_status import STATUS_OPERATIONS, read_managed_thing_status
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.secret import Secret

__all__ = ["KIND", "ManagedThing", "ManagedThings"]

DERIVED_MEMBERS = {
    "CreateManagedThing.ClientToken": "derived from the request, so that sending it twice creates one managed thing",
    "UpdateManagedThing.Identifier": "the ID that AWS assigned",
}

_DELETED_STATUSES = frozenset({"DELETED", "DELETE_IN_PROGRESS"})

_MATERIAL_TAG = f"{TAG_PREFIX}material"

_TAG_COUNT = OWNERSHIP_TAG_COUNT + 3 + len(CAPABILITY_MEMBERS)
"""The number of ownership tags: the common ones, material, type, fields, and a hash of each capability field."""

_META_DATA_COUNT = 2
"""The number of meta data entries that are not the user's: the address, and the name of the `thing`."""


class ManagedThings(Kind):
    """Managed things: found by name tag, owned by tag.

    A resource in the file is matched with the live managed thing that has its name tag. If there is none, it is matched with
    a managed thing without ownership tags: one that has its serial number or, if none has, its name. Such a managed
    thing is changed only if it is imported.
    """

    table = "managed_things"
    noun = "managed thing"
    service = SERVICE
    spec_class = ManagedThing
    operations = Operations(
        read=("ListManagedThings", "GetManagedThing"),
        create=("CreateManagedThing", "UpdateManagedThing"),
        update=("UpdateManagedThing", "UntagResource", "TagResource"),
        replace=("DeleteManagedThing", "GetManagedThing", "CreateManagedThing", "UpdateManagedThing"),
        delete=("DeleteManagedThing", "GetManagedThing"),
        forget=("UntagResource", "TagResource"),
        show=STATUS_OPERATIONS,
    )
    id_member = "Id"
    listing = Listing("ListManagedThings", "Items", "Id")
    description = Description("GetManagedThing", "Identifier")
    write_operations = ("CreateManagedThing", "UpdateManagedThing")
    derived_members = DERIVED_MEMBERS
    unremovable_fields = frozenset({*OPTIONAL_MEMBERS, *CAPABILITY_MEMBERS})
    creates_after_deletes = True

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems if tags or meta data leave no room for the entries that reconciler adds."""
        spec: ManagedThing = resource.spec
        yield from check_room_for_added_entries("tags", spec.tags, _TAG_COUNT)
        yield from check_room_for_added_entries("meta_data", spec.meta_data, _META_DATA_COUNT)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> ManagedThing:
        """Return the spec with the default name, and with capabilities as hashes for comparison."""
        spec: ManagedThing = with_default_name(resource)
        hashes: dict[str, Any] = {}
        for name in CAPABILITY_MEMBERS:
            value = getattr(spec, name)
            if value:
                hashes[name] = value if isinstance(value, HashedText) else HashedText.from_value(value)
        return attrs.evolve(spec, **hashes)

    def identity(self, resource: Resource) -> str | None:
        """Return None: AWS assigns the ID."""
        return None

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all managed things and get each of them, as the listing has neither tags nor meta data.

        A re-read also returns those of the read ones that have no owner and match no resource of the file.
        """
        ids = yield from _list_ids(scope)
        responses = yield [
            ApiCall(SERVICE, "GetManagedThing", {"Identifier": identity}, ignored_errors=NOT_FOUND)
            for identity in ids
        ]
        managed_things = [response for response in responses if response and _is_live(response)]
        desired = {resource.address.name: resource for resource in scope.iterate_resources(self.table)}
        owned = [
            managed_thing
            for managed_thing in managed_things
            if managed_thing.get("Tags", {}).get(OWNER_TAG) == scope.workspace
        ]
        names = {
            managed_thing["Id"]: scope.find_current_name(self.table, managed_thing["Tags"].get(NAME_TAG))
            for managed_thing in owned
        }
        unmanaged = [
            managed_thing
            for managed_thing in managed_things
            if OWNER_TAG not in managed_thing.get("Tags", {})
        ]
        missing = {name: desired[name] for name in desired.keys() - names.values()} if unmanaged else {}
        candidates = [*find_import_candidates(missing, unmanaged)]
        live_things = [
            *(
                to_live(managed_thing, desired.get(names[managed_thing["Id"]] or ""))
                for managed_thing in owned
            ),
            *candidates,
        ]
        if scope.previous_states is not None:
            candidate_ids = {live.identity for live in candidates}
            live_things += [
                to_live(managed_thing, None)
                for managed_thing in unmanaged
                if managed_thing["Id"] not in candidate_ids
            ]
        return [*_add_controlled_devices(live_things, managed_things)]

    def read_status(self, live: Live) -> Read[Mapping[str, Any]]:
        """Return its onboarding, certificate and connection, and the states of its capabilities."""
        return (yield from read_managed_thing_status(live.identity))

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject deletions of hubs whose devices remain, unusable setup codes, and ambiguous imports."""
        if isinstance(change, Delete | Replace):
            remaining = _find_remaining_devices(change, context)
            if remaining:
                yield f"cannot delete the hub: it still controls {', '.join(remaining)}; delete these first"
        if isinstance(change, Delete | Forget):
            return
        spec: ManagedThing = change.resource.spec
        is_import = not isinstance(change, Create) and change.live.owner is None
        uses_material = is_import or isinstance(change, Create | Replace)
        if uses_material and isinstance(spec.authentication_material, Secret):
            material_type = str(spec.authentication_material_type)
            yield from find_setup_code_errors(spec.authentication_material, material_type)
            if not is_import:
                yield from _find_kept_code_errors(spec.authentication_material, context)
        if not isinstance(change, Create):
            candidates = change.live.get_facts(ManagedThingFacts).candidates
            if len(candidates) > 1:
                matches = "; ".join(candidates)
                yield (
                    f"several managed things that no workspace manages match ({matches}); "
                    "set serial_number to that of one of them"
                )

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the managed thing with a token that lets AWS recognize the same request."""
        return [*_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Send all fields that the file sets except unchanged capabilities; update tags separately.

        The device may have refined its capabilities, so they are sent only if the file changes them. The other fields are
        sent even if unchanged, so it does not matter whether AWS keeps or clears a field that a request leaves out. Nothing
        but tags is sent if no field changes, unless its credential locker is replaced and has a new ID.
        """
        calls = []
        sends_fields = any(_is_sent_field(field.path) for field in change.fields)
        if sends_fields or _is_locker_replaced(change.resource.spec, context):
            params = {"Identifier": change.live.identity, **to_update_params(change.resource, context)}
            for name, member_name in CAPABILITY_MEMBERS.items():
                if not change.has_changed(name):
                    params.pop(member_name, None)  # the device may have refined it since
            calls.append(ApiCall(SERVICE, "UpdateManagedThing", params))
        material: str | MaterialHash = change.live.tags.get(_MATERIAL_TAG, "")
        is_import = change.live.owner is None
        if is_import:  # AWS does not return the material, so the tag gets the hash of the file's
            material = _hash_material(change.resource, context)
        tags = _build_tags(change.resource, context, material)
        return [*calls, *retag(SERVICE, change.live.arn, change.live.tags, tags)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old one first: no two managed things may have the same setup code."""
        return [*_delete(change.live), *_create(change.resource, context, replaced_id=change.live.identity)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the managed thing and wait, as AWS deletes it asynchronously."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags(SERVICE, change.live)]

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the devices of a hub, which are deleted with it."""
        if not isinstance(change, Delete | Replace):
            return []
        controls = change.live.get_facts(ManagedThingFacts).controls
        return [
            address
            for address, live in context.live.items()
            if address.kind == self.table and live.identity in controls
        ]


def _list_ids(scope: Scope) -> Read[Sequence[str]]:
    if scope.previous_states is not None:
        return sorted(scope.previous_states)
    (response,) = yield [ApiCall(SERVICE, "ListManagedThings")]
    return [item["Id"] for item in response["Items"] if _is_live(item)]


def _is_live(managed_thing: Response) -> bool:
    return managed_thing.get("ProvisioningStatus") not in _DELETED_STATUSES


def _add_controlled_devices(
    live_things: Iterable[Live], managed_things: Iterable[Response]
) -> Iterator[Live]:
    """Yield each live managed thing with the IDs of the devices that it controls, if it is a hub."""
    devices_by_hub: defaultdict[str, list[str]] = defaultdict(list)
    for managed_thing in managed_things:
        devices_by_hub[managed_thing.get("ParentControllerId", "")].append(managed_thing["Id"])
    for live in live_things:
        facts = live.get_facts(ManagedThingFacts)
        yield attrs.evolve(live, facts=attrs.evolve(facts, controls=tuple(devices_by_hub[live.identity])))


def _is_sent_field(path: str) -> bool:
    """Return whether UpdateManagedThing sends the changed field; ownership and tags are sent as tags."""
    return path not in {"workspace", PREVENT_DESTROY_PATH} and not path.startswith("tags.")


def _is_locker_replaced(spec: ManagedThing, context: PlanContext) -> bool:
    locker = Address("credential_lockers", str(spec.credential_locker))
    return isinstance(context.changes.get(locker), Replace)


def _find_remaining_devices(change: Delete | Replace, context: PlanContext) -> list[str]:
    """Return the IDs of a hub's devices that the plan does not delete."""
    controls = change.live.get_facts(ManagedThingFacts).controls
    if not controls:
        return []
    deleted = {
        other.live.identity for other in context.changes.values() if isinstance(other, Delete | Replace)
    }
    return sorted(set(controls) - deleted)


def _find_kept_code_errors(material: Secret, context: PlanContext) -> Iterator[str]:
    """Yield an error if another managed thing keeps the setup code although the file changes it."""
    for address, digests in context.kept_secrets.items():
        if address.kind == ManagedThings.table and any(digest.matches(material) for digest in digests):
            yield f"cannot have this setup code: {address} keeps it, as its ignore_changes lists authentication_material"


def _create(resource: Resource, context: PlanContext, *, replaced_id: str = "") -> Iterator[ApiCall]:
    """Yield the calls that create a managed thing.

    `replaced_id` makes the token of a replacement differ from that of an earlier creation with the same fields.
    """
    spec: ManagedThing = resource.spec
    material = _hash_material(resource, context)
    params = {
        "Role": spec.role,
        "AuthenticationMaterial": spec.authentication_material,
        "AuthenticationMaterialType": spec.authentication_material_type,
        **to_update_params(resource, context),
        "Tags": _build_tags(resource, context, material),
    }
    params.pop(OPTIONAL_MEMBERS[HUB_NETWORK_MODE], None)  # only UpdateManagedThing takes it
    request = json.dumps([context.workspace, replaced_id, params], sort_keys=True, default=str)
    params["ClientToken"] = ClientToken(request, material)
    # When devices swap their setup codes, the other device may still have this code for a moment.
    retried_errors = (
        {"ConflictException"} if ManagedThings.table in context.replaced_kinds else frozenset[str]()
    )
    yield ApiCall(SERVICE, "CreateManagedThing", params, retried_errors=retried_errors, idempotent=True)
    if spec.hub_network_mode:
        update_params = to_update_params(resource, context, with_capabilities=False)
        identity = Ref(resource.address, "Id")
        yield ApiCall(SERVICE, "UpdateManagedThing", {"Identifier": identity, **update_params})


def _delete(live: Live) -> Iterator[ApiCall]:
    """Yield the calls that delete a managed thing after the devices that it controls.

    The devices' own steps delete them too; deleting one that is already deleted succeeds.
    """
    for identity in (*live.get_facts(ManagedThingFacts).controls, live.identity):
        params = {"Identifier": identity}
        yield ApiCall(SERVICE, "DeleteManagedThing", params, ignored_errors=NOT_FOUND)
        yield ApiCall(SERVICE, "GetManagedThing", params, repeat_until=NOT_FOUND)


def _hash_material(resource: Resource, context: PlanContext) -> MaterialHash:
    material = resource.spec.authentication_material
    assert isinstance(material, Secret)
    return MaterialHash(material, f"{context.workspace}/{resource.address}")


def _build_tags(resource: Resource, context: PlanContext, material: str | MaterialHash) -> Mapping[str, Any]:
    spec: ManagedThing = resource.spec
    other_tags: dict[str, Any] = {
        "material": material or "",
        "type": spec.authentication_material_type,
        "fields": " ".join(find_optional_fields(spec)),
    }
    for name in CAPABILITY_MEMBERS:
        value = getattr(spec, name)
        if isinstance(value, HashedText):
            other_tags[name.replace("_", "-")] = value.digest
    return with_ownership_tags(resource, context.workspace, **other_tags)


KIND = ManagedThings()
