"""`reconciler import` writes files and next steps, and an apply imports the converted resources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.workspace import Workspace
from tests.support import pki

ARN = "arn:aws:iot:eu-west-1:123456789012"
FACTORY = pki.Authority("Factory")
KEY = FACTORY.key_pem
POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{ARN}:client/pump"}],
})  # fmt: skip
NAMES = [f"pump-{number}" for number in range(6)]
PEMS = {name: FACTORY.issue(name) for name in NAMES}


def build_state(**more):
    """Return a state with a policy, and six things with certificates that have it."""
    arns = {name: f"{ARN}:cert/{pki.compute_certificate_id(pem)}" for name, pem in PEMS.items()}
    instances = {
        "aws_iot_thing": {name: {"name": name, "attributes": {"serial": name.upper()}} for name in NAMES},
        "aws_iot_certificate": {
            name: {"certificate_pem": PEMS[name], "active": True, "arn": arns[name]} for name in NAMES
        },
        "aws_iot_thing_principal_attachment": {
            name: {"thing": name, "principal": arns[name]} for name in NAMES
        },
        "aws_iot_policy_attachment": {name: {"policy": "connect", "target": arns[name]} for name in NAMES},
        **more,
    }
    resources = [
        build_resource(type_name, "pump", items, has_keys=True) for type_name, items in instances.items()
    ]
    return {
        "version": 4,
        "resources": [
            *resources,
            build_resource("aws_iot_policy", "p", {"p": {"name": "connect", "policy": POLICY}}),
        ],
    }


def build_resource(type_name, name, items, *, has_keys=False):
    instances = [
        {"attributes": item} | ({"index_key": key} if has_keys else {}) for key, item in items.items()
    ]
    return {"mode": "managed", "type": type_name, "name": name, "instances": instances}


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "terraform.tfstate"
    path.write_text(json.dumps(build_state()))
    return path


def create_devices():
    """Create what the state describes in the embedded registry, as Terraform would."""
    Path("empty.toml").write_text('[workspace]\nname = "other"\nregion = "eu-west-1"\n')
    iot = Workspace("empty.toml").client("iot")
    iot.create_policy(policyName="connect", policyDocument=POLICY)
    for name, pem in PEMS.items():
        arn = iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")["certificateArn"]
        iot.create_thing(thingName=name, attributePayload={"attributes": {"serial": name.upper()}})
        iot.attach_thing_principal(thingName=name, principal=arn)
        iot.attach_policy(policyName="connect", target=arn)


def test_a_fleet_is_converted_imported_and_then_needs_no_change(run, tmp_path, state):
    options = ("--out", "desired_state.toml", "--as-fleet", "--pem-dir", "pki", "--target", "embedded")
    assert run("import", "terraform", str(state), *options, "--name", "plant") == (
        0,
        "",
        (
            "wrote things.csv: 6 rows\n"
            "wrote desired_state.toml: 13 resources\n"
            "next:\n"
            "  1. reconciler -f desired_state.toml plan --adopt '*'\n"
            "  2. reconciler -f desired_state.toml apply --adopt '*'\n"
            "  3. terraform state rm \\\n"
            "       aws_iot_thing.pump \\\n"
            "       aws_iot_certificate.pump \\\n"
            "       aws_iot_thing_principal_attachment.pump \\\n"
            "       aws_iot_policy_attachment.pump \\\n"
            "       aws_iot_policy.p\n"
            "  4. delete the blocks of these resources from Terraform's configuration\n"
        ),
    )
    assert (
        (tmp_path / "desired_state.toml").read_text()
        == f"""\
[workspace]
name = "plant"
target = "embedded"
account = "123456789012"
region = "eu-west-1"

[policies.connect]
document = '{POLICY}'

[certificates."{{name}}"]
for_each = {{file = "things.csv"}}
pem = {{file = "pki/certificates/{{name}}.pem"}}
certificate_mode = "SNI_ONLY"
policies = ["connect"]

