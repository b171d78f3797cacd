"""Results, comparisons and mistakes as text, whole."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import FieldChange, Update
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import AwsError, MissingSecretError
from reconciler.model.outcome import Applied, Canceled, Failed, Result, Skipped
from reconciler.model.resource import Live
from reconciler.render.text.comparison import render_comparison_text
from reconciler.render.text.diagnostics import render_diagnostics_text
from reconciler.render.text.result import render_result_text
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.diagnostics import build_diagnostics_view
from reconciler.render.views.result import build_result_view
from tests.support.sample_plans import CREATION, DELETION, MANAGED, ROTATION, UPDATE, plan, resource

REFUSED = AwsError(
    service="iot",
    operation="DeleteCertificate",
    code="DeleteConflictException",
    message="things are attached \x1b[31m",
    status=409,
    request_id="b7c1",
)


def said(lines):
    return "\n".join(line.plain for line in lines)


def test_a_result_that_went_well_is_one_line():
    made = plan(CREATION, DELETION)
    result = Result(made, (Applied(CREATION.change, 0.1), Applied(DELETION.change, 0.2)), 75.2)
    assert (
        said(render_result_text(build_result_view(result))) == "✔ Done in 1 min 15 s: 1 created, 1 deleted."
    )


def test_a_result_of_nothing_says_so():
    assert (
        said(render_result_text(build_result_view(Result(plan(), (), 0.0))))
        == "✔ Done: there was nothing to do."
    )


def test_a_failure_says_what_was_being_done_what_was_answered_and_what_to_do_next():
    made = plan(ROTATION, UPDATE, CREATION, DELETION)
    outcomes = (
        Applied(DELETION.change, 0.1),
        Failed(ROTATION.change, REFUSED, completed_calls=1),
        Skipped(UPDATE.change, ROTATION.address),
        Canceled(CREATION.change),
    )
    assert said(render_result_text(build_result_view(Result(made, outcomes, 2.0)))) == (
        "✖ failed  replace certificates.pump-7, iot:DeleteCertificate (call 2 of 2 calls)\n"
        "    answer   DeleteConflictException: things are attached \\x1b[31m\n"
        "    request  b7c1\n"
        "    next     something still uses it; plan again in a moment to see what\n"
        "\n"
        "↷ 1 skipped because certificates.pump-7 failed\n"
        "◌ 1 step not begun, because the run was stopped; apply again to go on\n"
        "\n"
        "✖ Not everything was applied in 2.0 s: 1 applied, 1 failed, 1 skipped, 1 cancelled."
        " Done so far: 1 deleted."
    )


def test_a_failure_that_aws_did_not_answer_says_what_is_missing():
    outcome = Failed(MANAGED.change, MissingSecretError("env PUMP_8_QR"))
    assert said(render_result_text(build_result_view(Result(plan(MANAGED), (outcome,), 0.5)))) == (
        "✖ failed  create managed_things.pump-8\n"
        "    answer   secret missing: the secret from env PUMP_8_QR is needed and is not set\n"
        "    next     set env PUMP_8_QR, then apply again: what is done stays done, and only the rest is tried\n"
        "\n"
        "✖ Not everything was applied in 0.50 s: 1 failed. Nothing was changed by a finished step."
    )


def test_a_comparison_shows_both_sides_and_marks_what_differs():
    wanted = resource("things", "pump-7", Thing(attributes={"site": "bergen"}, certificates=("pump-7",)), 44)
    wanted = evolve(wanted, dependencies=frozenset({Address("certificates", "pump-7")}))
    live = Live("pump-7", Thing(attributes={"site": "oslo", "old": "x" * 40}), version=3, owner="greenhouse")
    change = Update(
        wanted,
        live,
        (
            FieldChange("attributes.old", "x" * 40, None),
            FieldChange("attributes.site", "oslo", "bergen"),
            FieldChange("certificates", (), ("pump-7",)),
        ),
    )
    assert said(render_comparison_text(build_comparison_view(wanted.address, wanted, live, change), 60)) == (
        "things.pump-7\n"
        "in the file    desired_state.toml:44\n"
        "registered as  pump-7 · version 3 · owned by greenhouse\n"
        "needs          certificates.pump-7\n"
        "\n"
        "  attribute        in the file       in the registry\n"
        "≠ attributes.site  bergen            oslo\n"
        "≠ certificates     [pump-7]          none\n"
        "  exclusive        false             false\n"
        "≠ attributes.old   -                 xxxxxxxxxxxxxxxx\n"
        "                                     xxxxxxxxxxxxxxxx\n"
        "                                     xxxxxxxx\n"
        "\n"
        "~ update is what a plan would do."
    )


def test_mistakes_are_shown_at_their_place_in_the_file():
    lines = ["[things.pump-7]", 'atributes = { site = "oslo" }', "[certificates.pump-7]"]
    found = [
        Diagnostic("a.toml", 3, "it expired", "certificates.pump-7", severity="warning"),
        Diagnostic(
            "a.toml", 2, "unknown key", "things.pump-7", "atributes", "a field of a thing", "attributes"
        ),
    ]
    assert said(render_diagnostics_text(build_diagnostics_view(found, {"a.toml": lines}))) == (
        "error: a.toml:2  things.pump-7.atributes\n"
        "    2 | atributes = …\n"
        "      | ^^^^^^^^^\n"
        "    unknown key\n"
        "    expected  a field of a thing\n"
        "    did you mean  attributes?\n"
        "\n"
        "warning: a.toml:3  certificates.pump-7\n"
        "    3 | [certificates.pump-7]\n"
        "      |               ^^^^^^\n"
        "    it expired\n"
        "\n"
        "1 mistake and 1 warning"
    )


def test_an_excerpt_never_shows_a_value_for_it_may_be_a_secret():
    lines = ['authentication_materal = "canary"', "canary in a text of several lines", 'x = { y = "canary" }']
    found = [Diagnostic("a.toml", line, "unknown key") for line in (1, 2, 3)]
    excerpts = [
        row.excerpt and row.excerpt.text for row in build_diagnostics_view(found, {"a.toml": lines}).rows
    ]
    assert excerpts == ["authentication_materal = …", None, "x = …"]


@pytest.mark.parametrize(
    ("line", "field", "shown"),
    [
        ("attributes = { a = 1 }", "attributes.a", ("attributes = …", 0, 10)),
        ("attributes.a = 1", "attributes.a", ("attributes.a = …", 11, 1)),
        (f"{'a.' * 500}a = 1", "a", ("a." * 100 + "…", 0, 200)),
    ],
)
def test_the_whole_key_is_pointed_at_where_the_part_that_is_meant_is_not_shown(line, field, shown):
    view = build_diagnostics_view(
        [Diagnostic("a.toml", 1, "wrong", "things.pump-7", field)], {"a.toml": [line]}
    )
    (row,) = view.rows
    assert (row.excerpt.text, row.excerpt.start, row.excerpt.length) == shown
