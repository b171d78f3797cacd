"""No output contains a secret, and no file that an apply leaves contains a setup code or private key."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler import Workspace
from tests.support.pki import encode_key
from tests.support.project_folder import ProjectFolder
from tests.support.small_fleet import SMALL_FLEET, get_factory_ca

SETUP_CODE = "90718281828459045235360287"
"""A setup code that the registry accepts."""
NEW_SETUP_CODE = "90314159265358979323846264"


@pytest.fixture
def folder_with_secrets(folder) -> ProjectFolder:
    folder.environ["SETUP_CODE_1"] = SETUP_CODE
    return folder.write(SMALL_FLEET)


def key_fragments(key: str) -> list[str]:
    """Return the parts of a PEM key that must not appear: each line of its body, and the body in one line."""
    body = key.splitlines()[1:-1]
    return [*body, "".join(body)]


def find_secrets(text: str | bytes, *more_secrets: str) -> list[str]:
    """Return the secrets that appear in a text."""
    content = text if isinstance(text, bytes) else text.encode()
    secrets = (SETUP_CODE, *key_fragments(get_factory_ca().key_pem), *more_secrets)
    return [secret for secret in secrets if secret.encode() in content]


def get_output(folder: ProjectFolder, *arguments: str) -> str:
    result = folder.run(*arguments)
    return f"{result.stdout}\n{result.stderr}"


def test_no_command_prints_a_secret_that_the_file_refers_to(folder_with_secrets):
    outputs = {
        " ".join(arguments): get_output(folder_with_secrets, *arguments)
        for arguments in (
            ("--debug", "plan", "--calls"),
            ("--debug", "apply", "--yes"),
            ("show", "managed_things.pump-1"),
            ("show", "ca_certificates.factory"),
            ("graph", "--format", "dot"),
            ("plan", "--destroy", "--calls"),
        )
    }
    secrets_by_command = {command: find_secrets(output) for command, output in outputs.items()}
    assert secrets_by_command == {command: [] for command in outputs}
    # No plan and no call was rejected, so the commands did use the secrets.
    assert [output for output in outputs.values() if "rejected" in output] == []
    assert "(sensitive)" in outputs["show managed_things.pump-1"]
    # A new setup code is a change, shown without the old code and without the new one.
    folder_with_secrets.environ["SETUP_CODE_1"] = NEW_SETUP_CODE
    assert find_secrets(get_output(folder_with_secrets, "plan", "--calls"), NEW_SETUP_CODE) == []


def test_no_file_in_the_folder_contains_a_secret_after_an_apply(folder_with_secrets):
    folder_with_secrets.apply()
    files = [path for path in folder_with_secrets.path.rglob("*") if path.is_file()]
    secrets_by_file = {path: find_secrets(path.read_bytes()) for path in files}
    assert secrets_by_file == {path: [] for path in files}
    assert folder_with_secrets.registry_path in files


PROVISIONED_THING = """
[workspace]
name = "greenhouse"

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }

[provisioned_things.pump-1]
template = { file = "template.json" }
parameters = { Pin = { env = "PIN" }, Pem = { env = "PUMP_PEM" } }
"""
TEMPLATE = {
    "Parameters": {name: {"Type": "String"} for name in ("Pin", "Pem", "AWS::IoT::Certificate::Id")},
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {
                "ThingName": {"Ref": "AWS::IoT::Certificate::Id"},
                "AttributePayload": {"code": {"Ref": "Pin"}, "site": "oslo"},
            },
        },
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": {"Ref": "Pem"}}},
    },
}
OLD_PIN, NEW_PIN = "canary-3141", "another-2718"


@pytest.fixture
def folder_with_template(folder) -> ProjectFolder:
    """Return a folder that declares a thing with a secret attribute, named after its certificate's ID."""
    (folder.path / "pki").mkdir()
    (folder.path / "pki/factory.pem").write_text(get_factory_ca().pem)
    (folder.path / "template.json").write_text(json.dumps(TEMPLATE))
    (folder.path / "desired_state.toml").write_text(PROVISIONED_THING)
    folder.environ |= {"PIN": OLD_PIN, "PUMP_PEM": get_factory_ca().get_device_pem("pump-1", 1)}
    return folder


