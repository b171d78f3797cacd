"""A Terraform state becomes tables; unknown attributes and secrets are left out with a reason."""

from __future__ import annotations

import json

import pytest

from reconciler.convert.tables import convert_source
from reconciler.convert.terraform_removal import (
    format_state_rm,
    list_removable,
    render_removed_blocks,
)
from reconciler.convert.terraform_state import parse_terraform_state
from reconciler.engine.export.files import build_pem_writer
from reconciler.kinds import all_kinds
from reconciler.kinds.base.field_aliases import fold_name
from reconciler.model.errors import ReconcilerError
from tests.support import pki

ARN = "arn:aws:iot:eu-west-1:123456789012"
KEY = pki.Authority("Key").key_pem
WRITE_PEM = build_pem_writer(None, None)


def build_state(*resources):
    return json.dumps({"version": 4, "terraform_version": "1.11.4", "resources": list(resources)})


def build_resource(type_name, name, *attributes, keys=None, sensitive=(), **more):
    instances = [
        {"attributes": item, "sensitive_attributes": list(sensitive)}
        | ({"index_key": keys[number]} if keys else {})
        for number, item in enumerate(attributes)
    ]
    return {"mode": "managed", "type": type_name, "name": name, "instances": instances, **more}


def convert(*resources, **options):
    source = parse_terraform_state(build_state(*resources), "state")
    return convert_source(source, WRITE_PEM, **options)


def list_tables(conversion):
    return {str(table.address): table.fields for table in conversion.tables}


def build_certificate(**attributes):
    pem = pki.Authority("Factory").issue("pump-1")
    identity = pki.compute_certificate_id(pem)
    arn = f"{ARN}:cert/{identity}"
    return {"id": identity, "arn": arn, "certificate_pem": pem, "active": True, **attributes}


# ── tables ──


def test_attachments_become_fields_of_what_they_connect():
    certificate = build_certificate(private_key=KEY)
    conversion = convert(
        build_resource("aws_iot_policy", "p", {"name": "telemetry", "policy": '{"Version": "2012-10-17"}'}),
        build_resource("aws_iot_thing_group", "g", {"name": "hall", "arn": f"{ARN}:thinggroup/hall"}),
        build_resource("aws_iot_thing", "t", {"name": "pump-1"}),
        build_resource("aws_iot_certificate", "c", certificate),
        build_resource(
            "aws_iot_policy_attachment", "a", {"policy": "telemetry", "target": certificate["arn"]}
        ),
        build_resource(
            "aws_iot_policy_attachment", "b", {"policy": "other", "target": f"{ARN}:thinggroup/hall"}
        ),
        build_resource(
            "aws_iot_policy_attachment", "c", {"policy": "telemetry", "target": "eu-west-1:0a1b2c3d"}
        ),
        build_resource(
            "aws_iot_thing_principal_attachment",
            "a",
            {"thing": "pump-1", "principal": certificate["arn"], "thing_principal_type": "EXCLUSIVE_THING"},
        ),
        build_resource(
            "aws_iot_thing_group_membership", "m", {"thing_name": "pump-1", "thing_group_name": "hall"}
        ),
    )
    assert list_tables(conversion) == {
        "policies.telemetry": {
            "document": '{"Version": "2012-10-17"}',
            "cognito_identities": ["eu-west-1:0a1b2c3d"],
        },
        "thing_groups.hall": {"policies": [{"id": "other"}]},
        "certificates.pump-1": {
            "pem": certificate["certificate_pem"],
            "certificate_mode": "DEFAULT",
            "policies": ["telemetry"],
        },
        "things.pump-1": {"thing_groups": ["hall"], "certificates": ["pump-1"], "exclusive": True},
    }
    assert conversion.left_out == {}
    assert len(conversion.converted) == 9
    assert conversion.private_keys == ("aws_iot_certificate.c",)
    assert conversion.places == {("eu-west-1", "123456789012")}


