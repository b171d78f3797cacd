"""Things: types, groups, a billing group, certificates that may be a thing's alone, at no more calls than it takes."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.shared.thing_spec import ThingFacts
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.things import Thing
from reconciler.model.change import Create
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live
from tests.support.desired_states import AUTHORITIES, ca, converge, device, plan_of, resource, state
from tests.support.kind_driver import (
    NOT_FOUND,
    build_arn,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    iot,
    plan_context,
    plan_errors,
    problems,
    read,
)
from tests.support.registry_client import Cloud

PEM = Pem.parse(AUTHORITIES["alpha"].device("a"))
CERT = build_arn(f"cert/{PEM.fingerprint}")
CERTIFICATE = resource("certificates", "x", Certificate(PEM))
AGAIN = {"InvalidRequestException"}


def live(spec: Thing, *principals: str, alone: bool = False, owner: str | None = "ws") -> Live:
    facts = ThingFacts(frozenset(principals) if alone else frozenset(), principals)
    return Live("a", spec, 2, owner, facts=facts)


def thing(**fields: object):
    return resource("things", "a", Thing(**fields))


def join(group: str, thing: str = "a"):
    return iot("AddThingToThingGroup", thingGroupName=group, thingName=thing)


def leave(group: str):
    return iot("RemoveThingFromThingGroup", ignored_errors=NOT_FOUND, thingGroupName=group, thingName="a")


def attach(thing: str = "a", *, retried_errors=(), **more):
    return iot("AttachThingPrincipal", retried_errors=retried_errors, thingName=thing, principal=CERT, **more)


def detach(thing: str = "a"):
    return iot("DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName=thing, principal=CERT)


def test_a_new_thing_is_created_marked_grouped_and_given_its_certificates():
    wanted = thing(
        thing_type="pump",
        attributes={"site": "oslo"},
        thing_groups=("g",),
        certificates=("x",),
        billing_group="b",
        exclusive=True,
    )
    around = plan_context(
        wanted,
        CERTIFICATE,
        *(resource("thing_groups", "g", ThingGroup()), resource("thing_types", "pump", ThingType())),
        resource("billing_groups", "b", BillingGroup()),
    )
    assert create_calls(wanted, around) == [
        iot(
            "CreateThing",
            thingName="a",
            thingTypeName="pump",
            attributePayload={"attributes": {"site": "oslo"}},
            billingGroupName="b",
        ),
        join("reconciler-ws"),
        join("g"),
        attach(thingPrincipalType="EXCLUSIVE_THING"),
    ]


def test_groups_and_billing_groups_are_read_by_the_group_and_exclusivity_with_the_principals():
    members = {"reconciler-ws": ["a"], "g": ["a", "foreign"]}
    answers = {
        "ListThingsInThingGroup": lambda asked: {"things": members[asked["thingGroupName"]]},
        "ListThingsInBillingGroup": {"things": ["a"]},
        "ListThings": {
            "things": [{"thingName": "a", "thingTypeName": "pump", "attributes": {}, "version": 2}]
        },
        "ListThingPrincipalsV2": {
            "thingPrincipalObjects": [{"principal": CERT, "thingPrincipalType": "EXCLUSIVE_THING"}]
        },
    }
    found, asked = read(
        "things",
        answers,
        thing_groups=[Live(name, ThingGroup()) for name in members],
        billing_groups=[Live("b", BillingGroup())],
    )
    spec = Thing(
        thing_type=External("pump"),
        thing_groups=(External("g"),),
        certificates=(External(PEM.fingerprint),),
        billing_group=External("b"),
        exclusive=True,
    )
    assert found == [live(spec)]
    assert (found[0].facts, found[0].prevent_destroy) == (ThingFacts(frozenset({CERT}), (CERT,)), False)
    assert asked == [
        *("ListThingsInThingGroup", "ListThingsInThingGroup"),
        *("ListThingsInBillingGroup", "ListThings", "ListThingPrincipalsV2"),
    ]


@pytest.mark.parametrize(("says", "found"), [(True, False), (False, True)])
def test_where_only_some_certificates_are_exclusive_it_is_not_as_the_file_says(says, found):
    edges = [
        {"principal": CERT, "thingPrincipalType": "EXCLUSIVE_THING"},
        {"principal": build_arn("cert/other"), "thingPrincipalType": "NON_EXCLUSIVE_THING"},
    ]
    answers = {
        "ListThings": {"things": [{"thingName": "a", "attributes": {}, "version": 2}]},
        "ListThingPrincipalsV2": {"thingPrincipalObjects": edges},
        "ListThingGroupsForThing": {"thingGroups": []},
    }
    lives, _ = read("things", answers, thing(exclusive=says))
    assert lives[0].spec.exclusive is found


def test_without_certificates_exclusivity_means_nothing():
    answers = {
        "ListThings": {"things": [{"thingName": "a", "attributes": {}, "version": 2}]},
        "ListThingPrincipalsV2": {"thingPrincipalObjects": []},
        "ListThingGroupsForThing": {"thingGroups": []},
    }
    assert read("things", answers, thing(exclusive=True))[0][0].spec.exclusive is NOT_COMPARED


def test_a_thing_leaves_one_billing_group_before_it_joins_another():
    found = change_to(thing(billing_group="c"), live(Thing(billing_group="b")))
    groups = [resource("billing_groups", name, BillingGroup()) for name in ("b", "c")]
    assert calls_of(
        found, plan_context(found.resource, *groups, live={"things.a": found.live}, changes=[found])
    ) == [
        iot(
            "RemoveThingFromBillingGroup",
            ignored_errors=NOT_FOUND,
            billingGroupName="b",
            thingName="a",
        ),
        iot("AddThingToBillingGroup", billingGroupName="c", thingName="a"),
    ]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({}, [join("new"), leave("old")]),
        ({"new": "root", "old": "root"}, [leave("old"), join("new")]),
    ],
    ids=["two hierarchies: joined first", "one hierarchy: left first"],
)
def test_groups_are_joined_before_others_are_left_unless_aws_forbids(parents, expected):
    groups = [
        resource("thing_groups", name, ThingGroup(parent=parents.get(name)))
        for name in ("new", "old", "root")
    ]
    found = change_to(thing(thing_groups=("new",)), live(Thing(thing_groups=("old",))))
    around = plan_context(found.resource, *groups, live={"things.a": found.live}, changes=[found])
    assert calls_of(found, around) == expected


def test_a_certificate_becomes_exclusive_by_a_new_attachment():
    there = live(Thing(certificates=("x",), exclusive=False), CERT)
    found = change_to(thing(certificates=("x",), exclusive=True), there)
    around = plan_context(
        found.resource,
        CERTIFICATE,
        live={"things.a": there, "certificates.x": Live(PEM.fingerprint, Certificate(PEM))},
        changes=[found],
    )
    assert calls_of(found, around) == [
        detach(),
        attach(retried_errors=AGAIN, thingPrincipalType="EXCLUSIVE_THING"),
    ]


def test_who_gets_a_certificate_alone_gets_it_from_whoever_has_it():
    before = live(Thing(certificates=("x",)), CERT)
    found = change_to(thing(certificates=("x",), exclusive=True), live(Thing()))
    around = plan_context(
        found.resource,
        resource("things", "b", Thing()),
        CERTIFICATE,
        live={
            "things.a": found.live,
            "things.b": before,
            "certificates.x": Live(PEM.fingerprint, Certificate(PEM)),
        },
        changes=[found],
    )
    assert calls_of(found, around) == [
        detach("b"),
        attach(retried_errors=AGAIN, thingPrincipalType="EXCLUSIVE_THING"),
    ]


def test_what_a_thing_has_alone_no_other_has():
    both = [
        resource("things", name, Thing(certificates=("x",), exclusive=name == "a")) for name in ("a", "b")
    ]
    assert plan_errors(Create(both[0]), plan_context(*both, CERTIFICATE)) == [
        "cannot have certificates.x exclusively: things.b has it, too; remove it there, or set exclusive = false"
    ]


def test_no_thing_is_given_a_type_that_is_to_be_deprecated():
    wanted = thing(thing_type="old")
    around = plan_context(wanted, resource("thing_types", "old", ThingType(deprecated=True)))
    assert plan_errors(Create(wanted), around) == [
        "cannot get the type thing_types.old: it will be deprecated; choose another type"
    ]


def test_a_thing_is_in_one_group_of_a_hierarchy():
    groups = [
        resource("thing_groups", "top", ThingGroup()),
        resource("thing_groups", "part", ThingGroup(parent="top")),
    ]
    assert problems(thing(thing_groups=("part", "top")), *groups) == [
        "thing_groups: 'part' and 'top' are in one hierarchy; expected one group of each hierarchy"
    ]


def test_there_is_room_for_the_group_that_marks_what_is_owned():
    assert problems(thing(thing_groups=tuple("abcdefghij"))) == [
        "thing_groups: 10 groups, and the one that marks what the workspace owns; expected at most 9"
    ]


def test_a_thing_is_deleted_when_everything_has_let_go_of_it():
    foreign = build_arn("cert/foreign")
    assert delete_calls("things", live(Thing(), foreign)) == [
        iot("DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName="a", principal=foreign),
        iot(
            "DeleteThing",
            ignored_errors=NOT_FOUND,
            retried_errors={"InvalidRequestException"},
            thingName="a",
            expectedVersion=2,
        ),
    ]


def _alone(certificate, owner):
    return evolve(owner, spec=evolve(owner.spec, exclusive=True)), certificate


@pytest.mark.parametrize("generation", [1, 2])
def test_two_things_that_swap_their_exclusive_certificates_converge(generation):
    cloud = Cloud()
    (one, first), (two, second) = device("a"), device("b")
    converge(state(ca(), *_alone(one, first), *_alone(two, second)), cloud)
    (one, first), (two, second) = device("a", generation), device("b")
    swapped = state(
        ca(),
        one,
        two,
        *(
            resource("things", name, Thing(certificates=(other,), exclusive=True))
            for name, other in (("a", "b"), ("b", "a"))
        ),
    )
    converge(swapped, cloud)
    assert plan_of(swapped, cloud).steps == ()
