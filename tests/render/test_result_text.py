"""Whole results, comparisons and diagnostics as text."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import FieldChange, Update
from reconciler.model.errors import (
    AwsError,
    Diagnostic,
    MissingSecretError,
    ReconcilerError,
    StaleError,
    StaleField,
)
from reconciler.model.outcome import Applied, Canceled, Failed, Result, Skipped
from reconciler.model.plan import Step
from reconciler.model.resource import Live
from reconciler.render.text.comparison import render_comparison_text
from reconciler.render.text.diagnostics import render_diagnostics_text
from reconciler.render.text.result import render_result_text
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.diagnostics import build_diagnostics_view
from reconciler.render.views.result import build_result_view
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    MANAGED_THING_CREATION,
    ROTATION,
    UPDATE,
    make_resource_at_line,
    make_sample_plan,
    make_thing_creation,
)

IN_USE = AwsError(
    service="iot",
    operation="DeleteCertificate",
    code="DeleteConflictException",
    message="things are attached \x1b[31m",
    status=409,
    request_id="b7c1",
)


def to_text(lines):
    return "\n".join(line.plain for line in lines)


def render(result):
    return to_text(render_result_text(build_result_view(result)))


def test_a_complete_apply_is_shown_in_one_line():
    plan = make_sample_plan(CREATION, DELETION)
    result = Result(plan, (Applied(CREATION.change, 0.1), Applied(DELETION.change, 0.2)), 75.2)
    assert render(result) == "✔ Apply complete in 1 min 15 s: 1 created, 1 deleted."


def test_an_apply_without_changes_reports_no_changes():
    assert render(Result(make_sample_plan(), (), 0.0)) == "✔ Apply complete: no changes."


def test_a_failure_shows_its_operation_its_error_and_the_next_step():
    plan = make_sample_plan(ROTATION, UPDATE, CREATION, DELETION)
    outcomes = (
        Applied(DELETION.change, 0.1),
        Failed(ROTATION.change, IN_USE, completed_calls=1),
        Skipped(UPDATE.change, ROTATION.address),
        Canceled(CREATION.change),
    )
    assert render(Result(plan, outcomes, 2.0)) == (
        "✖ failed  replace certificates.pump-7, iot:DeleteCertificate (call 2 of 2)\n"
        "    error      DeleteConflictException: things are attached \\x1b[31m\n"
        "    request    b7c1\n"
        "    next step  detach what was attached to the certificate after the plan was made, then run plan again\n"
        "\n"
        "↷ 1 skipped because certificates.pump-7 failed\n"
        "◌ 1 canceled because the run was stopped; run apply again to continue\n"
        "\n"
        "✖ Apply incomplete: 3 of 4 changes not made (1 failed, 1 skipped, 1 canceled); 1 deleted in 2.0 s."
    )


def test_alike_failures_are_one_with_examples_and_a_count():
    steps = [Step(make_thing_creation(f"pump-{number}"), ()) for number in range(2_000)]

    def fail(step, message):
        error = AwsError(
            service="iot", operation="CreateThing", code="AccessDeniedException", message=message
        )
        return Failed(step.change, error)

    failures = [fail(step, f"not authorized for thing/{step.address.name}") for step in steps[1:]]
    skipped = [Skipped(UPDATE.change, step.address) for step in steps]
    outcomes = (fail(steps[0], "slow down"), *failures, *skipped)
    lines = render(Result(make_sample_plan(*steps), outcomes, 0.5)).split("\n")
    assert [line for line in lines if line.startswith(("✖ failed", "    error", "↷"))] == [
        "✖ failed  create things.pump-0, iot:CreateThing",
        "    error      AccessDeniedException: slow down",
        "✖ failed  create things.pump-1, pump-2, pump-3 and 1,996 more, iot:CreateThing",
        "    error      AccessDeniedException: for example: not authorized for thing/pump-1",
        "↷ 2,000 skipped because things.pump-0, pump-1, pump-10 and 1,997 more failed",
    ]
    assert len(lines) < 20


def test_a_failure_without_an_aws_error_shows_our_own_error():
    outcome = Failed(MANAGED_THING_CREATION.change, MissingSecretError("env PUMP_8_QR"))
    assert render(Result(make_sample_plan(MANAGED_THING_CREATION), (outcome,), 0.5)) == (
        "✖ failed  create managed_things.pump-8\n"
        f"    error      missing secret: {MissingSecretError('env PUMP_8_QR')}\n"
        "    next step  set env PUMP_8_QR, then run apply again; completed steps are not repeated\n"
        "\n"
        "✖ Apply incomplete: 1 of 1 change not made (1 failed); none were made."
    )


def test_a_failure_whose_message_has_the_advice_has_no_line_for_a_next_step():
    error = ReconcilerError("keys/a.pem: already exists and is never overwritten; move it away")
    outcome = Failed(MANAGED_THING_CREATION.change, error)
    assert render(Result(make_sample_plan(MANAGED_THING_CREATION), (outcome,), 0.5)) == (
        "✖ failed  create managed_things.pump-8\n"
        f"    error      {error}\n"
        "\n"
        "✖ Apply incomplete: 1 of 1 change not made (1 failed); none were made."
    )


def test_a_stale_step_shows_what_changed_since_the_plan():
    field = StaleField("attributes.site", "oslo", "bergen", "molde")
    outcome = Failed(UPDATE.change, StaleError("things.pump-7: changed since the plan was made", [field]))
    assert render(Result(make_sample_plan(UPDATE), (outcome,), 0.5)).split("\n")[:6] == [
        "✖ failed  update things.pump-7",
        "    error      stale plan: things.pump-7: changed since the plan was made",
        "    attributes.site",
        "      at plan time  oslo",
        "      planned       bergen",
        "      live          molde",
    ]


def test_a_comparison_shows_both_sides_and_marks_differences():
    desired = make_resource_at_line(
        "things", "pump-7", Thing(attributes={"site": "bergen"}, certificates=("pump-7",)), 44
    )
    desired = replace(desired, own_dependencies=frozenset({Address("certificates", "pump-7")}))
    live = Live("pump-7", Thing(attributes={"site": "oslo", "old": "x" * 40}), version=3, owner="greenhouse")
    change = Update(
        desired,
        live,
        (
            FieldChange("attributes.old", "x" * 40, None),
            FieldChange("attributes.site", "oslo", "bergen"),
            FieldChange("certificates", (), ("pump-7",)),
        ),
    )
    view = build_comparison_view(desired.address, desired, live, change)
    assert to_text(render_comparison_text(view, 60)) == (
        "things.pump-7\n"
        "declared in  desired_state.toml:44\n"
        "live         pump-7 · version 3 · owned by workspace greenhouse\n"
        "depends on   certificates.pump-7\n"
        "\n"
        "  field            desired           live\n"
        "≠ attributes.site  bergen            oslo\n"
        "≠ certificates     [pump-7]          none\n"
        "  exclusive        false             false\n"
        "≠ attributes.old\n"
        "    desired  -\n"
        "    live     xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
        "\n"
        "~ update is planned."
    )


def test_a_comparison_wraps_long_values_in_their_columns():
    live = Live("pump-7", Thing(attributes={"note": "the second pump of the greenhouse"}))
    view = build_comparison_view(Address("things", "pump-7"), None, live, None)
    assert to_text(render_comparison_text(view, 60)).split("\n")[3:6] == [
        "  field            desired           live",
        '  attributes.note  -                 "the second pump of the',
        '                                     greenhouse"',
    ]


def test_diagnostics_show_their_lines_in_the_file():
    lines = ["[things.pump-7]", 'atributes = { site = "oslo" }', "[certificates.pump-7]"]
    diagnostics = [
        Diagnostic(
            "a.toml",
            3,
            "it expired",
            address="certificates.pump-7",
            severity="warning",
            code="certificate-expired",
        ),
        Diagnostic(
            "a.toml",
            2,
            "unknown key",
            address="things.pump-7",
            field="atributes",
            expected="a field of a thing",
            nearest="attributes",
        ),
    ]
    assert to_text(render_diagnostics_text(build_diagnostics_view(diagnostics, {"a.toml": lines}))) == (
        "error: a.toml:2  things.pump-7.atributes\n"
        "    2 | atributes = …\n"
        "      | ^^^^^^^^^\n"
        "    unknown key\n"
        "    expected  a field of a thing\n"
        "    did you mean  attributes?\n"
        "\n"
        "warning: a.toml:3  certificates.pump-7  [certificate-expired]\n"
        "    3 | [certificates.pump-7]\n"
        "      |               ^^^^^^\n"
        "    it expired\n"
        "\n"
        "1 error, 1 warning"
    )


def test_an_excerpt_shows_no_value_because_it_may_be_a_secret():
    lines = ['authentication_materal = "canary"', "canary in a text of several lines", 'x = { y = "canary" }']
    diagnostics = [Diagnostic("a.toml", line, "unknown key") for line in (1, 2, 3)]
    rows = build_diagnostics_view(diagnostics, {"a.toml": lines}).rows
    assert [row.excerpt and row.excerpt.text for row in rows] == ["authentication_materal = …", None, "x = …"]


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ("attributes = { a = 1 }", "attributes.a", ("attributes = …", 0, 10)),
        ("attributes.a = 1", "attributes.a", ("attributes.a = …", 11, 1)),
        (f"{'a.' * 500}a = 1", "a", ("a." * 100 + "…", 0, 200)),
    ],
)
def test_an_excerpt_marks_the_field_or_else_the_whole_key_as_far_as_it_is_shown(line, field, expected):
    diagnostic = Diagnostic("a.toml", 1, "wrong", address="things.pump-7", field=field)
    (row,) = build_diagnostics_view([diagnostic], {"a.toml": [line]}).rows
    assert (row.excerpt.text, row.excerpt.start, row.excerpt.length) == expected
