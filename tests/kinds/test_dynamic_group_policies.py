"""Policies of dynamic groups: those of the file, or all others if the file does not set the field."""

from __future__ import annotations

import pytest

from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.policies import Policy
from reconciler.model.document import Document
from reconciler.model.resource import NOT_COMPARED
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.exports import export_registry
from tests.support.registry_client import Cloud

DOCUMENT = Document.from_value(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
)


@pytest.fixture
def cloud():
    return Cloud()


def make_fleet(policies=NOT_COMPARED, names=("p", "q")):
    group = DynamicThingGroup(query_string="thingName:pump*", policies=policies)
    return make_state(
        *(make_resource("policies", name, Policy(DOCUMENT)) for name in names),
        make_resource("dynamic_thing_groups", "d", group),
    )


def read_policies(cloud):
    arn = cloud.iot.describe_thing_group(thingGroupName="d")["thingGroupArn"]
    return sorted(policy["policyName"] for policy in cloud.iot.list_attached_policies(target=arn)["policies"])


@pytest.mark.parametrize(("before", "after"), [((), ("p",)), (("p",), ("q",)), (("p", "q"), ())])
def test_a_dynamic_group_gets_the_policies_of_the_file(cloud, before, after):
    converge(make_fleet(before), cloud)
    assert read_policies(cloud) == list(before)
    converge(make_fleet(after), cloud)
    assert read_policies(cloud) == list(after)
    assert plan_state(make_fleet(after), cloud).steps == ()


def test_policies_of_a_dynamic_group_stay_where_the_file_has_none_and_are_exported(cloud):
    converge(make_fleet(), cloud)
    arn = cloud.iot.describe_thing_group(thingGroupName="d")["thingGroupArn"]
    cloud.iot.attach_policy(policyName="q", target=arn)
    assert plan_state(make_fleet(), cloud).steps == ()
    (table,) = [item for item in export_registry(cloud).tables if item.address.name == "d"]
    assert (table.fields["policies"], table.comments) == (["q"], ())
    assert get_rejection_reasons(make_fleet(names=("p",)), cloud) == [
        (
            "policies.q: cannot delete: the policy stays attached to 1 target after this plan (thinggroup/d); "
            "detach it there first"
        )
    ]
    converge(make_fleet((), names=("p",)), cloud)
    assert read_policies(cloud) == []


def test_a_dynamic_group_and_its_policies_are_destroyed_together(cloud):
    fleet = make_fleet(("p", "q"))
    converge(fleet, cloud)
    converge(fleet, cloud, destroy=True)
    assert cloud.iot.list_policies()["policies"] == []
    assert cloud.iot.list_thing_groups()["thingGroups"] == []
