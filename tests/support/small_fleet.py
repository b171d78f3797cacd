"""A small fleet as its files, and as the registry must tell it when they are applied: two accounts of one thing, written
apart from the program."""

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
CODES = {"SETUP_CODE_1": "900011111122222", "SETUP_CODE_2": "900023333344444"}
MASKED = "(a salted hash)"


@cache
def factory() -> Authority:
    return Authority("Factory CA")


def environ() -> dict[str, str]:
    """The secrets that the files refer to."""
    return {"FACTORY_CA_KEY": factory().key_pem, **CODES}


def fingerprint(pem: str) -> str:
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()


def masked(content: dict[str, Any]) -> dict[str, Any]:
    """Hashes of setup codes are salted by what they are for, and nobody's business."""
    for managed in content["managed_things"]:
        managed["Tags"]["reconciler:material"] = MASKED
    return content


@frozen
class Device:
    """`generation` counts its certificates; `code` is the variable that its setup code comes from, if it has one."""

    site: str = "oslo"
    generation: int = 1
    code: str | None = None


@frozen
class Fleet:
    devices: Mapping[str, Device] = field(factory=dict)

    @classmethod
    def of(cls, count: int) -> Fleet:
        return cls({f"pump-{number:03}": Device() for number in range(1, count + 1)})

    def having(self, name: str, **changes: Any) -> Fleet:
        return Fleet({**self.devices, name: evolve(self.devices[name], **changes)})

    def without(self, name: str) -> Fleet:
        return Fleet({other: device for other, device in self.devices.items() if other != name})

    # ── as files ────────────────────────────────────────────────────────────────────────────────

    def write(self, folder: Path) -> None:
        (folder / "pki").mkdir(exist_ok=True)
        (folder / "pki/factory.pem").write_text(factory().pem)
        for name, device in self.devices.items():
            (folder / f"pki/{name}.pem").write_text(factory().device(name, device.generation))
        (folder / "desired_state.toml").write_text(HEAD + "".join(map(self.tables, self.devices)))

    def tables(self, name: str) -> str:
        device = self.devices[name]
        text = DEVICE.format(name=name, site=device.site)
        return text + (MANAGED.format(name=name, code=device.code) if device.code else "")

    # ── as the registry tells it ────────────────────────────────────────────────────────────────

    def content(self) -> dict[str, Any]:
        return {
            **empty(),
            "ca_certificates": {
                fingerprint(factory().pem): {
                    "status": "ACTIVE",
                    "certificateMode": "DEFAULT",
                    "autoRegistrationStatus": "DISABLE",
                    "tags": marks("factory"),
                }
            },
            "certificates": {self.certificate(name): ("ACTIVE", "DEFAULT") for name in self.devices},
            "things": {
                name: thing({"site": device.site}, self.certificate(name), WORKSPACE)
                for name, device in self.devices.items()
            },
            "thing_groups": thing_groups(WORKSPACE),
            "managed_things": [
                {
                    "Name": name,
                    "Role": "DEVICE",
                    "ProvisioningStatus": "PRE_ASSOCIATED",
                    "MetaData": {"reconciler:address": f"managed_things.{name}", "reconciler:thing": name},
                    "Tags": {
                        **marks(name),
                        "reconciler:fields": "",
                        "reconciler:material": MASKED,
                        "reconciler:type": "ZWAVE_QR_BAR_CODE",
                    },
                }
                for name, device in sorted(self.devices.items())
                if device.code
            ],
            "policies": policies(WORKSPACE),
        }

    def certificate(self, name: str) -> str:
        return fingerprint(factory().device(name, self.devices[name].generation))


@cache
def _empty() -> str:
    return json.dumps(Cloud().content())


def empty() -> dict[str, Any]:
    """A registry that nobody has used."""
    found: dict[str, Any] = json.loads(_empty())
    return found


def thing(attributes: Mapping[str, str], certificate: str, workspace: str) -> dict[str, Any]:
    """A thing of the workspace with one certificate."""
    return {
        "attributes": dict(attributes),
        "type": None,
        "principals": [(certificate, "NON_EXCLUSIVE_THING")],
        "groups": [f"reconciler-{workspace}"],
        "billed": None,
    }


def marks(name: str, workspace: str = WORKSPACE) -> dict[str, str]:
    return {"reconciler:workspace": workspace, "reconciler:name": name}


def thing_groups(workspace: str) -> dict[str, Any]:
    """The group that marks the workspace's things."""
    name = f"reconciler-{workspace}"
    text = f"The things that the reconciler workspace {workspace} owns."
    plain = {"description": text, "attributes": {}, "parent": None, "query": None}
    return {name: {**plain, "tags": marks(name, workspace)}}


def policies(workspace: str) -> dict[str, Any]:
    """The policy that marks the workspace's certificates on their way out; nothing is on its way out after an apply."""
    name = f"reconciler-{workspace}-retired"
    deny = {"Effect": "Deny", "Action": "iot:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [deny]}
    return {name: {"document": document, "targets": [], "tags": marks(name, workspace)}}


HEAD = """\
[workspace]
name = "greenhouse"
limits = { delete_percent = 100, replace_percent = 100 }

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }
"""

DEVICE = """
[certificates.{name}]
pem = {{ file = "pki/{name}.pem" }}
ca = "factory"

[things.{name}]
certificates = ["{name}"]
attributes = {{ site = "{site}" }}
"""

MANAGED = """
[managed_things.{name}]
thing = "{name}"
role = "DEVICE"
authentication_material = {{ env = "{code}" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""

SMALL = Fleet(
    {
        "pump-1": Device("oslo", code="SETUP_CODE_1"),
        "pump-2": Device("bergen"),
    }
)
"""What most journeys begin with."""
