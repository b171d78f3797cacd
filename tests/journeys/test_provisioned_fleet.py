"""Three hundred devices, provisioned from one template, each with its own row of a manifest."""

from __future__ import annotations

import json

import pytest
from attrs import evolve, frozen

from tests.support.project_folder import ProjectFolder
from tests.support.registry_client import Cloud
from tests.support.small_fleet import compute_fingerprint, get_factory_ca, make_empty_content

DEVICE_COUNT = 300
"""More resources than fit on one page of a list operation."""
EVERY_TENTH_SERIAL = range(0, DEVICE_COUNT, 10)

DESIRED_STATE = """
[workspace]
name = "greenhouse"

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }

[policies.telemetry]
document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iot:Receive", Resource = "*" }] }

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
    """One row of the manifest."""

    serial: int
    site: str = "oslo"
    generation: int = 1

    @property
    def pem(self) -> str:
        return get_factory_ca().get_device_pem(f"pump-{self.serial}", self.generation)


@frozen
class Pump:
    """A thing, its only certificate and the certificate's policies."""

    site: str
    certificate_id: str
    status: str
    policies: tuple[str, ...]


def write_files(folder: ProjectFolder, rows: list[Row]) -> None:
    pki = folder.path / "pki"
    pki.mkdir(exist_ok=True)
    (pki / "factory.pem").write_text(get_factory_ca().pem)
    for row in rows:
        (pki / f"{row.serial}-{row.generation}.pem").write_text(row.pem)
    lines = ["serial,site,generation", *(f"{row.serial},{row.site},{row.generation}" for row in rows)]
    (folder.path / "devices.csv").write_text("\n".join(lines) + "\n")
    (folder.path / "template.json").write_text(json.dumps(TEMPLATE))
    (folder.path / "desired_state.toml").write_text(DESIRED_STATE)


def read_pumps(folder: ProjectFolder) -> dict[str, Pump]:
    """Return all things by name, and check that every certificate is attached to one of them."""
    cloud = Cloud(folder.registry_path)
    things = cloud.list_all(cloud.iot, "list_things", "things")
    statuses = {
        certificate["certificateId"]: certificate["status"]
        for certificate in cloud.list_all(cloud.iot, "list_certificates", "certificates")
    }
    targets = cloud.list_all(cloud.iot, "list_targets_for_policy", "targets", policyName="telemetry")
    certificates_with_policy = {target.rpartition("/")[2] for target in targets}
    pumps = {}
    for thing in things:
        name = thing["thingName"]
        (principal,) = cloud.list_all(cloud.iot, "list_thing_principals", "principals", thingName=name)
        certificate_id = principal.rpartition("/")[2]
        policies = ("telemetry",) if certificate_id in certificates_with_policy else ()
        site = thing["attributes"]["site"]
        pumps[name] = Pump(site, certificate_id, statuses.pop(certificate_id), policies)
    assert statuses == {}
    return pumps


def expected_pumps(rows: list[Row]) -> dict[str, Pump]:
    return {
        f"pump-{row.serial}": Pump(row.site, compute_fingerprint(row.pem), "ACTIVE", ("telemetry",))
        for row in rows
    }


def find_counts(report: str) -> str:
    """Return the counts in an apply's report, such as `3 created.`, without the duration."""
    (line,) = [line for line in report.splitlines() if line.startswith("✔ Apply complete")]
    return line.partition(": ")[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> ProjectFolder:
    return ProjectFolder(tmp_path_factory.mktemp("fleet"))


def test_three_hundred_devices_are_created_changed_rotated_and_destroyed(folder):
    rows = [Row(serial) for serial in range(DEVICE_COUNT)]
    write_files(folder, rows)
    # 300 devices, the CA, the policy and two ownership markers.
    assert find_counts(folder.apply().stdout) == "304 created."
    assert read_pumps(folder) == expected_pumps(rows)
    assert folder.run("plan", "--detailed-exitcode").exit_code == 0

    rows = [evolve(row, site="bergen") if row.serial % 2 else row for row in rows]
    write_files(folder, rows)
    assert find_counts(folder.apply().stdout) == "150 updated."
    assert read_pumps(folder) == expected_pumps(rows)

    rows = [evolve(row, generation=2) if row.serial in EVERY_TENTH_SERIAL else row for row in rows]
    write_files(folder, rows)
    rotate = folder.run("rotate", "--wave", "40%", "--yes")
    assert rotate.exit_code == 0, rotate
    assert read_pumps(folder) == expected_pumps(rows)
    assert folder.run("plan", "--detailed-exitcode").exit_code == 0

    rows = [row for row in rows if row.serial not in EVERY_TENTH_SERIAL]
    write_files(folder, rows)
    # A removed device is planned as two deletions: of its thing and of its certificate.
    assert find_counts(folder.apply().stdout) == "60 deleted."
    assert read_pumps(folder) == expected_pumps(rows)
    assert folder.run("plan", "--detailed-exitcode").exit_code == 0

    destroy = folder.run("destroy", "--yes")
    assert destroy.exit_code == 0, destroy
    assert folder.read_content() == make_empty_content()
