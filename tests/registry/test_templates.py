"""The grammar of provisioning templates."""

import json

import pytest

from reconciler.registry.templates.document import TemplateError, read_template
from reconciler.registry.templates.parts import evaluate_certificate, evaluate_policy, evaluate_thing
from reconciler.registry.templates.values import (
    TemplateScope,
    evaluate_text,
    evaluate_text_map,
    evaluate_texts,
)

PARAMETERS = {
    "Site": {"Type": "String", "Default": "oslo"},
    "Line": {"Type": "String"},
    "Unset": {"Type": "String"},
}
MAPPINGS = {"Sites": {"oslo": {"Url": "https://oslo.example", "Groups": ["hall", "yard"]}}}
THING = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "pump-7"}}


def build_body(**sections):
    return {"Parameters": PARAMETERS, "Mappings": MAPPINGS, "Resources": {"thing": THING}, **sections}


def build_scope(document=None):
    """Return the scope of a template body, with a value for the parameter Line."""
    return TemplateScope(read_template(json.dumps(document or build_body())), {"Line": "A"}, {})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("plain", "plain"),
        ({"Ref": "Site"}, "oslo"),
        ({"Ref": "Line"}, "A"),
        ({"Fn::Join": ["-", ["pump", {"Ref": "Line"}, "7"]]}, "pump-A-7"),
        ({"Fn::Join": ["", []]}, ""),
        ({"Fn::Select": ["1", ["apples", "grapes"]]}, "grapes"),
        ({"Fn::Select": [0, {"Fn::Split": ["|", "a|b"]}]}, "a"),
        ({"Fn::FindInMap": ["Sites", {"Ref": "Site"}, "Url"]}, "https://oslo.example"),
        ({"Fn::Sub": ["${Host}/${Line}", {"Host": {"Ref": "Site"}}]}, "oslo/A"),
        (
            {"Fn::Sub": "${Site}-${iot:Connection.Thing.ThingName}-${!Unset}"},
            "oslo-${iot:Connection.Thing.ThingName}-${Unset}",
        ),
    ],
)
def test_a_string_expression_is_evaluated(expression, expected):
    assert evaluate_text(build_scope(), expression, "path") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (["hall", {"Ref": "Site"}], ["hall", "oslo"]),
        ({"Fn::Split": [",", "a,b,"]}, ["a", "b", ""]),
        ({"Fn::FindInMap": ["Sites", "oslo", "Groups"]}, ["hall", "yard"]),
    ],
)
def test_a_list_expression_is_evaluated(expression, expected):
    assert evaluate_texts(build_scope(), expression, "path") == expected


@pytest.mark.parametrize(
    "expression",
    [
        7,
        None,
        {"Ref": "Unset"},
        {"Ref": "None"},
        {"Ref": "thing"},
        {"Ref": ["Site"]},
        {"Ref": "Site", "Other": "x"},
        {"Fn::GetAtt": ["thing", "Arn"]},
        {"Fn::Join": ["-"]},
        {"Fn::Join": ["-", "ab"]},
        {"Fn::Join": ["-", ["a", 1]]},
        {"Fn::Join": [["-"], ["a"]]},
        {"Fn::Select": ["2", ["a", "b"]]},
        {"Fn::Select": ["-1", ["a", "b"]]},
        {"Fn::Select": [True, ["a", "b"]]},
        {"Fn::Select": ["9" * 5000, ["a", "b"]]},
        {"Fn::Select": ["0", [None]]},
        {"Fn::Select": ["0", "ab"]},
        {"Fn::FindInMap": ["Sites", "bergen", "Url"]},
        {"Fn::FindInMap": ["Sites", "oslo", "Url", "more"]},
        {"Fn::FindInMap": ["Sites", "oslo"]},
        {"Fn::FindInMap": ["Sites", "oslo", "Groups"]},
        {"Fn::Split": ["", "ab"]},
        {"Fn::Split": ["|", ["a"]]},
        {"Fn::Sub": ["${A}", {"A": 1}]},
        {"Fn::Sub": ["${A}", "x"]},
        {"Fn::Sub": 7},
        {"Fn::Sub": "${Unset}"},
        {"Fn::Sub": "${Unknown}"},
        {"Fn::Sub": {"Ref": "Site"}},
        {"Fn::Join": [{"Ref": "Site"}, ["a", "b"]]},
        {"Fn::Join": ["", [{"Ref": "Unset"}]]},
    ],
)
def test_an_expression_without_a_string_value_is_rejected(expression):
    with pytest.raises(TemplateError):
        evaluate_text(build_scope(), expression, "path")


