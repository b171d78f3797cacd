"""Views as HTML: escaped, and readable without their style."""

from __future__ import annotations

import pytest

from reconciler.engine.status import Status
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import Create, FieldChange, Update
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Applied, Canceled, Failed, Result, Skipped
from reconciler.model.plan import Note, Step
from reconciler.model.resource import Live
from reconciler.render.html.page import (
    HTML_RENDERERS,
    load_stylesheet,
    render_html_fragment,
    render_html_page,
)
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.diagnostics import build_diagnostics_view
from reconciler.render.views.plan import build_plan_view
from reconciler.render.views.result import build_result_view
from tests.support.desired_states import make_ca
from tests.support.html_reader import HtmlReader
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    FULL_PLAN,
    HOSTILE_TEXT,
    MANAGED_THING_CREATION,
    ROTATION,
    UPDATE,
    make_resource_at_line,
    make_sample_plan,
    make_thing_creation,
)

ESCAPED_TEXT = r"&lt;script&gt;alert(\&#34;1\&#34;)&lt;/script&gt; [bold red]x[/] \x1b[31m\u202ered"


def read_lines(view) -> list[str]:
    """Return the lines of text of a view's HTML, without empty ones."""
    return [line.rstrip("\n") for line in HtmlReader(render_html_fragment(view)).lines if line.strip()]


def render(view) -> str:
    return str(HTML_RENDERERS[type(view)](view))


def test_a_plan_is_rendered_as_html():
    plan = make_sample_plan(UPDATE, unchanged=12)
    assert render(build_plan_view(plan)) == (
        '<section aria-label="Plan for greenhouse">'
        '<p class="title">Plan for <strong>greenhouse</strong></p>'
        '<p class="quiet">embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2</p>'
        '<p class="summary"><strong class="action update"><span class="glyph" aria-hidden="true">~</span> 1 to update</strong>'
        ' <span class="quiet">12 unchanged</span></p>'
        '<details class="section" open><summary><strong>Things</strong> <span class="quiet">1 to update</span></summary>'
        '<table class="rows"><tbody><tr>'
        '<td class="narrow"><strong class="action update"><span class="glyph" aria-hidden="true">~</span> update</strong></td>'
        '<td><details open><summary><code class="address">things.pump-7</code>'
        ' <span class="quiet">desired_state.toml:44 · 1 call</span></summary>'
        '<div class="details"><table class="lines"><tbody>'
        '<tr><td class="sign delete">-</td><th scope="row">attributes.firmware</th><td><code>1.2</code></td></tr>'
        '<tr><td class="sign create">+</td><th scope="row">attributes.owner</th><td><code>&#34;Acme Corp&#34;</code></td></tr>'
        '<tr><td class="sign update">~</td><th scope="row">attributes.site</th><td>'
        '<span class="before"><code>oslo</code></span> → <span class="after"><code>bergen</code></span></td></tr>'
        '<tr><td class="sign update">~</td><th scope="row">certificates</th><td>'
        '<span class="added">+ <code>pump-9</code></span> <span class="removed">- <code>pump-3</code></span> </td></tr>'
        "</tbody></table></div></details></td></tr></tbody></table></details>"
        '<details class="section"><summary><strong>API calls</strong>'
        ' <span class="quiet">1, at least 0.10 s under AWS quotas</span></summary>'
        '<table class="lines"><tbody><tr><td class="number">1</td><th scope="row">iot:UpdateThing</th>'
        '<td class="quiet">at 10 per second: 0.10 s</td></tr></tbody></table></details></section>'
    )


