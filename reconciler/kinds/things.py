"""Things: the devices as AWS IoT's registry knows them.

Source: AWS IoT API reference, CreateThing and its neighbours. Things carry no tags; the workspace owns those that are
members of its own static thing group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, merge_reads, request_each
from reconciler.kinds.base.verification import verify_thing
from reconciler.kinds.shared import certificate_attachments, group_membership
from reconciler.kinds.shared.certificate_retirement import mark_retired
from reconciler.kinds.shared.group_membership import protected_group_name, workspace_group_name
from reconciler.kinds.shared.principal_reads import external_names, read_things
from reconciler.kinds.shared.provisioning_blueprint import provisioned_names, sealed, secret_keys
from reconciler.kinds.shared.thing_spec import MAX_UNTYPED_ATTRIBUTES, Thing, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.redaction import sensitive_keys
from reconciler.model.resource import (
    NOT_COMPARED,
    Desired,
    External,
    Live,
    NotCompared,
    Reference,
    Resource,
    name_in_arn,
)

__all__ = ["KIND", "Thing", "Things", "workspace_group_name"]

_NONE = frozenset[str]()  # one for all: an empty set takes 200 bytes, and a fleet has as many as things

DERIVED_MEMBERS = {
    "UpdateThing.attributePayload.merge": "always false: the file says all attributes",
    "UpdateThing.removeThingType": "thing_type, when the file no longer says one",
    "UpdateThing.expectedVersion": "the version that the plan saw",
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
    listing = Listing("ListThings", "things", "thingName")
    name_api = "CreateThing.thingName"
    write_operations = ("CreateThing", "UpdateThing", "AttachThingPrincipal")
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS
    deletion_blockers = frozenset()
    create_succeeds_if_exists = True
    reads_after = frozenset({"thing_groups", "billing_groups"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """AWS admits three attributes without a type, and one group of each hierarchy."""
        spec: Thing = resource.spec
        yield from group_membership.check_groups(spec.thing_groups, desired)
        if spec.thing_type is None and len(spec.attributes) > MAX_UNTYPED_ATTRIBUTES:
            yield ValueProblem(
                "too-many-items",
                f"{len(spec.attributes)} attributes on a thing without a type",
                f"at most {MAX_UNTYPED_ATTRIBUTES}, or a thing_type",
                path=("attributes",),
            )

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Pages for the things, pages for their groups, and one question for each thing's principals: AWS has no other."""
        if scope.previous_states is not None:
            return (yield from self._read_again(scope, sorted(scope.previous_states)))
        members = yield from _members(scope, "thing_groups", "ListThingsInThingGroup", "thingGroupName")
        billed = yield from _members(scope, "billing_groups", "ListThingsInBillingGroup", "billingGroupName")
        ours = members.pop(workspace_group_name(scope.workspace), frozenset()) - provisioned_names(scope)
        protected = members.pop(protected_group_name(scope.workspace), frozenset())
        wanted = {resource.address.name: resource.spec for resource in scope.resources_of(self.table)}
        matter = sorted(wanted.keys() | ours)
        found = yield from read_things(matter)
        # What is destroyed may be what a template made, and so may tell the secrets that it was made of.
        secret = sensitive_keys() if scope.is_destroy else _NONE
        answers = yield from request_each("ListThingPrincipalsV2", "thingName", found)
        owners = yield from group_membership.read_owners([name for name in found if name not in ours])
        groups, bills = _by_thing(members), _by_thing(billed)
        return [
            attrs.evolve(
                live,
                owner=scope.workspace if name in ours else owners[name],
                prevent_destroy=name in protected,
            )
            for (name, listed), answer in zip(found.items(), answers, strict=True)
            for item in [_hidden(listed, secret)]
            if (live := _live(item, answer, groups.get(name, ()), bills.get(name, ()), wanted.get(name)))
        ]

    def _read_again(self, scope: Scope, names: Sequence[str]) -> Read[Sequence[Live]]:
        """Some things by themselves, and the groups that each is in. Of those seen before all is asked at once."""
        known = [name for name in names if (scope.previous_states or {}).get(name)]
        found, ties = yield from merge_reads(read_things(names, use_listing=False), _ties(known))
        ties |= yield from _ties([name for name in found if name not in ties])
        wanted = {
            resource.address.name: resource.spec
            for resource in scope.resources_of(self.table)
            if resource.address.name in found
        }
        guard = protected_group_name(scope.workspace)
        marks = {workspace_group_name(scope.workspace), guard}
        return [
            attrs.evolve(
                live,
                owner=group_membership.find_owner(groups, scope.workspace),
                prevent_destroy=guard in groups,
            )
            for name, described in found.items()
            for seen in [(scope.previous_states or {}).get(name)]
            for item in [_hidden(described, secret_keys(seen.spec.attributes) if seen else _NONE)]
            for had, groups in [ties[name]]
            if (live := _live(item, had, _but(marks, groups), (), wanted.get(name)))
        ]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """A thing that goes lets go of every principal that was seen; one that came since is nobody's to let go."""
        seen = super().precondition(live, deletes=deletes)
        return {**seen, "principals": live.facts_as(ThingFacts).principals} if deletes else seen

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """AWS gives a deprecated type to no thing; and what a thing has alone, no other has."""
        if isinstance(change, Delete | Forget):
            return
        spec: Thing = change.resource.spec
        if isinstance(spec.thing_type, str) and (
            not isinstance(change, Update) or change.has_changed("thing_type")
        ):
            wanted = context.desired.get(Address("thing_types", spec.thing_type))
            if wanted and wanted.spec.deprecated:
                yield f"its type {wanted.address} is to be deprecated, and AWS gives such a type to no thing"
        for name in spec.certificates if spec.exclusive else ():
            users = context.desired_users.get(Address("certificates", str(name)), ())
            others = [str(user) for user in users if user.kind == self.table and user != change.address]
            if others:
                yield f"it is to have certificates.{name} alone, and {', '.join(others)} has it too"

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """The thing, the mark right after it, its other groups, its certificates."""
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
            group_membership.join(name, workspace_group_name(context.workspace)),
            *group_membership.protect(change, context),
            *group_membership.move(name, (), spec.thing_groups, context),
            *certificate_attachments.attach_all(change.address, spec.certificates, context),
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Type and attributes in one call, only over the version that the plan saw; certificates come before they go."""
        name, spec, was = change.address.name, change.resource.spec, change.live.spec
        rewritten = change.has_changed("attributes") or change.has_changed("thing_type")
        marks = [group_membership.join(name, workspace_group_name(context.workspace))]
        return [
            *(marks if change.has_changed("workspace") else ()),
            *group_membership.protect(change, context),
            *(_rewrite(change, context) if rewritten else ()),
            *group_membership.move_billing_group(name, was.billing_group, spec.billing_group, context),
            *group_membership.move(name, was.thing_groups, spec.thing_groups, context),
            *certificate_attachments.attach_all(
                change.address, _new(was.certificates, spec.certificates), context
            ),
            *(
                certificate_attachments.change_exclusivity(change, context)
                if change.has_changed("exclusive")
                else ()
            ),
            *certificate_attachments.detach_all(context, name, _new(spec.certificates, was.certificates)),
        ]

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Created as the file says, and nothing more: the mark is the very next call.

        What somebody made by hand, as bare as that and just as the file wants it, cannot be told from it.
        """
        was, spec = change.live.spec, change.resource.spec
        bare = (
            not (was.thing_groups or change.live.facts_as(ThingFacts).principals) and change.live.version == 1
        )
        same = (was.thing_type, was.attributes) == (spec.thing_type, spec.attributes)
        return bare and same and was.billing_group == spec.billing_group

    def is_rotation(self, change: Change) -> bool:
        """Return whether an update detaches a certificate and leaves or attaches another."""
        if not isinstance(change, Update):
            return False
        certificates = next((field for field in change.fields if field.path == "certificates"), None)
        return bool(
            certificates and certificates.after and set(certificates.before) - set(certificates.after)
        )

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Every principal detached, ours or not: AWS deletes no thing that has one."""
        name = change.live.identity
        params = {"thingName": name, "expectedVersion": change.live.version}
        # AWS detaches asynchronously, so for some seconds it may still see a principal.
        again = (
            {"InvalidRequestException"} if change.live.facts_as(ThingFacts).principals else frozenset[str]()
        )
        going = {
            context.build_arn(f"cert/{certificate_attachments.find_certificate_id(context, found)}")
            for found in certificate_attachments.select_deleted(context, change.live.spec.certificates)
        }
        return [
            *(mark_retired(context, arn) for arn in sorted(going)),
            *(
                certificate_attachments.detach(name, arn)
                for arn in change.live.facts_as(ThingFacts).principals
            ),
            ApiCall("iot", "DeleteThing", params, ignored_errors=NOT_FOUND, retried_errors=again),
        ]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Out of the workspace's group; it keeps its certificates, which are nobody's then."""
        name = change.live.identity
        guard = (
            [group_membership.leave(name, protected_group_name(context.workspace))]
            if change.live.prevent_destroy
            else []
        )
        return [*guard, group_membership.leave(name, workspace_group_name(context.workspace))]


