"""A small fleet: the files that declare it, and what the registry must contain after an apply.

The files are made without code of reconciler, and so is the expected content, except for what an unused registry contains. A
fault in that code can therefore not hide itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.pki import Authority
from tests.support.registry_client import Cloud

WORKSPACE = "greenhouse"
SETUP_CODES = {"SETUP_CODE_1": "900011111122222", "SETUP_CODE_2": "900023333344444"}
"""Setup codes by the environment variable that contains them."""
SALTED_HASH = "(a salted hash)"
"""Stands for the salted hash of a setup code, which is different in every run."""


@cache
def get_factory_ca() -> Authority:
    """Return the CA of all devices; each call returns the same object, because keys are slow to create."""
    return Authority("Factory CA")


def get_secret_variables() -> dict[str, str]:
    """Return the environment variables with the secrets that the desired state refers to."""
    return {"FACTORY_CA_KEY": get_factory_ca().key_pem, **SETUP_CODES}


def compute_fingerprint(pem: str) -> str:
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()


def replace_salted_hashes(content: dict[str, Any]) -> dict[str, Any]:
    """Replace the salted hashes of setup codes in a registry's content in place, and return the content.

    Then two contents can be compared.
    """
    for managed_thing in content["managed_things"]:
        managed_thing["Tags"]["reconciler:material"] = SALTED_HASH
    return content


@frozen
class Device:
    """A thing with a certificate, and a managed thing if it has a setup code."""

    site: str = "oslo"
    generation: int = 1
    """1 for the first certificate of the device, 2 for the certificate that replaces it."""
    setup_code_variable: str | None = None


@frozen
class Fleet:
    """Devices by name; the factory CA has signed their certificates."""

    devices: Mapping[str, Device] = field(factory=dict)

    @classmethod
    def of_size(cls, count: int) -> Fleet:
        """Return a fleet of the devices `pump-001`, `pump-002`, …"""
        return cls({f"pump-{number:03}": Device() for number in range(1, count + 1)})

    def with_changes(self, name: str, **changes: Any) -> Fleet:
        """Return the fleet with changes to one device."""
        return Fleet({**self.devices, name: evolve(self.devices[name], **changes)})

    def without_device(self, name: str) -> Fleet:
        remaining_devices = dict(self.devices)
        del remaining_devices[name]
        return Fleet(remaining_devices)

    def get_certificate_id(self, name: str) -> str:
        return compute_fingerprint(get_factory_ca().get_device_pem(name, self.devices[name].generation))

    def write_files(self, folder: Path) -> None:
        """Write `desired_state.toml`, and the certificates in `pki/`."""
        (folder / "pki").mkdir(exist_ok=True)
        (folder / "pki/factory.pem").write_text(get_factory_ca().pem)
        for name, device in self.devices.items():
            (folder / f"pki/{name}.pem").write_text(get_factory_ca().get_device_pem(name, device.generation))
        tables = COMMON_TABLES + "".join(map(self.format_device_tables, self.devices))
        (folder / "desired_state.toml").write_text(tables)

    def format_device_tables(self, name: str) -> str:
        """Return the TOML tables of one device."""
        device = self.devices[name]
        tables = DEVICE_TABLES.format(name=name, site=device.site)
        if device.setup_code_variable:
            tables += MANAGED_THING_TABLE.format(name=name, variable=device.setup_code_variable)
        return tables

    def make_expected_content(self) -> dict[str, Any]:
        """Return what `Cloud.read_content` must return after an apply, with salted hashes replaced."""
        return {
            **make_empty_content(),
            "ca_certificates": {
                compute_fingerprint(get_factory_ca().pem): {
                    "status": "ACTIVE",
                    "certificateMode": "DEFAULT",
                    "autoRegistrationStatus": "DISABLE",
                    "tags": make_ownership_tags("factory"),
                }
            },
            "certificates": {self.get_certificate_id(name): ("ACTIVE", "DEFAULT") for name in self.devices},
            "things": {
                name: make_expected_thing({"site": device.site}, self.get_certificate_id(name), WORKSPACE)
                for name, device in self.devices.items()
            },
            "thing_groups": make_expected_thing_groups(WORKSPACE),
            "managed_things": [
                {
                    "Name": name,
                    "Role": "DEVICE",
                    "ProvisioningStatus": "PRE_ASSOCIATED",
                    "MetaData": {"reconciler:address": f"managed_things.{name}", "reconciler:thing": name},
                    "Tags": {
                        **make_ownership_tags(name),
                        "reconciler:fields": "",
                        "reconciler:material": SALTED_HASH,
                        "reconciler:type": "ZWAVE_QR_BAR_CODE",
                    },
                }
                for name, device in sorted(self.devices.items())
                if device.setup_code_variable
            ],
            "policies": make_expected_policies(WORKSPACE),
        }


@cache
def _empty_content_json() -> str:
    return json.dumps(Cloud().read_content())


def make_empty_content() -> dict[str, Any]:
    """Return the content of an unused registry."""
    content: dict[str, Any] = json.loads(_empty_content_json())
    return content


def make_expected_thing(attributes: Mapping[str, str], certificate_id: str, workspace: str) -> dict[str, Any]:
    """Return the expected content of a workspace's thing that has one certificate."""
    return {
        "attributes": dict(attributes),
        "type": None,
        "principals": [(certificate_id, "NON_EXCLUSIVE_THING")],
        "groups": [f"reconciler-{workspace}"],
        "billing_group": None,
    }


def make_ownership_tags(name: str, workspace: str = WORKSPACE) -> dict[str, str]:
    return {"reconciler:workspace": workspace, "reconciler:name": name}


def make_expected_thing_groups(workspace: str) -> dict[str, Any]:
    """Return the expected thing groups: the one that records which things the workspace owns."""
    name = f"reconciler-{workspace}"
    return {
        name: {
            "description": f"The things that the reconciler workspace {workspace} owns.",
            "attributes": {},
            "parent": None,
            "query": None,
            "tags": make_ownership_tags(name, workspace),
        }
    }


def make_expected_policies(workspace: str) -> dict[str, Any]:
    """Return the expected policies, by name.

    The only one is the policy for certificates that are being deleted; no certificate has it now.
    """
    name = f"reconciler-{workspace}-retired"
    deny_all = {"Effect": "Deny", "Action": "iot:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [deny_all]}
    return {name: {"document": document, "targets": [], "tags": make_ownership_tags(name, workspace)}}


COMMON_TABLES = """\
[workspace]
name = "greenhouse"
limits = { delete_percent = 100, replace_percent = 100 }

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }
"""

DEVICE_TABLES = """
[certificates.{name}]
pem = {{ file = "pki/{name}.pem" }}
ca = "factory"

[things.{name}]
certificates = ["{name}"]
attributes = {{ site = "{site}" }}
"""

MANAGED_THING_TABLE = """
[managed_things.{name}]
thing = "{name}"
role = "DEVICE"
authentication_material = {{ env = "{variable}" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""

SMALL_FLEET = Fleet(
    {
        "pump-1": Device("oslo", setup_code_variable="SETUP_CODE_1"),
        "pump-2": Device("bergen"),
    }
)
"""The fleet that most journeys start with."""
