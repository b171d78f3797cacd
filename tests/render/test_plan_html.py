"""Views as HTML: whole, inert, and readable where the style is taken away."""

from __future__ import annotations

from html.parser import HTMLParser

from reconciler.kinds.things import Thing
from reconciler.model.change import FieldChange, Update
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
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    EVERYTHING,
    HOSTILE,
    MANAGED,
    ROTATION,
    UPDATE,
    plan,
    resource,
    thing,
)

SPELT = r"&lt;script&gt;alert(\&#34;1\&#34;)&lt;/script&gt; [bold red]x[/] \x1b[31m\u202ered"
BLOCKS = {"p", "tr", "summary", "pre", "li"}


class Reader(HTMLParser):
    """What is left of a page that has no style: a line for each block."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines, self.tags, self._silent = [""], set(), False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._silent = tag == "style"
        if tag in BLOCKS:
            self.lines.append("")
        if tag in {"td", "th"} and self.lines[-1]:
            self.lines[-1] += " | "

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        if not self._silent:
            self.lines[-1] += data


def read(view) -> list[str]:
    return [line.rstrip("\n") for line in Reader(render_html_fragment(view)).lines if line.strip()]


def drawn(view) -> str:
    return str(HTML_RENDERERS[type(view)](view))


def test_a_plan_as_html_whole():
    made = plan(UPDATE, unchanged=12)
    assert drawn(build_plan_view(made)) == (
        '<section aria-label="Plan for greenhouse">'
        '<p class="title">Plan for <strong>greenhouse</strong></p>'
        '<p class="quiet">embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2</p>'
        '<p class="summary"><strong class="act update"><span class="glyph" aria-hidden="true">~</span> 1 update</strong>'
        ' <span class="quiet">12 unchanged</span></p>'
        '<details class="kind" open><summary><strong>Things</strong> <span class="quiet">1 to update</span></summary>'
        '<table class="rows"><tbody><tr>'
        '<td class="action"><strong class="act update"><span class="glyph" aria-hidden="true">~</span> update</strong></td>'
        '<td><details open><summary><code class="address">things.pump-7</code>'
        ' <span class="quiet">desired_state.toml:44 · 1 call</span></summary>'
        '<div class="details"><table class="lines"><tbody>'
        '<tr><td class="sign s0">-</td><th scope="row">attributes.firmware</th><td><code>1.2</code></td></tr>'
        '<tr><td class="sign s1">+</td><th scope="row">attributes.owner</th><td><code>&#34;Acme Corp&#34;</code></td></tr>'
        '<tr><td class="sign s2">~</td><th scope="row">attributes.site</th><td>'
        '<span class="before"><code>oslo</code></span> → <span class="after"><code>bergen</code></span></td></tr>'
        '<tr><td class="sign s2">~</td><th scope="row">certificates</th><td>'
        '<span class="added">+ <code>pump-9</code></span> <span class="removed">- <code>pump-3</code></span> </td></tr>'
        "</tbody></table></div></details></td></tr></tbody></table></details>"
        '<details class="kind"><summary><strong>API calls</strong>'
        ' <span class="quiet">1, at the least 0.60 s under AWS&#39;s quotas</span></summary>'
        '<table class="lines"><tbody><tr><td class="number">1</td><th scope="row">iot:UpdateThing</th>'
        '<td class="quiet">at 10 a second: 0.60 s</td></tr></tbody></table></details></section>'
    )


def test_a_plan_without_its_style_still_reads():
    assert read(build_plan_view(EVERYTHING)) == [
        "Plan for greenhouse",
        "embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2",
        "+ 2 create ~ 1 update ± 1 replace - 1 delete 12 unchanged",
        "! warning certificates.pump-9 the certificate expires on 2026-01-04",
        "? unmanaged things.pump-99 it bears no workspace's mark",
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
        "API calls 6, at the least 0.60 s under AWS's quotas",
        "1 | iot:CreateThing | ",
        "1 | iot:DeleteCertificate | ",
        "1 | iot:DeleteThing | ",
        "1 | iot:RegisterCertificate | at 10 a second: 0.60 s",
        "1 | iot:UpdateThing | ",
        "1 | iot-managed-integrations:CreateManagedThing | ",
    ]


def test_the_calls_of_a_change_are_folded_under_it():
    made = plan(Step(thing("pump-7"), CREATION.calls))
    assert read(build_plan_view(made, requests=True))[4:9] == [
        "+ create | ",
        "things.pump-7 desired_state.toml:1",
        "no attributes",
        "1 call",
        "iot:CreateThing",
    ]


def test_a_plan_with_nothing_to_do_is_one_sentence():
    assert read(build_plan_view(plan(unchanged=3)))[2:] == [
        "Nothing to do: all 3 resources are as the file wants them."
    ]


def test_what_is_left_out_is_counted():
    made = plan(*(Step(thing(f"pump-{number}"), ()) for number in range(5)))
    assert read(build_plan_view(made, max_rows=2))[3:9] == [
        "Things 5 to create",
        "+ create | ",
        "things.pump-0 desired_state.toml:1 · 0 calls",
        "no attributes",
        "+ create | ",
        "things.pump-1 desired_state.toml:1 · 0 calls",
    ]
    assert read(build_plan_view(made, max_rows=2))[10] == "and 3 more things"


def test_a_result_says_what_was_done_what_was_not_and_what_to_do_next():
    refused = AwsError(
        service="iot", operation="DeleteCertificate", code="DeleteConflictException", message="in use \x1b[31m",
        status=409, request_id="b7c1",
    )  # fmt: skip
    outcomes = (
        Applied(DELETION.change, 0.1),
        Failed(ROTATION.change, refused, completed_calls=1),
        Skipped(UPDATE.change, ROTATION.address),
        Canceled(CREATION.change),
    )
    made = plan(ROTATION, UPDATE, CREATION, DELETION)
    assert read(build_result_view(Result(made, outcomes, 2.0))) == [
        "✖ Not everything was applied in 2.0 s: 1 applied, 1 failed, 1 skipped, 1 cancelled. Done so far: 1 deleted.",
        "✖ failed replace certificates.pump-7, iot:DeleteCertificate (call 2 of 2 calls)",
        "answer | DeleteConflictException: in use \\x1b[31m",
        "request | b7c1",
        "next | something still uses it; plan again in a moment to see what",
        "↷ 1 skipped because certificates.pump-7 failed",
        "◌ 1 step not begun, because the run was stopped; apply again to go on",
        "Steps 1 applied, 1 failed, 1 skipped, 1 cancelled",
        "- delete | things.pump-3 | ✔ applied | 0.10 s",
        "± replace | certificates.pump-7 | ✖ failed | DeleteConflictException",
        "~ update | things.pump-7 | ↷ skipped | certificates.pump-7 failed",
        "+ create | things.pump-8 | ◌ cancelled | the run was stopped",
    ]


def test_a_comparison_shows_both_sides_and_marks_what_differs():
    wanted = resource("things", "pump-7", Thing(attributes={"site": "bergen"}), 44)
    live = Live("pump-7", Thing(attributes={"site": "oslo"}), version=3, owner="greenhouse")
    change = Update(wanted, live, (FieldChange("attributes.site", "oslo", "bergen"),))
    assert read(build_comparison_view(wanted.address, wanted, live, change)) == [
        "things.pump-7 ~ update is what a plan would do",
        "in the file desired_state.toml:44",
        "registered as pump-7 · version 3 · owned by greenhouse",
        "attribute | in the file | in the registry",
        "≠ | attributes.site | bergen | oslo",
        "exclusive | false | false",
    ]


def test_mistakes_are_shown_at_their_place_in_the_file():
    found = Diagnostic(
        "a.toml", 1, "unknown key", "things.pump-7", "atributes", "a field of a thing", "attributes"
    )
    assert read(build_diagnostics_view([found], {"a.toml": ['atributes = { site = "oslo" }']})) == [
        "1 mistake",
        "error: a.toml:1 things.pump-7.atributes",
        "1 | atributes = …",
        "unknown key",
        "expected a field of a thing",
        "did you mean attributes?",
    ]


def test_a_hostile_value_is_only_text():
    made = plan(Step(thing("pump-7", FieldChange("attributes.note", None, HOSTILE)), ()))
    page = drawn(build_plan_view(made))
    assert page.partition('<th scope="row">attributes.note</th>')[2].partition("</td>")[0] == (
        f"<td><code>&#34;{SPELT}&#34;</code>"
    )
    assert Reader(page).tags == {
        "section", "p", "strong", "span", "details", "summary", "table", "tbody", "tr", "td", "th", "code", "div",
    }  # fmt: skip


def test_hostile_names_and_notes_are_only_text():
    step = Step(thing(HOSTILE), ())
    page = render_html_fragment(build_plan_view(plan(step, notes=(Note("warning", HOSTILE, step.address),))))
    assert [mark for mark in ("<script", "\x1b", "\u202e") if mark in page] == []


def test_no_page_has_a_secret_in_it():
    assert "canary" not in render_html_page(build_plan_view(plan(MANAGED), requests=True))


def test_a_document_stands_alone():
    page = render_html_page(build_plan_view(plan(UPDATE)))
    assert page == (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Plan · greenhouse</title><style>{load_stylesheet()}</style></head>"
        f'<body style="margin: 0"><div class="reconciler page"><main>{drawn(build_plan_view(plan(UPDATE)))}'
        "</main></div></body></html>\n"
    )
    assert [word for word in ("http:", "https:", "@import", "url(", "<script") if word in page] == []
