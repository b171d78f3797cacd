"""A desired state with one device of the CA alpha, and helpers for the calls of its plan."""

from __future__ import annotations

from reconciler.model.call import ApiCall
from reconciler.model.pem import Pem
from tests.support.desired_states import AUTHORITIES, ca, device, state

ALPHA = AUTHORITIES["alpha"]


def iot_call(operation, /, *, ignored_errors=(), retried_errors=(), **params):
    """Return a call of AWS IoT Core."""
    return ApiCall("iot", operation, params, ignored_errors=ignored_errors, retried_errors=retried_errors)


def one_device(**attributes):
    """Return a desired state with one device and its CA."""
    return state(ca(), *device("a", **attributes))


def step_tuples(plan):
    """Return action, address, dependencies and calls of every step."""
    return [
        (step.change.action, str(step.address), sorted(map(str, step.dependencies)), list(step.calls))
        for step in plan.steps
    ]


def certificate_id(generation=1):
    """Return the ID of the device's certificate."""
    return Pem.parse(ALPHA.get_device_pem("a", generation)).fingerprint


def certificate_arn(generation=1):
    """Return the ARN of the device's certificate."""
    return f"arn:aws:iot:eu-west-1:123456789012:cert/{certificate_id(generation)}"
