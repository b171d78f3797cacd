"""Evaluation while loading: templates are evaluated, and their secrets are registered."""

from __future__ import annotations

from reconciler.engine.load.evaluation import evaluate, register_secrets
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.shared.provisioning_blueprint import Blueprint, FailedBlueprint
from reconciler.kinds.shared.provisioning_template import THING
from reconciler.kinds.things import Thing
from reconciler.model.document import Document
from reconciler.model.redaction import redact
from reconciler.model.secret import Secret
from tests.support.desired_states import make_resource

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


def make_provisioned_thing(template: Document, code: str):
    parameters = {"Code": Secret("env CODE", code)}
    return make_resource("provisioned_things", "a", ProvisionedThing(template, parameters))


def test_only_provisioned_things_have_an_evaluation():
    resources = [make_provisioned_thing(TEMPLATE, "10"), make_resource("things", "b", Thing())]
    evaluated = evaluate({item.address: item for item in resources})
    assert [type(item.evaluation) for item in evaluated.values()] == [Blueprint, type(None)]


def test_the_evaluation_of_an_invalid_template_is_a_failed_blueprint():
    desired = make_provisioned_thing(Document.from_value({}), "10")
    (evaluated,) = evaluate({desired.address: desired}).values()
    assert isinstance(evaluated.evaluation, FailedBlueprint)


def test_evaluating_registers_no_secret():
    desired = make_provisioned_thing(TEMPLATE, "evaluated-only")
    evaluate({desired.address: desired})
    assert redact("evaluated-onlyx") == "evaluated-onlyx"


def test_values_that_a_template_builds_from_secrets_are_registered():
    desired = make_provisioned_thing(TEMPLATE, "987")
    register_secrets(evaluate({desired.address: desired}))
    assert redact("the code is 987x") == "the code is (sensitive)"


def test_any_value_of_an_attribute_that_a_template_builds_from_a_secret_is_redacted():
    desired = make_provisioned_thing(TEMPLATE, "987")
    register_secrets(evaluate({desired.address: desired}))
    assert redact('{"door-code": "another"}') == '{"door-code": "(sensitive)"}'
