"""Exports of texts with braces load to the same texts: loading inserts nothing in their place."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.export.export import export_tables
from reconciler.engine.export.toml_writer import render_tables
from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.resource import Live
from tests.support.examples import examples
from tests.support.exports import export_registry, load_export
from tests.support.registry_client import Cloud

_PIECES = (
    "{",
    "}",
    "$",
    "aws.region",
    "var.x",
    "row.a",
    "workspace.name",
    "environment.name",
    "x",
    '"',
    "'",
    "\\",
    " ",
)
_texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join)


def export(address: str, spec: object):
    return export_tables("ws", {Address.parse(address): Live("r", spec)}, lambda _, pem: pem.text)


@examples(150)
@given(description=_texts, comment=_texts, key=_texts)
def test_any_text_in_any_place_of_a_table_comes_back(description, comment, key):
    """The places are a text, a text in JSON, and a key in JSON."""
    document = Document.parse(json.dumps({"comment": comment, key: [comment]}))
    spec = JobTemplate(description, document)
    desired = load_export(export("job_templates.r", spec))
    assert desired.resources[Address("job_templates", "r")].spec == spec


def test_names_in_braces_are_escaped_as_converters_escape_them():
    spec = TopicRule("SELECT * FROM 'a/{aws.region}/${topic(2)}'", description="in {var.x} of {site}")
    assert render_tables(export("topic_rules.r", spec).tables) == (
        "[topic_rules.r]\n"
        "sql = \"SELECT * FROM 'a/{{aws.region}}/${topic(2)}'\"\n"
        'description = "in {{var.x}} of {site}"\n'
    )


def test_live_texts_with_names_in_braces_stay_as_they_are():
    cloud = Cloud()
    text = "in {aws.region} of {workspace.name}"
    cloud.iot.create_thing_group(thingGroupName="g", thingGroupProperties={"thingGroupDescription": text})
    desired = load_export(export_registry(cloud))
    assert desired.resources[Address("thing_groups", "g")].spec.description == text
