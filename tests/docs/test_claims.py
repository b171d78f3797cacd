"""Claims of the documentation about guarantees, limits and Terraform are true."""

from __future__ import annotations

import pytest

from reconciler.kinds.things import Thing
from tests.docs.checkout import copy_checkout, run_reconciler
from tests.support.desired_states import (
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)


@pytest.fixture
def cloud():
    from tests.support.registry_client import Cloud

    return Cloud()


def test_a_thing_edited_after_planning_is_not_overwritten(cloud):
    converge(make_state(make_ca(), *make_device("d", site="oslo")), cloud)
    plan = plan_state(make_state(make_ca(), *make_device("d", site="bergen")), cloud)
    cloud.iot.update_thing(thingName="d", attributePayload={"attributes": {"by": "hand"}, "merge": True})
    (failure,) = list_failures(apply(plan, cloud))
    assert failure == (
        "failed things.d: things.d: was changed after the plan was made (attributes.by); nothing of this step was sent; "
        "run plan again"
    )
    assert cloud.iot.describe_thing(thingName="d")["attributes"] == {"site": "oslo", "by": "hand"}


def test_an_ignored_field_keeps_its_live_value_when_other_fields_change(cloud):
    def build_state(site):
        spec = Thing(attributes={"site": site, "firmware": "1"})
        return make_state(make_resource("things", "d", spec, ignore_changes=("attributes.firmware",)))

    converge(build_state("oslo"), cloud)
    cloud.iot.update_thing(thingName="d", attributePayload={"attributes": {"firmware": "2"}, "merge": True})
    assert not plan_state(build_state("oslo"), cloud)
    converge(build_state("bergen"), cloud)
    assert cloud.iot.describe_thing(thingName="d")["attributes"] == {"site": "bergen", "firmware": "2"}


def test_destroy_is_rejected_or_succeeds_when_a_foreign_policy_is_attached(cloud):
    fleet = make_state(make_ca(), *make_device("d", site="oslo"))
    converge(fleet, cloud)
    (arn,) = cloud.iot.list_thing_principals(thingName="d")["principals"]
    cloud.iot.create_policy(policyName="theirs", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    cloud.iot.attach_policy(policyName="theirs", target=arn)
    (reason,) = get_rejection_reasons(fleet, cloud, destroy=True)
    assert "policies that this workspace does not manage (theirs)" in reason
    plan = plan_state(fleet, cloud, destroy=True, allow_cascade=True)
    assert list_failures(apply(plan, cloud)) == []
    assert (cloud.read_content()["certificates"], cloud.read_content()["things"]) == ({}, {})
    assert [policy["policyName"] for policy in cloud.iot.list_policies()["policies"]] == ["theirs"]


def test_prevent_destroy_rejects_destroy(tmp_path, monkeypatch):
    monkeypatch.chdir(copy_checkout(tmp_path / "checkout"))
    assert run_reconciler("apply", "--yes")[0] == 0
    assert run_reconciler("destroy", "--yes") == (
        3,
        (
            "error: the plan is rejected; nothing was sent\n"
            "  - things.gateway-1: cannot delete: its lifecycle.prevent_destroy forbids that; "
            "to allow it, first apply its table with prevent_destroy = false\n"
        ),
    )
