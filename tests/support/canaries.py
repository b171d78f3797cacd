"""An environment whose file refers to secrets in environment variables, in files and in AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler import Workspace
from reconciler.model.redaction import redaction_scope
from tests.support.rollouts import write_environments
from tests.support.small_fleet import SETUP_CODES, get_factory_ca

_TABLES = """
[ca_certificates.factory]
pem = { file = "factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }

[managed_things.env]
role = "DEVICE"
authentication_material = { env = "SETUP_CODE_1" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"

[managed_things.file]
role = "DEVICE"
authentication_material = { file = "secret/code" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"

[managed_things.ssm]
role = "DEVICE"
authentication_material = { ssm = "/iot/code" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"

[managed_things.secretsmanager]
role = "DEVICE"
authentication_material = { secretsmanager = "iot/codes", key = "device" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"

[provisioned_things.parameter]
template = { file = "template.json" }
parameters = { Pin = { env = "PIN" }, Pem = { file = "device.pem" } }
"""
CANARIES = {
    "UNRELATED": "canary-variable-1f3a",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-key-9c1b",
    "AWS_SESSION_TOKEN": "canary-session-token-77aa",
    "PIN": "canary-pin-31415",
    "FACTORY_CA_KEY": get_factory_ca().key_pem.splitlines()[1],
    **SETUP_CODES,
    "PARAMETER": "900031313131313",
    "SECRET": "900041414141414",
    "OTHER_MEMBER": "canary-member-5772",
}
"""Values that no output may contain: environment variables, a line of a key, a file with the second setup code, a parameter, and a secret."""

_TEMPLATE = {
    "Parameters": {name: {"Type": "String"} for name in ("Pin", "Pem", "AWS::IoT::Certificate::Id")},
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {"ThingName": "pump-p", "AttributePayload": {"pin": {"Ref": "Pin"}}},
        },
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": {"Ref": "Pem"}}},
    },
}


def write_environment_with_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the file with one environment, and set the environment variables that it refers to."""
    for name, value in {**CANARIES, "FACTORY_CA_KEY": get_factory_ca().key_pem}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    path = write_environments(folder, 1, more=_TABLES)
    (folder / "secret").mkdir()
    (folder / "secret/code").write_text(SETUP_CODES["SETUP_CODE_2"])
    (folder / "factory.pem").write_text(get_factory_ca().pem)
    (folder / "template.json").write_text(json.dumps(_TEMPLATE))
    (folder / "device.pem").write_text(get_factory_ca().get_device_pem("pump-p", 1))
    with redaction_scope():
        _store_secrets(Workspace(path, environment="site-1"))
    return path


def _store_secrets(workspace: Workspace) -> None:
    workspace.client("ssm").put_parameter(Name="/iot/code", Value=CANARIES["PARAMETER"], Type="SecureString")
    members = {"device": CANARIES["SECRET"], "other": CANARIES["OTHER_MEMBER"]}
    workspace.client("secretsmanager").create_secret(Name="iot/codes", SecretString=json.dumps(members))
