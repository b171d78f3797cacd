"""Every format shows new documents in full, and every part of a changed one."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.model.change import Create, FieldChange, Update
from reconciler.model.document import Document
from reconciler.model.plan import Note, Plan, Step
from reconciler.model.resource import Live
from reconciler.render.html.page import render_html_page
from reconciler.render.markdown import render_plan_markdown
from reconciler.render.text.comparison import render_comparison_text
from reconciler.render.text.plan import render_plan_text
from reconciler.render.text.wrap import wrap_lines
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.plan import build_plan_view
from tests.support.examples import examples
from tests.support.sample_plans import DELETION, make_resource_at_line, make_sample_plan, make_thing_creation

EVERYTHING = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
PUBLISH_RESOURCE = (
    "arn:aws:iot:eu-west-1:123456789012:topic/pumps/${iot:Connection.Thing.ThingName}/telemetry"
)
PUBLISH = {
    "Effect": "Allow",
    "Action": ["iot:Publish", "iot:Receive"],
    "Resource": PUBLISH_RESOURCE,
}


def make_document(*statements: Any, source: str | None = None) -> Document:
    return Document.from_value({"Version": "2012-10-17", "Statement": list(statements)}, source)


def make_creation(document: Document) -> Step:
    return Step(Create(make_resource_at_line("policies", "core", Policy(document))), ())


def make_update(before: Document, after: Document) -> Step:
    resource = make_resource_at_line("policies", "core", Policy(after))
    fields = (FieldChange("document", before, after),)
    return Step(Update(resource, Live("core", Policy(before)), fields), ())


def render_text(plan: Plan, width: int = 100) -> str:
    lines = wrap_lines(render_plan_text(build_plan_view(plan), width), width)
    return "\n".join(line.plain for line in lines)


FORMATS = {
    "text": render_text,
    "text at 80 columns": lambda plan: render_text(plan, 80),
    "markdown": lambda plan: render_plan_markdown(build_plan_view(plan)),
    "html": lambda plan: html.unescape("".join(render_html_page(build_plan_view(plan)))),
}


def list_texts(value: Any) -> Iterator[str]:
    """Yield every string in a value from JSON, and every name of a member."""
    match value:
        case dict():
            for name, item in value.items():
                yield from (name, *list_texts(item))
        case list():
            for item in value:
                yield from list_texts(item)
        case str():
            yield value


def find_missing_texts(texts: set[str], plan: Plan) -> dict[str, list[str]]:
    """Return the format → the texts that it does not have."""
    outputs = {name: render(plan) for name, render in FORMATS.items()}
    missing = {
        name: [text for text in sorted(texts) if text not in output] for name, output in outputs.items()
    }
    return {name: names for name, names in missing.items() if names}


def test_a_new_policy_is_shown_in_full_with_a_line_for_each_member():
    lines = render_text(
        make_sample_plan(make_creation(make_document(PUBLISH, EVERYTHING, source="core.json")))
    )
    assert lines.split("\n\n")[1].split("\n") == [
        "Policies  1 to create",
        "  + create   policies.core  desired_state.toml:1 · 0 calls",
        "             document  { Version, Statement } (core.json)",
        "                 {",
        '                   "Version": "2012-10-17",',
        '                   "Statement": [',
        "                     {",
        '                       "Effect": "Allow",',
        '                       "Action": ["iot:Publish", "iot:Receive"],',
        '                       "Resource":',
        '        "' + PUBLISH_RESOURCE + '"',
        "                     },",
        '                     { "Effect": "Allow", "Action": "iot:*", "Resource": "*" }',
        "                   ]",
        "                 }",
    ]


def test_a_policy_inside_a_template_is_shown_as_json_and_not_as_a_string():
    body = {"Resources": {"p": {"Properties": {"PolicyDocument": make_document(PUBLISH, EVERYTHING).text}}}}
    resource = make_resource_at_line(
        "provisioning_templates",
        "t",
        ProvisioningTemplate(Document.from_value(body), "arn:aws:iam::1:role/r"),
    )
    plan = make_sample_plan(Step(Create(resource), ()))
    for name, render in FORMATS.items():
        output = render(plan)
        assert ('"PolicyDocument": (JSON text) {' in output, '"Action": "iot:*"' in output) == (True, True), (
            name
        )


def test_a_statement_of_a_policy_inside_a_template_is_compared_by_itself():
    bodies = [
        Document.from_value({"PolicyDocument": json.dumps({"Statement": statements})})
        for statements in ([PUBLISH], [PUBLISH, EVERYTHING])
    ]
    assert (
        "+ document.PolicyDocument.Statement[1]  { Effect = Allow, Action = iot:*, Resource = * }"
        in render_text(make_sample_plan(make_update(*bodies)), 120)
    )


def test_an_inserted_statement_is_the_only_difference():
    step = make_update(
        make_document(PUBLISH, PUBLISH | {"Sid": "A"}),
        make_document(EVERYTHING, PUBLISH, PUBLISH | {"Sid": "A"}),
    )
    assert [line for line in render_text(make_sample_plan(step)).split("\n") if "document" in line] == [
        "             + document.Statement[0]  { Action = [iot:*], Effect = Allow, Resource = [*] }"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [({"a": None}, {}), ({"a": 1}, {"a": True}), ({"a": [{"b": 1}]}, {"a": [{"b": True}]}), ({}, {"a": {}})],
)
def test_documents_that_differ_in_something_unusual_have_a_difference_all_the_same(before, after):
    step = make_update(Document.from_value(before), Document.from_value(after))
    assert "document" in render_text(make_sample_plan(step))


def test_a_list_in_a_document_whose_order_changes_is_shown_before_and_after():
    step = make_update(Document.from_value({"a": ["x", "y"]}), Document.from_value({"a": ["y", "x", "z"]}))
    assert "~ document.a  [x, y] → [y, x, z]" in render_text(make_sample_plan(step))


STATEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(("Allow", "Deny")),
            "Action": st.lists(
                st.sampled_from(("iot:*", "iot:Publish", "iot:Connect")), min_size=1, max_size=3
            ),
            "Resource": st.sampled_from(
                ("*", PUBLISH_RESOURCE, "arn:aws:iot:eu-west-1:123456789012:client/*")
            ),
        },
        optional={
            "Sid": st.sampled_from(("A", "B")),
            "Condition": st.just({"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}),
        },
    ),
    max_size=6,
)


@given(STATEMENTS, st.booleans())
@examples(25)
def test_every_format_shows_every_text_of_a_new_document(statements, is_in_template):
    document = make_document(*statements)
    texts = set(list_texts(document.value))
    shown = Document.from_value({"PolicyDocument": document.text}) if is_in_template else document
    # Among more than thirty changes, formats fold what has no document.
    others = [Step(make_thing_creation(f"thing-{number}"), ()) for number in range(40)]
    assert find_missing_texts(texts, make_sample_plan(make_creation(shown), *others)) == {}


@given(STATEMENTS, STATEMENTS)
@examples(40)
def test_every_format_shows_every_text_that_a_change_adds_or_removes(before, after):
    old, new = make_document(*before), make_document(*after)
    old_texts, new_texts = (set(list_texts(document.value)) for document in (old, new))
    assert find_missing_texts(old_texts ^ new_texts, make_sample_plan(make_update(old, new))) == {}


def test_deletions_precede_warnings_in_every_format():
    plan = make_sample_plan(DELETION, notes=(Note("warning", "a warning of one line"),))
    for name, render in FORMATS.items():
        output = render(plan)
        assert 0 < output.index("things.pump-3") < output.index("a warning of one line"), name


def test_a_comparison_shows_a_document_in_full_and_an_equal_one_once():
    document = make_document(PUBLISH, EVERYTHING)
    resource = make_resource_at_line("policies", "core", Policy(document))
    view = build_comparison_view(resource.address, resource, Live("core", Policy(document)), None)
    text = "\n".join(line.plain for line in render_comparison_text(view, 80))
    assert (text.count('"Action": "iot:*"'), text.count("{ Version, Statement }")) == (1, 2)