def test_a_plan_is_readable_without_its_style():
    assert read_lines(build_plan_view(FULL_PLAN)) == [
        "Plan for greenhouse",
        "embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2",
        "+ 2 to create ~ 1 to update ± 1 to replace - 1 to delete 12 unchanged",
        "Device certificates 1 to replace",
        "± replace | ",
        "certificates.pump-7 desired_state.toml:24 · 2 calls",
        "~ | pem | sha256:9f8e7d6c5b4a… → sha256:ab12cd34ef56… (pki/pump-7.pem) # forces replacement",
        "~ | status | INACTIVE → ACTIVE",
        "Things 1 to create, 1 to update, 1 to delete",
        "- delete | ",
        "things.pump-3 1 call",
        "attributes.site | oslo",
        "~ update | ",
        "things.pump-7 desired_state.toml:44 · 1 call",
        "- | attributes.firmware | 1.2",
        '+ | attributes.owner | "Acme Corp"',
        "~ | attributes.site | oslo → bergen",
        "~ | certificates | + pump-9 - pump-3 ",
        "+ create | ",
        "things.pump-8 desired_state.toml:40 · 1 call",
        "attributes.site | bergen",
        "certificates | + pump-8 ",
        "Managed things 1 to create",
        "+ create | ",
        "managed_things.pump-8 desired_state.toml:61 · 1 call",
        "role | DEVICE",
        "authentication_material | (sensitive)",
        "authentication_material_type | ZWAVE_QR_BAR_CODE",
        "serial_number | SN-0008",
        "! warning certificates.pump-9 the certificate expires on 2026-01-04",
        "? unmanaged things.pump-99 not managed by any workspace",
        "API calls 6, at least 0.10 s under AWS quotas",
        "1 | iot:CreateThing | ",
        "1 | iot:DeleteCertificate | ",
        "1 | iot:DeleteThing | ",
        "1 | iot:RegisterCertificate | at 10 per second: 0.10 s",
        "1 | iot:UpdateThing | ",
        "1 | iot-managed-integrations:CreateManagedThing | ",
    ]


def test_a_change_has_its_calls_folded_below_it():
    plan = make_sample_plan(Step(make_thing_creation("pump-7"), CREATION.calls))
    assert read_lines(build_plan_view(plan, requests=True))[4:9] == [
        "+ create | ",
        "things.pump-7 desired_state.toml:1",
        "no fields",
        "1 call",
        "iot:CreateThing",
    ]


def test_a_plan_without_changes_is_one_sentence():
    assert read_lines(build_plan_view(make_sample_plan(unchanged=3)))[2:] == [
        "No changes: 3 resources match the file."
    ]


def test_omitted_changes_are_counted():
    plan = make_sample_plan(*(Step(make_thing_creation(f"pump-{number}"), ()) for number in range(5)))
    assert read_lines(build_plan_view(plan, max_rows=2))[3:11] == [
        "Things 5 to create",
        "+ create | ",
        "things.pump-0 desired_state.toml:1 · 0 calls",
        "no fields",
        "+ create | ",
        "things.pump-1 desired_state.toml:1 · 0 calls",
        "no fields",
        "and 3 more things",
    ]


@pytest.mark.parametrize(
    ("count", "text"), [(2, "and 1 more CA certificate"), (3, "and 2 more CA certificates")]
)
def test_omitted_changes_are_named_by_their_kind(count, text):
    steps = [Step(Create(make_ca()), ()) for _ in range(count)]
    assert text in read_lines(build_plan_view(make_sample_plan(*steps), max_rows=1))


def test_a_result_shows_every_outcome_and_the_next_step():
    error = AwsError(
        service="iot", operation="DeleteCertificate", code="DeleteConflictException", message="in use \x1b[31m",
        status=409, request_id="b7c1",
    )  # fmt: skip
    outcomes = (
        Applied(DELETION.change, 0.1),
        Failed(ROTATION.change, error, completed_calls=1),
        Skipped(UPDATE.change, ROTATION.address),
        Canceled(CREATION.change),
    )
    plan = make_sample_plan(ROTATION, UPDATE, CREATION, DELETION)
    assert read_lines(build_result_view(Result(plan, outcomes, 2.0))) == [
        "✖ Apply incomplete: 3 of 4 changes not made (1 failed, 1 skipped, 1 canceled); 1 deleted in 2.0 s.",
        "✖ failed replace certificates.pump-7, iot:DeleteCertificate (call 2 of 2)",
        "error | DeleteConflictException: in use \\x1b[31m",
        "request | b7c1",
        "next step | detach what was attached to the certificate after the plan was made, then run plan again",
        "↷ 1 skipped because certificates.pump-7 failed",
        "◌ 1 canceled because the run was stopped; run apply again to continue",
        "Steps 1 applied, 1 failed, 1 skipped, 1 canceled",
        "- delete | things.pump-3 | ✔ applied | 0.10 s",
        "± replace | certificates.pump-7 | ✖ failed | DeleteConflictException",
        "~ update | things.pump-7 | ↷ skipped | certificates.pump-7 failed",
        "+ create | things.pump-8 | ◌ canceled | the run was stopped",
    ]


