"""Managed things: devices as AWS IoT managed integrations knows them.

Source: managed integrations API reference, CreateManagedThing and its neighbours. AWS assigns the id and never gives the
authentication material back; what we remember of it is a salted hash in a tag.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNER_TAG,
    OWNERSHIP_TAG_COUNT,
    TAG_PREFIX,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    with_ownership_tags,
)
from reconciler.kinds.shared import managed_setup_code
from reconciler.kinds.shared.managed_setup_code import ClientToken, RememberedMaterial, RememberedText
from reconciler.kinds.shared.managed_thing_reads import find_import_candidates, to_live
from reconciler.kinds.shared.managed_thing_spec import (
    CAPABILITY_MEMBERS,
    LOCKER,
    MODE,
    OPTIONAL_MEMBERS,
    ManagedThing,
    ManagedThingFacts,
    WiFiSimpleSetup,
    set_optional_fields,
)
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.secret import Secret

__all__ = ["KIND", "SERVICE", "ManagedThing", "ManagedThings", "attributes"]

SERVICE = "iot-managed-integrations"

DERIVED_MEMBERS = {
    "CreateManagedThing.ClientToken": "made of the request, so that sending it twice makes one managed thing",
    "UpdateManagedThing.Identifier": "the id that AWS assigned",
}

_GONE = frozenset({"DELETED", "DELETE_IN_PROGRESS"})


class ManagedThings(Kind):
    """Managed things: found by the tag that names them, owned by tag.

    Which live one a table of the file means is found in this order: by the tag that names it; of those without marks, by
    the serial number, and then by the name. What is found without marks is taken over by adoption only.
    """

    table = "managed_things"
    noun = "managed thing"
    service = SERVICE
    spec_class = ManagedThing
    id_member = "Id"
    operations = Operations(
        read=("ListManagedThings", "GetManagedThing"),
        create=("CreateManagedThing", "UpdateManagedThing"),
        update=("UpdateManagedThing", "UntagResource", "TagResource"),
        replace=("DeleteManagedThing", "GetManagedThing", "CreateManagedThing", "UpdateManagedThing"),
        delete=("DeleteManagedThing", "GetManagedThing"),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListManagedThings", "Items", "Id")
    write_operations = ("CreateManagedThing", "UpdateManagedThing")
    derived_members = DERIVED_MEMBERS
    creates_after_deletes = True

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks."""
        spec: ManagedThing = resource.spec
        yield from check_room_for_tags("tags", spec.tags, OWNERSHIP_TAG_COUNT + 3 + len(CAPABILITY_MEMBERS))
        yield from check_room_for_tags("meta_data", spec.meta_data, 2)

    def effective(self, resource: Resource, scope: Scope) -> ManagedThing:
        """Name filled in; the capabilities are compared by their hash."""
        spec: ManagedThing = resource.spec
        given = {name: getattr(spec, name) for name in CAPABILITY_MEMBERS}
        hashed: dict[str, Any] = {
            name: value if isinstance(value, RememberedText) else RememberedText.of(value)
            for name, value in given.items()
            if value
        }
        return attrs.evolve(spec, name=spec.name or resource.address.name, **hashed)

    def identity(self, resource: Resource) -> str | None:
        """Only AWS can assign it."""
        return None

    def forces_replacement(self, name: str, after: Any) -> bool:
        """AWS cannot clear an optional field once it is set."""
        return super().forces_replacement(name, after) or (
            not after and name in {*OPTIONAL_MEMBERS, *CAPABILITY_MEMBERS}
        )

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """What is registered or taken over has its setup code, in the form of its type; what is taken over is one.

        And no hub goes before the devices that it controls.
        """
        if isinstance(change, Delete | Replace) and (stay := _staying(change, context)):
            yield f"it controls {', '.join(stay)}, which AWS wants gone before it"
        if isinstance(change, Delete | Forget):
            return
        adopted = not isinstance(change, Create) and change.live.owner is None
        spec: ManagedThing = change.resource.spec
        if (adopted or not isinstance(change, Update)) and isinstance(spec.authentication_material, Secret):
            kind = str(spec.authentication_material_type)
            yield from managed_setup_code.find_setup_code_errors(spec.authentication_material, kind)
        if not isinstance(change, Create) and len(change.live.facts_as(ManagedThingFacts).candidates) > 1:
            found = "; ".join(change.live.facts_as(ManagedThingFacts).candidates)
            yield f"several managed things without marks could be it: {found}; give it the serial_number of one"

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All of the account in pages, and one question for each: no list tells tags or meta data."""
        ids = yield from _ids(scope)
        answers = yield [
            ApiCall(SERVICE, "GetManagedThing", {"Identifier": name}, ignored_errors=NOT_FOUND)
            for name in ids
        ]
        there = [answer for answer in answers if answer and answer.get("ProvisioningStatus") not in _GONE]
        ours = [answer for answer in there if answer.get("Tags", {}).get(OWNER_TAG) == scope.workspace]
        wanted = {resource.address.name: resource for resource in scope.resources_of(self.table)}
        names = {
            answer["Id"]: scope.current_name(self.table, answer["Tags"].get(NAME_TAG)) or ""
            for answer in ours
        }
        named = set(names.values())
        unmarked = [answer for answer in there if OWNER_TAG not in answer.get("Tags", {})]
        missing = {name: resource for name, resource in wanted.items() if unmarked and name not in named}
        devices: defaultdict[str, list[str]] = defaultdict(list)
        for answer in there:
            devices[answer.get("ParentControllerId", "")].append(answer["Id"])
        found = [
            *(to_live(answer, wanted.get(names[answer["Id"]])) for answer in ours),
            *find_import_candidates(missing, unmarked),
        ]
        return [
            attrs.evolve(
                live,
                facts=attrs.evolve(live.facts_as(ManagedThingFacts), controls=tuple(devices[live.identity])),
            )
            for live in found
        ]

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, with a token that makes the same request the same managed thing."""
        return [*_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Everything that the file says in one call: whether AWS keeps or clears what is left out does not matter then."""
        spec: ManagedThing = change.resource.spec
        calls = []
        if any(
            not (field.path in {"workspace", PREVENT_DESTROY_PATH} or field.path.startswith("tags."))
            for field in change.fields
        ):
            params = {"Identifier": change.live.identity, **attributes(change.resource, context)}
            for name, member_ in CAPABILITY_MEMBERS.items():
                if not change.has_changed(name):
                    params.pop(member_, None)  # the device may have refined them since
            calls.append(ApiCall(SERVICE, "UpdateManagedThing", params))
        known: str | RememberedMaterial = change.live.tags.get(f"{TAG_PREFIX}material", "")
        if change.live.owner is None:  # taken over: from now on its code is the one that the file has
            known = _remembered(change.resource, context)
        after = _tags(spec, change.resource, context, known)
        return [*calls, *retag(SERVICE, change.live.arn, change.live.tags, after)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """The old one goes first: two managed things cannot have the same setup code."""
        return [*_delete(change.live), *_create(change.resource, context, replaces=change.live.identity)]

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """The devices of a hub, which go with it."""
        if not isinstance(change, Delete | Replace) or not change.live.facts_as(ManagedThingFacts).controls:
            return []
        mine = (address for address in context.live if address.kind == self.table)
        return [
            address
            for address in mine
            if context.live[address].identity in change.live.facts_as(ManagedThingFacts).controls
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """AWS deletes asynchronously; done is when it is gone."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags(SERVICE, change.live)]


def _ids(scope: Scope) -> Any:
    if scope.previous_states is not None:
        return sorted(scope.previous_states)
    (listed,) = yield [ApiCall(SERVICE, "ListManagedThings")]
    return [item["Id"] for item in listed["Items"] if item.get("ProvisioningStatus") not in _GONE]


def _remembered(resource: Resource, context: PlanContext) -> RememberedMaterial:
    material = resource.spec.authentication_material
    assert isinstance(material, Secret)
    return RememberedMaterial(material, f"{context.workspace}/{resource.address}")


def _create(resource: Resource, context: PlanContext, *, replaces: str = "") -> Iterator[ApiCall]:
    spec: ManagedThing = resource.spec
    whole, remembered = attributes(resource, context), _remembered(resource, context)
    params = {
        "Role": spec.role,
        "AuthenticationMaterial": spec.authentication_material,
        "AuthenticationMaterialType": spec.authentication_material_type,
        **{name: value for name, value in whole.items() if name != OPTIONAL_MEMBERS[MODE]},
        "Tags": _tags(spec, resource, context, remembered),
    }
    request = json.dumps([context.workspace, replaces, params], sort_keys=True, default=str)
    params["ClientToken"] = ClientToken(request, remembered)
    # When devices swap their codes, the other one may still have this one's for a moment.
    retried_errors = (
        {"ConflictException"} if ManagedThings.table in context.replaced_kinds else frozenset[str]()
    )
    yield ApiCall(SERVICE, "CreateManagedThing", params, retried_errors=retried_errors, idempotent=True)
    if spec.hub_network_mode:  # which only an update takes
        again = attributes(resource, context, refined=False)
        yield ApiCall(SERVICE, "UpdateManagedThing", {"Identifier": Ref(resource.address, "Id"), **again})


def _staying(change: Delete | Replace, context: PlanContext) -> list[str]:
    """The devices of a hub that the plan does not remove."""
    controls = change.live.facts_as(ManagedThingFacts).controls
    if not controls:
        return []
    leaving = {
        found.live.identity for found in context.changes.values() if isinstance(found, Delete | Replace)
    }
    return sorted(set(controls) - leaving)


def _delete(live: Live) -> Iterator[ApiCall]:
    """The devices of a hub go first. Their own steps remove them too: whoever comes second finds it done."""
    for identity in (*live.facts_as(ManagedThingFacts).controls, live.identity):
        params = {"Identifier": identity}
        yield ApiCall(SERVICE, "DeleteManagedThing", params, ignored_errors=NOT_FOUND)
        yield ApiCall(SERVICE, "GetManagedThing", params, repeat_until=NOT_FOUND)


def attributes(resource: Resource, context: PlanContext, *, refined: bool = True) -> dict[str, Any]:
    """The members that say what the file says, in an update all of them but what the device may have refined since."""
    spec: ManagedThing = resource.spec
    params: dict[str, Any] = {"Name": spec.name or resource.address.name}
    for name in set_optional_fields(spec):
        value = getattr(spec, name)
        params[OPTIONAL_MEMBERS[name]] = _sent(name, value, context)
    for name, member_ in CAPABILITY_MEMBERS.items():
        value = getattr(spec, name)
        if refined and isinstance(value, RememberedText) and value.text is not None:
            params[member_] = value.text if name == "capabilities" else json.loads(value.text)
    # Never empty, which AWS would refuse, and which no update could tell from "leave it".
    params["MetaData"] = {
        **spec.meta_data,
        **_thing(spec, context),
        f"{TAG_PREFIX}address": str(resource.address),
    }
    return params


def _sent(name: str, value: Any, context: PlanContext) -> Any:
    if name == LOCKER:
        return context.resolve_identity("credential_lockers", value)
    if isinstance(value, WiFiSimpleSetup):
        return {
            "EnableAsProvisioner": value.enable_as_provisioner,
            "EnableAsProvisionee": value.enable_as_provisionee,
            "TimeoutInMinutes": value.timeout_in_minutes,
        }
    return value


def _thing(spec: ManagedThing, context: PlanContext) -> dict[str, Any]:
    return {f"{TAG_PREFIX}thing": context.resolve_identity("things", spec.thing)} if spec.thing else {}


def _tags(
    spec: ManagedThing, resource: Resource, context: PlanContext, material: str | RememberedMaterial
) -> dict[str, Any]:
    more: dict[str, Any] = {
        "material": material or "",
        "type": spec.authentication_material_type,
        "fields": " ".join(set_optional_fields(spec)),
    }
    for name in CAPABILITY_MEMBERS:
        if isinstance(value := getattr(spec, name), RememberedText):
            more[name.replace("_", "-")] = value.digest
    return with_ownership_tags(resource, context.workspace, **more)


KIND = ManagedThings()
