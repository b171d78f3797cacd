"""Errors as views, the same for the command line and the notebook."""

from __future__ import annotations

import pytest

from reconciler.model.errors import (
    AwsError,
    Diagnostic,
    InvalidDesiredStateError,
    LockedError,
    MissingSecretError,
    PlanRejectedError,
    ReconcilerError,
    SelectionError,
    TargetError,
    name_environment,
)
from reconciler.render.rich_display import render_text
from reconciler.render.views.error import ErrorView, build_error_view
from reconciler.render.views.next_step import suggest_next_step

THROTTLED = AwsError(
    service="iot", operation="CreateThing", code="ThrottlingException", message="slow\x1b", request_id="r-1"
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            PlanRejectedError(["things.a: \x1bno", "things.b: no"]),
            ErrorView("the plan is rejected; nothing was sent", (r"things.a: \x1bno", "things.b: no")),
        ),
        (
            SelectionError(["thing.a matches nothing"]),
            ErrorView("the selection is not valid; nothing was sent", ("thing.a matches nothing",)),
        ),
        (
            THROTTLED,
            ErrorView(
                r"iot:CreateThing failed with ThrottlingException: slow\x1b",
                ("request ID r-1",),
                "run the command again, or lower the rate in [workspace.quotas]: AWS is throttling requests",
            ),
        ),
        (ReconcilerError("first\nsecond\nthird"), ErrorView("first", ("second", "third"))),
        (MissingSecretError("env CODE"), ErrorView(str(MissingSecretError("env CODE")))),
        (KeyError("a\nb"), ErrorView(r"internal error: KeyError: 'a\nb'")),
        (RuntimeError("a\nb"), ErrorView("internal error: RuntimeError: a")),
        (AssertionError(), ErrorView("internal error: AssertionError")),
    ],
)
def test_an_error_is_a_title_with_reasons_and_a_next_step_if_it_has_them(error, expected):
    assert build_error_view(error) == expected


def test_a_lock_shows_its_holder_and_how_to_wait_for_or_release_it():
    view = build_error_view(LockedError("ada@ci", "10:00", "10:05"))
    assert render_text(view, 1000).split("\n") == [
        "error: the workspace is locked by ada@ci since 10:00; nothing was sent",
        (
            "next step: wait for that apply to finish; its lease ends at 10:05 unless it is renewed; "
            "if that apply no longer runs, `reconciler unlock` releases the lock"
        ),
    ]


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (
            LockedError("ada@ci", "10:00", "10:05"),
            "the workspace is locked in environment 'dev' by ada@ci since 10:00; nothing was sent",
        ),
        (
            AwsError(service="iot", operation="CreateThing", code="X", message="slow"),
            "environment 'dev': iot:CreateThing failed with X: slow",
        ),
        (TargetError("no route"), "environment 'dev': no route"),
        (PlanRejectedError(["a"]), "the plan for environment 'dev' is rejected; nothing was sent"),
    ],
)
def test_an_error_of_an_environment_names_it_in_its_title(error, title):
    with pytest.raises(type(error)) as caught, name_environment("dev"):
        raise error
    assert build_error_view(caught.value).title == title


def test_an_invalid_file_shows_its_diagnostics_before_the_error():
    error = InvalidDesiredStateError([Diagnostic("a.toml", 1, "unknown key", "things.a", "x")])
    view = build_error_view(error, {"a.toml": ["x = 1"]})
    assert render_text(view).split("\n") == [
        "error: a.toml:1  things.a.x",
        "    1 | x = …",
        "      | ^",
        "    unknown key",
        "",
        "error: the desired state is not valid: 1 error; nothing was sent",
    ]


@pytest.mark.parametrize(
    "code",
    ["LimitExceededException", "VersionsLimitExceededException", "ServiceQuotaExceededException"],
)
def test_no_advice_is_to_raise_a_limit_that_aws_does_not_raise(code):
    error = AwsError(service="iot", operation="AttachPolicy", code=code, message="At most 10 policies.")
    assert "Service Quotas" not in suggest_next_step(error)