[things."{{name}}"]
for_each = {{file = "things.csv"}}
attributes = {{serial = "{{serial}}"}}
certificates = ["{{name}}"]
"""
    )
    create_devices()
    code, out, err = run("plan", "--adopt", "*", "--format", "json")
    assert code == 0, err
    updates = [change for change in json.loads(out)["changes"] if change["action"] == "update"]
    assert {field["path"] for change in updates for field in change["fields"]} == {"workspace"}
    assert run("apply", "--adopt", "*", "--yes")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_without_a_file_the_tables_are_on_stdout_and_stdin_is_read(run, state):
    code, out, err = run("import", "terraform", "-", "--name", "plant", stdin=state.read_text())
    assert code == 0
    assert out.startswith('[workspace]\nname = "plant"\ntarget = "aws"\naccount = "123456789012"\n')
    assert out.count("[things.pump-") == 6
    assert "  1. reconciler -f FILE plan --adopt '*'\n" in err


def test_removed_blocks_take_the_place_of_state_rm(run, tmp_path, state):
    words = ("import", "terraform", str(state), "--out", "w.toml", "--removed-blocks", "removed.tf")
    code, _, err = run(*words)
    assert code == 0
    assert "state rm" not in err
    assert "add removed.tf to Terraform's configuration" in err
    assert (tmp_path / "removed.tf").read_text().count("destroy = false") == 5


def test_existing_files_are_not_overwritten(run, tmp_path, state):
    for option, name in (("--out", "w.toml"), ("--removed-blocks", "removed.tf")):
        (tmp_path / name).write_text("kept")
        assert run("import", "terraform", str(state), option, name) == (
            1,
            "",
            f"error: {name}: file already exists and was not overwritten; choose another name\n",
        )
        assert (tmp_path / name).read_text() == "kept"


def test_resources_left_out_are_listed_and_keys_are_not_printed(run, tmp_path, state):
    document = build_state()
    document["resources"] += [
        build_resource("aws_iot_something_new", "n", {"n": {"name": "x"}}),
        build_resource("aws_iam_role", "r", {"r": {"name": "x"}, "s": {"name": "y"}}),
        build_resource(
            "aws_iot_certificate", "k", {"k": {"certificate_pem": FACTORY.issue("k"), "private_key": KEY}}
        ),
    ]
    state.write_text(json.dumps(document))
    code, out, err = run("import", "terraform", str(state), "--debug")
    assert code == 0
    assert err.splitlines()[:3] == [
        "left out aws_iot_something_new.n: no table declares aws_iot_something_new",
        "left out 2 resources of other services, which stay in Terraform: aws_iam_role (2)",
        (
            "not written: 1 private key, of aws_iot_certificate.k; where the device does not have its key, save it from "
            "Terraform before you remove the resource there"
        ),
    ]
    assert "PRIVATE KEY" not in out + err
    assert KEY.splitlines()[1] not in out + err


def test_a_sensitive_value_is_a_variable_that_the_next_steps_name(run, tmp_path, state):
    document = build_state()
    things = document["resources"][0]["instances"]
    things[0]["sensitive_attributes"] = [[{"type": "get_attr", "value": "attributes"}]]
    state.write_text(json.dumps(document))
    code, _, err = run("import", "terraform", str(state), "--out", "w.toml", "--target", "embedded")
    assert code == 0
    variable = "things_pump_0_attributes_serial"
    assert f"  1. set RECONCILER_VAR_{variable}: attributes.serial of aws_iot_thing.pump" in err
    text = (tmp_path / "w.toml").read_text()
    assert "PUMP-0" not in text
    assert f'attributes = {{serial = "{{var.{variable}}}"}}' in text
    assert run("-f", "w.toml", "--var", f"{variable}=PUMP-0", "validate")[0] == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("missing.tfstate",), "missing.tfstate: No such file or directory"),
        (("terraform.tfstate", "--as-fleet"), "--as-fleet writes CSV files next to the desired state; name it with --out"),
        (("terraform.tfstate", "--name", "a b"), "'a b' is not a valid workspace name"),
        (
            ("terraform.tfstate", "--region", "us-east-1"),
            'nothing was converted; every resource is left out\naws_iot_certificate.pump["pump-0"]: it is in eu-west-1',
        ),
    ],
)  # fmt: skip
def test_errors_have_the_next_step_and_write_nothing(run, tmp_path, state, words, error):
    document = json.loads(state.read_text())
    if "--region" in words:
        document["resources"] = [
            item for item in document["resources"] if item["type"] == "aws_iot_certificate"
        ]
    state.write_text(json.dumps(document))
    code, out, err = run("import", "terraform", *words)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {error}")
    assert [path.name for path in tmp_path.iterdir()] == ["terraform.tfstate"]


STACK = """\
Parameters: { Site: { Type: String } }
Resources:
  Pump: { Type: "AWS::IoT::Thing", Properties: { AttributePayload: { Attributes: { site: !Ref Site } } } }
  Queue: { Type: "AWS::SQS::Queue" }
