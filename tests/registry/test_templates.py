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


def body(**sections):
    return {"Parameters": PARAMETERS, "Mappings": MAPPINGS, "Resources": {"thing": THING}, **sections}


def scope(document=None):
    return TemplateScope(read_template(json.dumps(document or body())), {"Line": "A"}, {})


@pytest.mark.parametrize(
    ("written", "expected"),
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
            {"Fn::Sub": "${Site}-${iot:Connection.Thing.ThingName}-${Unset}"},
            "oslo-${iot:Connection.Thing.ThingName}-${Unset}",
        ),
    ],
)
def test_a_text_is_evaluated(written, expected):
    assert evaluate_text(scope(), written, "here") == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["hall", {"Ref": "Site"}], ["hall", "oslo"]),
        ({"Fn::Split": [",", "a,b,"]}, ["a", "b", ""]),
        ({"Fn::FindInMap": ["Sites", "oslo", "Groups"]}, ["hall", "yard"]),
    ],
)
def test_a_list_is_evaluated(written, expected):
    assert evaluate_texts(scope(), written, "here") == expected


@pytest.mark.parametrize(
    "written",
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
        {"Fn::Join": ["", [{"Ref": "Unset"}]]},
    ],
)
def test_what_has_no_text_as_its_value_is_refused(written):
    with pytest.raises(TemplateError):
        evaluate_text(scope(), written, "here")


def test_what_is_nested_too_deeply_is_refused():
    written = "a"
    for _ in range(60):
        written = {"Fn::Join": ["", [written]]}

    with pytest.raises(TemplateError, match=r"^here is nested deeper than 50 levels\.$"):
        evaluate_text(scope(), written, "here")


def test_a_map_is_flat_and_of_texts():
    assert evaluate_text_map(scope(), {"a": {"Ref": "Line"}}, "here") == {"a": "A"}
    for written in ({"a": {"b": "c"}}, {"a": 1}, ["a"], {"a": None}):
        with pytest.raises(TemplateError):
            evaluate_text_map(scope(), written, "here")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "The template body is not valid JSON."),
        ("[]", "The template body is not a JSON object."),
        ('{"Resources": {"thing": {"Type": "\\ud800"}}}', "The template body is not valid JSON."),
        ({}, "Resources has neither a thing nor a certificate."),
        (
            body(Outputs={}),
            "Outputs is not allowed in the template body; expected Parameters, Resources, Mappings, DeviceConfiguration.",
        ),
        (body(Parameters=[]), "Parameters is not a JSON object."),
        (body(Parameters={"A": {"Type": "Number"}}), "Parameters.A.Type is not String."),
        (body(Parameters={"A": {"Type": "String", "Default": 1}}), "Parameters.A.Default is not a string."),
        (body(Resources={"a": 1}), "Resources.a is not a JSON object."),
        (
            body(Resources={"a": {"Type": "AWS::IoT::Role"}}),
            "Resources.a.Type is not one of AWS::IoT::Thing, AWS::IoT::Certificate, AWS::IoT::Policy.",
        ),
        (
            body(Resources={"a": {**THING, "DependsOn": ["b"]}}),
            "DependsOn is not allowed in Resources.a; expected Type, Properties, OverrideSettings.",
        ),
        (
            body(Resources={"a": {**THING, "OverrideSettings": {"ThingTypeName": "MERGE"}}}),
            "Resources.a.OverrideSettings.ThingTypeName is not one of DO_NOTHING, REPLACE, FAIL.",
        ),
        (
            body(Resources={"a": THING, "b": THING}),
            "Resources has more than one resource of type AWS::IoT::Thing.",
        ),
        (
            body(Resources={"a": THING, "p": {"Type": "AWS::IoT::Policy"}}),
            "Resources has policies, but no certificate to attach them to.",
        ),
        (
            body(Resources={"p": {"Type": "AWS::IoT::Policy", "OverrideSettings": {"x": "FAIL"}}}),
            "x is not allowed in Resources.p.OverrideSettings; expected no keys.",
        ),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(document, message):
    with pytest.raises(TemplateError) as caught:
        read_template(document if isinstance(document, str) else json.dumps(document))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "properties", "evaluate"),
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
def test_what_a_resource_lacks_or_has_too_much_is_refused(kind, properties, evaluate):
    resources = {
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": "a"}},
        kind.lower(): {"Type": f"AWS::IoT::{kind}", "Properties": properties},
    }
    known = scope(body(Resources=resources))
    given = {
        "Thing": known.template.thing,
        "Certificate": known.template.certificate,
        "Policy": next(iter(known.template.policies), None),
    }

    with pytest.raises(TemplateError):
        evaluate(known, given[kind])
