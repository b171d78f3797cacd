"""Things: devices in AWS IoT's registry.

Source: AWS IoT API reference, CreateThing and related operations. Things have no tags; the workspace owns those that are
members of its own static thing group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, merge_reads, request_each
from reconciler.kinds.base.verification import build_thing_verification
from reconciler.kinds.shared import certificate_attachments, group_membership
from reconciler.kinds.shared.certificate_retirement import mark_retired
from reconciler.kinds.shared.group_membership import build_protected_group_name, build_workspace_group_name
from reconciler.kinds.shared.principal_reads import read_things, select_external_names
from reconciler.kinds.shared.provisioning_blueprint import find_provisioned_names
from reconciler.kinds.shared.secret_attributes import find_secret_names, hide_secrets
from reconciler.kinds.shared.thing_attributes import check_attributes
from reconciler.kinds.shared.thing_spec import Thing, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import (
    NOT_COMPARED,
    Desired,
    External,
    Live,
    NotCompared,
    Resource,
    extract_name_from_arn,
)

__all__ = ["KIND", "Thing", "Things"]

# Shared, because an empty set takes 200 bytes and each thing of a fleet needs one.
_EMPTY_SET = frozenset[str]()

DERIVED_MEMBERS = {
    "UpdateThing.attributePayload.merge": "always false: the file has all attributes",
    "UpdateThing.removeThingType": "thing_type, when the file no longer sets it",
    "UpdateThing.expectedVersion": "the version that the plan read",
    "AttachThingPrincipal.principal": "certificates",
}

UNSUPPORTED_MEMBERS = {"CreateThing.attributePayload.merge": "a new thing has no attributes to merge with"}


class Things(Kind):
    """Things: found by name, owned by membership of the workspace's group."""

    table = "things"
    noun = "thing"
    spec_class = Thing
    operations = Operations(
        read=(
            "ListThings",
            "DescribeThing",
            "ListThingPrincipalsV2",
            "ListThingGroupsForThing",
            "ListThingsInThingGroup",
            "ListThingsInBillingGroup",
        ),
        create=(
            "CreateThing",
            "AddThingToThingGroup",
            "RemoveThingFromThingGroup",
            "DetachThingPrincipal",
            "AttachThingPrincipal",
        ),
        update=(
            "UpdateThing",
            "AddThingToThingGroup",
            "RemoveThingFromThingGroup",
            "AddThingToBillingGroup",
            "RemoveThingFromBillingGroup",
            "AttachPolicy",
            "DetachThingPrincipal",
            "AttachThingPrincipal",
        ),
        delete=("AttachPolicy", "DetachThingPrincipal", "DeleteThing"),
        forget=("RemoveThingFromThingGroup",),
    )
    name_api = "CreateThing.thingName"
    listing = Listing("ListThings", "things", "thingName")
    write_operations = ("CreateThing", "UpdateThing", "AttachThingPrincipal")
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS
    deletion_blockers = frozenset()
    create_succeeds_if_exists = True
    reads_after = frozenset({"thing_groups", "billing_groups"})

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the groups, and the number and size of the attributes."""
        spec: Thing = resource.spec
        is_protected = resource.lifecycle.prevent_destroy or certificate_attachments.has_protected(
            spec, desired
        )
        yield from group_membership.check_groups(spec.thing_groups, desired, is_protected=is_protected)
        has_type = spec.thing_type is not None
        yield from check_attributes(spec.attributes, ("attributes",), "thing_type", has_type=has_type)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def find_undeclarable_parts(self, live: Live) -> Mapping[str, str]:
        """Return that the thing has some of its certificates exclusively and others not."""
        facts = live.get_facts(ThingFacts)
        certificates = {arn for arn in facts.principals if ":cert/" in arn}
        if not certificates & facts.exclusive_arns or certificates <= facts.exclusive_arns:
            return {}
        return {"exclusive": "the thing has some of its certificates exclusively, and others not"}

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read things, their groups (from the members of each group) and their principals."""
        if scope.previous_states is not None:
            return (yield from self._reread(scope, scope.previous_states))
        members = yield from _read_group_members(scope)
        billing_members = yield from _read_billing_group_members(scope)
        workspace_members = members.pop(build_workspace_group_name(scope.workspace), _EMPTY_SET)
        owned = workspace_members - find_provisioned_names(scope)
        protected = members.pop(build_protected_group_name(scope.workspace), _EMPTY_SET)
        desired = self._map_desired_specs(scope)
        things = yield from read_things(sorted(desired.keys() | owned))
        principals = yield from request_each("ListThingPrincipalsV2", "thingName", things)
        owners = yield from group_membership.read_owners([name for name in things if name not in owned])
        # A destroy reads provisioned things as things, so their attributes may be secrets from a template.
        secret_names = scope.secret_attributes if scope.is_destroy else _EMPTY_SET
        groups, billing_groups = _map_things_to_groups(members), _map_things_to_groups(billing_members)
        live_things = []
        for (name, thing), response in zip(things.items(), principals, strict=True):
            live = _to_live(
                _hide_secrets(thing, secret_names),
                principals=response,
                groups=groups.get(name, ()),
                billing_groups=billing_groups.get(name, ()),
                desired=desired.get(name),
            )
            owner = scope.workspace if name in owned else owners[name]
            live_things.append(attrs.evolve(live, owner=owner, prevent_destroy=name in protected))
        return live_things

    def _reread(self, scope: Scope, previous_states: Mapping[str, Live | None]) -> Read[Sequence[Live]]:
        """Read the things in `previous_states` again, with their principals and groups.

        One batch of requests suffices for those that existed at the previous read.
        """
        names = sorted(previous_states)
        known_names = [name for name in names if previous_states[name]]
        things, connections = yield from merge_reads(
            read_things(names, use_listing=False), _read_connections(known_names)
        )
        connections |= yield from _read_connections([name for name in things if name not in connections])
        desired = self._map_desired_specs(scope)
        protected_group = build_protected_group_name(scope.workspace)
        marker_groups = {build_workspace_group_name(scope.workspace), protected_group}
        live_things = []
        for name, thing in things.items():
            previous = previous_states[name]
            secret_names = find_secret_names(previous.spec.attributes) if previous else _EMPTY_SET
            principals, groups = connections[name]
            live = _to_live(
                _hide_secrets(thing, secret_names),
                principals=principals,
                groups=[group for group in groups if group not in marker_groups],
                billing_groups=(),
                desired=desired.get(name),
            )
            owner = group_membership.find_owner(groups, scope.workspace)
            live_things.append(attrs.evolve(live, owner=owner, prevent_destroy=protected_group in groups))
        return live_things

    def _map_desired_specs(self, scope: Scope) -> dict[str, Thing]:
        return {resource.address.name: resource.spec for resource in scope.iterate_resources(self.table)}

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Return whether the thing is as the first call of its creation, CreateThing, leaves it.

        The second call adds the thing to the workspace's group. A thing that someone created by hand with the desired values
        looks the same.
        """
        live_spec, spec = change.live.spec, change.resource.spec
        has_connections = live_spec.thing_groups or change.live.get_facts(ThingFacts).principals
        if has_connections or change.live.version != 1:
            return False
        return bool(
            live_spec.thing_type == spec.thing_type
            and live_spec.attributes == spec.attributes
            and live_spec.billing_group == spec.billing_group
        )

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a type that the file deprecates, and an exclusive certificate of two things in the file."""
        if isinstance(change, Delete | Forget):
            return
        spec: Thing = change.resource.spec
        gets_type = not isinstance(change, Update) or change.has_changed("thing_type")
        if isinstance(spec.thing_type, str) and gets_type:
            thing_type = context.desired.get(Address("thing_types", spec.thing_type))
            if thing_type and thing_type.spec.deprecated:
                yield f"cannot have the type {thing_type.address}, which the file deprecates; choose another type"
        for name in certificate_attachments.list_exclusive(change) if spec.exclusive else ():
            users = context.desired_users.get(Address("certificates", str(name)), ())
            others = [str(user) for user in users if user.kind == self.table and user != change.address]
            if others:
                yield (
                    f"cannot have certificates.{name} exclusively: the file also gives it to {', '.join(others)}; "
                    "remove it there, or set exclusive = false"
                )

    def is_rotation(self, change: Change) -> bool:
        """Return whether an update detaches a certificate and keeps or attaches another."""
        if not isinstance(change, Update):
            return False
        difference = next((field for field in change.fields if field.path == "certificates"), None)
        return bool(difference and difference.after and set(difference.before) - set(difference.after))

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the thing, mark it as owned, add it to its groups, and attach certificates."""
        name, spec = change.address.name, change.resource.spec
        params: dict[str, Any] = {"thingName": name}
        if spec.thing_type is not None:
            params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
        if spec.attributes:
            params["attributePayload"] = {"attributes": dict(spec.attributes)}
        if spec.billing_group is not None:
            params["billingGroupName"] = context.resolve_identity("billing_groups", spec.billing_group)
        return [
            ApiCall("iot", "CreateThing", params, idempotent=True),
            group_membership.join(name, build_workspace_group_name(context.workspace)),
            *group_membership.change_protection(name, change, context),
            *group_membership.move(name, (), spec.thing_groups, context),
            *certificate_attachments.attach_all(change.address, spec.certificates, context),
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update owner, type, attributes and groups; attach new certificates before detaching old ones."""
        name, spec, live_spec = change.address.name, change.resource.spec, change.live.spec
        added = [reference for reference in spec.certificates if reference not in live_spec.certificates]
        removed = [reference for reference in live_spec.certificates if reference not in spec.certificates]
        joins_markers_first = group_membership.has_room_for_markers(live_spec.thing_groups)
        marker_calls = [*group_membership.change_markers(name, change, context)]
        calls = [*marker_calls] if joins_markers_first else []
        calls += _update_thing(change, context)
        calls += group_membership.move_billing_group(
            name, live_spec.billing_group, spec.billing_group, context
        )
        calls += group_membership.move(name, live_spec.thing_groups, spec.thing_groups, context)
        calls += [] if joins_markers_first else marker_calls
        calls += certificate_attachments.attach_all(change.address, added, context)
        if change.has_changed("exclusive"):
            calls += certificate_attachments.change_exclusivity(change, context)
        calls += certificate_attachments.detach_all(context, name, removed)
        return calls

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Detach every principal, desired or not, as AWS requires, and delete the thing.

        Before that, the thing's certificates that the plan deletes are marked as retired.
        """
        name = change.live.identity
        principals = change.live.get_facts(ThingFacts).principals
        deleted_arns = {
            context.build_arn(f"cert/{certificate_attachments.find_certificate_id(context, certificate)}")
            for certificate in certificate_attachments.select_deleted(context, change.live.spec.certificates)
        }
        delete = ApiCall(
            "iot",
            "DeleteThing",
            {"thingName": name, "expectedVersion": change.live.version},
            ignored_errors=NOT_FOUND,
            # AWS detaches asynchronously, so for some seconds it may still see a principal.
            retried_errors={"InvalidRequestException"} if principals else frozenset[str](),
        )
        return [
            *(mark_retired(context, arn) for arn in sorted(deleted_arns)),
            *(certificate_attachments.detach(name, arn) for arn in principals),
            delete,
        ]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the thing from the groups that mark it as owned or protected.

        It keeps its certificates. A certificate that no other owned thing has is then owned by no workspace.
        """
        groups = [build_workspace_group_name(context.workspace)]
        if change.live.prevent_destroy:
            groups.insert(0, build_protected_group_name(context.workspace))
        return [group_membership.leave(change.live.identity, group) for group in groups]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the values that every kind compares; for a deletion also all principals, which it detaches."""
        fields = super().precondition(live, deletes=deletes)
        return {**fields, "principals": live.get_facts(ThingFacts).principals} if deletes else fields


def _read_connections(names: Sequence[str]) -> Read[dict[str, tuple[Response, list[str]]]]:
    """Return, for each thing, the response with its principals and the names of its static groups."""
    principals, groups = yield from merge_reads(
        request_each("ListThingPrincipalsV2", "thingName", names),
        group_membership.read_groups_of_things(names),
    )
    return {name: (response, groups[name]) for name, response in zip(names, principals, strict=True)}


def _read_group_members(scope: Scope) -> Read[dict[str, frozenset[str]]]:
    """Return the members of each live static group, and of each external one that things refer to."""
    references = [group for thing in scope.iterate_resources("things") for group in thing.spec.thing_groups]
    groups = {live.identity for live in scope.get_live("thing_groups")} | select_external_names(references)
    return (yield from _read_members("ListThingsInThingGroup", "thingGroupName", sorted(groups)))


def _read_billing_group_members(scope: Scope) -> Read[dict[str, frozenset[str]]]:
    """Return the members of each live billing group, and of each external one that things refer to."""
    references = [thing.spec.billing_group for thing in scope.iterate_resources("things")]
    groups = {live.identity for live in scope.get_live("billing_groups")} | select_external_names(references)
    return (yield from _read_members("ListThingsInBillingGroup", "billingGroupName", sorted(groups)))


def _read_members(operation: str, member: str, groups: Sequence[str]) -> Read[dict[str, frozenset[str]]]:
    responses = yield from request_each(operation, member, groups)
    return {
        group: frozenset(response.get("things", ()))
        for group, response in zip(groups, responses, strict=True)
    }


def _map_things_to_groups(members: Mapping[str, Iterable[str]]) -> Mapping[str, list[str]]:
    """Return the groups of each thing, from the members of each group."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for group, names in members.items():
        for name in names:
            groups[name].append(group)
    return groups