"""
STACK_RESOURCES = {"StackResources": [{"LogicalResourceId": "Pump", "PhysicalResourceId": "pump-0"}]}


def test_a_template_is_converted_with_names_from_the_stack(run, tmp_path):
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "resources.json").write_text(json.dumps(STACK_RESOURCES))
    options = ("--stack-resources", "resources.json", "--name", "plant", "--region", "eu-west-1")
    assert run("import", "cloudformation", "stack.yaml", *options, "--parameter", "Site=oslo") == (
        0,
        (
            '[workspace]\nname = "plant"\ntarget = "aws"\nregion = "eu-west-1"\n\n'
            '[things.pump-0]\nattributes = {site = "oslo"}\n'
        ),
        (
            "left out 1 resource of other services, which stay in CloudFormation: AWS::SQS::Queue (1)\n"
            "next:\n"
            "  1. reconciler -f FILE plan --adopt '*'\n"
            "  2. reconciler -f FILE apply --adopt '*'\n"
            "  3. set DeletionPolicy: Retain in the template for these resources, and update the stack:\n"
            "       Pump\n"
            "  4. delete these resources from the template, and update the stack again\n"
        ),
    )


def test_a_parameter_without_a_value_is_a_variable(run, tmp_path):
    (tmp_path / "stack.yaml").write_text(STACK.replace("Properties: {", "Properties: { ThingName: pump,"))
    code, out, err = run("import", "cloudformation", "stack.yaml", "--region", "eu-west-1")
    assert code == 0
    assert '[variables.Site]\ntype = "string"\ndescription = "the parameter Site of the template"\n' in out
    assert 'attributes = {site = "{var.Site}"}' in out
    assert "  1. set RECONCILER_VAR_Site: the parameter Site of the template\n" in err


def test_a_parameter_needs_a_name_and_a_value(run, tmp_path):
    (tmp_path / "stack.yaml").write_text(STACK)
    code, _, err = run("import", "cloudformation", "stack.yaml", "--parameter", "Site")
    assert code == 1
    assert "'Site' is not a valid parameter; expected NAME=VALUE" in err


def test_a_stack_is_imported_and_then_needs_no_change(run, tmp_path):
    template = {
        "Resources": {
            "Pump": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": "pump", "AttributePayload": {"Attributes": {"serial": "SN1"}}},
            },
            "Connect": {
                "Type": "AWS::IoT::Policy",
                "Properties": {"PolicyName": "connect", "PolicyDocument": json.loads(POLICY)},
            },
            "Certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificatePem": PEMS["pump-0"],
                    "CertificateMode": "SNI_ONLY",
                    "Status": "ACTIVE",
                },
            },
            "Principal": {
                "Type": "AWS::IoT::ThingPrincipalAttachment",
                "Properties": {
                    "ThingName": {"Ref": "Pump"},
                    "Principal": {"Fn::GetAtt": ["Certificate", "Arn"]},
                },
            },
            "Policy": {
                "Type": "AWS::IoT::PolicyPrincipalAttachment",
                "Properties": {
                    "PolicyName": {"Ref": "Connect"},
                    "Principal": {"Fn::GetAtt": "Certificate.Arn"},
                },
            },
        }
    }
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:client/pump"}
    template["Resources"]["Connect"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] = arn
    (tmp_path / "stack.json").write_text(json.dumps(template))
    options = (
        "--target",
        "embedded",
        "--region",
        "eu-west-1",
        "--name",
        "plant",
        "--out",
        "desired_state.toml",
    )
    assert run("import", "cloudformation", "stack.json", *options)[0] == 0
    iot = Workspace("desired_state.toml").client("iot")
    iot.create_policy(policyName="connect", policyDocument=POLICY)
    certificate = iot.register_certificate_without_ca(certificatePem=PEMS["pump-0"], status="ACTIVE")
    iot.create_thing(thingName="pump", attributePayload={"attributes": {"serial": "SN1"}})
    iot.attach_thing_principal(thingName="pump", principal=certificate["certificateArn"])
    iot.attach_policy(policyName="connect", target=certificate["certificateArn"])
    code, out, _ = run("plan", "--adopt", "*", "--format", "json")
    updates = [change for change in json.loads(out)["changes"] if change["action"] == "update"]
    assert (code, len(updates)) == (0, 3)
    assert {field["path"] for change in updates for field in change["fields"]} == {"workspace"}
    assert run("apply", "--adopt", "*", "--yes")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0
