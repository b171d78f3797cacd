"""The last changes of the resources of a drift, in every format."""

from __future__ import annotations

import datetime
import json

import pytest
from attrs import evolve

from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource, LastChange
from reconciler.model.address import Address
from reconciler.render.html.page import render_html_page
from reconciler.render.json.drift_file import render_drift_json, render_drift_jsonl
from reconciler.render.markdown import render_drift_markdown
from reconciler.render.text.drift import render_drift_text
from reconciler.render.views.drift import build_drift_view
from reconciler.render.views.labels import format_age
from tests.support.registry_client import TARGET

TIME = datetime.datetime(2026, 11, 29, 10, 0, tzinfo=datetime.UTC)
ROLE_ARN = "arn:aws:sts::123456789012:assumed-role/ops/jane"
CHANGE = LastChange("UpdateThing", TIME, 3 * 3600.0, ROLE_ARN, "203.0.113.7")
ABSENT = "not in the trail of the last 90 days (it may be late by some minutes)"
HOSTILE_TEXT = '<script>alert("1")</script> [bold]x[/] \x1b[31m\u202ered ##[add-mask]x'


def make_item(name, change=None, unknown_change=""):
    field = DriftedField("attributes.site", "oslo", "rome")
    return DriftedResource(
        "changed",
        Address("things", name),
        (field,),
        owner="greenhouse",
        identity=name,
        last_change=change,
        unknown_change=unknown_change,
    )


def make_drift(*items, trail_notes=()):
    return Drift("greenhouse", TARGET, "0" * 64, items, 7, trail_notes=trail_notes)


def render_lines(drift):
    return [line.plain for line in render_drift_text(build_drift_view(drift), 100)]


def test_text_has_a_line_with_the_last_change_of_each_resource():
    drift = make_drift(
        make_item("a", CHANGE),
        make_item("b", evolve(CHANGE, is_from_reconciler=True)),
        make_item("c", evolve(CHANGE, is_from_reconciler=True, run="1m8keyq22ev")),
        make_item("d", evolve(CHANGE, source="", principal="", age_seconds=20.0)),
        make_item("e", unknown_change=ABSENT),
    )
    field = "             ~ attributes.site  oslo → rome"
    assert render_lines(drift)[4:-4] == [
        "  ~ changed    things.a",
        f"      changed by {ROLE_ARN} 3 h ago from 203.0.113.7 (UpdateThing)",
        field,
        "  ~ changed    things.b",
        f"      changed by {ROLE_ARN} 3 h ago from 203.0.113.7 (UpdateThing, by reconciler)",
        field,
        "  ~ changed    things.c",
        f"      changed by {ROLE_ARN} 3 h ago from 203.0.113.7 (UpdateThing, run 1m8keyq22ev)",
        field,
        "  ~ changed    things.d",
        "      changed by an unknown principal just now (UpdateThing)",
        field,
        "  ~ changed    things.e",
        f"      {ABSENT}",
        field,
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "just now"),
        (59.9, "just now"),
        (60.0, "1 min ago"),
        (3599.0, "59 min ago"),
        (3600.0, "1 h ago"),
        (86_399.0, "23 h ago"),
        (90 * 86_400.0, "90 d ago"),
    ],
)
def test_an_age_has_one_unit(seconds, text):
    assert format_age(seconds) == text


def test_alike_resources_are_a_group_only_if_the_same_principal_changed_them():
    by_jane = [make_item(f"a{number:02}", CHANGE) for number in range(12)]
    by_joe = [make_item(f"b{number:02}", evolve(CHANGE, principal="joe")) for number in range(12)]
    lines = render_lines(make_drift(*by_jane, *by_joe))
    assert [line for line in lines if "like" in line or "changed by" in line] == [
        "  ~ changed    12 things like things.a00",
        f"      changed by {ROLE_ARN} 3 h ago from 203.0.113.7 (UpdateThing)",
        "  ~ changed    12 things like things.b00",
        "      changed by joe 3 h ago from 203.0.113.7 (UpdateThing)",
    ]


def test_markdown_and_html_have_the_last_change():
    view = build_drift_view(make_drift(make_item("a", CHANGE), trail_notes=("cannot read the trail",)))
    text = f"changed by {ROLE_ARN} 3 h ago from 203.0.113.7 (UpdateThing)"
    markdown, page = render_drift_markdown(view), "".join(render_html_page(view))
    assert [markdown.count(text), page.count(text)] == [1, 1]
    assert [markdown.count("! cannot read the trail"), page.count("! cannot read the trail")] == [1, 1]


def test_json_has_the_last_change_or_why_it_is_not_known():
    drift = make_drift(
        make_item("a", evolve(CHANGE, is_from_reconciler=True, run="r")),
        make_item("b", unknown_change=ABSENT),
        trail_notes=("a note",),
    )
    document = json.loads("".join(render_drift_json(drift)))
    lines = [json.loads(line) for line in render_drift_jsonl(drift)]
    known = {
        "operation": "UpdateThing",
        "time": "2026-11-29T10:00:00+00:00",
        "principal": ROLE_ARN,
        "source": "203.0.113.7",
        "is_from_reconciler": True,
        "run": "r",
    }
    expected = [(known, ""), (None, ABSENT)]
    for resources in (document["resources"], lines[1:]):
        assert [(item["last_change"], item["unknown_change"]) for item in resources] == expected
    assert document["trail_notes"] == lines[0]["trail_notes"] == ["a note"]


def test_the_texts_of_the_trail_are_escaped_and_shortened_in_every_format():
    hostile = LastChange(HOSTILE_TEXT, TIME, 60.0, f"{HOSTILE_TEXT}{'x' * 3000}", HOSTILE_TEXT)
    drift = make_drift(make_item("a", hostile), trail_notes=(HOSTILE_TEXT,))
    view = build_drift_view(drift)
    outputs = {
        "text": "\n".join(render_lines(drift)),
        "markdown": render_drift_markdown(view),
        "html": "".join(render_html_page(view)),
        "json": "".join(render_drift_json(drift)),
    }
    for output_format, output in outputs.items():
        assert [text for text in ("\x1b", "\u202e", "##[") if text in output] == [], output_format
    assert "<script" not in outputs["html"]
    assert max(map(len, outputs["text"].splitlines())) < 1000


def test_drift_at_aws_without_who_names_the_option_that_shows_who_changed_the_resources():
    target = evolve(TARGET, endpoint="aws")
    hint = "--who shows who changed the live resources"

    def has_hint(item):
        drift = evolve(make_drift(item), target=target)
        return hint in build_drift_view(drift).last_apply

    assert (has_hint(make_item("a")), has_hint(make_item("a", CHANGE))) == (True, False)
    assert has_hint(make_item("a", unknown_change=ABSENT)) is False
