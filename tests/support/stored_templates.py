"""Valid and invalid templates that AWS stores, with the errors of `validate` and the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

THING, CERTIFICATE, POLICY = "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy"
CERTIFICATE_ID = "AWS::IoT::Certificate::Id"

_DOCUMENT = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": '
    '"arn:aws:iot:eu-west-1:123456789012:client/${iot:Connection.Thing.ThingName}"}]}'
)


def make_template(
    *, thing: Any = None, certificate: Any = None, policy: Any = None, **sections: Any
) -> dict[str, Any]:
    """Return the template of AWS's guide, with other properties of its resources and more sections."""
    properties = {
        "thing": {"ThingName": {"Ref": "SerialNumber"}, "AttributePayload": {"site": "oslo"}},
        "certificate": {"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": "Active"},
        "policy": {"PolicyDocument": _DOCUMENT},
    }
    changes = {"thing": thing, "certificate": certificate, "policy": policy}
    types = {"thing": THING, "certificate": CERTIFICATE, "policy": POLICY}
    resources = {
        name: {
            "Type": types[name],
            "Properties": properties[name] if changes[name] is None else changes[name],
        }
        for name in types
    }
    return {"Parameters": {"SerialNumber": {"Type": "String"}}, "Resources": resources, **sections}


ACCEPTED: Mapping[str, dict[str, Any]] = {
    "AWS's fleet template": make_template(),
    "AWS's fleet template with a policy object and a device configuration": make_template(
        policy={"PolicyDocument": json.loads(_DOCUMENT)},
        Mappings={"Locations": {"oslo": {"Url": "https://oslo.example"}}},
        DeviceConfiguration={
            "FallbackUrl": "https://example.com",
            "LocationUrl": {"Fn::FindInMap": ["Locations", {"Ref": "SerialNumber"}, "Url"]},
        },
    ),
    "groups from a mapping": make_template(
        thing={"ThingName": "a", "ThingGroups": {"Fn::FindInMap": ["Sites", "oslo", "Groups"]}},
        Mappings={"Sites": {"oslo": {"Groups": ["hall", "yard"]}}},
    ),
    "nothing": {"Resources": {}},
    "no thing": {"Resources": {"certificate": make_template()["Resources"]["certificate"]}},
    "a parameter that decides everything": make_template(
        thing={
            "ThingName": {"Fn::Select": [{"Ref": "SerialNumber"}, ["a", "b"]]},
            "BillingGroup": {"Fn::FindInMap": ["Sites", {"Ref": "SerialNumber"}, "Name"]},
            "ThingTypeName": {"Fn::Sub": "type-${SerialNumber}"},
        },
        certificate={"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": {"Ref": "SerialNumber"}},
        policy={"PolicyDocument": {"Ref": "SerialNumber"}},
        Mappings={"Sites": {"1": {"Name": "oslo"}}},
    ),
    "software packages": make_template(thing={"ThingName": "a", "PackageVersions": {"app": "1"}}),
}

