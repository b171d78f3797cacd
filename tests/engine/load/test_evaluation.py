"""Evaluation while loading: resources carry what their kinds work out, and secrets are registered."""

from __future__ import annotations

from reconciler.engine.load.evaluation import evaluate, register_secrets
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.shared.provisioning_blueprint import Blueprint, FailedBlueprint
from reconciler.kinds.shared.provisioning_template import THING
from reconciler.kinds.things import Thing
from reconciler.model.document import Document
from reconciler.model.redaction import redact
from reconciler.model.secret import Secret
from tests.support.desired_states import resource

TEMPLATE = Document.from_value(
    {
        "Parameters": {"Code": {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": THING,
                "Properties": {
                    "ThingName": "pump",
                    "AttributePayload": {"door-code": {"Fn::Join": ["", [{"Ref": "Code"}, "x"]]}},
                },
            }
        },
    }
)


def provisioned(template: Document, value: str):
    parameters = {"Code": Secret("env CODE", value)}
    return resource("provisioned_things", "a", ProvisionedThing(template, parameters))


def test_only_provisioned_things_carry_an_evaluation():
    resources = [provisioned(TEMPLATE, "10"), resource("things", "b", Thing())]
    evaluations = [
        resource.evaluation for resource in evaluate({item.address: item for item in resources}).values()
    ]
    assert [type(evaluation) for evaluation in evaluations] == [Blueprint, type(None)]


def test_a_template_with_problems_carries_the_error():
    desired = provisioned(Document.from_value({}), "10")
    (evaluated,) = evaluate({desired.address: desired}).values()
    assert isinstance(evaluated.evaluation, FailedBlueprint)


def test_evaluating_registers_no_secret():
    desired = provisioned(TEMPLATE, "evaluated-only")
    evaluate({desired.address: desired})
    assert redact("evaluated-onlyx") == "evaluated-onlyx"


def test_values_that_a_template_makes_of_secrets_are_registered():
    desired = provisioned(TEMPLATE, "987")
    register_secrets(evaluate({desired.address: desired}))
    assert redact("the code is 987x") == "the code is (sensitive)"


def test_the_attributes_that_secrets_fill_are_registered():
    desired = provisioned(TEMPLATE, "987")
    register_secrets(evaluate({desired.address: desired}))
    assert redact('{"door-code": "another"}') == '{"door-code": "(sensitive)"}'
