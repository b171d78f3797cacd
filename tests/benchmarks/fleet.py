"""The fleet of the race, as files for each contender: devices, each with a certificate that one CA signed, a thing, the
one attached to the other, and a policy attached to the certificate.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tests.support.pki import Authority

POLICY = """{
  "Version": "2012-10-17",
  "Statement": [{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" }]
}
"""
DESIRED = """\
[workspace]
name = "race"
target = "{url}"
region = "eu-west-1"
[ca_certificates.factory]
pem = {{ file = "ca.pem" }}
certificate_mode = "SNI_ONLY"

[policies.connect]
document = {{ file = "policy.json" }}

[certificates."{{name}}"]
for_each = {{ file = "devices.csv" }}
pem = {{ file = "pems/{{name}}.pem" }}
ca = "factory"
policies = ["connect"]

[things."{{name}}"]
for_each = {{ file = "devices.csv" }}
certificates = ["{{name}}"]
attributes = {{ site = "{{site}}" }}
"""
TERRAFORM = """\
locals {
  devices = { for row in csvdecode(file("${path.module}/devices.csv")) : row.name => row.site }
}
resource "aws_iot_ca_certificate" "factory" {
  active                  = true
  allow_auto_registration = false
  ca_certificate_pem      = file("${path.module}/ca.pem")
  certificate_mode        = "SNI_ONLY"
}
resource "aws_iot_policy" "connect" {
  name   = "connect"
  policy = file("${path.module}/policy.json")
}
resource "aws_iot_certificate" "device" {
  for_each        = local.devices
  active          = true
  certificate_pem = file("${path.module}/pems/${each.key}.pem")
  ca_pem          = aws_iot_ca_certificate.factory.ca_certificate_pem
}
resource "aws_iot_thing" "device" {
  for_each   = local.devices
  name       = each.key
  attributes = { site = each.value }
}
resource "aws_iot_policy_attachment" "device" {
  for_each = local.devices
  policy   = aws_iot_policy.connect.name
  target   = aws_iot_certificate.device[each.key].arn
}
resource "aws_iot_thing_principal_attachment" "device" {
  for_each  = local.devices
  principal = aws_iot_certificate.device[each.key].arn
  thing     = aws_iot_thing.device[each.key].name
}
"""
RESOURCES_A_DEVICE = 4


def names(devices: int) -> Iterator[str]:
    return (f"pump-{number:06}" for number in range(devices))


def write(folder: Path, devices: int) -> None:
    """The CA, the policy, the PEMs, and the devices before any change."""
    (folder / "pems").mkdir(parents=True)
    authority = Authority("Race CA")
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "policy.json").write_text(POLICY)
    for name in names(devices):
        (folder / "pems" / f"{name}.pem").write_text(authority.device(name))
    write_devices(folder, devices, changed=False)


def write_devices(folder: Path, devices: int, *, changed: bool) -> None:
    """The manifest; after the change every hundredth device is somewhere else."""
    with (folder / "devices.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("name", "site"))
        for number, name in enumerate(names(devices)):
            rows.writerow((name, "bergen" if changed and number % 100 == 0 else "oslo"))


def point(folder: Path, url: str) -> None:
    """Write the desired state for a registry at this address."""
    (folder / "desired_state.toml").write_text(DESIRED.format(url=url))