def _hidden(item: Mapping[str, Any], keys: Collection[str]) -> Mapping[str, Any]:
    return (
        {**item, "attributes": sealed(item.get("attributes", {}), keys, item["thingName"])} if keys else item
    )


def _ties(names: Sequence[str]) -> Any:
    """Of each thing the answer about its principals, and the groups that it is in."""
    had, groups = yield from merge_reads(
        request_each("ListThingPrincipalsV2", "thingName", names),
        group_membership.read_groups_of_things(names),
    )
    return {name: (answer, groups[name]) for name, answer in zip(names, had, strict=True)}


def _members(scope: Scope, table: str, operation: str, member_: str) -> Any:
    """The things of every group that matters, by group; of the static ones, the workspace's own among them."""
    field = {"thing_groups": "thing_groups", "billing_groups": "billing_group"}[table]
    said = external_names(
        group for thing in scope.resources_of("things") for group in _listed(getattr(thing.spec, field))
    )
    groups = sorted({live.identity for live in scope.live_by_kind.get(table, ())} | said)
    answers = yield from request_each(operation, member_, groups)
    return {group: frozenset(answer.get("things", ())) for group, answer in zip(groups, answers, strict=True)}


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _by_thing(members: Mapping[str, Iterable[str]]) -> defaultdict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for group, names in members.items():
        for name in names:
            groups[name].append(group)
    return groups