def test_an_expression_that_is_nested_too_deeply_is_rejected():
    expression = "a"
    for _ in range(60):
        expression = {"Fn::Join": ["", [expression]]}

    with pytest.raises(TemplateError, match=r"^path is nested deeper than 50 levels\.$"):
        evaluate_text(build_scope(), expression, "path")


def test_a_map_expression_must_have_strings_as_values():
    assert evaluate_text_map(build_scope(), {"a": {"Ref": "Line"}}, "path") == {"a": "A"}
    for expression in ({"a": {"b": "c"}}, {"a": 1}, ["a"], {"a": None}):
        with pytest.raises(TemplateError):
            evaluate_text_map(build_scope(), expression, "path")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "The template body is not valid JSON."),
        ("[]", "The template body is not a JSON object."),
        ('{"Resources": {"thing": {"Type": "\\ud800"}}}', "The template body is not valid JSON."),
        ({}, "Resources has neither a thing nor a certificate."),
        (
            build_body(Outputs={}),
            "Outputs is not allowed in the template body; expected Parameters, Resources, Mappings, DeviceConfiguration.",
        ),
        (build_body(Parameters=[]), "Parameters is not a JSON object."),
        (build_body(Parameters={"A": {"Type": "Number"}}), "Parameters.A.Type is not String."),
        (
            build_body(Parameters={"A": {"Type": "String", "Default": 1}}),
            "Parameters.A.Default is not a string.",
        ),
        (build_body(Resources={"a": 1}), "Resources.a is not a JSON object."),
        (
            build_body(Resources={"a": {"Type": "AWS::IoT::Role"}}),
            "Resources.a.Type is not one of AWS::IoT::Thing, AWS::IoT::Certificate, AWS::IoT::Policy.",
        ),
        (
            build_body(Resources={"a": {**THING, "DependsOn": ["b"]}}),
            "DependsOn is not allowed in Resources.a; expected Type, Properties, OverrideSettings.",
        ),
        (
            build_body(Resources={"a": {**THING, "OverrideSettings": {"ThingTypeName": "MERGE"}}}),
            "Resources.a.OverrideSettings.ThingTypeName is not one of DO_NOTHING, REPLACE, FAIL.",
        ),
        (
            build_body(Resources={"a": THING, "b": THING}),
            "Resources has more than one resource of type AWS::IoT::Thing.",
        ),
        (
            build_body(Resources={"a": THING, "p": {"Type": "AWS::IoT::Policy"}}),
            "Resources has policies, but no certificate to attach them to.",
        ),
        (
            build_body(Resources={"p": {"Type": "AWS::IoT::Policy", "OverrideSettings": {"x": "FAIL"}}}),
            "x is not allowed in Resources.p.OverrideSettings; expected no keys.",
        ),
    ],
)
def test_an_invalid_template_is_rejected_with_a_message_about_its_error(document, message):
    with pytest.raises(TemplateError) as caught:
        read_template(document if isinstance(document, str) else json.dumps(document))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("resource_type", "properties", "evaluate"),
    [
        ("Thing", {}, evaluate_thing),
        ("Thing", {"ThingName": ""}, evaluate_thing),
        ("Thing", {"ThingName": "a", "ThingGroups": "hall"}, evaluate_thing),
        ("Certificate", {}, evaluate_certificate),
        ("Certificate", {"CertificateId": "a", "CertificatePem": "b"}, evaluate_certificate),
        ("Certificate", {"CertificateId": "a", "CACertificatePem": "b"}, evaluate_certificate),
        ("Certificate", {"CertificateId": "a", "Status": "REVOKED"}, evaluate_certificate),
        ("Certificate", {"CertificateId": "a", "ThingPrincipalType": "BOTH"}, evaluate_certificate),
        ("Policy", {}, evaluate_policy),
        ("Policy", {"PolicyName": "a", "PolicyDocument": "{}"}, evaluate_policy),
        ("Policy", {"PolicyDocument": {"Statement": []}}, evaluate_policy),
    ],
)
def test_missing_conflicting_and_invalid_properties_are_rejected(resource_type, properties, evaluate):
    resources = {
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": "a"}},
        resource_type.lower(): {"Type": f"AWS::IoT::{resource_type}", "Properties": properties},
    }
    template_scope = build_scope(build_body(Resources=resources))
    resources_by_type = {
        "Thing": template_scope.template.thing,
        "Certificate": template_scope.template.certificate,
        "Policy": next(iter(template_scope.template.policies), None),
    }

    with pytest.raises(TemplateError):
        evaluate(template_scope, resources_by_type[resource_type])
