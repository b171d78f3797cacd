"""The text of every error is for people, and whole."""

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

_FULL = Diagnostic("fleet.toml", 7, "unknown key", "things.a", "atributes", "a known key", "attributes")
_BARE = Diagnostic("fleet.toml", 9, "expires soon", severity="warning")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            InvalidDesiredStateError([_FULL, _BARE]),
            (
                "2 problems in the desired state; nothing was sent\n"
                "fleet.toml:7: error: things.a.atributes: unknown key; expected a known key; did you mean 'attributes'?\n"
                "fleet.toml:9: warning: expires soon"
            ),
        ),
        (
            InvalidDesiredStateError([_BARE]),
            "1 problem in the desired state; nothing was sent\nfleet.toml:9: warning: expires soon",
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
def test_the_text_is(error, text):
    assert str(error) == text


def test_every_error_is_drawn_in_the_tree_and_has_one_base():
    ours = {
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, Exception)
    }
    drawn = {word for line in errors.__doc__.splitlines() for word in line.split() if word.endswith("Error")}
    assert ours == drawn
    assert all(issubclass(getattr(errors, name), ReconcilerError) for name in ours)


def test_what_an_error_was_made_of_can_be_asked_for():
    assert (InvalidDesiredStateError([_FULL]).diagnostics, PlanRejectedError(["a"]).reasons) == (
        (_FULL,),
        ("a",),
    )
