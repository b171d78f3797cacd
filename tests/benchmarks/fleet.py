"""The fleet of the benchmarks, as files for `reconciler`, Terraform and the boto3 script.

A device is a certificate signed by the fleet's only CA, a thing that the certificate is attached to, and an attachment of
the fleet's only policy to the certificate.
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
DESIRED_STATE = """\
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
# The race configures Terraform's provider in the usual way, although environment variables would be faster.
TERRAFORM_PROVIDER = """\
provider "aws" {{
  region                      = "eu-west-1"
  access_key                  = "{account}"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints {{
    iot = "{url}"
  }}
}}
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


def list_device_names(devices: int) -> Iterator[str]:
    return (f"pump-{number:06}" for number in range(devices))


def write_files(folder: Path, devices: int) -> None:
    """Write the CA, the policy, the certificates, and the unchanged manifest to a new folder."""
    (folder / "pems").mkdir(parents=True)
    authority = Authority("Race CA")
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "policy.json").write_text(POLICY)
    for name in list_device_names(devices):
        (folder / "pems" / f"{name}.pem").write_text(authority.get_device_pem(name))
    write_manifest(folder, devices, changed=False)


def write_manifest(folder: Path, devices: int, *, changed: bool) -> None:
    """Write the manifest; with `changed`, every hundredth device, from the first one, is at another site."""
    with (folder / "devices.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "site"))
        for number, name in enumerate(list_device_names(devices)):
            writer.writerow((name, "bergen" if changed and number % 100 == 0 else "oslo"))


def write_desired_state(folder: Path, url: str) -> None:
    """Write `desired_state.toml` with the registry at `url` as its target."""
    (folder / "desired_state.toml").write_text(DESIRED_STATE.format(url=url))
