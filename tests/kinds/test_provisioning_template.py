"""Provisioning templates: what they make, and what is refused of them and why."""

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
        assert payload == {"pin": Secret("parameter Pin (env PIN)", "p1234"), "site": "oslo"}


def test_what_is_wrong_in_one_place_is_told_once():
    attributes = {"a": {"Fn::Sub": "${S}"}}
    thing = {"Type": THING, "Properties": {"ThingName": "pump", "AttributePayload": attributes}}
    template = {"Parameters": {"S": {"Type": "String"}}, "Resources": {"thing": thing}}
    with pytest.raises(TemplateError) as caught:
        evaluate(template, {}, {})
    problem = "the parameter 'S' has neither value nor default"
    where = "Resources.thing.Properties.AttributePayload.a.Fn::Sub"
    assert caught.value.problems == (template_problem(where, problem, "a value in parameters"),)


REFUSED: list[tuple[str, dict[str, Any], list[ValueProblem]]] = [
    ("no resources", {}, [template_problem("Resources", "no resources", "a table of them")]),
    (
        "an unknown section",
        {"Resources": ONE_THING, "Outputs": {}},
        [
            template_problem(
                "Outputs", "no section of a template", "DeviceConfiguration, Mappings, Parameters, Resources"
            )
        ],
    ),
    (
        "DependsOn, which AWS documents nowhere",
        {"Resources": {"thing": {**ONE_THING["thing"], "DependsOn": "x"}}},
        [
            template_problem(
                "Resources.thing.DependsOn", "not part of a resource", "Type, Properties, OverrideSettings"
            )
        ],
    ),
    (
        "a type that templates do not make",
        {"Resources": {**ONE_THING, "group": {"Type": "AWS::IoT::ThingGroup"}}},
        [
            template_problem(
                "Resources.group.Type",
                "no type of resource",
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
        "a parameter without value and default",
        thing_named({"Ref": "Serial"}, Parameters={"Serial": {"Type": "String"}}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Ref",
                "the parameter 'Serial' has neither value nor default",
                "a value in parameters",
            )
        ],
    ),
    (
        "a reference to nothing",
        thing_named({"Ref": "Serail"}, Parameters={"Serial": {"Type": "String", "Default": "1"}}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Ref", "'Serail' is no parameter", "one of Serial"
            )
        ],
    ),
    (
        "a parameter of another type",
        thing_named("x", Parameters={"Serial": {"Type": "Number"}}),
        [
            template_problem(
                "Parameters.Serial", "not a parameter", 'a Type of "String" and perhaps a Default'
            )
        ],
    ),
    (
        "a function that templates do not have",
        thing_named({"Fn::GetAtt": ["a", "b"]}),
        [
            template_problem(
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
            template_problem(
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
                "'MERGE' is no setting",
                "DO_NOTHING or FAIL or REPLACE",
            )
        ],
    ),
    (
        "a policy without a certificate",
        {"Resources": {**ONE_THING, "policy": {"Type": POLICY, "Properties": {"PolicyName": "p"}}}},
        [
            template_problem(
                "Resources", "a policy without a certificate to attach it to", "a AWS::IoT::Certificate"
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
                "AWS::IoT::Certificate has one of CertificateSigningRequest, CertificateId, CertificatePem",
                "exactly one",
            )
        ],
    ),
    (
        "a certificate id that is none, a status and an exclusiveness that AWS does not know",
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
                "'A1' is none",
                "the id of a registered certificate: 64 hexadecimal digits",
            ),
            template_problem("Resources.c.Properties.Status", "'REVOKED' is none", "ACTIVE or INACTIVE"),
            template_problem(
                "Resources.c.Properties.ThingPrincipalType",
                "'SHARED' is none",
                "EXCLUSIVE_THING or NON_EXCLUSIVE_THING",
            ),
        ],
    ),
    (
        "a policy document that is no JSON text",
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
                "no function of templates",
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
        "attributes that are no table",
        {"Resources": {"thing": {"Type": THING, "Properties": {"ThingName": "a", "AttributePayload": "b"}}}},
        [template_problem("Resources.thing.Properties.AttributePayload", "not a table", "a table")],
    ),
    (
        "a function inside mappings, and a mapping of one level",
        thing_named("x", Mappings={"A": {"b": {"c": {"Ref": "Serial"}}}, "B": {"c": "d"}}),
        [
            template_problem("Mappings.A.b.c", "not a string", "a string; nothing is put in here"),
            template_problem("Mappings.B.c", "not a table", "a table"),
        ],
    ),
    (
        "a device's configuration that is not flat",
        thing_named("x", DeviceConfiguration={"url": {"Ref": "Url"}}),
        [template_problem("DeviceConfiguration.url", "not a string", "a string; nothing is put in here")],
    ),
    (
        "an index that is a digit and no number",
        thing_named({"Fn::Select": ["\u00b2", ["a"]]}),
        [
            template_problem(
                "Resources.thing.Properties.ThingName.Fn::Select",
                "there is no item \u00b2 in the list",
                "an index inside the list, from 0",
            )
        ],
    ),
    (
        "a list where a string belongs",
        thing_named(["a"]),
        [
            template_problem(
                "Resources.thing.Properties.ThingName",
                "not a string",
                "a string, Ref, or a function that gives one",
            )
        ],
    ),
]


@pytest.mark.parametrize(
    ("template", "problems"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_aws_would_refuse_is_refused_with_its_place(template, problems):
    with pytest.raises(TemplateError) as error:
        evaluate(template, {}, {})
    assert list(error.value.problems) == problems


def test_a_parameter_that_is_not_declared_is_refused():
    with pytest.raises(TemplateError) as error:
        evaluate({"Parameters": {"A": {"Type": "String"}}, "Resources": ONE_THING}, {"B": "1"}, {})
    assert list(error.value.problems) == [
        template_problem("Parameters", "'B' is given and not declared", "one of A")
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
def test_whatever_a_template_is_it_is_evaluated_or_refused(template):
    try:
        made = evaluate(template, {}, {})
    except TemplateError:
        return
    assert isinstance(made.thing.properties["ThingName"], str)
    assert isinstance(made.thing.properties.get("AttributePayload", {}), dict)
