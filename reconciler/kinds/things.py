"""Things: the devices as AWS IoT's registry knows them.

Source: AWS IoT API reference, CreateThing and its neighbours. Things carry no tags; the workspace owns those that are
members of its own static thing group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.fields import member
from reconciler.kinds.kind import Complaint, Kind, Reading, Scope, World
from reconciler.kinds.reading import MISSING, find
from reconciler.kinds.retirement import goes, mark_retired
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Replace, Update
from reconciler.model.resource import Desired, External, Live, Reference, Resource

UNTYPED_ATTRIBUTES = 3
"""Attributes of a thing without a type (AWS General Reference, AWS IoT Device Management quotas)."""

_DESCRIBES_A_PAGE = 35
"""DescribeThing may be asked 350 times a second and ListThings 10 times: a page costs as much as 35 questions."""


@frozen
class Thing:
    """`[things.*]`."""

    thing_type: Reference | None = member(
        "The thing's type.", api="CreateThing.thingTypeName", references="thing_types", default=None
    )
    attributes: Mapping[str, str] = member(
        "Searchable facts about the device.", api="CreateThing.attributePayload.attributes", factory=dict
    )
    thing_groups: tuple[Reference, ...] = member(
        "The static groups that it belongs to.", references="thing_groups", default=()
    )
    certificates: tuple[Reference, ...] = member(
        "The device certificates attached to it.", references="certificates", default=()
    )


def workspace_group(workspace: str) -> str:
    """The static thing group whose members are the things that the workspace owns."""
    return f"reconciler-{workspace}"


class Things(Kind):
    """Things: found by name, owned by membership of the workspace's group."""

    table = "things"
    noun = "thing"
    spec = Thing
    name_api = "CreateThing.thingName"
    reads_after = frozenset({"thing_groups"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[Complaint]:  # noqa: ARG002 (no neighbour counts)
        """AWS admits three attributes without a type."""
        spec: Thing = resource.spec
        if spec.thing_type is None and len(spec.attributes) > UNTYPED_ATTRIBUTES:
            yield Complaint(
                "attributes",
                f"{len(spec.attributes)} attributes on a thing without a type",
                f"at most {UNTYPED_ATTRIBUTES}, or a thing_type",
            )

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Reading:
        """Pages for the things, pages for their groups, and one question for each thing's principals: AWS has no other."""
        members = yield from _members(scope)
        ours = members.pop(workspace_group(scope.workspace), frozenset())
        wanted = {resource.address.name for resource in scope.of(self.table)} | ours
        found = yield from find(
            sorted(wanted),
            listing=ApiCall("iot", "ListThings"),
            items="things",
            key="thingName",
            pages=-(-len(wanted) // _DESCRIBES_A_PAGE),
            describe=lambda name: ApiCall("iot", "DescribeThing", {"thingName": name}, tolerates=MISSING),
        )
        answers = yield [
            ApiCall("iot", "ListThingPrincipalsV2", {"thingName": name}, tolerates=MISSING) for name in found
        ]
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for group, names in members.items():
            for name in names:
                groups[name].append(group)
        return [
            _live(item, answer, groups[name], scope.workspace if name in ours else None)
            for (name, item), answer in zip(found.items(), answers, strict=True)
        ]

    def create(self, change: Create, world: World) -> Sequence[ApiCall]:
        """The thing, the mark right after it, its other groups, its certificates."""
        name, spec = change.address.name, change.resource.spec
        params: dict[str, Any] = {"thingName": name}
        if spec.thing_type is not None:
            params["thingTypeName"] = world.identity("thing_types", spec.thing_type)
        if spec.attributes:
            params["attributePayload"] = {"attributes": dict(spec.attributes)}
        return [
            ApiCall("iot", "CreateThing", params),
            _join(name, workspace_group(world.workspace)),
            *(_join(name, _group(world, group)) for group in spec.thing_groups),
            *(_attach(world, name, certificate) for certificate in spec.certificates),
        ]

    def update(self, change: Update, world: World) -> Sequence[ApiCall]:
        """Type and attributes in one call, only over the version that the plan saw; certificates come before they go."""
        name, spec, was = change.address.name, change.resource.spec, change.live.spec
        return [
            *([_join(name, workspace_group(world.workspace))] if change.changes("workspace") else ()),
            *(
                _rewrite(change, world)
                if change.changes("attributes") or change.changes("thing_type")
                else ()
            ),
            *(_join(name, _group(world, group)) for group in _new(was.thing_groups, spec.thing_groups)),
            *(_leave(name, _group(world, group)) for group in _new(spec.thing_groups, was.thing_groups)),
            *(_attach(world, name, certificate) for certificate in _new(was.certificates, spec.certificates)),
            *_let_go(world, name, _new(spec.certificates, was.certificates)),
        ]

    def half_made(self, change: Update | Replace) -> bool:
        """Created as the file says, not yet given anything that the file does not give it."""
        was, spec = change.live.spec, change.resource.spec
        return (
            (was.thing_type, was.attributes) == (spec.thing_type, spec.attributes)
            and not _new(spec.thing_groups, was.thing_groups)
            and not _new(spec.certificates, was.certificates)
        )

    def replace(self, change: Replace, world: World) -> Sequence[ApiCall]:
        """AWS changes everything of a thing in place."""
        raise NotImplementedError(f"{change.address} has no field that forces a replacement")

    def delete(self, change: Delete, world: World) -> Sequence[ApiCall]:
        """Every principal detached, ours or not: AWS deletes no thing that has one."""
        name = change.live.identity
        params = {"thingName": name, "expectedVersion": change.live.version}
        # AWS detaches asynchronously, so for some seconds it may still see a principal.
        again = {"InvalidRequestException"} if change.live.facts["principals"] else frozenset()
        going = {
            world.arn(f"cert/{_live_id(world, found)}")
            for found in _going(world, change.live.spec.certificates)
        }
        return [
            *(mark_retired(world, arn) for arn in sorted(going)),
            *(_detach_arn(name, arn) for arn in change.live.facts["principals"]),
            ApiCall("iot", "DeleteThing", params, tolerates=MISSING, retries=again),
        ]


def _members(scope: Scope) -> Any:
    """The things of every group that matters, by group; the workspace's own among them."""
    known = {live.identity for live in scope.read.get("thing_groups", ())}
    outside = {
        group.id
        for thing in scope.of("things")
        for group in thing.spec.thing_groups
        if isinstance(group, External)
    }
    groups = sorted(known | outside)
    answers = yield [
        ApiCall("iot", "ListThingsInThingGroup", {"thingGroupName": group}, tolerates=MISSING)
        for group in groups
    ]
    return {group: frozenset(answer.get("things", ())) for group, answer in zip(groups, answers, strict=True)}


def _live(
    item: Mapping[str, Any], answer: Mapping[str, Any], groups: Sequence[str], owner: str | None
) -> Live:
    principals = sorted(found["principal"] for found in answer.get("thingPrincipalObjects", ()))
    kind = item.get("thingTypeName")
    spec = Thing(
        thing_type=External(kind) if kind else None,
        attributes=item.get("attributes", {}),
        thing_groups=tuple(External(group) for group in sorted(groups)),
        certificates=tuple(External(arn.rpartition("/")[2]) for arn in principals if ":cert/" in arn),
    )
    return Live(item["thingName"], spec, item["version"], owner, {"principals": tuple(principals)})


def _rewrite(change: Update, world: World) -> Iterator[ApiCall]:
    spec: Thing = change.resource.spec
    params: dict[str, Any] = {"thingName": change.address.name, "expectedVersion": change.live.version}
    if change.changes("attributes"):
        params["attributePayload"] = {"attributes": dict(spec.attributes), "merge": False}
    if change.changes("thing_type"):
        if spec.thing_type is None:
            params["removeThingType"] = True
        else:
            params["thingTypeName"] = world.identity("thing_types", spec.thing_type)
    yield ApiCall("iot", "UpdateThing", params)


def _new(before: Iterable[Reference], after: Iterable[Reference]) -> list[Reference]:
    known = set(before)
    return [reference for reference in after if reference not in known]


def _group(world: World, group: Reference) -> Any:
    return world.identity("thing_groups", group)


def _join(thing: str, group: str) -> ApiCall:
    return ApiCall("iot", "AddThingToThingGroup", {"thingGroupName": group, "thingName": thing})


def _leave(thing: str, group: str) -> ApiCall:
    params = {"thingGroupName": group, "thingName": thing}
    return ApiCall("iot", "RemoveThingFromThingGroup", params, tolerates=MISSING)


def _arn(world: World, certificate: Reference) -> str:
    return world.arn(f"cert/{world.identity('certificates', certificate)}")


def _attach(world: World, thing: str, certificate: Reference) -> ApiCall:
    return ApiCall("iot", "AttachThingPrincipal", {"thingName": thing, "principal": _arn(world, certificate)})


def _let_go(world: World, thing: str, certificates: Sequence[Reference]) -> Iterator[ApiCall]:
    """Detached, and marked before where the plan goes on to delete them."""
    for certificate in certificates:
        arn = world.arn(f"cert/{_live_id(world, certificate)}")
        if certificate in _going(world, [certificate]):
            yield mark_retired(world, arn)
        yield _detach_arn(thing, arn)


def _going(world: World, certificates: Sequence[Reference]) -> list[Reference]:
    return [
        found
        for found in certificates
        if isinstance(found, str) and goes(world, Address("certificates", found))
    ]


def _live_id(world: World, certificate: Reference) -> str:
    if isinstance(certificate, External):
        return certificate.id
    return world.live[Address("certificates", certificate)].identity


def _detach_arn(thing: str, arn: str) -> ApiCall:
    return ApiCall("iot", "DetachThingPrincipal", {"thingName": thing, "principal": arn}, tolerates=MISSING)


KIND = Things()
