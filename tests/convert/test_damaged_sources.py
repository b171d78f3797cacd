"""Damaged states and templates are converted or rejected, and no secret in them gets out."""

from __future__ import annotations

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from reconciler.convert.cloudformation_template import parse_template, read_template_resources
from reconciler.convert.fields import Variables
from reconciler.convert.tables import convert_source
from reconciler.convert.terraform_removal import list_removable, render_removed_blocks
from reconciler.convert.terraform_state import parse_terraform_state
from reconciler.engine.export.files import build_pem_writer
from reconciler.engine.export.toml_writer import render_tables
from reconciler.model.errors import ReconcilerError
from tests.support import pki
from tests.support.examples import examples

WRITE_PEM = build_pem_writer(None, None)
AUTHORITY = pki.Authority("Factory")
CERTIFICATE = AUTHORITY.issue("pump")
ARN = f"arn:aws:iot:eu-west-1:123456789012:cert/{pki.compute_certificate_id(CERTIFICATE)}"
SECRET_LINE = AUTHORITY.key_pem.splitlines()[1]


def build_instance(attributes):
    return {"attributes": attributes, "index_key": "a", "sensitive_attributes": []}


def build_state():
    attributes = {
        "aws_iot_thing": {"name": "pump", "attributes": {"site": "oslo"}, "thing_type_name": "t"},
        "aws_iot_thing_type": {
            "name": "t",
            "properties": [{"description": "A", "searchable_attributes": ["s"]}],
        },
        "aws_iot_thing_group": {
            "name": "g",
            "properties": [{"attribute_payload": [{"attributes": {"a": "b"}}]}],
        },
        "aws_iot_policy": {"name": "p", "policy": "{}", "tags_all": {"a": "b"}, "tags": {}},
        "aws_iot_certificate": {
            "certificate_pem": CERTIFICATE,
            "private_key": AUTHORITY.key_pem,
            "active": True,
            "arn": ARN,
        },
        "aws_iot_ca_certificate": {
            "ca_certificate_pem": AUTHORITY.pem,
            "active": False,
            "registration_config": [{"role_arn": "r", "template_name": "x"}],
        },
        "aws_iot_policy_attachment": {"policy": "p", "target": ARN},
        "aws_iot_thing_principal_attachment": {"thing": "pump", "principal": ARN},
        "aws_iot_thing_group_membership": {"thing_name": "pump", "thing_group_name": "g"},
    }
    resources = [
        {"mode": "managed", "type": name, "name": "r", "instances": [build_instance(item)]}
        for name, item in attributes.items()
    ]
    return {"version": 4, "resources": resources}


def build_template():
    ref = {"Fn::GetAtt": ["Certificate", "Arn"]}
    return {
        "Parameters": {
            "Site": {"Type": "String", "Default": "oslo"},
            "Key": {"NoEcho": True, "Default": "x"},
        },
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "Site"}, "oslo"]}},
        "Mappings": {"M": {"a": {"b": "c"}}},
        "Resources": {
            "Thing": {
                "Type": "AWS::IoT::Thing",
                "Condition": "C",
                "Properties": {
                    "ThingName": {"Fn::Sub": "${Site}-pump"},
                    "AttributePayload": {
                        "Attributes": {"key": {"Ref": "Key"}, "m": {"Fn::FindInMap": ["M", "a", "b"]}}
                    },
                },
            },
            "Certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificatePem": CERTIFICATE,
                    "PrivateKey": AUTHORITY.key_pem,
                    "Status": "ACTIVE",
                },
            },
            "Attachment": {
                "Type": "AWS::IoT::ThingPrincipalAttachment",
                "Properties": {"ThingName": {"Ref": "Thing"}, "Principal": ref},
            },
            "Alias": {
                "Type": "AWS::IoT::RoleAlias",
                "Properties": {
                    "RoleAlias": {"Fn::Join": ["-", ["a", "b"]]},
                    "RoleArn": {"Fn::If": ["C", "x", "y"]},
                    "Tags": [{"Key": "a", "Value": "b"}],
                },
            },
        },
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "{", "{var.x}", "a", "Ref", ARN]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["Ref", "Fn::Sub", "Fn::Join", "Key", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def list_paths(value, path=()):
    yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in entries:
        yield from list_paths(item, (*path, key))


def damage(document, draw):
    """Replace one to three values in a document."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in list_paths(document) if path]
        *parents, last = draw(st.sampled_from(paths))
        target = document
        for key in parents:
            target = target[key]
        target[last] = draw(VALUES)
        if not isinstance(document, dict) or not list_paths(document):
            break
    return document


def check_no_secret_gets_out(conversion):
    check_text(render_tables(conversion.tables) + repr(conversion))


def check_text(text):
    assert SECRET_LINE not in text
    assert "PRIVATE KEY" not in text


@examples(150)
@given(st.data())
def test_a_damaged_state_is_converted_or_rejected_without_its_secrets(data):
    text = json.dumps(damage(build_state(), data.draw))
    try:
        source = parse_terraform_state(text, "s")
        conversion = convert_source(source, WRITE_PEM)
    except ReconcilerError as error:
        check_text(str(error))
        return
    check_no_secret_gets_out(conversion)
    list_removable(source.resources, conversion.converted)
    render_removed_blocks(source.resources, conversion.converted)


@examples(150)
@given(st.data())
def test_a_damaged_template_is_converted_or_rejected_without_its_secrets(data):
    text = json.dumps(damage(build_template(), data.draw))
    variables = Variables()
    try:
        source = read_template_resources(
            parse_template(text, "s"), "s", parameters={}, physical_ids={}, variables=variables
        )
        conversion = convert_source(source, WRITE_PEM, variables=variables)
    except ReconcilerError as error:
        check_text(str(error))
        return
    check_no_secret_gets_out(conversion)