def test_a_topic_rule_refers_to_its_destination_by_name():
    arn = f"{ARN}:ruledestination/vpc/7a280e37-b9c6-47a2-a751-0703693f46e4"
    network = {"role_arn": "r", "security_groups": [], "subnet_ids": ["subnet-1"], "vpc_id": "vpc-1"}
    destination = {"id": arn, "arn": arn, "enabled": False, "vpc_configuration": [network]}
    kafka = {"destination_arn": arn, "topic": "t", "client_properties": {"acks": "1"}, "header": []}
    conversion = convert(
        build_resource("aws_iot_topic_rule_destination", "net", destination),
        build_resource("aws_iot_topic_rule", "r", {"name": "r", "sql": "SELECT 1", "kafka": [kafka]}),
    )
    action = {"destination": "net", "topic": "t", "client_properties": {"acks": "1"}}
    assert list_tables(conversion) == {
        "topic_rule_destinations.net": {
            "vpc": {"role_arn": "r", "subnet_ids": ["subnet-1"], "vpc_id": "vpc-1"},
            "status": "DISABLED",
        },
        "topic_rules.r": {"sql": "SELECT 1", "actions": [{"kafka": action}]},
    }


def test_an_attachment_to_a_resource_elsewhere_is_left_out():
    conversion = convert(
        build_resource("aws_iot_thing", "t", {"name": "pump-1"}),
        build_resource("aws_iot_policy_attachment", "a", {"policy": "p", "target": f"{ARN}:cert/{'a' * 64}"}),
        build_resource(
            "aws_iot_thing_group_membership", "m", {"thing_name": "pump-2", "thing_group_name": "hall"}
        ),
    )
    assert conversion.left_out == {
        "aws_iot_policy_attachment.a": f"certificates.{'a' * 64} is not among the converted resources",
        "aws_iot_thing_group_membership.m": "things.pump-2 is not among the converted resources",
    }
    assert conversion.converted == ("aws_iot_thing.t",)


def test_certificates_without_a_thing_of_their_own_have_unique_names():
    certificates = [build_certificate(), *({**build_certificate(), **issue(name)} for name in ("b", "c"))]
    conversion = convert(
        build_resource("aws_iot_certificate", "c", *certificates, keys=[0, 1, 2]),
        build_resource("aws_iot_certificate", "c", {**certificates[0], **issue("d")}, keys=["0"]),
    )
    names = [table.address.name for table in conversion.tables]
    assert len(set(names)) == 4
    assert {"c-0", "c-1", "c-2", "0"} == set(names)


def issue(name):
    pem = pki.Authority("Other").issue(name)
    identity = pki.compute_certificate_id(pem)
    return {"id": identity, "arn": f"{ARN}:cert/{identity}", "certificate_pem": pem}


def test_the_same_resource_twice_is_converted_once():
    conversion = convert(
        build_resource("aws_iot_thing", "t", {"name": "pump"}),
        build_resource("aws_iot_thing", "u", {"name": "pump"}),
    )
    assert conversion.left_out == {"aws_iot_thing.u": "aws_iot_thing.t declares the same thing"}
    assert list_tables(conversion) == {"things.pump": {}}


def test_unknown_attributes_and_objects_that_terraform_must_delete_are_left_out():
    deposed = build_resource("aws_iot_thing", "old", {"name": "old"})
    deposed["instances"][0]["deposed"] = "a1b2c3d4"
    conversion = convert(
        build_resource("aws_iot_thing", "t", {"name": "pump", "color": "red", "shape": None, "version": 3}),
        build_resource("aws_iot_thing_group_membership", "m", {"thing_name": "pump", "thing_group_name": ""}),
        build_resource("aws_iot_something_new", "n", {"name": "x"}),
        deposed,
    )
    assert conversion.notes == ("aws_iot_thing.t: color has no field",)
    assert conversion.left_out == {
        "aws_iot_something_new.n": "no table declares aws_iot_something_new",
        "aws_iot_thing.old": "Terraform has yet to delete it (a deposed object)",
        "aws_iot_thing_group_membership.m": "what it attaches is not known",
    }


def test_names_in_braces_stay_literal():
    document = json.dumps({"Resource": ["${iot:Connection.Thing.ThingName}", "{var.x}"]})
    conversion = convert(build_resource("aws_iot_policy", "p", {"name": "p", "policy": document}))
    text = list_tables(conversion)["policies.p"]["document"]
    assert json.loads(text) == {"Resource": ["${iot:Connection.Thing.ThingName}", "{{var.x}}"]}


