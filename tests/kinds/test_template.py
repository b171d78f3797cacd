"""Provisioning templates: what they make, and what is refused of them and why."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.template import (
    CERTIFICATE,
    POLICY,
    THING,
    Evaluated,
    Fault,
    Part,
    TemplateError,
    evaluate,
)
from reconciler.model.secret import Secret

ONE_THING: dict[str, Any] = {"thing": {"Type": THING, "Properties": {"ThingName": "pump"}}}


def thing_named(value: Any, **more: Any) -> dict[str, Any]:
    """A template of one thing whose name is `value`."""
    return {"Resources": {"thing": {"Type": THING, "Properties": {"ThingName": value}}}, **more}


class TestEvaluation:
    """What a template makes of its parameters."""

    def test_a_single_thing_with_certificate_and_policy(self):
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
        assert evaluate(template, {"SerialNumber": "8", "Pem": "PEM"}, {}) == Evaluated(
            thing=Part(
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
            certificate=Part(
                "certificate", {"CertificatePem": "PEM", "Status": "INACTIVE"}, {"Status": "DO_NOTHING"}
            ),
            policies=(Part("policy", {"PolicyName": "telemetry"}),),
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
        ],
    )
    def test_functions_give_text(self, value, expected):
        more = {"Parameters": {"Serial": {"Type": "String"}}, "Mappings": {"Sites": {"8": {"city": "oslo"}}}}
        found = evaluate(thing_named(value, **more), {"Serial": "8"}, {})
        assert found.thing.properties == {"ThingName": expected}

    def test_what_the_certificate_says_stands_for_pseudo_parameters(self):
        name = "AWS::IoT::Certificate::CommonName"
        template = thing_named({"Ref": name}, Parameters={name: {"Type": "String"}})
        assert evaluate(template, {}, {name: "pump-8"}).thing.properties == {"ThingName": "pump-8"}

    def test_what_a_secret_goes_into_is_a_secret(self):
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
        assert payload == {"pin": Secret("parameter Pin", "p1234"), "site": "oslo"}


REFUSED: list[tuple[str, dict[str, Any], list[Fault]]] = [
    ("no resources", {}, [Fault("Resources", "no resources", "a table of them")]),
    (
        "an unknown section",
        {"Resources": ONE_THING, "Outputs": {}},
        [
            Fault(
                "Outputs", "no section of a template", "DeviceConfiguration, Mappings, Parameters, Resources"
            )
        ],
    ),
    (
        "DependsOn, which AWS documents nowhere",
        {"Resources": {"thing": {**ONE_THING["thing"], "DependsOn": "x"}}},
        [Fault("Resources.thing.DependsOn", "not part of a resource", "Type, Properties, OverrideSettings")],
    ),
    (
        "a type that templates do not make",
        {"Resources": {**ONE_THING, "group": {"Type": "AWS::IoT::ThingGroup"}}},
        [
            Fault(
                "Resources.group.Type",
                "no type of resource",
                "AWS::IoT::Thing or AWS::IoT::Certificate or AWS::IoT::Policy",
            )
        ],
    ),
    (
        "two things",
        {"Resources": {**ONE_THING, "other": ONE_THING["thing"]}},
        [Fault("Resources", "2 resources of type AWS::IoT::Thing", "exactly one")],
    ),
    (
        "a thing without a name",
        {"Resources": {"thing": {"Type": THING, "Properties": {}}}},
        [Fault("Resources.thing.Properties", "a thing without ThingName", "ThingName")],
    ),
    (
        "a parameter without value and default",
        thing_named({"Ref": "Serial"}, Parameters={"Serial": {"Type": "String"}}),
        [
            Fault(
                "Resources.thing.Properties.ThingName.Ref",
                "the parameter 'Serial' has neither value nor default",
                "a value in parameters",
            )
        ],
    ),
    (
        "a reference to nothing",
        thing_named({"Ref": "Serail"}, Parameters={"Serial": {"Type": "String", "Default": "1"}}),
        [Fault("Resources.thing.Properties.ThingName.Ref", "'Serail' is no parameter", "one of Serial")],
    ),
    (
        "a parameter of another type",
        thing_named("x", Parameters={"Serial": {"Type": "Number"}}),
        [Fault("Parameters.Serial", "not a parameter", 'a Type of "String" and perhaps a Default')],
    ),
    (
        "a function that templates do not have",
        thing_named({"Fn::GetAtt": ["a", "b"]}),
        [
            Fault(
                "Resources.thing.Properties.ThingName.Fn::GetAtt",
                "no function of templates",
                "Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split, Fn::Sub",
            )
        ],
    ),
    (
        "an index outside its list",
        thing_named({"Fn::Select": ["2", ["a", "b"]]}),
        [
            Fault(
                "Resources.thing.Properties.ThingName.Fn::Select",
                "there is no item 2 in the list",
                "an index inside the list, from 0",
            )
        ],
    ),
    (
        "a mapping that is not there",
        thing_named({"Fn::FindInMap": ["A", "b", "c"]}, Mappings={"A": {"b": {}}}),
        [
            Fault(
                "Resources.thing.Properties.ThingName.Fn::FindInMap",
                "Mappings has no A.b.c",
                "two keys inside a mapping",
            )
        ],
    ),
    (
        "MERGE for a type",
        {"Resources": {"thing": {**ONE_THING["thing"], "OverrideSettings": {"ThingTypeName": "MERGE"}}}},
        [
            Fault(
                "Resources.thing.OverrideSettings.ThingTypeName",
                "'MERGE' is no setting",
                "DO_NOTHING or FAIL or REPLACE",
            )
        ],
    ),
    (
        "a policy without a certificate",
        {"Resources": {**ONE_THING, "policy": {"Type": POLICY, "Properties": {"PolicyName": "p"}}}},
        [Fault("Resources", "a policy without a certificate to attach it to", "a AWS::IoT::Certificate")],
    ),
    (
        "a certificate from two places",
        {
            "Resources": {
                **ONE_THING,
                "c": {"Type": CERTIFICATE, "Properties": {"CertificateId": "a", "CertificatePem": "b"}},
            }
        },
        [
            Fault(
                "Resources.c.Properties",
                "AWS::IoT::Certificate has one of CertificateSigningRequest, CertificateId, CertificatePem",
                "exactly one",
            )
        ],
    ),
    (
        "a list where a string belongs",
        thing_named(["a"]),
        [
            Fault(
                "Resources.thing.Properties.ThingName",
                "not a string",
                "a string, Ref, or a function that gives one",
            )
        ],
    ),
]


@pytest.mark.parametrize(
    ("template", "faults"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_aws_would_refuse_is_refused_with_its_place(template, faults):
    with pytest.raises(TemplateError) as error:
        evaluate(template, {}, {})
    assert list(error.value.faults) == faults


def test_a_parameter_that_is_not_declared_is_refused():
    with pytest.raises(TemplateError) as error:
        evaluate({"Parameters": {"A": {"Type": "String"}}, "Resources": ONE_THING}, {"B": "1"}, {})
    assert list(error.value.faults) == [Fault("Parameters", "'B' is given and not declared", "one of A")]
