"""Things: devices in AWS IoT's registry.

Source: AWS IoT API reference, CreateThing and related operations. Things have no tags; the workspace owns those that are
members of its own static thing group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description, Need
from reconciler.kinds.base.reads import NOT_FOUND, merge_reads, request_each
from reconciler.kinds.shared import (
    certificate_attachments,
    cognito_identities,
    exclusive_certificates,
    group_membership,
)
from reconciler.kinds.shared.attachment_limits import find_group_needs
from reconciler.kinds.shared.certificate_retirement import mark_retired
from reconciler.kinds.shared.deprecated_types import find_deprecated_type_errors
from reconciler.kinds.shared.group_membership import build_protected_group_name, build_workspace_group_name
from reconciler.kinds.shared.outside_hierarchies import find_hierarchy_errors
from reconciler.kinds.shared.principal_reads import find_existing_things, read_things
from reconciler.kinds.shared.provisioning_blueprint import find_provisioned_names
from reconciler.kinds.shared.secret_attributes import find_secret_names
from reconciler.kinds.shared.thing_attributes import check_attributes
from reconciler.kinds.shared.thing_calls import create_thing, update_thing
from reconciler.kinds.shared.thing_owners import find_owner_needs
from reconciler.kinds.shared.thing_reads import (
    hide_thing_secrets,
    map_things_to_groups,
    read_billing_group_members,
    read_group_members,
    to_live,
)
from reconciler.kinds.shared.thing_rereads import read_connections, reread_things
from reconciler.kinds.shared.thing_spec import NO_HOLDERS, Thing, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import (
    Desired,
    Live,
    Resource,
)
from reconciler.model.text import join_some

__all__ = ["KIND", "Thing", "Things"]

# Shared, because an empty set takes 200 bytes and each thing of a fleet needs one.
_EMPTY_SET = frozenset[str]()

DERIVED_MEMBERS = {
    "UpdateThing.attributePayload.merge": "always false: the file has all attributes",
    "UpdateThing.removeThingType": "thing_type, when the file no longer sets it",
    "UpdateThing.expectedVersion": "the version that the plan read",
    "AttachThingPrincipal.principal": "certificates and cognito_identities",
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
            "ListThingGroups",
            "ListThingsInThingGroup",
            "ListBillingGroups",
            "ListThingsInBillingGroup",
            "ListPrincipalThings",
            "ListPrincipalThingsV2",
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
    description = Description("DescribeThing", "thingName")
    write_operations = ("CreateThing", "UpdateThing", "AttachThingPrincipal")
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS
    deletion_blockers = frozenset()
    create_succeeds_if_exists = True
    reads_after = frozenset({"thing_groups", "billing_groups"})

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the groups, the identities, and the number and size of the attributes."""
        spec: Thing = resource.spec
        yield from cognito_identities.check_identities(spec)
        if spec.thing_groups:
            has_protected = certificate_attachments.has_protected(spec, desired)
            is_protected = resource.lifecycle.prevent_destroy or has_protected
            yield from group_membership.check_groups(spec.thing_groups, desired, is_protected=is_protected)
        has_type = spec.thing_type is not None
        yield from check_attributes(spec.attributes, ("attributes",), "thing_type", has_type=has_type)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Thing:
        """Return the spec with its identities sorted."""
        spec: Thing = cognito_identities.sort_identities(resource.spec)
        return spec

    def derives_values(self, spec: Thing) -> bool:
        """Return False: only the order of the identities changes."""
        return False

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

    def outputs(self, live: Live, context: PlanContext) -> Mapping[str, str]:
        """Return the name and the ARN, which is not stored for each thing of a large fleet."""
        return {"id": live.identity, "arn": context.build_arn(f"thing/{live.identity}")}

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read things, their groups (from the members of each group) and their principals."""
        if scope.previous_states is not None:
            return (yield from self._reread(scope, scope.previous_states))
        members = yield from read_group_members(scope)
        billing_members = yield from read_billing_group_members(scope)
        workspace_members = members.pop(build_workspace_group_name(scope.workspace), _EMPTY_SET)
        provisioned_names = find_provisioned_names(scope)
        owned = workspace_members - provisioned_names
        protected = members.pop(build_protected_group_name(scope.workspace), _EMPTY_SET)
        desired = self._map_desired_specs(scope)
        managed_things = desired.keys() | owned | provisioned_names
        things = yield from read_things(sorted(desired.keys() | owned))
        principals = yield from request_each("ListThingPrincipalsV2", "thingName", things)
        other_holders = yield from exclusive_certificates.read_other_holders(
            dict(zip(things, principals, strict=True)), desired
        )
        owners = yield from group_membership.read_owners([name for name in things if name not in owned])
        # A destroy reads provisioned things as things, so their attributes may be secrets from a template.
        secret_names = scope.secret_attributes if scope.is_destroy else _EMPTY_SET
        groups, billing_groups = map_things_to_groups(members), map_things_to_groups(billing_members)
        live_things = []
        for name, response in zip([*things], principals, strict=True):
            thing = things.pop(name)  # to save memory in a large fleet
            live = to_live(
                hide_thing_secrets(thing, secret_names),
                principals=response,
                groups=groups.get(name, ()),
                billing_groups=billing_groups.get(name, ()),
                desired=desired.get(name),
                reference=self.find_reference_spec(name, scope),
                other_holders=other_holders.get(name, NO_HOLDERS),
                managed_things=managed_things,
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
        new_names = [name for name in names if not previous_states[name]]
        new_things, things, connections = yield from merge_reads(
            find_existing_things(new_names, scope),
            reread_things(known_names, scope),
            read_connections(known_names, scope),
        )
        things |= new_things
        connections |= yield from read_connections(
            [name for name in things if name not in connections], scope
        )
        desired = self._map_desired_specs(scope)
        other_holders = yield from exclusive_certificates.read_other_holders(
            {name: connections[name][0] for name in things}, desired
        )
        protected_group = build_protected_group_name(scope.workspace)
        marker_groups = {build_workspace_group_name(scope.workspace), protected_group}
        live_things = []
        for name, thing in things.items():
            previous = previous_states[name]
            # Without a previous state, as in an export, the attributes may be secrets from a template.
            secret_names = (
                find_secret_names(previous.spec.attributes) if previous else scope.secret_attributes
            )
            principals, groups = connections[name]
            live = to_live(
                hide_thing_secrets(thing, secret_names),
                principals=principals,
                groups=[group for group in groups if group not in marker_groups],
                billing_groups=(),
                desired=desired.get(name),
                reference=self.find_reference_spec(name, scope),
                other_holders=other_holders.get(name, NO_HOLDERS),
                managed_things=previous.get_facts(ThingFacts).managed_things if previous else _EMPTY_SET,
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

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return references outside the file, other owners, and limits of certificates and groups."""
        return [
            *super().outside_needs(change, context),
            *find_owner_needs(change, context),
            *exclusive_certificates.find_holder_needs(change, context),
            *find_group_needs(change, change.address.name, "thing_groups", context),
        ]

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject deprecated types, two groups of one hierarchy, and exclusive certificates of others."""
        if isinstance(change, Delete | Forget):
            return
        spec: Thing = change.resource.spec
        gets_type = not isinstance(change, Update) or change.has_changed("thing_type")
        yield from find_deprecated_type_errors(change, context, gets_type=gets_type)
        if not isinstance(change, Update) or change.has_changed("thing_groups"):
            yield from find_hierarchy_errors(spec.thing_groups, context)
        for name in certificate_attachments.list_exclusive(change) if spec.exclusive else ():
            users = context.desired_users.get(Address("certificates", str(name)), ())
            others = [str(user) for user in users if user.kind == self.table and user != change.address]
            if others:
                yield (
                    f"cannot have certificates.{name} exclusively: the file also gives it to {', '.join(others)}; "
                    "remove it there, or set exclusive = false"
                )
        if isinstance(change, Update) and change.has_changed("exclusive"):
            yield from exclusive_certificates.find_errors(change, context)

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the principals other than certificates, which only another client can have attached."""
        if not isinstance(change, Delete):
            return
        principals = change.live.get_facts(ThingFacts).principals
        declared = cognito_identities.find_declared(change.address, context)
        others = [arn for arn in principals if ":cert/" not in arn and arn not in declared]
        if others:
            yield f"the attachment of principals that are not certificates ({join_some(others)})"

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
        return [
            create_thing(change, context),
            group_membership.join(name, build_workspace_group_name(context.workspace)),
            *group_membership.change_protection(name, change, context),
            *group_membership.move(name, (), spec.thing_groups, context),
            *certificate_attachments.attach_all(change.address, spec.certificates, context),
            *_attach_identities(name, cognito_identities.get_declared(spec)),
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update owner, type, attributes and groups; attach new certificates before detaching old ones."""
        name, spec, live_spec = change.address.name, change.resource.spec, change.live.spec
        added = [reference for reference in spec.certificates if reference not in live_spec.certificates]
        removed = [reference for reference in live_spec.certificates if reference not in spec.certificates]
        joins_markers_first = group_membership.has_room_for_markers(live_spec.thing_groups)
        marker_calls = [*group_membership.change_markers(name, change, context)]
        calls = [*marker_calls] if joins_markers_first else []
        calls += update_thing(change, context)
        calls += group_membership.move_billing_group(
            name, live_spec.billing_group, spec.billing_group, context
        )
        calls += group_membership.move(name, live_spec.thing_groups, spec.thing_groups, context)
        calls += [] if joins_markers_first else marker_calls
        calls += certificate_attachments.attach_all(change.address, added, context)
        if change.has_changed("exclusive"):
            calls += certificate_attachments.change_exclusivity(change, context)
        added_identities, removed_identities = cognito_identities.list_added_and_removed(change)
        calls += _attach_identities(name, added_identities)
        calls += certificate_attachments.detach_all(context, name, removed)
        return [*calls, *(certificate_attachments.detach(name, identity) for identity in removed_identities)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Detach every principal, desired or not, as AWS requires, and delete the thing.

        Before that, certificates that the plan deletes are marked as retired, as far as necessary.
        """
        name = change.live.identity
        principals = change.live.get_facts(ThingFacts).principals
        marked_arns = {
            context.build_arn(f"cert/{certificate_attachments.find_certificate_id(context, certificate)}")
            for certificate in certificate_attachments.select_marked(context, change.live.spec.certificates)
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
            *(mark_retired(context, arn) for arn in sorted(marked_arns)),
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
        """Return the values that every kind compares; for a deletion also all principals, which it detaches.

        Also return the other things with certificates that the thing must get exclusively: it would lose such a certificate.
        """
        fields = super().precondition(live, deletes=deletes)
        if live.facts is None:
            return fields
        facts = live.get_facts(ThingFacts)
        if deletes:
            return {**fields, "principals": facts.principals}
        return {**fields, "other_holders": exclusive_certificates.list_holders(facts)}


def _attach_identities(name: str, identities: Iterable[str]) -> list[ApiCall]:
    return [certificate_attachments.attach(name, identity, exclusive=False) for identity in identities]


KIND = Things()
