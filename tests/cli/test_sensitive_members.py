"""No output shows the value of a member that may be a secret, before and after edits of the file.

The members come from the spec classes of all kinds, so a new one without a table here fails a test.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from reconciler import Workspace
from reconciler.kinds import all_kinds
from reconciler.kinds.base.schema import get_types, is_spec_class
from reconciler.model.secret import Secret
from tests.support.registry_client import Cloud
from tests.support.small_fleet import get_factory_ca

WORKSPACE = """
[workspace]
name = "greenhouse"
limits = { delete_percent = 100, replace_percent = 100 }
"""
DESTINATIONS = """
[topic_rule_destinations.web]
http = { confirmation_url = "https://example.com/" }

[topic_rule_destinations.net]
vpc = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], role_arn = "arn:aws:iam::123456789012:role/r" }
"""
HTTP = '{ http = { url = "https://example.com/a", confirmation_url = "https://example.com/", headers = [{ key = "X-Any", value = { env = "TOKEN" } }] } }'
KAFKA = '{ kafka = { destination = "net", topic = "t", client_properties = { acks = "1", "sasl.scram.password" = { env = "TOKEN" } } } }'
SALESFORCE = '{ salesforce = { url = "https://ingestion-a.b.sfdcnow.com/streams/c/d/event", token = { env = "TOKEN" } } }'
LAMBDA = '{ lambda_function = { function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:f" } }'
MANAGED_THING = """
[managed_things.pump]
role = "DEVICE"
authentication_material = { env = "SETUP_CODE" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""
CA_CERTIFICATE = """
[ca_certificates.factory]
pem = { file = "factory.pem" }
verification = { key = { env = "CA_KEY" } }
"""
PROVISIONED_THING = """
[provisioned_things.pump]
template = { file = "template.json" }
parameters = { Pin = { env = "PIN" } }
"""
TEMPLATE = {
    "Parameters": {"Pin": {"Type": "String"}},
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {"ThingName": "pump", "AttributePayload": {"pin": {"Ref": "Pin"}}},
        }
    },
}


def build_rule(*actions: str, error_action: str | None = None) -> str:
    error_line = f"error_action = {error_action}\n" if error_action else ""
    return f"""
[topic_rules.rule]
sql = "SELECT * FROM 'a'"
actions = [{", ".join(actions)}]
{error_line}"""


RULE = DESTINATIONS + build_rule(HTTP, KAFKA, SALESFORCE, error_action=HTTP)
FILES = {
    "rule": RULE,
    "Kafka after an error": DESTINATIONS + build_rule(LAMBDA, error_action=KAFKA),
    "Salesforce after an error": build_rule(LAMBDA, error_action=SALESFORCE),
    "managed thing": MANAGED_THING,
    "CA": CA_CERTIFICATE,
    "provisioned thing": PROVISIONED_THING,
}
MEMBERS = {
    "topic_rules.actions.http.headers.value": "rule",
    "topic_rules.actions.kafka.client_properties": "rule",
    "topic_rules.actions.salesforce.token": "rule",
    "topic_rules.error_action.http.headers.value": "rule",
    "topic_rules.error_action.kafka.client_properties": "Kafka after an error",
    "topic_rules.error_action.salesforce.token": "Salesforce after an error",
    "managed_things.authentication_material": "managed thing",
    "ca_certificates.verification.key": "CA",
    "provisioned_things.parameters": "provisioned thing",
}
"""The file for each member that takes a secret."""

EDITS = {
    "another action first": (
        "rule",
        DESTINATIONS + build_rule(LAMBDA, HTTP, KAFKA, SALESFORCE, error_action=HTTP),
    ),
    "another order": ("rule", DESTINATIONS + build_rule(SALESFORCE, KAFKA, HTTP, error_action=HTTP)),
    "no headers": (
        "rule",
        RULE.replace('headers = [{ key = "X-Any", value = { env = "TOKEN" } }]', "headers = []"),
    ),
    "no actions": ("rule", DESTINATIONS + build_rule()),
    "no rule": ("rule", DESTINATIONS),
    "no Kafka": ("Kafka after an error", DESTINATIONS),
    "no Salesforce": ("Salesforce after an error", ""),
    "no managed thing": ("managed thing", ""),
    "no CA": ("CA", ""),
}
"""The file at first, and the tables of the file later.

No table of a provisioned thing is removed: AWS does not protect attributes of things, so only the table keeps them secret.
"""

CANARIES = {
    "TOKEN": "canary \"token\" 'größe' \\ 5772156649015328606065",
    "SETUP_CODE": "900031313131313",
    "PIN": "canary-pin-31415",
}
ROTATED = {
    "TOKEN": "another \"token\" 'größe' \\ 2718281828459045235360",
    "SETUP_CODE": "900041414141414",
    "PIN": "another-pin-2718",
}
FRAGMENTS = ("canary", "another", "57721566", "27182818", "900031313131313", "900041414141414")
COMMANDS = (
    ("plan", "--calls"),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("plan", "--format", "html"),
    ("plan", "--out", "saved.json"),
    ("show", "saved.json"),
    ("drift", "--format", "json"),
    ("plan", "--destroy", "--calls"),
    ("export",),
)


def iterate_secret_members(spec_class: Any, path: str) -> Iterator[str]:
    """Yield the path of each member that takes a secret."""
    for name, annotation in get_types(spec_class).items():
        parts = list(iterate_parts(annotation))
        if Secret in parts:
            yield f"{path}.{name}"
        for part in parts:
            if isinstance(part, type) and is_spec_class(part):
                yield from iterate_secret_members(part, f"{path}.{name}")


def iterate_parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from iterate_parts(part)


