"""A hand-written boto3 script that manages the fleet with one request at a time.

It keeps no record of ownership.

Run it as `python -m tests.benchmarks.boto3_script FOLDER URL ACCOUNT PHASE`: FOLDER has the fleet's files, URL is the
registry's, and PHASE is a key of `PHASES`. ACCOUNT has 12 digits; the script sends it as its access key ID, from which the registry
takes the account.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import boto3

from tests.benchmarks.fleet import POLICY
from tests.support.pki import compute_certificate_id


def read_manifest(folder: Path) -> dict[str, str]:
    """Return each device's site, by name."""
    with (folder / "devices.csv").open(newline="") as file:
        return {row["name"]: row["site"] for row in csv.DictReader(file)}


def read_pem(folder: Path, name: str) -> str:
    return (folder / "pems" / f"{name}.pem").read_text()


def create(folder: Path, iot: Any, _account: str) -> None:
    ca_pem = (folder / "ca.pem").read_text()
    iot.register_ca_certificate(caCertificate=ca_pem, certificateMode="SNI_ONLY", setAsActive=True)
    iot.create_policy(policyName="connect", policyDocument=POLICY)
    for name, site in read_manifest(folder).items():
        certificate = iot.register_certificate(
            certificatePem=read_pem(folder, name), caCertificatePem=ca_pem, status="ACTIVE"
        )
        iot.create_thing(thingName=name, attributePayload={"attributes": {"site": site}})
        iot.attach_policy(policyName="connect", target=certificate["certificateArn"])
        iot.attach_thing_principal(thingName=name, principal=certificate["certificateArn"])


def check(folder: Path, iot: Any, _account: str) -> None:
    for name, site in read_manifest(folder).items():
        if not has_desired_state(folder, iot, name, site):
            raise SystemExit(f"{name}: does not have its desired state")


def has_desired_state(folder: Path, iot: Any, name: str, site: str) -> bool:
    """Return whether a device's thing, certificate, attachment and policy are as the script creates them."""
    thing = iot.describe_thing(thingName=name)
    certificate_id = compute_certificate_id(read_pem(folder, name))
    certificate = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    arn = certificate["certificateArn"]
    policies = iot.list_attached_policies(target=arn)["policies"]
    return (
        thing["attributes"] == {"site": site}
        and certificate["status"] == "ACTIVE"
        and iot.list_thing_principals(thingName=name)["principals"] == [arn]
        and [policy["policyName"] for policy in policies] == ["connect"]
    )


def change(folder: Path, iot: Any, _account: str) -> None:
    for name, site in read_manifest(folder).items():
        if not has_desired_state(folder, iot, name, site):
            iot.update_thing(thingName=name, attributePayload={"attributes": {"site": site}})


def destroy(folder: Path, iot: Any, account: str) -> None:
    for name in read_manifest(folder):
        certificate_id = compute_certificate_id(read_pem(folder, name))
        arn = f"arn:aws:iot:eu-west-1:{account}:cert/{certificate_id}"
        iot.detach_thing_principal(thingName=name, principal=arn)
        iot.delete_thing(thingName=name)
        iot.detach_policy(policyName="connect", target=arn)
        iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
        iot.delete_certificate(certificateId=certificate_id)
    iot.delete_policy(policyName="connect")
    ca_id = compute_certificate_id((folder / "ca.pem").read_text())
    iot.update_ca_certificate(certificateId=ca_id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca_id)


PHASES = {"create": create, "no-op": check, "change 1 %": change, "destroy": destroy}


def main(folder: str, url: str, account: str, phase: str) -> None:
    iot = boto3.Session().client(
        "iot",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id=account,
        aws_secret_access_key="test",
    )
    PHASES[phase](Path(folder), iot, account)


if __name__ == "__main__":
    main(*sys.argv[1:])