REJECTED: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "PolicyName and PolicyDocument": (
        make_template(policy={"PolicyName": "a", "PolicyDocument": _DOCUMENT}),
        "Resources.policy.Properties: AWS::IoT::Policy needs one of PolicyName, PolicyDocument; expected exactly one",
        "Resources.policy does not have exactly one of PolicyName, PolicyDocument.",
    ),
    "a misspelled property": (
        make_template(thing={"ThingName": "a", "ThingTypName": "b"}),
        (
            "Resources.thing.Properties.ThingTypName: not a property of AWS::IoT::Thing; expected AttributePayload, "
            "BillingGroup, PackageVersions, ThingGroups, ThingName, ThingTypeName; did you mean 'ThingTypeName'?"
        ),
        (
            "ThingTypName is not allowed in Resources.thing.Properties; expected ThingName, AttributePayload, "
            "ThingTypeName, ThingGroups, BillingGroup, PackageVersions."
        ),
    ),
    "a dangling Ref": (
        make_template(thing={"ThingName": {"Fn::Join": ["-", ["a", {"Ref": "Serial"}]]}}),
        (
            "Resources.thing.Properties.ThingName.Fn::Join.1.1.Ref: 'Serial' is not a parameter; expected one of "
            "AWS::IoT::Certificate::CommonName, AWS::IoT::Certificate::Country, AWS::IoT::Certificate::DistinguishedNameQualifier, "
            "AWS::IoT::Certificate::Id, AWS::IoT::Certificate::Organization, AWS::IoT::Certificate::OrganizationalUnit, "
            "AWS::IoT::Certificate::SerialNumber, AWS::IoT::Certificate::StateName, SerialNumber; did you mean 'SerialNumber'?"
        ),
        "Resources.thing.Properties.ThingName needs the parameter Serial, which is not declared.",
    ),
    "an unknown function": (
        make_template(thing={"ThingName": {"Fn::Joined": ["-", ["a"]]}}),
        (
            "Resources.thing.Properties.ThingName.Fn::Joined: not a template function; expected Ref, Fn::Join, Fn::Select, "
            "Fn::FindInMap, Fn::Split, Fn::Sub"
        ),
        (
            "Fn::Joined in Resources.thing.Properties.ThingName is not a function; expected Fn::Join, Fn::Select, "
            "Fn::FindInMap, Fn::Split, Fn::Sub."
        ),
    ),
    "no thing name": (
        make_template(thing={}),
        "Resources.thing.Properties: a thing without ThingName; expected ThingName",
        "Resources.thing does not have exactly one of ThingName.",
    ),
    "an array of resources": (
        {"Resources": []},
        "Resources: no resources; expected a table of resources",
        "Resources is not a JSON object.",
    ),
    "a policy alone": (
        {"Resources": {"policy": {"Type": POLICY, "Properties": {"PolicyName": "a"}}}},
        (
            "Resources: neither a thing nor a certificate; expected a resource of type AWS::IoT::Thing or AWS::IoT::Certificate; "
            "Resources: a policy without a certificate to attach it to; expected a resource of type AWS::IoT::Certificate"
        ),
        "Resources has neither a thing nor a certificate.",
    ),
    "a policy that AWS rejects": (
        make_template(policy={"PolicyDocument": '{"Version": "2012-10-18", "Statement": []}'}),
        (
            "Resources.policy.Properties.PolicyDocument.Version: the string '2012-10-18' is not a version of the policy "
            "language; expected '2012-10-17'"
        ),
        "Resources.policy.Properties.PolicyDocument: Policy document is Malformed: Invalid policy syntax.",
    ),
}
"""By what is wrong: the template, the problem that `validate` reports, and the registry's message."""

_NAMES = st.sampled_from(
    (
        *(
            "ThingName",
            "AttributePayload",
            "BillingGroup",
            "ThingGroups",
            "CertificatePem",
            "CACertificatePem",
            "Status",
            "ThingPrincipalType",
        ),
        *(
            "PolicyName",
            "PolicyDocument",
            "Type",
            "Properties",
            "OverrideSettings",
            "Parameters",
            "Mappings",
            "Other",
        ),
    )
)
_EXPRESSIONS = st.sampled_from(
    (
        *("a", "ACTIVE", [], {}, ["a", "b"], {"a": "b"}, {"Ref": "SerialNumber"}, {"Ref": CERTIFICATE_ID}),
        *({"Ref": "Other"}, {"Fn::Join": ["-", ["a", {"Ref": "SerialNumber"}]]}, {"Fn::Other": "a"}),
        *({"Fn::Select": ["0", ["a", "b"]]}, {"Fn::Split": [",", "a,b"]}, "", 7, True, None, ["", "a"]),
        *({"Fn::Sub": "a-${SerialNumber}"}, {"Fn::Sub": "a-${Other}"}, {"Fn::Sub": "${iot:ClientId}"}),
        *({"Fn::Sub": {"Ref": "SerialNumber"}}, {"Fn::Join": [{"Ref": "SerialNumber"}, ["a"]]}),
        *("exclusive_thing", {"Version": "2012-10-17", "Statement": []}),
    )
)


@st.composite
def almost_valid_templates(draw: st.DrawFn) -> dict[str, Any]:
    """Return an accepted template, in which one property may be removed and another added or changed."""
    template: dict[str, Any] = draw(st.sampled_from([*ACCEPTED.values()]))
    resources = template["Resources"]
    if not resources:
        return template
    name = draw(st.sampled_from(sorted(resources)))
    properties = resources[name]["Properties"]
    removed = draw(st.sets(st.sampled_from(sorted(properties)), max_size=1))
    added = draw(st.dictionaries(_NAMES, _EXPRESSIONS, max_size=1))
    changed = {key: value for key, value in {**properties, **added}.items() if key not in removed}
    return {**template, "Resources": {**resources, name: {**resources[name], "Properties": changed}}}
