"""A desired state with one device, and helpers to compare its plan.

The CA alpha signed the device's certificate.
"""

from __future__ import annotations

from reconciler.model.pem import Pem
from tests.support.desired_states import AUTHORITIES, make_ca, make_device, make_state

ALPHA = AUTHORITIES["alpha"]


def make_one_device_state(**attributes):
    """Return a desired state with the CA alpha and a device `a`, whose thing has these attributes."""
    return make_state(make_ca(), *make_device("a", **attributes))


def summarize_steps(plan):
    """Return the action, the address, the dependencies and the calls of every step."""
    return [
        (step.change.action, str(step.address), sorted(map(str, step.dependencies)), list(step.calls))
        for step in plan.steps
    ]


def get_device_certificate_id(generation=1):
    """Return the ID of the device's first certificate, or of a later generation."""
    return Pem.parse(ALPHA.get_device_pem("a", generation)).fingerprint


def get_device_certificate_arn(generation=1):
    """Return the ARN of the device's first certificate, or of a later generation."""
    return f"arn:aws:iot:eu-west-1:123456789012:cert/{get_device_certificate_id(generation)}"
