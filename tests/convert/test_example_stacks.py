"""Templates and states of the example stacks become files that import them without changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.convert.cloudformation_template import parse_template, read_template_resources
from reconciler.convert.fields import Variables
from reconciler.convert.tables import convert_source
from reconciler.convert.terraform_state import parse_terraform_state
from reconciler.engine.export.files import build_pem_writer
from reconciler.engine.export.tables import Table
from reconciler.engine.export.toml_writer import render_tables, render_workspace_table
from reconciler.engine.load.load import load
from reconciler.model.address import Address
from tests.support.desired_states import apply, list_failures, plan_state
from tests.support.example_stacks import AUTHORITY, STACKS, write_files
from tests.support.handmade_stacks import FUNCTIONS, HANDMADE, IOT, ROLES
from tests.support.pki import compute_certificate_id
from tests.support.registry_client import TARGET, Cloud
from tests.support.terraform_stacks import TERRAFORM_STACKS, build_terraform_state

TEMPLATES = Path(__file__).parent / "stacks"
SERVER_CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0f2c8f66-9d2c-4d6c-8f3c-6a3a1b0e5d11"


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path)


@pytest.mark.parametrize("stack", STACKS)
def test_a_template_imports_its_stack_without_changes(stack, folder):
    cloud = Cloud()
    HANDMADE[stack](cloud.iot, folder)
    template = parse_template((TEMPLATES / f"{stack}.yaml").read_text(), "t.yaml")
    variables = Variables()
    parameters = {"CaPem": AUTHORITY.pem} if stack == "just_in_time" else {}
    source = read_template_resources(
        template, "t.yaml", parameters=parameters, physical_ids={}, variables=variables
    )
    conversion = convert_source(source, build_pem_writer(None, folder), variables=variables)
    missing_fields = [(r"\[things.core-1\]", 'thing_groups = ["cores"]')]
    plan_conversion(conversion, folder, cloud, list_values(folder), missing_fields)


@pytest.mark.parametrize("stack", TERRAFORM_STACKS)
def test_a_terraform_state_imports_its_stack_without_changes(stack, folder):
    cloud = Cloud()
    HANDMADE[stack](cloud.iot, folder)
    source = parse_terraform_state(build_terraform_state(stack, cloud.iot, folder), "terraform.tfstate")
    conversion = convert_source(source, build_pem_writer(None, folder))
    missing_fields = [(r"\[things.lora.*\]", 'billing_group = "lora"')]
    plan_conversion(conversion, folder, cloud, {}, missing_fields)


def list_values(folder):
    """Return the values of all variables that a conversion may declare."""
    values = {
        "Stream": "telemetry",
        "RuleRole_Arn": f"{ROLES}/telemetry-rule",
        "ProvisioningRole_Arn": f"{ROLES}/provisioning",
        "CheckNewMeter_Arn": f"{FUNCTIONS}:check-new-meter",
        "Hook_Arn": f"{FUNCTIONS}:is-sold",
        "CheckToken_Arn": f"{FUNCTIONS}:check-token",
        "TokenKey": (folder / "pki/token-key.pub").read_text(),
        "ServerCertificateArn": SERVER_CERTIFICATE,
        "AlertRole_Arn": f"{ROLES}/alerts",
        "MitigationRole_Arn": f"{ROLES}/mitigation",
        "Alerts": "arn:aws:sns:eu-west-1:123456789012:alerts",
        "TokenExchangeRole_Arn": f"{ROLES}/greengrass-token-exchange",
    }
    names = {"gw-1": "FirstCertificateArn", "gw-2": "SecondCertificateArn"}
    for path in (folder / "keys").glob("*.crt"):
        name = names.get(path.stem, "CertificateArn")
        values[name] = f"{IOT}:cert/{compute_certificate_id(path.read_text())}"
    return values


def plan_conversion(conversion, folder, cloud, values, missing_fields=()):
    """Import the tables of a conversion; only owners may change, and the plan after that must be empty.

    `missing_fields` has what a user adds, because the other tool cannot declare it: pairs of a pattern of table headers and a line.
    """
    variables = [
        Table(Address("variables", name), {"type": kind}) for name, kind in conversion.variables.types.items()
    ]
    path = folder / "converted.toml"
    parts = (
        render_workspace_table({"name": "ws"}),
        render_tables(variables),
        render_tables(conversion.tables),
    )
    text = "\n".join(parts)
    for header, fields in missing_fields:
        text = re.sub(header, lambda match: f"{match[0]}\n{fields}", text)  # noqa: B023
    path.write_text(text)
    environ = {f"RECONCILER_VAR_{name}": values[name] for name in conversion.variables.descriptions}
    desired = load(path, constraints=ServiceModelConstraints(), environ=environ, find_target=lambda _: TARGET)
    assert desired.warnings == ()
    plan = plan_state(desired, cloud, adopt=desired.resources)
    changes = {step.address: step.change for step in plan.steps}
    imported = [change for change in changes.values() if change.action != "create"]
    assert {address for address in changes if address in desired.resources} == {
        change.address for change in imported
    }
    assert {field.path for change in imported for field in change.fields} == {"workspace"}
    assert list_failures(apply(plan, cloud)) == []
    assert plan_state(desired, cloud).steps == ()
