"""Cognito identities of policies and things: compared and exported, or left alone without the field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import all_kinds
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.document import Document
from reconciler.model.resource import NOT_COMPARED
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.exports import export_registry, load_export
from tests.support.registry_client import Cloud

IDENTITIES = tuple(f"eu-west-1:0a1b2c3d-4e5f-4a6b-8c7d-{number:012x}" for number in range(3))
DOCUMENT = Document.from_value(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
)
_identities = st.lists(st.sampled_from(IDENTITIES), unique=True).map(tuple)


@pytest.fixture(scope="module")
def module_cloud():
    return Cloud()


@pytest.fixture
def cloud(module_cloud):
    return module_cloud.reset()


def make_fleet(policy_identities=NOT_COMPARED, thing_identities=NOT_COMPARED):
    return make_state(
        make_resource("policies", "p", Policy(DOCUMENT, cognito_identities=policy_identities)),
        make_resource("things", "a", Thing(cognito_identities=thing_identities)),
    )


def read_identities(cloud):
    """Return the identities that have the policy, and those that the thing has."""
    return (
        sorted(cloud.iot.list_targets_for_policy(policyName="p")["targets"]),
        sorted(cloud.iot.list_thing_principals(thingName="a")["principals"]),
    )


@examples(8)
@given(before=st.tuples(_identities, _identities), after=st.tuples(_identities, _identities))
def test_identities_become_those_of_the_file_and_the_next_plan_is_empty(module_cloud, before, after):
    cloud = module_cloud.reset()
    converge(make_fleet(*before), cloud)
    assert read_identities(cloud) == tuple(map(sorted, before))
    converge(make_fleet(*after), cloud)
    assert read_identities(cloud) == tuple(map(sorted, after))
    assert plan_state(make_fleet(*after), cloud).steps == ()
    export = load_export(export_registry(cloud))
    assert plan_state(export, cloud).steps == ()
    assert [item.spec.cognito_identities or () for item in export.resources.values()] == [
        tuple(sorted(identities)) or NOT_COMPARED for identities in after
    ]


def attach_by_hand(cloud):
    cloud.iot.attach_policy(policyName="p", target=IDENTITIES[0])
    cloud.iot.attach_thing_principal(thingName="a", principal=IDENTITIES[1])


def test_identities_that_others_attach_stay_where_the_file_does_not_set_the_field(cloud):
    converge(make_fleet(), cloud)
    attach_by_hand(cloud)
    assert plan_state(make_fleet(), cloud).steps == ()
    assert read_identities(cloud) == ([IDENTITIES[0]], [IDENTITIES[1]])


def test_an_export_declares_identities_that_others_attached(cloud):
    converge(make_fleet(), cloud)
    attach_by_hand(cloud)
    fields = {
        str(table.address): table.fields["cognito_identities"] for table in export_registry(cloud).tables
    }
    assert fields == {"policies.p": [IDENTITIES[0]], "things.a": [IDENTITIES[1]]}


def test_attaching_an_identity_that_is_not_compared_makes_no_plan_stale(cloud):
    converge(make_fleet(), cloud)
    tagged = make_state(
        make_resource("policies", "p", Policy(DOCUMENT, {"line": "A"})), make_resource("things", "a", Thing())
    )
    plan = plan_state(tagged, cloud)
    attach_by_hand(cloud)
    assert plan_state(tagged, cloud).digest == plan.digest
    converge(tagged, cloud)


def test_a_destroy_detaches_the_identities_of_the_file_and_rejects_others(cloud):
    fleet = make_fleet(IDENTITIES[:1], IDENTITIES[1:2])
    converge(fleet, cloud)
    cloud.iot.attach_policy(policyName="p", target=IDENTITIES[2])
    assert get_rejection_reasons(fleet, cloud, destroy=True) == [
        (
            "policies.p: cannot delete: the policy stays attached to 1 target after this plan "
            f"({IDENTITIES[2]}); detach it there first"
        )
    ]
    cloud.iot.detach_policy(policyName="p", target=IDENTITIES[2])
    converge(fleet, cloud, destroy=True)
    assert cloud.iot.list_things()["things"] == []
    assert cloud.iot.list_policies()["policies"] == []


@pytest.mark.parametrize(
    ("identities", "problem"),
    [
        (["eu-west-1:0A"], "'eu-west-1:0A' is not the ID of an Amazon Cognito identity"),
        ([IDENTITIES[0], IDENTITIES[0]], f"{IDENTITIES[0]!r} is listed twice"),
    ],
)
def test_a_wrong_identity_is_reported_with_its_place(identities, problem):
    spec = Thing(cognito_identities=tuple(identities))
    (finding,) = all_kinds()["things"].check(make_resource("things", "a", spec), {})
    assert (finding.path, finding.problem) == (("cognito_identities", len(identities) - 1), problem)
