"""The messages of errors, and the tree of their classes."""

from __future__ import annotations

import pytest

from reconciler.model import errors
from reconciler.model.errors import (
    AwsError,
    Diagnostic,
    InvalidDesiredStateError,
    PlanRejectedError,
    ReconcilerError,
)

_FULL_ERROR = Diagnostic("fleet.toml", 7, "unknown key", "things.a", "atributes", "a known key", "attributes")
_SHORT_WARNING = Diagnostic("fleet.toml", 9, "expires soon", severity="warning")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            InvalidDesiredStateError([_FULL_ERROR, _SHORT_WARNING]),
            (
                "the desired state is not valid: 1 error, 1 warning; nothing was sent\n"
                "fleet.toml:7: error: things.a.atributes: unknown key; expected a known key; did you mean 'attributes'?\n"
                "fleet.toml:9: warning: expires soon"
            ),
        ),
        (
            InvalidDesiredStateError([_SHORT_WARNING]),
            "the desired state is not valid: 1 warning; nothing was sent\nfleet.toml:9: warning: expires soon",
        ),
        (
            PlanRejectedError(["things.a: no", "things.b: neither"]),
            "the plan is rejected; nothing was sent\nthings.a: no\nthings.b: neither",
        ),
        (errors.MissingSecretError("env A"), "the secret from env A is not set; set it and run the command again"),
        (
            errors.UnknownValueError("Id of a.b"),
            "Id of a.b is unknown: the call that returns it was not made in this run",
        ),
        (errors.TargetError("no route"), "no route"),
        (
            AwsError(service="iot", operation="CreateThing", code="Throttled", message="slow down", request_id="r-1"),
            "iot:CreateThing failed with Throttled: slow down (request r-1)",
        ),
        (
            AwsError(service="iot", operation="CreateThing", code="Throttled", message="slow down"),
            "iot:CreateThing failed with Throttled: slow down",
        ),
    ],
)  # fmt: skip
def test_an_error_is_displayed_with_its_details(error, text):
    assert str(error) == text


def test_the_docstring_lists_every_error_and_all_have_one_base_class():
    class_names = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    listed_names = {
        word for line in errors.__doc__.splitlines() for word in line.split() if word.endswith("Error")
    }
    assert class_names == listed_names
    assert all(issubclass(getattr(errors, name), ReconcilerError) for name in class_names)


def test_an_error_keeps_its_diagnostics_or_reasons():
    assert (InvalidDesiredStateError([_FULL_ERROR]).diagnostics, PlanRejectedError(["a"]).reasons) == (
        (_FULL_ERROR,),
        ("a",),
    )