def _but(marks: Collection[str], groups: Iterable[str]) -> list[str]:
    return [group for group in groups if group not in marks]


def _live(
    item: Mapping[str, Any],
    answer: Mapping[str, Any],
    groups: Sequence[str],
    billed: Sequence[str],
    wanted: Thing | None,
) -> Live:
    """One thing as it is. Where only some of its certificates are exclusive it is what the file does not say."""
    found = sorted(answer.get("thingPrincipalObjects", ()), key=lambda edge: str(edge["principal"]))
    edges = {
        intern(edge["principal"]): edge.get("thingPrincipalType") == certificate_attachments.EXCLUSIVE_THING
        for edge in found
    }
    certificates = {arn: exclusive for arn, exclusive in edges.items() if ":cert/" in arn}
    exclusive: bool | NotCompared = NOT_COMPARED
    if certificates:
        every = wanted is not None and wanted.exclusive
        exclusive = all(certificates.values()) if every else any(certificates.values())
    attributes = item.get("attributes", {})
    if wanted and wanted.attributes == attributes:
        attributes = wanted.attributes  # one mapping for both: a fleet has very many
    kind, bill = item.get("thingTypeName"), item.get("billingGroupName") or next(iter(billed), None)
    spec = Thing(
        thing_type=External(kind) if kind else None,
        attributes=attributes,
        thing_groups=tuple(External(group) for group in sorted(groups)),
        certificates=tuple(External(name_in_arn(arn)) for arn in certificates),
        billing_group=External(bill) if bill else None,
        exclusive=exclusive,
    )
    facts = ThingFacts(
        frozenset(arn for arn, exclusively in edges.items() if exclusively) or _NONE, tuple(edges)
    )
    return Live(item["thingName"], spec, item["version"], facts=facts)


def _rewrite(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    spec: Thing = change.resource.spec
    params: dict[str, Any] = {"thingName": change.address.name, "expectedVersion": change.live.version}
    if change.has_changed("attributes"):
        params["attributePayload"] = {"attributes": dict(spec.attributes), "merge": False}
    if change.has_changed("thing_type"):
        if spec.thing_type is None:
            params["removeThingType"] = True
        else:
            params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
    yield ApiCall("iot", "UpdateThing", params, verification=verify_thing(change.address.name))


def _new(before: Iterable[Reference], after: Iterable[Reference]) -> list[Reference]:
    known = set(before)
    return [reference for reference in after if reference not in known]


KIND = Things()
