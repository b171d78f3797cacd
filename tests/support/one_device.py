"""One device of the CA alpha, and what is called for it."""

from __future__ import annotations

from reconciler.model.call import ApiCall
from reconciler.model.pem import Pem
from tests.support.desired_states import AUTHORITIES, ca, device, state

ALPHA = AUTHORITIES["alpha"]


def iot(operation, /, *, ignored_errors=(), retried_errors=(), **params):
    return ApiCall("iot", operation, params, ignored_errors=ignored_errors, retried_errors=retried_errors)


def one(**attributes):
    """One device of one CA."""
    return state(ca(), *device("a", **attributes))


def step_tuples(plan):
    """The plan's steps: what is done to what, after what, by which calls."""
    return [
        (step.change.action, str(step.address), sorted(map(str, step.dependencies)), list(step.calls))
        for step in plan.steps
    ]


def certificate(generation=1):
    return Pem.parse(ALPHA.device("a", generation)).fingerprint


def arn(generation=1):
    return f"arn:aws:iot:eu-west-1:123456789012:cert/{certificate(generation)}"
