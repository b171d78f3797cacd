"""Things: created, read, updated and deleted with their groups, billing group and certificates."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.shared.billing_group_facts import BillingGroupFacts
from reconciler.kinds.shared.certificate_attachments import DETACH_SECONDS
from reconciler.kinds.shared.thing_group_spec import ThingGroupFacts
from reconciler.kinds.shared.thing_spec import ThingFacts
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.things import Thing
from reconciler.model.change import Create, FieldChange
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Lifecycle, Live
from tests.support.desired_states import (
    AUTHORITIES,
    converge,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import (
    NOT_FOUND,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    list_problems,
    make_change,
    make_iot_call,
    make_plan_context,
    read_kind,
)
from tests.support.registry_client import Cloud

PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
CERTIFICATE_ARN = build_arn(f"cert/{PEM.fingerprint}")
DESIRED_CERTIFICATE = make_resource("certificates", "x", Certificate(PEM))
STILL_DETACHING = {"InvalidRequestException"}


def make_live(spec: Thing, *principals: str, exclusive: bool = False, owner: str | None = "ws") -> Live:
    """Return the live thing `a`, which has all its principals exclusively or none."""
    facts = ThingFacts(
        exclusive_arns=frozenset(principals) if exclusive else frozenset(), principals=principals
    )
    return Live("a", spec, version=2, owner=owner, facts=facts)


def make_thing(**fields: object):
    return make_resource("things", "a", Thing(**fields))


def make_join_call(group: str, thing: str = "a"):
    return make_iot_call("AddThingToThingGroup", thingGroupName=group, thingName=thing)


def make_leave_call(group: str):
    return make_iot_call(
        "RemoveThingFromThingGroup", ignored_errors=NOT_FOUND, thingGroupName=group, thingName="a"
    )


def make_attach_call(thing: str = "a", *, retried_errors=frozenset(), **extra_params):
    return make_iot_call(
        "AttachThingPrincipal",
        retried_errors=retried_errors,
        timeout_seconds=DETACH_SECONDS if retried_errors else None,
        thingName=thing,
        principal=CERTIFICATE_ARN,
        **extra_params,
    )


def make_detach_call(thing: str = "a"):
    return make_iot_call(
        "DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName=thing, principal=CERTIFICATE_ARN
    )


def test_a_thing_is_created_then_added_to_its_groups_then_attached_to_its_certificates():
    desired = make_thing(
        thing_type="pump",
        attributes={"site": "oslo"},
        thing_groups=("g",),
        certificates=("x",),
        billing_group="b",
        exclusive=True,
    )
    context = make_plan_context(
        desired,
        DESIRED_CERTIFICATE,
        make_resource("thing_groups", "g", ThingGroup()),
        make_resource("thing_types", "pump", ThingType()),
        make_resource("billing_groups", "b", BillingGroup()),
    )
    assert list_create_calls(desired, context) == [
        make_iot_call(
            "CreateThing",
            thingName="a",
            thingTypeName="pump",
            attributePayload={"attributes": {"site": "oslo"}},
            billingGroupName="b",
        ),
        make_join_call("reconciler-ws"),
        make_join_call("g"),
        make_attach_call(thingPrincipalType="EXCLUSIVE_THING"),
    ]


def test_groups_are_read_from_member_lists_and_exclusivity_from_principals():
    members = {"reconciler-ws": ["a"], "g": ["a", "foreign"]}
    responses = {
        "ListThingsInThingGroup": lambda params: {"things": members[params["thingGroupName"]]},
        "ListThingsInBillingGroup": {"things": ["a"]},
        "ListThings": {
            "things": [{"thingName": "a", "thingTypeName": "pump", "attributes": {}, "version": 2}]
        },
        "ListThingPrincipalsV2": {
            "thingPrincipalObjects": [{"principal": CERTIFICATE_ARN, "thingPrincipalType": "EXCLUSIVE_THING"}]
        },
    }
    live_resources, operations = read_kind(
        "things",
        responses,
        thing_groups=[Live(name, ThingGroup(), facts=ThingGroupFacts(())) for name in members],
        billing_groups=[Live("b", BillingGroup(), facts=BillingGroupFacts())],
    )
    spec = Thing(
        thing_type=External("pump"),
        thing_groups=(External("g"),),
        certificates=(External(PEM.fingerprint),),
        billing_group=External("b"),
        exclusive=True,
    )
    # Equal live resources may differ in their facts.
    assert live_resources == [make_live(spec)]
    assert (live_resources[0].facts, live_resources[0].prevent_destroy) == (
        ThingFacts(exclusive_arns=frozenset({CERTIFICATE_ARN}), principals=(CERTIFICATE_ARN,)),
        False,
    )
    assert operations == [
        "ListThingsInThingGroup",
        "ListThingsInThingGroup",
        "ListThingsInBillingGroup",
        "ListThings",
        "ListThingPrincipalsV2",
    ]


@pytest.mark.parametrize(("is_desired", "is_read"), [(True, False), (False, True)])
def test_exclusivity_of_only_some_certificates_is_read_as_the_opposite_of_the_desired_one(
    is_desired, is_read
):
    """The plan then shows a change in both cases."""
    attachments = [
        {"principal": CERTIFICATE_ARN, "thingPrincipalType": "EXCLUSIVE_THING"},
        {"principal": build_arn("cert/other"), "thingPrincipalType": "NON_EXCLUSIVE_THING"},
    ]
    responses = {
        "ListThings": {"things": [{"thingName": "a", "attributes": {}, "version": 2}]},
        "ListThingPrincipalsV2": {"thingPrincipalObjects": attachments},
        "ListThingGroupsForThing": {"thingGroups": []},
        "ListPrincipalThings": {"things": ["a"]},
    }
    live_resources, _ = read_kind("things", responses, make_thing(exclusive=is_desired))
    assert live_resources[0].spec.exclusive is is_read


def test_exclusivity_is_not_compared_without_certificates():
    responses = {
        "ListThings": {"things": [{"thingName": "a", "attributes": {}, "version": 2}]},
        "ListThingPrincipalsV2": {"thingPrincipalObjects": []},
        "ListThingGroupsForThing": {"thingGroups": []},
    }
    assert read_kind("things", responses, make_thing(exclusive=True))[0][0].spec.exclusive is NOT_COMPARED


def test_a_thing_is_removed_from_a_billing_group_before_it_is_added_to_another():
    change = make_change(make_thing(billing_group="c"), make_live(Thing(billing_group="b")))
    groups = [make_resource("billing_groups", name, BillingGroup()) for name in ("b", "c")]
    assert list_calls(
        change, make_plan_context(change.resource, *groups, live={"things.a": change.live}, changes=[change])
    ) == [
        make_iot_call(
            "RemoveThingFromBillingGroup",
            ignored_errors=NOT_FOUND,
            billingGroupName="b",
            thingName="a",
        ),
        make_iot_call("AddThingToBillingGroup", billingGroupName="c", thingName="a"),
    ]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({}, [make_join_call("new"), make_leave_call("old")]),
        ({"new": "root", "old": "root"}, [make_leave_call("old"), make_join_call("new")]),
    ],
    ids=["two hierarchies: joined first", "one hierarchy: left first"],
)
def test_a_new_group_is_joined_first_unless_the_old_one_is_in_the_same_hierarchy(parents, expected):
    groups = [
        make_resource("thing_groups", name, ThingGroup(parent=parents.get(name)))
        for name in ("new", "old", "root")
    ]
    change = make_change(make_thing(thing_groups=("new",)), make_live(Thing(thing_groups=("old",))))
    context = make_plan_context(change.resource, *groups, live={"things.a": change.live}, changes=[change])
    assert list_calls(change, context) == expected


def test_a_certificate_is_attached_again_to_become_exclusive():
    live_thing = make_live(Thing(certificates=("x",), exclusive=False), CERTIFICATE_ARN)
    change = make_change(make_thing(certificates=("x",), exclusive=True), live_thing)
    context = make_plan_context(
        change.resource,
        DESIRED_CERTIFICATE,
        live={"things.a": live_thing, "certificates.x": Live(PEM.fingerprint, Certificate(PEM))},
        changes=[change],
    )
    assert list_calls(change, context) == [
        make_detach_call(),
        make_attach_call(retried_errors=STILL_DETACHING, thingPrincipalType="EXCLUSIVE_THING"),
    ]


def test_an_exclusive_certificate_is_detached_from_its_other_things():
    live_other_thing = make_live(Thing(certificates=("x",)), CERTIFICATE_ARN)
    change = make_change(make_thing(certificates=("x",), exclusive=True), make_live(Thing()))
    context = make_plan_context(
        change.resource,
        make_resource("things", "b", Thing()),
        DESIRED_CERTIFICATE,
        live={
            "things.a": change.live,
            "things.b": live_other_thing,
            "certificates.x": Live(PEM.fingerprint, Certificate(PEM)),
        },
        changes=[change],
    )
    assert list_calls(change, context) == [
        make_detach_call("b"),
        make_attach_call(retried_errors=STILL_DETACHING, thingPrincipalType="EXCLUSIVE_THING"),
    ]


def test_an_exclusive_certificate_on_two_things_is_rejected():
    two_things = [
        make_resource("things", name, Thing(certificates=("x",), exclusive=name == "a"))
        for name in ("a", "b")
    ]
    assert list_plan_errors(Create(two_things[0]), make_plan_context(*two_things, DESIRED_CERTIFICATE)) == [
        "cannot have certificates.x exclusively: the file also gives it to things.b; remove it there, or set exclusive = false"
    ]


def test_a_new_thing_of_a_type_that_the_file_deprecates_is_rejected():
    desired = make_thing(thing_type="old")
    context = make_plan_context(desired, make_resource("thing_types", "old", ThingType(deprecated=True)))
    assert list_plan_errors(Create(desired), context) == [
        "cannot have the type thing_types.old, which the file deprecates; choose another type"
    ]


def test_all_groups_of_one_hierarchy_are_one_problem():
    groups = [
        make_resource("thing_groups", name, ThingGroup(parent=parent))
        for name, parent in (
            ("top", None),
            ("part", "top"),
            ("piece", "part"),
            ("hall", None),
            ("row", "hall"),
        )
    ]
    assert list_problems(make_thing(thing_groups=("part", "top")), *groups) == [
        "thing_groups: 'part' and 'top' are in one hierarchy; expected one group of each hierarchy"
    ]
    assert list_problems(make_thing(thing_groups=("hall", "part", "piece", "row", "top")), *groups) == [
        "thing_groups: 'hall' and 'row' are in one hierarchy; expected one group of each hierarchy",
        "thing_groups: 'part', 'piece' and 'top' are in one hierarchy; expected one group of each hierarchy",
    ]


def test_ten_groups_leave_no_room_for_the_workspaces_group():
    assert list_problems(make_thing(thing_groups=tuple("abcdefghij"))) == [
        "thing_groups: 10 groups and the workspace's own group are more than the 10 that AWS allows; expected at most 9"
    ]


def test_protection_takes_the_room_of_one_more_group():
    """A thing with `prevent_destroy`, or with such a certificate, is in a second group of the workspace."""
    expected = [
        (
            "thing_groups: 9 groups and the workspace's own two groups (the second is for prevent_destroy) are more than the 10 "
            "that AWS allows; expected at most 8"
        )
    ]
    groups = tuple("abcdefghi")
    assert list_problems(make_thing(thing_groups=groups)) == []
    protected = replace(make_thing(thing_groups=groups), lifecycle=Lifecycle(prevent_destroy=True))
    assert list_problems(protected) == expected
    certificate = replace(DESIRED_CERTIFICATE, lifecycle=Lifecycle(prevent_destroy=True))
    assert list_problems(make_thing(thing_groups=groups, certificates=("x",)), certificate) == expected


def test_a_thing_in_the_most_groups_leaves_old_ones_before_it_joins_any():
    old, new = tuple("abcdefghi"), (*tuple("abcdefgh"), "z")
    change = make_change(make_thing(thing_groups=new), make_live(Thing(thing_groups=old)))
    change = evolve(change, live=evolve(change.live, owner=None), fields=(*change.fields, BECOMES_OWNED))
    groups = [make_resource("thing_groups", name, ThingGroup()) for name in {*old, *new}]
    context = make_plan_context(change.resource, *groups, live={"things.a": change.live}, changes=[change])
    assert list_calls(change, context) == [
        make_leave_call("i"),
        make_join_call("z"),
        make_join_call("reconciler-ws"),
    ]


BECOMES_OWNED = FieldChange("workspace", None, "ws")


def test_all_principals_are_detached_before_a_thing_is_deleted():
    foreign_arn = build_arn("cert/foreign")
    assert list_delete_calls("things", make_live(Thing(), foreign_arn)) == [
        make_iot_call("DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName="a", principal=foreign_arn),
        make_iot_call(
            "DeleteThing",
            ignored_errors=NOT_FOUND,
            retried_errors=STILL_DETACHING,
            thingName="a",
            expectedVersion=2,
        ),
    ]


def _make_exclusive(certificate, thing):
    """Return a device's certificate and its thing, which has the certificate exclusively."""
    return certificate, replace(thing, spec=evolve(thing.spec, exclusive=True))


@pytest.mark.parametrize("generation", [1, 2], ids=["same certificates", "one certificate replaced"])
def test_two_things_can_swap_their_exclusive_certificates_in_one_plan(generation):
    cloud = Cloud()
    converge(
        make_state(make_ca(), *_make_exclusive(*make_device("a")), *_make_exclusive(*make_device("b"))), cloud
    )
    certificate_a, _ = make_device("a", generation)
    certificate_b, _ = make_device("b")
    swapped_state = make_state(
        make_ca(),
        certificate_a,
        certificate_b,
        *(
            make_resource("things", name, Thing(certificates=(other,), exclusive=True))
            for name, other in (("a", "b"), ("b", "a"))
        ),
    )
    converge(swapped_state, cloud)
    assert plan_state(swapped_state, cloud).steps == ()
