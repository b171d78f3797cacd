"""Files with values that AWS normalizes: applied once, they plan empty."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.kinds.billing_groups import BillingGroup, BillingGroups
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.model.document import Document
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    converge,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.registry_client import Cloud

FILE = f"""\
[workspace]
name = "ws"

[thing_groups.line]
description = ""
attributes = {{ note = "" }}
policies = []
tags = {{ empty = "" }}

[things."{{name}}"]
for_each = {{ file = "devices.csv" }}
attributes = {{ note = "{{note}}", site = "{{site}}" }}
thing_groups = ["line", {{ id = "line" }}]

[billing_groups.bill]
description = ""

[thing_types.pump]
description = ""
searchable_attributes = ["site", "house"]

[ca_certificates.factory]
pem = {{ file = "ca.pem" }}
certificate_mode = "SNI_ONLY"
registration_template = {{ file = "jitp.json" }}
registration_role_arn = "{ROLE_ARN}"
"""
TEMPLATE_BODY = {"Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}}, "Resources": {}}


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


def test_empty_texts_lists_and_csv_cells_are_absent(cloud, tmp_path):
    (tmp_path / "devices.csv").write_text("name,note,site\na,,oslo\nb,x,\n")
    (tmp_path / "ca.pem").write_text(AUTHORITIES["alpha"].pem)
    (tmp_path / "jitp.json").write_text(json.dumps(TEMPLATE_BODY, indent=4))
    (tmp_path / "desired_state.toml").write_text(FILE)
    desired = load(tmp_path / "desired_state.toml", constraints=ServiceModelConstraints(), environ={})
    converge(desired, cloud.reset())
    assert plan_state(desired, cloud).steps == ()
    content = cloud.read_content()
    assert [content["things"][name]["attributes"] for name in "ab"] == [{"site": "oslo"}, {"note": "x"}]
    (ca,) = content["ca_certificates"].values()
    assert ca["registrationConfig"] == {
        "templateBody": json.dumps(TEMPLATE_BODY, indent=4),
        "roleArn": ROLE_ARN,
    }


def test_an_empty_value_in_a_template_that_merges_attributes_removes_the_live_one(cloud):
    cloud.reset()
    for site in ("oslo", ""):
        template = {
            "Resources": {
                "thing": {
                    "Type": "AWS::IoT::Thing",
                    "OverrideSettings": {"AttributePayload": "MERGE"},
                    "Properties": {"ThingName": "a", "AttributePayload": {"site": site, "house": "1"}},
                }
            }
        }
        spec = ProvisionedThing(Document.from_value(template))
        desired = make_state(make_resource("provisioned_things", "a", spec))
        converge(desired, cloud)
        assert plan_state(desired, cloud).steps == ()
    assert cloud.iot.describe_thing(thingName="a")["attributes"] == {"house": "1"}


def test_an_ignored_field_that_matters_only_for_a_creation_has_no_effect(cloud):
    template = {"Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}}}}
    spec = ProvisionedThing(Document.from_value(template))
    resource = make_resource("provisioned_things", "a", spec, ignore_changes=("template", "parameters"))
    converge(make_state(resource), cloud.reset())
    assert plan_state(make_state(resource), cloud).steps == ()


def test_an_update_that_no_call_makes_is_an_internal_error(cloud, monkeypatch):
    """Such a difference would be in every plan, forever."""
    group = make_resource("billing_groups", "b", BillingGroup("A"))
    converge(make_state(group), cloud.reset())
    monkeypatch.setattr(BillingGroups, "update", lambda *_: [])
    with pytest.raises(AssertionError) as caught:
        plan_state(make_state(replace(group, spec=BillingGroup("B"))), cloud)
    assert str(caught.value) == "internal error: billing_groups.b: no call changes description"