def test_no_log_contains_the_previous_value_of_a_secret(folder_with_template):
    """The registry's responses contain the previous value, which is no longer in the environment."""
    folder_with_template.apply()
    assert OLD_PIN in str(folder_with_template.read_content())
    folder_with_template.environ["PIN"] = NEW_PIN
    outputs = [
        get_output(folder_with_template, "--debug", *arguments)
        for arguments in (("plan", "--calls"), ("drift",), ("apply", "--yes"))
    ]
    assert [find_secrets(output, OLD_PIN, NEW_PIN) for output in outputs] == [[], [], []]
    assert ["oslo" in output and "(sensitive)" in output for output in outputs] == [True] * 3


def test_destroying_a_resource_prints_no_value_of_its_secrets(folder_with_template):
    folder_with_template.apply()
    folder_with_template.environ["PIN"] = NEW_PIN
    outputs = [
        get_output(folder_with_template, "--debug", *arguments)
        for arguments in (
            ("plan", "--destroy", "--calls"),
            ("plan", "--destroy", "--format", "json"),
            ("destroy", "--yes"),
        )
    ]
    assert [find_secrets(output, OLD_PIN, NEW_PIN) for output in outputs] == [[], [], []]
    assert not any(folder_with_template.read_content().values())


def test_a_missing_parameter_is_a_warning_for_validate_and_an_error_for_plan(folder_with_template):
    """The template computes the thing's name from the certificate, which is one of the missing parameters."""
    del folder_with_template.environ["PIN"], folder_with_template.environ["PUMP_PEM"]
    validate, plan = folder_with_template.run("validate"), folder_with_template.run("plan")
    assert (validate.exit_code, validate.stderr) == (
        0,
        """\
warning: desired_state.toml:11  provisioned_things.pump-1.parameters.Pem  [unset-secret]
    11 | parameters = …
       | ^^^^^^^^^^
    env PUMP_PEM is unset or empty
    expected  a value before a plan uses it

warning: desired_state.toml:11  provisioned_things.pump-1.parameters.Pin  [unset-secret]
    11 | parameters = …
       | ^^^^^^^^^^
    env PIN is unset or empty
    expected  a value before a plan uses it

2 warnings

""",
    )
    assert (plan.exit_code, plan.stderr.splitlines()[-1]) == (
        1,
        "error: the secret from parameter Pem (env PUMP_PEM) is not set; set it and run the command again",
    )


HUB_TABLE = """
[managed_things.hub]
role = "CONTROLLER"
authentication_material = { env = "WIFI_CODE" }
authentication_material_type = "WIFI_SETUP_QR_BAR_CODE"
wi_fi_simple_setup_configuration = { enable_as_provisioner = true, enable_as_provisionee = false, timeout_in_minutes = 5 }
"""
WIFI_CODE = "SN:canary-2236;UPC:123456789012;"
NEW_WIFI_CODE = WIFI_CODE.replace("2236", "2645")


def test_no_log_of_creating_replacing_or_deleting_a_hub_contains_its_wi_fi_setup_code(folder):
    (folder.path / "desired_state.toml").write_text(f'[workspace]\nname = "greenhouse"\n{HUB_TABLE}')
    folder.environ["WIFI_CODE"] = WIFI_CODE
    outputs = [get_output(folder, "--debug", "apply", "--yes")]
    folder.environ["WIFI_CODE"] = NEW_WIFI_CODE
    outputs += [get_output(folder, "--debug", command, "--yes") for command in ("apply", "destroy")]
    assert ["WiFiSimpleSetupConfiguration" in output for output in outputs] == [True] * 3
    assert [find_secrets(output, WIFI_CODE, NEW_WIFI_CODE) for output in outputs] == [[], [], []]


