"""Templates of provisioned things: secrets, policy documents, and parameters of the certificate."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
from msgspec.structs import replace

from reconciler.engine.plan import record
from reconciler.kinds.provisioned_things import KIND, ProvisionedThing
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared import provisioning_blueprint
from reconciler.kinds.shared.provisioning_template import (
    EvaluatedTemplate,
    evaluate,
)
from reconciler.model.change import FieldChange
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.secret import Secret, walk_secrets
from tests.support.desired_states import (
    converge,
    evaluate_resources,
    make_ca,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.provisioned_pumps import (
    ALLOW,
    TEMPLATE,
    compute_pump_certificate_id,
    make_fleet,
    make_pump,
    make_template,
)


def test_the_plan_shows_the_evaluated_template(cloud):
    (step,) = (
        step
        for step in plan_state(make_fleet(make_pump("8")), cloud).steps
        if step.address.kind == "provisioned_things"
    )
    pem = Pem(compute_pump_certificate_id("8"))
    assert step.change.fields == (
        FieldChange("thing_name", None, "pump-8"),
        FieldChange("attributes.site", None, "oslo"),
        FieldChange("certificate", None, pem),
        FieldChange("ca", None, "alpha"),
        FieldChange("certificate_mode", None, "DEFAULT"),
        FieldChange("certificate_status", None, "ACTIVE"),
        FieldChange("policies", None, ("telemetry",)),
    )


def test_a_provisioned_thing_can_use_a_template_that_is_stored_in_aws(cloud):
    role = "arn:aws:iam::123456789012:role/provisioning"
    stored_template = make_resource(
        "provisioning_templates", "pumps", ProvisioningTemplate(TEMPLATE, provisioning_role_arn=role)
    )
    pump_with_stored_template = make_pump("8", body="pumps")
    desired = make_fleet(
        stored_template,
        replace(pump_with_stored_template, own_dependencies=frozenset({stored_template.address})),
    )
    plan = converge(desired, cloud)
    (calls,) = (step.calls for step in plan.steps if str(step.address) == "provisioned_things.pump-8")
    assert [call.operation for call in calls] == ["RegisterThing"]
    assert plan_state(desired, cloud).steps == ()


def test_a_secret_parameter_is_not_in_the_plan(cloud):
    desired = make_fleet(make_pump("8", Site=Secret("env SITE", "canary-site")))
    plan = plan_state(desired, cloud)
    assert "canary-site" not in repr(attrs.asdict(plan, recurse=False))
    converge(desired, cloud)
    assert cloud.read_content()["things"]["pump-8"]["attributes"] == {"site": "canary-site"}
    assert plan_state(desired, cloud).steps == ()


def test_the_previous_value_of_a_secret_attribute_is_sensitive_too(cloud):
    converge(make_fleet(make_pump("8", Site=Secret("env SITE", "canary-before"))), cloud)
    plan = plan_state(make_fleet(make_pump("8", Site=Secret("env SITE", "canary-after"))), cloud)
    (step,) = plan.steps
    (field,) = step.change.fields
    before = Secret("attribute site of provisioned_things.pump-8", "canary-before")
    after = Secret("parameter Site (env SITE)", "canary-after")
    assert field == FieldChange("attributes.site", before, after, sensitive=True)
    assert b"canary" not in msgspec.json.encode(list(record.to_change_records(plan.steps)))


def test_secret_parameters_of_two_things_have_different_references(cloud):
    before, after = (
        [make_pump(serial, Site=Secret(f"env SITE_{serial}", f"{when}-{serial}")) for serial in ("8", "9")]
        for when in ("then", "now")
    )
    converge(make_fleet(*before), cloud)
    calls = [call for step in plan_state(make_fleet(*after), cloud).steps for call in step.calls]
    assert {secret.reference: secret.reveal() for call in calls for secret in walk_secrets(call.params)} == {
        "parameter Site (env SITE_8)": "now-8",
        "parameter Site (env SITE_9)": "now-9",
    }


def test_a_secret_in_a_visible_property_is_rejected():
    desired = make_resource(
        "provisioned_things", "a", ProvisionedThing(TEMPLATE, {"Serial": Secret("env S", "1"), "Pem": "x"})
    )
    problem = "the secret from parameter Serial (env S) is part of Resources.thing.Properties.ThingName, which plans show"
    resources = evaluate_resources(desired)
    assert list(KIND.check(resources[desired.address], resources)) == [
        ValueProblem("secret-not-allowed", problem, "secrets only in attributes", path=("parameters",))
    ]


def test_a_policy_document_in_the_template_creates_a_policy(cloud):
    body = make_template()
    value = body.value
    value["Resources"]["policy"]["Properties"] = {"PolicyDocument": Document.from_value(ALLOW).text}
    desired = make_state(make_ca(), make_pump("8", body=Document.from_value(value)))
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()
    (name,) = [name for name in cloud.read_content()["policies"] if not name.startswith("reconciler-")]
    arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{compute_pump_certificate_id('8')}"
    cloud.iot.detach_policy(policyName=name, target=arn)
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()


def test_a_template_can_take_parameters_from_its_own_certificate(cloud):
    value = TEMPLATE.value
    common_name, certificate_id = "AWS::IoT::Certificate::CommonName", "AWS::IoT::Certificate::Id"
    value["Parameters"] |= {common_name: {"Type": "String"}, certificate_id: {"Type": "String"}}
    value["Resources"]["thing"]["Properties"] = {
        "ThingName": {"Fn::Select": [0, {"Fn::Split": [" ", {"Ref": common_name}]}]},
        "AttributePayload": {"certificate": {"Ref": certificate_id}},
    }
    desired = make_fleet(make_pump("8", body=Document.from_value(value)))
    converge(desired, cloud)
    attributes = {name: thing["attributes"] for name, thing in cloud.read_content()["things"].items()}
    assert attributes == {"pump-8": {"certificate": compute_pump_certificate_id("8")}}
    assert plan_state(desired, cloud).steps == ()


def test_a_template_is_evaluated_once_while_loading_and_never_while_planning(cloud, monkeypatch):
    evaluations = []

    def count_evaluation(*arguments: Any) -> EvaluatedTemplate:
        evaluations.append(arguments)
        return evaluate(*arguments)

    monkeypatch.setattr(provisioning_blueprint, "evaluate", count_evaluation)
    # `make_fleet` evaluates the resources as loading does.
    state_of_two = make_fleet(make_pump("8"), make_pump("9"))
    assert len(evaluations) == 2
    converge(state_of_two, cloud)
    assert plan_state(state_of_two, cloud).steps == ()
    assert len(evaluations) == 2
