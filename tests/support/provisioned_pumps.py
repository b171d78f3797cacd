"""Provisioned things for tests: pumps, with their template, CA and policy."""

from __future__ import annotations

from typing import Any

from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.shared.provisioning_template import (
    CERTIFICATE,
    POLICY,
    THING,
)
from reconciler.model.document import Document
from tests.support.desired_states import (
    AUTHORITIES,
    make_ca,
    make_resource,
    make_state,
)
from tests.support.pki import compute_certificate_id

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
}


def make_template(**changes: Any) -> Document:
    """Return a template with a thing, its certificate and a policy; `changes` extend the thing's entry."""
    thing = {
        "Type": THING,
        "Properties": {
            "ThingName": {"Fn::Join": ["-", ["pump", {"Ref": "Serial"}]]},
            "AttributePayload": {"site": {"Ref": "Site"}},
        },
        **changes,
    }
    return Document.from_value(
        {
            "Parameters": {
                "Serial": {"Type": "String"},
                "Site": {"Type": "String", "Default": "oslo"},
                "Pem": {"Type": "String"},
            },
            "Resources": {
                "thing": thing,
                "certificate": {"Type": CERTIFICATE, "Properties": {"CertificatePem": {"Ref": "Pem"}}},
                "policy": {"Type": POLICY, "Properties": {"PolicyName": "telemetry"}},
            },
        }
    )


TEMPLATE = make_template()


def make_pump(serial: str, generation: int = 1, body: Document | str = TEMPLATE, **parameters: Any):
    """Return a provisioned pump; `body` is its template, or the name of a template in the file."""
    pem = AUTHORITIES["alpha"].get_device_pem(f"pump-{serial}", generation)
    all_parameters = {"Serial": serial, "Pem": pem, **parameters}
    return make_resource("provisioned_things", f"pump-{serial}", ProvisionedThing(body, all_parameters))


def make_fleet(*pumps: Any):
    """Return the state of pumps with their CA and their policy."""
    return make_state(
        make_ca(), make_resource("policies", "telemetry", Policy(Document.from_value(ALLOW))), *pumps
    )


def compute_pump_certificate_id(serial: str, generation: int = 1) -> str:
    return compute_certificate_id(AUTHORITIES["alpha"].get_device_pem(f"pump-{serial}", generation))
