"""Evaluation of provisioning templates: the resources that they create, and problems in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.shared.provisioning_template import (
    CERTIFICATE,
    POLICY,
    THING,
    EvaluatedTemplate,
    TemplateError,
    TemplateResource,
    evaluate,
)
from reconciler.model.secret import Secret
from tests.kinds.invalid_templates import (
    INVALID_TEMPLATES,
    ONE_THING,
    make_problem,
    make_template_with_name,
)


class TestEvaluation:
    """Templates with their parameters."""

    def test_a_thing_a_certificate_and_a_policy_are_evaluated(self):
        template = {
            "Parameters": {
                "SerialNumber": {"Type": "String"},
                "Location": {"Type": "String", "Default": "WA"},
                "Pem": {"Type": "String"},
            },
            "Resources": {
                "device": {
                    "Type": THING,
                    "Properties": {
                        "ThingName": {"Ref": "SerialNumber"},
                        "AttributePayload": {"version": "v1", "site": {"Ref": "Location"}},
                        "ThingTypeName": "lightBulb",
                        "ThingGroups": ["v1-bulbs", {"Ref": "Location"}],
                        "BillingGroup": "accounts",
                    },
                    "OverrideSettings": {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE"},
                },
                "certificate": {
                    "Type": CERTIFICATE,
                    "Properties": {"CertificatePem": {"Ref": "Pem"}, "Status": "INACTIVE"},
                    "OverrideSettings": {"Status": "DO_NOTHING"},
                },
                "policy": {"Type": POLICY, "Properties": {"PolicyName": "telemetry"}},
            },
        }
        assert evaluate(template, {"SerialNumber": "8", "Pem": "PEM"}, {}) == EvaluatedTemplate(
            thing=TemplateResource(
                "device",
                {
                    "ThingName": "8",
                    "AttributePayload": {"version": "v1", "site": "WA"},
                    "ThingTypeName": "lightBulb",
                    "ThingGroups": ["v1-bulbs", "WA"],
                    "BillingGroup": "accounts",
                },
                {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE"},
            ),
            certificate=TemplateResource(
                "certificate", {"CertificatePem": "PEM", "Status": "INACTIVE"}, {"Status": "DO_NOTHING"}
            ),
            policies=(TemplateResource("policy", {"PolicyName": "telemetry"}),),
        )

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"Fn::Join": ["-", ["pump", {"Ref": "Serial"}]]}, "pump-8"),
            ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
            ({"Fn::Select": [0, {"Fn::Split": ["|", "x|y"]}]}, "x"),
            ({"Fn::FindInMap": ["Sites", {"Ref": "Serial"}, "city"]}, "oslo"),
            ({"Fn::Sub": "pump-${Serial}-${!literal}"}, "pump-8-${literal}"),
            ({"Fn::Sub": ["${a}.${Serial}", {"a": {"Ref": "Serial"}}]}, "8.8"),
            ({"Fn::Join": ["", {"Fn::Split": ["-", "a-b"]}]}, "ab"),
            ({"Fn::Sub": "${iot:ClientId}-${aws:SourceIp}-${Serial}"}, "${iot:ClientId}-${aws:SourceIp}-8"),
        ],
    )
    def test_functions_return_the_evaluated_text(self, value, expected):
        sections = {
            "Parameters": {"Serial": {"Type": "String"}},
            "Mappings": {"Sites": {"8": {"city": "oslo"}}},
        }
        evaluated = evaluate(make_template_with_name(value, **sections), {"Serial": "8"}, {})
        assert evaluated.thing.properties == {"ThingName": expected}

    @pytest.mark.parametrize("status", ["INACTIVE", "Inactive", "inactive"])
    def test_a_status_is_read_in_every_case_that_aws_documents(self, status):
        properties = {"CertificateId": "a" * 64, "Status": status}
        template = {"Resources": {**ONE_THING, "c": {"Type": CERTIFICATE, "Properties": properties}}}
        certificate = evaluate(template, {}, {}).certificate
        assert certificate.properties["Status"] == "INACTIVE"

    def test_a_problem_lists_twelve_parameters_at_most(self):
        parameters = {f"P{number:02}": {"Type": "String", "Default": "x"} for number in range(40)}
        template = make_template_with_name({"Ref": "other"}, Parameters=parameters)
        with pytest.raises(TemplateError) as caught:
            evaluate(template, {}, {})
        names = ", ".join(f"P{number:02}" for number in range(12))
        assert [problem.expected for problem in caught.value.problems] == [f"one of {names} and 28 more"]

    def test_a_reference_to_a_pseudo_parameter_returns_its_value(self):
        name = "AWS::IoT::Certificate::CommonName"
        template = make_template_with_name({"Ref": name}, Parameters={name: {"Type": "String"}})
        assert evaluate(template, {}, {name: "pump-8"}).thing.properties == {"ThingName": "pump-8"}

    def test_a_value_with_a_secret_in_it_is_a_secret(self):
        template = {
            "Parameters": {"Pin": {"Type": "String"}},
            "Resources": {
                "thing": {
                    "Type": THING,
                    "Properties": {
                        "ThingName": "pump",
                        "AttributePayload": {
                            "pin": {"Fn::Join": ["", ["p", {"Ref": "Pin"}]]},
                            "site": "oslo",
                        },
                    },
                }
            },
        }
        payload = evaluate(template, {"Pin": Secret("env PIN", "1234")}, {}).thing.properties[
            "AttributePayload"
        ]
        assert payload == {"pin": Secret("parameter Pin (env PIN)", "p1234"), "site": "oslo"}


def test_a_problem_is_reported_once():
    attributes = {"a": {"Fn::Sub": "${S}"}}
    thing = {"Type": THING, "Properties": {"ThingName": "pump", "AttributePayload": attributes}}
    template = {"Parameters": {"S": {"Type": "String"}}, "Resources": {"thing": thing}}
    with pytest.raises(TemplateError) as caught:
        evaluate(template, {}, {})
    problem = "the parameter 'S' has neither a value nor a default"
    path = "Resources.thing.Properties.AttributePayload.a.Fn::Sub"
    assert caught.value.problems == (make_problem(path, problem, "a value in parameters"),)


@pytest.mark.parametrize(
    ("template", "problems"),
    [case[1:] for case in INVALID_TEMPLATES],
    ids=[case[0] for case in INVALID_TEMPLATES],
)
def test_evaluating_an_invalid_template_reports_all_problems_with_their_paths(template, problems):
    with pytest.raises(TemplateError) as error:
        evaluate(template, {}, {})
    assert list(error.value.problems) == problems


def test_a_parameter_that_is_not_declared_is_a_problem():
    with pytest.raises(TemplateError) as error:
        evaluate({"Parameters": {"A": {"Type": "String"}}, "Resources": ONE_THING}, {"B": "1"}, {})
    assert list(error.value.problems) == [
        make_problem("Parameters", "the parameter 'B' is not declared in the template", "one of A")
    ]


WORDS = st.sampled_from(
    [
        "Ref",
        "Fn::Join",
        "Fn::Select",
        "Fn::FindInMap",
        "Fn::Sub",
        "Type",
        "Properties",
        "Status",
        "A",
        "${A}",
        "",
    ]
)
ANYTHING = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(
    st.sampled_from(
        ["ThingName", "AttributePayload", "ThingGroups", "CertificatePem", "Status", "PolicyDocument"]
    ),
    ANYTHING,
    max_size=3,
)
TEMPLATE_RESOURCES = st.fixed_dictionaries(
    {"Type": st.sampled_from([THING, CERTIFICATE, POLICY]) | ANYTHING, "Properties": PROPERTIES | ANYTHING},
    optional={"OverrideSettings": ANYTHING},
)
TEMPLATES = st.fixed_dictionaries(
    {
        "Resources": st.dictionaries(st.sampled_from("abc"), TEMPLATE_RESOURCES | ANYTHING, max_size=3)
        | ANYTHING
    },
    optional={"Parameters": ANYTHING, "Mappings": ANYTHING, "DeviceConfiguration": ANYTHING},
)


@given(TEMPLATES)
def test_any_template_is_evaluated_or_has_problems(template):
    try:
        evaluated = evaluate(template, {}, {})
    except TemplateError:
        return
    assert isinstance(evaluated.thing.properties["ThingName"], str)
    assert isinstance(evaluated.thing.properties.get("AttributePayload", {}), dict)
