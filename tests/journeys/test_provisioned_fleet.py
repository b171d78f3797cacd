"""The life of five hundred devices, each provisioned from one template and one row of a manifest."""

from __future__ import annotations

import json

import pytest
from attrs import evolve, frozen

from tests.support.project_folder import Folder
from tests.support.registry_client import Cloud
from tests.support.small_fleet import factory, fingerprint

DEVICES = 500
TENTH = range(0, DEVICES, 10)

HEAD = """
[workspace]
name = "greenhouse"

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }

[policies.telemetry]
document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iot:Connect", Resource = "*" }] }

[provisioned_things."pump-{serial}"]
for_each = { file = "devices.csv" }
template = { file = "template.json" }
parameters = { Serial = "{serial}", Site = "{site}", Pem = { file = "pki/{serial}-{generation}.pem" } }
"""

TEMPLATE = {
    "Parameters": {name: {"Type": "String"} for name in ("Serial", "Site", "Pem")},
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {
                "ThingName": {"Fn::Join": ["-", ["pump", {"Ref": "Serial"}]]},
                "AttributePayload": {"site": {"Ref": "Site"}},
            },
        },
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificatePem": {"Ref": "Pem"}},
        },
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "telemetry"}},
    },
}


@frozen
class Row:
    serial: int
    site: str = "oslo"
    generation: int = 1

    @property
    def pem(self) -> str:
        return factory().device(f"pump-{self.serial}", self.generation)


def write(folder: Folder, rows: list[Row]) -> None:
    pki = folder.path / "pki"
    pki.mkdir(exist_ok=True)
    (pki / "factory.pem").write_text(factory().pem)
    for row in rows:
        (pki / f"{row.serial}-{row.generation}.pem").write_text(row.pem)
    lines = ["serial,site,generation", *(f"{row.serial},{row.site},{row.generation}" for row in rows)]
    (folder.path / "devices.csv").write_text("\n".join(lines) + "\n")
    (folder.path / "template.json").write_text(json.dumps(TEMPLATE))
    (folder.path / "desired_state.toml").write_text(HEAD)


def registered(folder: Folder) -> dict[str, tuple[str, str, str, tuple[str, ...]]]:
    """Each pump's site, certificate, the certificate's status, and its policies; nothing else may be registered."""
    cloud = Cloud(folder.registry)
    things = cloud._pages(cloud.iot, "list_things", "things")
    statuses = {
        found["certificateId"]: found["status"]
        for found in cloud._pages(cloud.iot, "list_certificates", "certificates")
    }
    targets = cloud._pages(cloud.iot, "list_targets_for_policy", "targets", policyName="telemetry")
    allowed = {target.rpartition("/")[2] for target in targets}
    pumps = {}
    for thing in things:
        (principal,) = cloud._pages(
            cloud.iot, "list_thing_principals", "principals", thingName=thing["thingName"]
        )
        held = principal.rpartition("/")[2]
        policies = ("telemetry",) if held in allowed else ()
        pumps[thing["thingName"]] = (thing["attributes"]["site"], held, statuses.pop(held), policies)
    assert statuses == {}
    return pumps


def expected(rows: list[Row]) -> dict[str, tuple[str, str, str, tuple[str, ...]]]:
    return {f"pump-{row.serial}": (row.site, fingerprint(row.pem), "ACTIVE", ("telemetry",)) for row in rows}


def counted(text: str) -> str:
    """The line of a report that counts what was done."""
    (line,) = [line for line in text.splitlines() if line.startswith("✔ Apply complete")]
    return line.partition(": ")[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Folder:
    return Folder(tmp_path_factory.mktemp("fleet"))


def test_five_hundred_devices_live_and_go(folder):
    rows = [Row(serial) for serial in range(DEVICES)]
    write(folder, rows)
    ended = folder.apply()
    assert counted(ended.out) == "504 created."
    assert registered(folder) == expected(rows)
    assert folder.run("plan", "--detailed-exitcode").code == 0

    rows = [evolve(row, site="bergen") if row.serial % 2 else row for row in rows]
    write(folder, rows)
    assert counted(folder.apply().out) == "250 updated."
    assert registered(folder) == expected(rows)

    rows = [evolve(row, generation=2) if row.serial in TENTH else row for row in rows]
    write(folder, rows)
    rotated = folder.run("rotate", "--wave", "40%", "--yes")
    assert rotated.code == 0, rotated
    assert registered(folder) == expected(rows)
    assert folder.run("plan", "--detailed-exitcode").code == 0

    rows = [row for row in rows if row.serial not in TENTH]
    write(folder, rows)
    assert counted(folder.apply().out) == "100 deleted."
    assert registered(folder) == expected(rows)
    assert folder.run("plan", "--detailed-exitcode").code == 0

    destroyed = folder.run("destroy", "--yes")
    assert destroyed.code == 0, destroyed
    assert Cloud(folder.registry).content() == Cloud().content()