def test_a_comparison_shows_both_sides_and_marks_differences():
    desired = make_resource_at_line("things", "pump-7", Thing(attributes={"site": "bergen"}), 44)
    live = Live("pump-7", Thing(attributes={"site": "oslo"}), version=3, owner="greenhouse")
    change = Update(desired, live, (FieldChange("attributes.site", "oslo", "bergen"),))
    assert read_lines(build_comparison_view(desired.address, desired, live, change)) == [
        "things.pump-7 ~ update is planned",
        "declared in desired_state.toml:44",
        "live pump-7 · version 3 · owned by workspace greenhouse",
        "field | desired | live",
        "≠ | attributes.site | bergen | oslo",
        "exclusive | false | false",
    ]


def test_a_comparison_shows_the_status_and_what_could_not_be_read():
    status = Status({"connected": True}, ("iot-managed-integrations:GetManagedThingState",))
    live = Live("pump-7", Thing(), owner="greenhouse")
    assert read_lines(build_comparison_view(Address("things", "pump-7"), None, live, None, status))[-3:] == [
        "status in AWS",
        "connected | true",
        (
            "no permission for iot-managed-integrations:GetManagedThingState; "
            "`reconciler permissions --for show` prints what this needs"
        ),
    ]


def test_diagnostics_show_their_lines_in_the_file():
    diagnostic = Diagnostic(
        "a.toml",
        1,
        "unknown key",
        address="things.pump-7",
        field="atributes",
        expected="a field of a thing",
        nearest="attributes",
    )
    assert read_lines(
        build_diagnostics_view([diagnostic], {"a.toml": ['atributes = { site = "oslo" }']})
    ) == [
        "1 error",
        "error: a.toml:1 things.pump-7.atributes",
        "1 | atributes = …",
        "unknown key",
        "expected a field of a thing",
        "did you mean attributes?",
    ]


def test_a_hostile_value_is_only_text():
    plan = make_sample_plan(
        Step(make_thing_creation("pump-7", FieldChange("attributes.note", None, HOSTILE_TEXT)), ())
    )
    page = render(build_plan_view(plan))
    assert page.partition('<th scope="row">attributes.note</th>')[2].partition("</td>")[0] == (
        f"<td><code>&#34;{ESCAPED_TEXT}&#34;</code>"
    )
    assert HtmlReader(page).tags == {
        "section", "p", "strong", "span", "details", "summary", "table", "tbody", "tr", "td", "th", "code", "div",
    }  # fmt: skip


def test_hostile_names_and_notes_are_only_text():
    step = Step(make_thing_creation(HOSTILE_TEXT), ())
    page = render_html_fragment(
        build_plan_view(make_sample_plan(step, notes=(Note("warning", HOSTILE_TEXT, step.address),)))
    )
    assert [text for text in ("<script", "\x1b", "\u202e") if text in page] == []


def test_a_page_shows_no_secret():
    view = build_plan_view(make_sample_plan(MANAGED_THING_CREATION), requests=True)
    assert "canary" not in "".join(render_html_page(view))


def test_a_page_loads_nothing_from_other_servers():
    page = "".join(render_html_page(build_plan_view(make_sample_plan(UPDATE))))
    assert page == (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Plan · greenhouse</title><style>{load_stylesheet()}</style></head>"
        f'<body style="margin: 0"><div class="reconciler page"><main>{render(build_plan_view(make_sample_plan(UPDATE)))}'
        "</main></div></body></html>\n"
    )
    assert [word for word in ("http:", "https:", "@import", "url(", "<script") if word in page] == []