def test_every_kind_of_aws_iot_core_with_a_name_has_a_type():
    kinds = {kind.table for kind in all_kinds().values() if kind.name_api and kind.service == "iot"}
    types = {
        table: f"aws_iot_{all_kinds()[table].name_api.partition('.')[0].removeprefix('Create')}"
        for table in kinds
    }
    for table, type_name in types.items():
        resource = build_resource(type_name, "x", {"name": "x"})
        source = parse_terraform_state(build_state(resource), "state").resources[0]
        assert source.noun == fold_name(type_name.removeprefix("aws_iot_")), table
        assert "no table declares" not in str(convert(resource).left_out), table


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"policy": "{"}, "its policy cannot be declared: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ({"policy": ["{}", "{}"]}, "its policy cannot be declared: unexpected value"),
        ({"policy": "{}", "tags": {"a": ["b"]}}, "its tags cannot be declared: unexpected value"),
        ({"policy": "{}", "tags": ["b"]}, "its tags cannot be declared: unexpected value"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_declared_leaves_only_its_resource_out(attributes, problem):
    conversion = convert(
        build_resource("aws_iot_policy", "p", {"name": "p", **attributes}),
        build_resource("aws_iot_thing", "t", {"name": "t"}),
    )
    assert conversion.left_out == {"aws_iot_policy.p": problem}
    assert conversion.converted == ("aws_iot_thing.t",)


# ── secrets ──


def test_sensitive_values_become_variables_and_are_in_no_text():
    secret = "correct horse battery staple"
    path = [
        {"type": "get_attr", "value": "attributes"},
        {"type": "index", "value": {"value": "token", "type": "string"}},
    ]
    conversion = convert(
        build_resource(
            "aws_iot_thing",
            "t",
            {"name": "pump-1", "attributes": {"token": secret, "site": "oslo"}},
            sensitive=[path],
        )
    )
    assert list_tables(conversion) == {
        "things.pump-1": {"attributes": {"token": "{var.things_pump_1_attributes_token}", "site": "oslo"}}
    }
    assert conversion.variables.descriptions == {
        "things_pump_1_attributes_token": "attributes.token of aws_iot_thing.t, which is sensitive there"
    }
    assert secret not in repr(conversion)


@pytest.mark.parametrize("attribute", ["private_key", "serial"])
def test_a_private_key_in_any_attribute_is_in_no_table(attribute):
    attributes = {"name": "pump", "private_key": KEY, "attributes": {attribute: KEY}}
    conversion = convert(build_resource("aws_iot_thing", "t", attributes))
    assert list_tables(conversion) == {
        "things.pump": {"attributes": {attribute: f"{{var.things_pump_attributes_{attribute}}}"}}
    }
    assert conversion.private_keys == ("aws_iot_thing.t",)
    assert "PRIVATE KEY" not in repr(conversion)


def test_a_key_next_to_a_certificate_is_not_copied():
    certificate = build_certificate()
    conversion = convert(
        build_resource(
            "aws_iot_certificate",
            "c",
            {**certificate, "certificate_pem": KEY + certificate["certificate_pem"]},
        )
    )
    assert [table.fields["pem"] for table in conversion.tables] == [certificate["certificate_pem"]]


def test_a_sensitive_name_leaves_the_resource_out():
    conversion = convert(
        build_resource(
            "aws_iot_thing", "t", {"name": "hidden"}, sensitive=[[{"type": "get_attr", "value": "name"}]]
        )
    )
    assert conversion.left_out == {"aws_iot_thing.t": "its name is sensitive, and a file cannot hide a name"}


# ── Regions ──


def test_several_regions_need_a_choice():
    things = [
        build_resource(
            "aws_iot_thing",
            region,
            {"name": region, "arn": f"arn:aws:iot:{region}:123456789012:thing/{region}"},
        )
        for region in ("eu-west-1", "us-east-1")
    ]
    with pytest.raises(
        ReconcilerError, match=r"several Regions: eu-west-1 \(1\), us-east-1 \(1\); .* --region"
    ):
        convert(*things)
    conversion = convert(*things, region="us-east-1")
    assert list_tables(conversion) == {"things.us-east-1": {}}
    assert conversion.left_out == {"aws_iot_thing.eu-west-1": "it is in eu-west-1"}
    assert conversion.places == {("us-east-1", "123456789012")}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "it has no name there"),
        (
            "a\x1b[31m",
            "AWS does not allow its name: 'a\\x1b[31m' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+",
        ),
        ("a" * 129, "AWS does not allow its name: 129 characters; expected at most 128"),
    ],
    ids=["empty", "escape", "long"],
)
def test_a_name_that_no_thing_can_have_leaves_it_out(name, problem):
    conversion = convert(build_resource("aws_iot_thing", "t", {"name": name}))
    assert (conversion.tables, conversion.left_out) == ((), {"aws_iot_thing.t": problem})