def test_every_member_that_takes_a_secret_is_in_a_file():
    members = {
        member
        for table, kind in all_kinds().items()
        for member in iterate_secret_members(kind.spec_class, table)
    }
    assert members == set(MEMBERS)


@pytest.fixture
def folder(run, tmp_path, monkeypatch) -> Path:
    """Return the current folder, with the files and variables of all tables."""
    ca = get_factory_ca()
    (tmp_path / "factory.pem").write_text(ca.pem)
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    for name, value in {**CANARIES, "CA_KEY": ca.key_pem}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def write_tables(folder: Path, tables: str) -> None:
    (folder / "desired_state.toml").write_text(WORKSPACE + tables)


def find_canaries(text: str) -> list[str]:
    key_lines = get_factory_ca().key_pem.splitlines()[1:-1]
    return [fragment for fragment in (*FRAGMENTS, *key_lines) if fragment in text]


def run_all(run, folder: Path, *commands: tuple[str, ...]) -> dict[str, list[str]]:
    """Run commands, and return the secrets in the output of each, and in the files that they write."""
    secrets = {}
    for words in commands:
        _, output, errors = run(*words)
        secrets[" ".join(words)] = find_canaries(output + errors)
        assert output + errors
    secrets |= {path.name: find_canaries(path.read_text()) for path in folder.glob("saved.json")}
    return {command: canaries for command, canaries in secrets.items() if canaries}


@pytest.mark.parametrize("edit", EDITS)
def test_no_output_shows_a_secret_after_an_edit_of_the_file(run, folder, edit):
    name, tables = EDITS[edit]
    write_tables(folder, FILES[name])
    assert run("apply", "--yes")[0] == 0
    write_tables(folder, tables)
    assert run("plan", "--detailed-exitcode")[0] == 2
    assert run_all(run, folder, *COMMANDS, ("--debug", "apply", "--yes")) == {}
    assert run("plan", "--detailed-exitcode")[0] == 0


@pytest.mark.parametrize("name", FILES)
def test_no_output_shows_the_new_or_the_old_value_of_a_rotated_secret(run, folder, monkeypatch, name):
    write_tables(folder, FILES[name])
    assert run("apply", "--yes")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0
    for variable, value in ROTATED.items():
        monkeypatch.setenv(variable, value)
    commands = (*COMMANDS, ("--debug", "apply", "--yes"), ("--debug", "destroy", "--yes"))
    assert run_all(run, folder, *commands) == {}


@pytest.mark.parametrize("name", FILES)
def test_an_exported_file_has_references_and_plans_empty(run, folder, name):
    write_tables(folder, FILES[name])
    assert run("apply", "--yes")[0] == 0
    code, exported, _ = run("export")
    assert (code, find_canaries(exported)) == (0, [])
    (folder / "desired_state.toml").write_text(exported)
    # A thing that no template provisions does not need the policy for retired certificates.
    deleted = ["policies.reconciler-greenhouse-retired"] if name == "provisioned thing" else []
    assert [str(step.address) for step in Workspace().plan().steps] == deleted


def test_a_plan_without_the_secrets_that_it_sends_is_rejected(run, folder, monkeypatch):
    monkeypatch.delenv("TOKEN")
    write_tables(folder, RULE)
    fields = (
        "actions[0].http.headers[0].value",
        "actions[1].kafka.client_properties.sasl.scram.password",
        "actions[2].salesforce.token",
        "error_action.http.headers[0].value",
    )
    place = "(desired_state.toml:12)"
    problems = [f"  - topic_rules.rule: {field} is not set; set env TOKEN {place}" for field in fields]
    code, _, errors = run("plan")
    assert (code, errors.splitlines()[1:]) == (3, problems)


def test_a_plan_that_sends_no_secret_needs_none(run, folder, monkeypatch):
    write_tables(folder, RULE)
    assert run("apply", "--yes")[0] == 0
    monkeypatch.delenv("TOKEN")
    assert run("plan", "--detailed-exitcode")[0] == 0
    write_tables(folder, RULE.replace("actions = [", 'tags = { line = "a" }\nactions = ['))
    assert run("plan", "--detailed-exitcode")[0] == 2
    write_tables(folder, RULE.replace("actions = [", 'description = "a"\nactions = ['))
    assert run("plan", "--detailed-exitcode")[0] == 3


def test_an_adopted_rule_gets_references_in_place_of_its_secrets(run, folder):
    write_tables(folder, RULE)
    assert run("apply", "--yes")[0] == 0
    cloud = Cloud(folder / ".reconciler/registry.sqlite3")
    arn = cloud.iot.get_topic_rule(ruleName="rule")["ruleArn"]
    tags = [tag["Key"] for tag in cloud.iot.list_tags_for_resource(resourceArn=arn)["tags"]]
    cloud.iot.untag_resource(resourceArn=arn, tagKeys=tags)
    write_tables(folder, DESTINATIONS)
    assert run_all(run, folder, ("--debug", "adopt", "topic_rules.rule", "--yes")) == {}
    text = (folder / "desired_state.toml").read_text()
    assert find_canaries(text) == []
    http, kafka, salesforce = tomllib.loads(text)["topic_rules"]["rule"]["actions"]
    assert [
        http["http"]["headers"],
        kafka["kafka"]["client_properties"],
        salesforce["salesforce"]["token"],
    ] == [
        [{"key": "X-Any", "value": {"env": "RULE_ACTIONS_0_HTTP_HEADERS_0_VALUE"}}],
        {
            "acks": "1",
            "sasl.scram.password": {"env": "RULE_ACTIONS_1_KAFKA_CLIENT_PROPERTIES_SASL_SCRAM_PASSWORD"},
        },
        {"env": "RULE_ACTIONS_2_SALESFORCE_TOKEN"},
    ]
    assert run("plan", "--detailed-exitcode")[0] == 0