def _hide_secrets(thing: Response, secret_names: Collection[str]) -> Response:
    """Return the thing with the values of the attributes in `secret_names` as secrets."""
    if not secret_names:
        return thing
    attributes = hide_secrets(thing.get("attributes", {}), secret_names, thing["thingName"])
    return {**thing, "attributes": attributes}


def _to_live(
    thing: Response,
    *,
    principals: Response,
    groups: Sequence[str],
    billing_groups: Sequence[str],
    desired: Thing | None,
) -> Live:
    attachments = sorted(principals.get("thingPrincipalObjects", ()), key=lambda item: str(item["principal"]))
    # Live certificates and the targets of policies have the same ARNs; sharing their text saves memory in a large fleet.
    exclusive_by_arn = {
        intern(item["principal"]): item.get("thingPrincipalType") == certificate_attachments.EXCLUSIVE_THING
        for item in attachments
    }
    certificate_arns = [arn for arn in exclusive_by_arn if ":cert/" in arn]
    attributes = thing.get("attributes", {})
    if desired and desired.attributes == attributes:
        attributes = desired.attributes  # one mapping for both saves memory in a large fleet
    thing_type = thing.get("thingTypeName")
    billing_group = thing.get("billingGroupName") or next(iter(billing_groups), None)
    spec = Thing(
        thing_type=External(thing_type) if thing_type else None,
        attributes=attributes,
        thing_groups=tuple(External(group) for group in sorted(groups)),
        certificates=tuple(External(extract_name_from_arn(arn)) for arn in certificate_arns),
        billing_group=External(billing_group) if billing_group else None,
        exclusive=_summarize_exclusive([exclusive_by_arn[arn] for arn in certificate_arns], desired),
    )
    exclusive_arns = frozenset(arn for arn, exclusive in exclusive_by_arn.items() if exclusive)
    facts = ThingFacts(exclusive_arns=exclusive_arns or _EMPTY_SET, principals=tuple(exclusive_by_arn))
    return Live(thing["thingName"], spec, thing["version"], facts=facts)


def _summarize_exclusive(values: Sequence[bool], desired: Thing | None) -> bool | NotCompared:
    """Return whether a thing has its certificates exclusively, given for each certificate whether it does.

    If it has only some of them exclusively, the opposite of the desired value is returned, so that a plan changes the rest.
    For a thing that is not in the file, the result is then true.
    """
    if not values:
        return NOT_COMPARED
    return all(values) if desired is not None and desired.exclusive else any(values)


def _update_thing(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the call that updates type and attributes, if they change; AWS rejects it for another version."""
    spec: Thing = change.resource.spec
    name = change.address.name
    params: dict[str, Any] = {}
    if change.has_changed("attributes"):
        params["attributePayload"] = {"attributes": dict(spec.attributes), "merge": False}
    if change.has_changed("thing_type"):
        if spec.thing_type is None:
            params["removeThingType"] = True
        else:
            params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
    if params:
        params = {"thingName": name, "expectedVersion": change.live.version, **params}
        yield ApiCall("iot", "UpdateThing", params, verification=build_thing_verification(name))


KIND = Things()
