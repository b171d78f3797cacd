"""Every reason why there is no plan, at once."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Lifecycle
from reconciler.model.secret import Secret
from reconciler.model.settings import ChangeLimits
from tests.support.desired_states import AUTHORITIES, ca, converge, device, managed, plan_of, resource, state
from tests.support.one_device import arn, certificate, iot, one, told
from tests.support.registry_client import Cloud

ALPHA = AUTHORITIES["alpha"]
GONE = frozenset({"ResourceNotFoundException"})
EXISTS = frozenset({"ResourceAlreadyExistsException"})
IN_USE = frozenset({"DeleteConflictException"})


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


def reasons(wanted, cloud, **options):
    with pytest.raises(PlanRejectedError) as caught:
        plan_of(wanted, cloud, **options)
    return list(caught.value.reasons)


def protected(*resources):
    kept = Lifecycle(prevent_destroy=True)
    return [evolve(found, lifecycle=kept) for found in resources]


def test_what_must_not_be_destroyed_is_neither_deleted_nor_replaced(cloud):
    converge(one(), cloud)
    assert reasons(state(*protected(ca(), *device("a"))), cloud, destroy=True) == [
        f"{address}: the plan would delete it, and its lifecycle.prevent_destroy forbids that"
        for address in ("ca_certificates.alpha", "certificates.a", "things.a")
    ]
    assert reasons(state(ca(), *protected(*device("a", 2))), cloud) == [
        "certificates.a: the plan would replace it, and its lifecycle.prevent_destroy forbids that"
    ]


def test_what_must_not_be_destroyed_may_be_updated(cloud):
    converge(one(), cloud)
    plan = plan_of(state(ca(), *protected(*device("a", site="bergen"))), cloud)
    assert [step.change.action for step in plan.steps] == ["create", "update"]


def test_what_bears_no_mark_is_not_touched_unless_it_is_adopted(cloud):
    cloud.iot.create_thing(thingName="a", attributePayload={"attributes": {"site": "theirs"}})
    wanted = state(resource("things", "a", Thing(attributes={"site": "oslo"})))
    unmarked = "things.a: it exists and does not bear this workspace's mark; "
    assert reasons(wanted, cloud) == [
        f"{unmarked}adopt it with --adopt things.a to let the plan take it over"
    ]
    plan = plan_of(wanted, cloud, adopt=[Address("things", "a")])
    attributes = {"attributes": {"site": "oslo"}, "merge": False}
    assert told(plan)[-1] == (
        "update",
        "things.a",
        ["thing_groups.reconciler-ws"],
        [
            iot("AddThingToThingGroup", thingGroupName="reconciler-ws", thingName="a"),
            iot("UpdateThing", thingName="a", expectedVersion=1, attributePayload=attributes),
        ],
    )


def test_what_an_apply_left_half_made_is_taken_up_again(cloud):
    cloud.iot.create_thing(thingName="a", attributePayload={"attributes": {"site": "oslo"}})
    plan = plan_of(one(site="oslo"), cloud)
    assert told(plan)[-1] == (
        "update",
        "things.a",
        ["certificates.a", "policies.reconciler-ws-retired", "thing_groups.reconciler-ws"],
        [
            iot("AddThingToThingGroup", thingGroupName="reconciler-ws", thingName="a"),
            iot("AttachThingPrincipal", thingName="a", principal=arn()),
        ],
    )


def test_another_workspaces_resource_is_not_touched_even_when_adopted(cloud):
    group = resource("thing_groups", "g", ThingGroup("Plants"))
    converge(state(group, workspace="theirs"), cloud)
    text = "thing_groups.g: it belongs to the workspace 'theirs', not to 'ws'"
    assert reasons(state(group), cloud) == [text]
    assert reasons(state(group), cloud, adopt=[Address("thing_groups", "g")]) == [text]


def test_a_revoked_certificate_stays_revoked(cloud):
    converge(one(), cloud)
    cloud.iot.update_certificate(certificateId=certificate(), newStatus="REVOKED")
    assert reasons(one(), cloud) == [
        "certificates.a: is REVOKED, which is final; give the device a new certificate"
    ]
    actions = [step.change.action for step in plan_of(state(ca(), *device("a", 2)), cloud).steps]
    assert actions == ["replace"]


def test_an_idle_ca_registers_nothing(cloud):
    assert reasons(state(ca(status="INACTIVE"), *device("a")), cloud) == [
        "certificates.a: cannot register: its CA ca_certificates.alpha will be INACTIVE, and AWS registers certificates of active CAs only; set the CA's status to ACTIVE"
    ]


def test_secrets_that_are_not_set_are_all_told_where_they_are_needed(cloud):
    def unset(found, field, value):
        return evolve(found, spec=evolve(found.spec, **{field: value}))

    verification = evolve(ca().spec.verification, key=Secret("env CA_KEY"))
    wanted = state(
        unset(ca(), "verification", verification),
        unset(managed("m"), "authentication_material", Secret("env M_CODE")),
    )
    assert reasons(wanted, cloud) == [
        "ca_certificates.alpha: verification.key (from env CA_KEY) is not set",
        "managed_things.m: authentication_material (from env M_CODE) is not set",
    ]


def blown(action, count, percent):
    limit = f"workspace.limits.{action}_percent"
    told = f"the plan would {action} {count} of 6 resources, more than the {percent} % that {limit} allows"
    return f"{told}; if that is meant, allow it for this run with --allow-{action} {count}"


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ({}, []),
        ({"delete_percent": 50}, []),
        (
            {"delete_percent": 33},
            [blown("delete", 2, 33)],
        ),
        (
            {"delete_percent": 0, "replace_percent": 16},
            [
                blown("delete", 2, 0),
                blown("replace", 1, 16),
            ],
        ),
        ({"delete_percent": 34, "replace_percent": 17}, []),
    ],
)
def test_a_fuse_refuses_a_plan_that_goes_over_it_and_no_other(cloud, limits, refused):
    managed_one = managed("m")
    converge(state(ca(), *device("a"), *device("b"), managed_one), cloud)
    wanted = state(ca(), *device("a", 2), managed_one, limits=ChangeLimits(**limits))
    if refused:
        assert reasons(wanted, cloud) == refused
    else:
        assert plan_of(wanted, cloud).counts == {
            "create": 0,
            "update": 0,
            "replace": 1,
            "delete": 2,
            "forget": 0,
        }


def test_a_fuse_does_not_stand_in_the_way_of_a_destroy(cloud):
    wanted = state(ca(), *device("a"), limits=ChangeLimits(delete_percent=0))
    converge(wanted, cloud)
    assert plan_of(wanted, cloud, destroy=True).counts["delete"] == 5


def test_a_certificate_in_transfer_is_not_touched(cloud):
    converge(one(), cloud)
    cloud.iot.detach_thing_principal(thingName="a", principal=arn())
    cloud.iot.update_certificate(certificateId=certificate(), newStatus="INACTIVE")
    cloud.iot.transfer_certificate(certificateId=certificate(), targetAwsAccount="210987654321")
    assert reasons(one(), cloud) == [
        "certificates.a: is being transferred to another account; accept, reject or cancel the transfer first"
    ]
