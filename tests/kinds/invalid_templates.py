"""Invalid provisioning templates, each with the problems that evaluating it reports."""

from __future__ import annotations

from typing import Any

from reconciler.kinds.shared.provisioning_template import CERTIFICATE, POLICY, THING
from reconciler.model.diagnostic import ValueProblem

ONE_THING: dict[str, Any] = {"thing": {"Type": THING, "Properties": {"ThingName": "pump"}}}


def make_problem(
    path: str, problem: str, expected: str | None = None, nearest: str | None = None
) -> ValueProblem:
    return ValueProblem("invalid-template", problem, expected, nearest, path=tuple(path.split(".")))


def make_template_with_name(value: Any, **sections: Any) -> dict[str, Any]:
    """Return a template of one thing whose name is `value`."""
    return {"Resources": {"thing": {"Type": THING, "Properties": {"ThingName": value}}}, **sections}


INVALID_TEMPLATES: list[tuple[str, dict[str, Any], list[ValueProblem]]] = [
    ("no resources", {}, [make_problem("Resources", "no resources", "a table of resources")]),
    (
        "an unknown section",
        {"Resources": ONE_THING, "Outputs": {}},
        [
            make_problem(
                "Outputs",
                "not a template section",
                "DeviceConfiguration, Mappings, Parameters, Resources",
            )
        ],
    ),
    (
        "DependsOn, which AWS does not document",
        {"Resources": {"thing": {**ONE_THING["thing"], "DependsOn": "x"}}},
        [
            make_problem(
                "Resources.thing.DependsOn",
                "not a template resource attribute",
                "Type, Properties, OverrideSettings",
            )
        ],
    ),
    (
        "a type that templates do not create",
        {"Resources": {**ONE_THING, "group": {"Type": "AWS::IoT::ThingGroup"}}},
        [
            make_problem(
                "Resources.group.Type",
                "not a template resource type",
                "AWS::IoT::Thing or AWS::IoT::Certificate or AWS::IoT::Policy",
            )
        ],
    ),
    (
        "two things",
        {"Resources": {**ONE_THING, "other": ONE_THING["thing"]}},
        [make_problem("Resources", "2 resources of type AWS::IoT::Thing", "exactly one")],
    ),
    (
        "a thing without a name",
        {"Resources": {"thing": {"Type": THING, "Properties": {}}}},
        [make_problem("Resources.thing.Properties", "a thing without ThingName", "ThingName")],
    ),
    (
        "a parameter with neither a value nor a default",
        make_template_with_name({"Ref": "Serial"}, Parameters={"Serial": {"Type": "String"}}),
        [
            make_problem(
                "Resources.thing.Properties.ThingName.Ref",
                "the parameter 'Serial' has neither a value nor a default",
                "a value in parameters",
            )
        ],
    ),
    (
        "a reference to an unknown parameter",
        make_template_with_name({"Ref": "Serail"}, Parameters={"Serial": {"Type": "String", "Default": "1"}}),
        [
            make_problem(
                "Resources.thing.Properties.ThingName.Ref",
                "'Serail' is not a parameter",
                "one of Serial",
                "Serial",
            )
        ],
    ),
    (
        "a parameter whose type is not String",
        make_template_with_name("x", Parameters={"Serial": {"Type": "Number"}}),
        [
            make_problem(
                "Parameters.Serial", "not a valid parameter", 'the Type "String" and, if needed, a Default'
            )
        ],
    ),
    (
        "a function that templates do not have",
        make_template_with_name({"Fn::GetAtt": ["a", "b"]}),
        [
            make_problem(
                "Resources.thing.Properties.ThingName.Fn::GetAtt",
                "not a template function",
                "Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split, Fn::Sub",
            )
        ],
    ),
    *(
        (
            f"wrong arguments of {function}",
            make_template_with_name({function: "x" if function != "Fn::Sub" else ["x"]}),
            [make_problem(f"Resources.thing.Properties.ThingName.{function}", "invalid arguments", expected)],
        )
        for function, expected in (
            ("Fn::Join", '["separator", [values]]'),
            ("Fn::Select", "[index, [values]]"),
            ("Fn::FindInMap", '["mapping", "key", "key"]'),
            ("Fn::Sub", '"text with ${Name}", or ["text", {"Name": value}]'),
        )
    ),
    (
        "a default that is not a string",
        make_template_with_name("x", Parameters={"Serial": {"Type": "String", "Default": 1}}),
        [make_problem("Parameters.Serial.Default", "not a string", "a string")],
    ),
    (
        "a name that is a list",
        make_template_with_name(["a"]),
        [
            make_problem(
                "Resources.thing.Properties.ThingName",
                "not a string",
                "a string, Ref, or a function that returns a string",
            )
        ],
    ),
    (
        "an index outside its list",
        make_template_with_name({"Fn::Select": ["2", ["a", "b"]]}),
        [
            make_problem(
                "Resources.thing.Properties.ThingName.Fn::Select",
                "the list has no item 2",
                "an index inside the list, from 0",
            )
        ],
    ),
    (
        "a key that a mapping does not have",
        make_template_with_name({"Fn::FindInMap": ["A", "b", "c"]}, Mappings={"A": {"b": {}}}),
        [
            make_problem(
                "Resources.thing.Properties.ThingName.Fn::FindInMap",
                "Mappings has no A.b.c",
                "a mapping and two keys inside it",
            )
        ],
    ),
    (
        "the override setting MERGE for a thing type",
        {"Resources": {"thing": {**ONE_THING["thing"], "OverrideSettings": {"ThingTypeName": "MERGE"}}}},
        [
            make_problem(
                "Resources.thing.OverrideSettings.ThingTypeName",
                "'MERGE' is not a valid setting",
                "DO_NOTHING or FAIL or REPLACE",
            )
        ],
    ),
    (
        "an override setting that a thing does not have",
        {"Resources": {"thing": {**ONE_THING["thing"], "OverrideSettings": {"BillingGroup": "REPLACE"}}}},
        [
            make_problem(
                "Resources.thing.OverrideSettings.BillingGroup",
                "not a setting of AWS::IoT::Thing",
                "AttributePayload, ThingTypeName, ThingGroups",
            )
        ],
    ),
    (
        "a policy without a certificate",
        {"Resources": {**ONE_THING, "policy": {"Type": POLICY, "Properties": {"PolicyName": "p"}}}},
        [
            make_problem(
                "Resources",
                "a policy without a certificate to attach it to",
                "a resource of type AWS::IoT::Certificate",
            )
        ],
    ),
    (
        "a certificate from two sources",
        {
            "Resources": {
                **ONE_THING,
                "c": {"Type": CERTIFICATE, "Properties": {"CertificateId": "a" * 64, "CertificatePem": "b"}},
            }
        },
        [
            make_problem(
                "Resources.c.Properties",
                "AWS::IoT::Certificate needs one of CertificateSigningRequest, CertificateId, CertificatePem",
                "exactly one",
            )
        ],
    ),
    (
        "an invalid certificate ID, status and principal type",
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
            make_problem(
                "Resources.c.Properties.CertificateId",
                "'A1' is not a valid CertificateId",
                "the ID of a registered certificate: 64 hexadecimal digits",
            ),
            make_problem(
                "Resources.c.Properties.Status", "'REVOKED' is not a valid Status", "ACTIVE or INACTIVE"
            ),
            make_problem(
                "Resources.c.Properties.ThingPrincipalType",
                "'SHARED' is not a valid ThingPrincipalType",
                "EXCLUSIVE_THING or NON_EXCLUSIVE_THING",
            ),
        ],
    ),
    (
        "policy documents that are not JSON text",
        {
            "Resources": {
                **ONE_THING,
                "c": {"Type": CERTIFICATE, "Properties": {"CertificatePem": "b"}},
                "p": {"Type": POLICY, "Properties": {"PolicyDocument": "allow"}},
                "q": {"Type": POLICY, "Properties": {"PolicyDocument": {"Statement": []}}},
            }
        },
        [
            make_problem(
                "Resources.p.Properties.PolicyDocument",
                "not JSON: Expecting value: line 1 column 1 (char 0)",
                "a policy document as JSON text",
            ),
            make_problem(
                "Resources.q.Properties.PolicyDocument", "a JSON object", "the policy document as JSON text"
            ),
        ],
    ),
    (
        "attributes that are not a table",
        {"Resources": {"thing": {"Type": THING, "Properties": {"ThingName": "a", "AttributePayload": "b"}}}},
        [make_problem("Resources.thing.Properties.AttributePayload", "not a table", "a table")],
    ),
    (
        "a function inside mappings, and a mapping of one level",
        make_template_with_name("x", Mappings={"A": {"b": {"c": {"Ref": "Serial"}}}, "B": {"c": "d"}}),
        [
            make_problem("Mappings.A.b.c", "not a string", "a string without references and functions"),
            make_problem("Mappings.B.c", "not a table", "a table"),
        ],
    ),
    (
        "a device configuration with nested objects",
        make_template_with_name("x", DeviceConfiguration={"url": {"a": "b"}, "list": ["a"], "count": 1}),
        [
            make_problem(f"DeviceConfiguration.{name}", "not a string", "a string, Ref, or a function")
            for name in ("url", "list")
        ],
    ),
    (
        "thing groups that are not a list",
        {
            "Resources": {
                "a": {"Type": THING, "Properties": {"ThingName": "a", "ThingGroups": "hall"}},
                "b": {"Type": THING, "Properties": {"ThingName": "b", "ThingGroups": {"Fn::Sub": "hall"}}},
            }
        },
        [
            make_problem(
                f"Resources.{name}.Properties.ThingGroups",
                "not a list",
                "a list of strings, or a function that returns one",
            )
            for name in ("a", "b")
        ],
    ),
    (
        "empty properties",
        {
            "Resources": {
                "thing": {
                    "Type": THING,
                    "Properties": {"ThingName": "a", "ThingTypeName": "", "ThingGroups": ["hall", ""]},
                }
            }
        },
        [
            make_problem(f"Resources.thing.Properties.{name}", "empty", f"a value, or no {name}")
            for name in ("ThingTypeName", "ThingGroups")
        ],
    ),
    (
        "a number in place of a text",
        make_template_with_name(7),
        [
            make_problem(
                "Resources.thing.Properties.ThingName", "not a valid value", "a string, Ref, or a function"
            )
        ],
    ),
    (
        "a CA certificate next to a certificate ID",
        {
            "Resources": {
                **ONE_THING,
                "c": {
                    "Type": CERTIFICATE,
                    "Properties": {"CertificateId": "a" * 64, "CACertificatePem": "b"},
                },
            }
        },
        [
            make_problem(
                "Resources.c.Properties.CACertificatePem",
                "a CA certificate without the certificate that it signed",
                "CertificatePem",
            )
        ],
    ),
    (
        "an index that is a superscript digit",
        make_template_with_name({"Fn::Select": ["\u00b2", ["a"]]}),
        [
            make_problem(
                "Resources.thing.Properties.ThingName.Fn::Select",
                "the list has no item \u00b2",
                "an index inside the list, from 0",
            )
        ],
    ),
    (
        "a list in place of a string",
        make_template_with_name(["a"]),
        [
            make_problem(
                "Resources.thing.Properties.ThingName",
                "not a string",
                "a string, Ref, or a function that returns a string",
            )
        ],
    ),
]
"""Invalid templates, each with a description before it and its problems after it."""