def test_a_key_with_a_line_break_stays_on_its_line():
    source = parse_terraform_state(
        build_state(build_resource("aws_iot_thing", "t", {"name": "a"}, {}, keys=['b\n}\n"${c}', "d"])), "s"
    )
    assert [resource.address for resource in source.resources] == [
        'aws_iot_thing.t["b\\n}\\n\\"$${c}"]',
        'aws_iot_thing.t["d"]',
    ]


def test_a_block_that_no_field_has_leaves_the_resource_out():
    conversion = convert(
        build_resource("aws_iot_role_alias", "r", {"alias": "r", "role_arn": "a", "policies": [{"a": "b"}]})
    )
    assert conversion.left_out == {"aws_iot_role_alias.r": "no field has its policies"}


# ── both formats, and the removal ──


def test_the_output_of_show_has_the_same_resources():
    shown = {
        "format_version": "1.0",
        "values": {
            "root_module": {
                "resources": [{"mode": "data", "type": "aws_iot_endpoint", "name": "e", "values": {}}],
                "child_modules": [
                    {
                        "address": 'module.hall["a"]',
                        "resources": [
                            {
                                "mode": "managed",
                                "type": "aws_iot_thing",
                                "name": "t",
                                "index": "x",
                                "values": {"name": "pump", "attributes": {"token": "secret"}},
                                "sensitive_values": {"attributes": {"token": True}},
                            }
                        ],
                    }
                ],
            }
        },
    }
    path = [{"type": "get_attr", "value": "attributes"}, {"type": "index", "value": {"value": "token"}}]
    stored = build_resource(
        *("aws_iot_thing", "t"),
        {"name": "pump", "attributes": {"token": "secret"}},
        keys=["x"],
        sensitive=[path],
        module='module.hall["a"]',
    )
    assert parse_terraform_state(json.dumps(shown), "s") == parse_terraform_state(build_state(stored), "s")


def test_whole_blocks_are_removed_where_all_instances_are_converted():
    source = parse_terraform_state(
        build_state(
            build_resource("aws_iot_thing", "a", {"name": "a"}, {"name": "b"}, keys=["a", "b"]),
            build_resource("aws_iot_thing", "c", {"name": "c"}, {}, keys=[0, 1]),
            build_resource("aws_iot_thing", "d", {"name": "d"}, module='module.m["x]"]'),
        ),
        "s",
    )
    converted = convert_source(source, WRITE_PEM).converted
    assert list(format_state_rm(list_removable(source.resources, converted))) == [
        "terraform state rm \\",
        "  aws_iot_thing.a \\",
        "  'aws_iot_thing.c[0]' \\",
        """  'module.m["x]"].aws_iot_thing.d'""",
    ]
    assert render_removed_blocks(source.resources, converted) == (
        "removed {\n  from = aws_iot_thing.a\n  lifecycle {\n    destroy = false\n  }\n}\n\n"
        "# Only some instances are converted: terraform state rm 'aws_iot_thing.c[0]'\n\n"
        "removed {\n  from = module.m.aws_iot_thing.d\n  lifecycle {\n    destroy = false\n  }\n}\n"
    )