WRONG_KEY = encode_key(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    ("old", "new", "environ"),
    [
        ('{ env = "SETUP_CODE_1" }', f'"{SETUP_CODE}"', {}),
        (
            'authentication_material = { env = "SETUP_CODE_1" }',
            f'authentication_materal = "{SETUP_CODE}"',
            {},
        ),
        ('{ env = "SETUP_CODE_1" }', f'{{ evn = "{SETUP_CODE}" }}', {}),
        ('thing = "pump-1"', f'thing = "pump-1"\nbrand = {{ env = "{SETUP_CODE}" }}', {}),
        ('{ env = "SETUP_CODE_1" }', f'{{ env = "SETUP_CODE_1" }}\nmodel = "{SETUP_CODE}', {}),
        ("", "", {"SETUP_CODE_1": f"{SETUP_CODE}\x07é"}),
        ("", "", {"SETUP_CODE_1": SETUP_CODE * 100}),
        ("", "", {"FACTORY_CA_KEY": WRONG_KEY}),
        ("", "", {"FACTORY_CA_KEY": WRONG_KEY[:-60]}),
        ('{ key = { env = "FACTORY_CA_KEY" } }', f"'''{WRONG_KEY}'''", {}),
        ('{ file = "pki/factory.pem" }', f"'''{WRONG_KEY}'''", {}),
        ('{ file = "pki/factory.pem" }', '{ file = "ca.key" }', {}),
        ('{ file = "pki/factory.pem" }', '{ env = "FACTORY_CA_KEY" }', {}),
    ],
    ids=[
        "a-code-as-text",
        "a-code-under-a-misspelled-key",
        "a-code-under-a-misspelled-reference",
        "a-code-as-the-name-of-a-variable",
        "a-code-in-invalid-TOML",
        "a-code-with-invalid-characters",
        "a-code-that-is-too-long",
        "another-key",
        "a-truncated-key",
        "a-key-as-text",
        "a-key-in-place-of-a-certificate",
        "a-key-file-in-place-of-a-certificate-file",
        "a-key-variable-in-place-of-a-certificate",
    ],
)
def test_no_error_about_the_file_contains_a_misplaced_or_invalid_secret(
    folder_with_secrets, old, new, environ
):
    (folder_with_secrets.path / "ca.key").write_text(WRONG_KEY)
    file = folder_with_secrets.path / "desired_state.toml"
    if old:
        file.write_text(file.read_text().replace(old, new, 1))
    folder_with_secrets.environ |= environ
    result = folder_with_secrets.run("--debug", "validate")
    assert (result.exit_code, result.stderr != "") == (1, True)
    assert find_secrets(result.stdout + result.stderr, *key_fragments(WRONG_KEY)) == []


STORED = """
[workspace]
name = "greenhouse"
region = "eu-west-1"

[things.pump-1]

[managed_things.parameter]
role = "DEVICE"
authentication_material = { ssm = "/iot/code" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"

[managed_things.member]
role = "DEVICE"
authentication_material = { secretsmanager = "iot/codes", key = "device" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""
OTHER_MEMBER = "canary-member-5772"


@pytest.fixture
def folder_with_stored_secrets(folder) -> ProjectFolder:
    """Return a folder whose secrets are in the registry's Parameter Store and Secrets Manager."""
    (folder.path / "desired_state.toml").write_text(STORED)
    workspace = Workspace(folder.path / "desired_state.toml")
    workspace.client("ssm").put_parameter(Name="/iot/code", Value=SETUP_CODE, Type="SecureString")
    members = json.dumps({"device": NEW_SETUP_CODE, "other": OTHER_MEMBER})
    workspace.client("secretsmanager").create_secret(Name="iot/codes", SecretString=members)
    return folder


def test_no_command_prints_or_writes_a_secret_that_aws_stores(folder_with_stored_secrets):
    folder = folder_with_stored_secrets
    outputs = {
        " ".join(arguments): get_output(folder, *arguments)
        for arguments in (
            ("--debug", "doctor"),
            ("--debug", "plan", "--calls", "--out", "plan.json"),
            ("plan", "--format", "json"),
            ("--debug", "apply", "--yes"),
            ("--debug", "drift"),
            ("show", "managed_things.member"),
            ("history",),
            ("permissions",),
            ("--debug", "destroy", "--yes"),
        )
    }
    secrets = (NEW_SETUP_CODE, OTHER_MEMBER)
    assert {command: find_secrets(output, *secrets) for command, output in outputs.items()} == {
        command: [] for command in outputs
    }
    assert "the file's 2 secrets in AWS can be read" in outputs["--debug doctor"]
    assert (
        outputs["--debug apply --yes"].count('"SecretString": "(sensitive)"')
        + outputs["--debug apply --yes"].count('"SecretString":"(sensitive)"')
        == 1
    ), "the log has no response with a secret"
    files = [path for path in folder.path.rglob("*") if path.is_file() and "registry" not in path.name]
    assert {path.name: find_secrets(path.read_bytes(), *secrets) for path in files} == {
        path.name: [] for path in files
    }
