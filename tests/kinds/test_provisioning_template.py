"""Evaluation of provisioning templates: the resources that they create, and problems in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.shared.provisioning_template import (
    CERTIFICATE,
    POLICY,
    THING,
    Evaluated,
    Part,
    TemplateError,
    evaluate,
)
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.secret import Secret

ONE_THING: dict[str, Any] = {"thing": {"Type": THING, "Properties": {"ThingName": "pump"}}}


def template_problem(path: str, problem: str, expected: str | None = None) -> ValueProblem:
    return ValueProblem("invalid-template", problem, expected, path=tuple(path.split(".")))


def thing_named(value: Any, **sections: Any) -> dict[str, Any]:
    """Return a template of one thing whose name is `value`."""
    return {"Resources": {"thing": {"Type": THING, "Properties": {"ThingName": value}}}, **sections}


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
    def test_functions_return_text(self, value, expected):
        sections = {
            "Parameters": {"Serial": {"Type": "String"}},
            "Mappings": {"Sites": {"8": {"city": "oslo"}}},
        }
        evaluated = evaluate(thing_named(value, **sections), {"Serial": "8"}, {})
        assert evaluated.thing.properties == {"ThingName": expected}

    def test_the_certificate_provides_pseudo_parameters(self):
        name = "AWS::IoT::Certificate::CommonName"
        template = thing_named({"Ref": name}, Parameters={name: {"Type": "String"}})
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
    assert caught.value.problems == (template_problem(path, problem, "a value in parameters"),)


INVALID: list[tuple[str, dict[str, Any], list[ValueProblem]]] = [
    ("no resources", {}, [template_problem("Resources", "no resources", "a table of resources")]),
    (
        "an unknown section",
        {"Resources": ONE_THING, "Outputs": {}},
        [
            template_problem(
                "Outputs",
                "not a section of templates",
                "DeviceConfiguration, Mappings, Parameters, Resources",
            )
        ],
    ),
    (
        "DependsOn, which AWS does not document",
        {"Resources": {"thing": {**ONE_THING["thing"], "DependsOn": "x"}}},
        [
            template_problem(
                "Resources.thing.DependsOn",
                "not an attribute of resources",
                "Type, Properties, OverrideSettings",
            )
        ],
    ),
    (
        "a type that templates do not create",
        {"Resources": {**ONE_THING, "group": {"Type": "AWS::IoT::ThingGroup"}}},
        [
            template_problem(
                "Resources.group.Type",
                "not a resource type of templates",
                "AWS::IoT::Thing or AWS::IoT::Certificate or AWS::IoT::Policy",
            )
        ],
    ),
    (
        "two things",
        {"Resources": {**ONE_THING, "other": ONE_THING["thing"]}},
        [template_problem("Resources", "2 resources of type AWS::IoT::Thing", "exactly one")],
    ),
    (
        "a thing without a name",
        {"Resources": {"thing": {"Type": THING, "Properties": {}}}},
        [template_problem("Resources.thing.Properties", "a thing without ThingName", "ThingName")],
    ),
    (
        "a parameter without a value and a default",
        thing_named({"Ref": "Serial"}, Parameters={"Serial": {"Type": "String"}}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Ref",
                "the parameter 'Serial' has neither a value nor a default",
                "a value in parameters",
            )
        ],
    ),
    (
        "a reference to nothing",
        thing_named({"Ref": "Serail"}, Parameters={"Serial": {"Type": "String", "Default": "1"}}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Ref", "'Serail' is not a parameter", "one of Serial"
            )
        ],
    ),
    (
        "a parameter of another type",
        thing_named("x", Parameters={"Serial": {"Type": "Number"}}),
        [
            template_problem(
                "Parameters.Serial", "not a valid parameter", 'the Type "String" and, if needed, a Default'
            )
        ],
    ),
    (
        "a function that templates do not have",
        thing_named({"Fn::GetAtt": ["a", "b"]}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Fn::GetAtt",
                "not a function of templates",
                "Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split, Fn::Sub",
            )
        ],
    ),
    (
        "an index outside its list",
        thing_named({"Fn::Select": ["2", ["a", "b"]]}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Fn::Select",
                "the list has no item 2",
                "an index inside the list, from 0",
            )
        ],
    ),
    (
        "a missing mapping",
        thing_named({"Fn::FindInMap": ["A", "b", "c"]}, Mappings={"A": {"b": {}}}),
        [
            template_problem(
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
            template_problem(
                "Resources.thing.OverrideSettings.ThingTypeName",
                "'MERGE' is not a valid setting",
                "DO_NOTHING or FAIL or REPLACE",
            )
        ],
    ),
    (
        "a policy without a certificate",
        {"Resources": {**ONE_THING, "policy": {"Type": POLICY, "Properties": {"PolicyName": "p"}}}},
        [
            template_problem(
                "Resources",
                "a policy without a certificate to attach it to",
                "a resource of type AWS::IoT::Certificate",
            )
        ],
    ),
    (
        "a certificate from two places",
        {
            "Resources": {
                **ONE_THING,
                "c": {"Type": CERTIFICATE, "Properties": {"CertificateId": "a" * 64, "CertificatePem": "b"}},
            }
        },
        [
            template_problem(
                "Resources.c.Properties",
                "AWS::IoT::Certificate needs one of CertificateSigningRequest, CertificateId, CertificatePem",
                "exactly one",
            )
        ],
    ),
    (
        "an invalid certificate id, status and principal type",
        {
            "Resources": {
                **ONE_THING,
                "c": {
                    "Type": CERTIFICATE,
                    "Properties": {
                        "CertificateId": "A1",
                        "Status": "REVOKED",
                        "ThingPrincipalType": "SHARED",
                    },
                },
            }
        },
        [
            template_problem(
                "Resources.c.Properties.CertificateId",
                "'A1' is not a valid CertificateId",
                "the ID of a registered certificate: 64 hexadecimal digits",
            ),
            template_problem(
                "Resources.c.Properties.Status", "'REVOKED' is not a valid Status", "ACTIVE or INACTIVE"
            ),
            template_problem(
                "Resources.c.Properties.ThingPrincipalType",
                "'SHARED' is not a valid ThingPrincipalType",
                "EXCLUSIVE_THING or NON_EXCLUSIVE_THING",
            ),
        ],
    ),
    (
        "a policy document that is not JSON text",
        {
            "Resources": {
                **ONE_THING,
                "c": {"Type": CERTIFICATE, "Properties": {"CertificatePem": "b"}},
                "p": {"Type": POLICY, "Properties": {"PolicyDocument": "allow"}},
                "q": {"Type": POLICY, "Properties": {"PolicyDocument": {"Statement": []}}},
            }
        },
        [
            template_problem(
                "Resources.p.Properties.PolicyDocument",
                "not JSON: Expecting value: line 1 column 1 (char 0)",
                "a policy document as JSON text",
            ),
            template_problem(
                "Resources.q.Properties.PolicyDocument.Statement",
                "not a function of templates",
                "Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split, Fn::Sub",
            ),
            template_problem(
                "Resources.q.Properties.PolicyDocument",
                "not JSON: Expecting value: line 1 column 1 (char 0)",
                "a policy document as JSON text",
            ),
        ],
    ),
    (
        "attributes that are not a table",
        {"Resources": {"thing": {"Type": THING, "Properties": {"ThingName": "a", "AttributePayload": "b"}}}},
        [template_problem("Resources.thing.Properties.AttributePayload", "not a table", "a table")],
    ),
    (
        "a function inside mappings, and a mapping of one level",
        thing_named("x", Mappings={"A": {"b": {"c": {"Ref": "Serial"}}}, "B": {"c": "d"}}),
        [
            template_problem("Mappings.A.b.c", "not a string", "a string without references and functions"),
            template_problem("Mappings.B.c", "not a table", "a table"),
        ],
    ),
    (
        "a device configuration with a reference",
        thing_named("x", DeviceConfiguration={"url": {"Ref": "Url"}}),
        [
            template_problem(
                "DeviceConfiguration.url", "not a string", "a string without references and functions"
            )
        ],
    ),
    (
        "an index that is a digit but not decimal",
        thing_named({"Fn::Select": ["\u00b2", ["a"]]}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Fn::Select",
                "the list has no item \u00b2",
                "an index inside the list, from 0",
            )
        ],
    ),
    (
        "a list in place of a string",
        thing_named(["a"]),
        [
            template_problem(
                "Resources.thing.Properties.ThingName",
                "not a string",
                "a string, Ref, or a function that returns a string",
            )
        ],
    ),
]


@pytest.mark.parametrize(
    ("template", "problems"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID]
)
def test_a_template_that_aws_rejects_has_problems_with_their_paths(template, problems):
    with pytest.raises(TemplateError) as error:
        evaluate(template, {}, {})
    assert list(error.value.problems) == problems


def test_a_parameter_that_is_not_declared_is_a_problem():
    with pytest.raises(TemplateError) as error:
        evaluate({"Parameters": {"A": {"Type": "String"}}, "Resources": ONE_THING}, {"B": "1"}, {})
    assert list(error.value.problems) == [
        template_problem("Parameters", "the parameter 'B' is not declared in the template", "one of A")
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
PARTS = st.fixed_dictionaries(
    {"Type": st.sampled_from([THING, CERTIFICATE, POLICY]) | ANYTHING, "Properties": PROPERTIES | ANYTHING},
    optional={"OverrideSettings": ANYTHING},
)
TEMPLATES = st.fixed_dictionaries(
    {"Resources": st.dictionaries(st.sampled_from("abc"), PARTS | ANYTHING, max_size=3) | ANYTHING},
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
