"""Text from a file or the registry stays text in every format."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import networkx as nx
import pytest
from rich.console import Console

from reconciler.cli.terminal import write_lines
from reconciler.model.address import Address
from reconciler.model.change import FieldChange
from reconciler.model.pem import Pem
from reconciler.model.plan import Step
from reconciler.model.secret import Secret
from reconciler.model.text import escape_invisible
from reconciler.render.graph.dot import render_dot
from reconciler.render.graph.mermaid import render_mermaid
from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.svg import render_svg
from reconciler.render.graph.tree import render_tree
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.format_value import format_value
from reconciler.render.views.labels import get_kind_position
from reconciler.render.views.plan import build_plan_view
from tests.support.sample_graphs import draw_graph
from tests.support.sample_plans import (
    HOSTILE_TEXT,
    MANAGED_THING_CREATION,
    make_sample_plan,
    make_thing_creation,
)

THING_POSITION = get_kind_position("things")
FILL_COLOR = compute_color(THING_POSITION, lightness=0.95, chroma=0.03)
ESCAPED_TEXT = r'<script>alert("1")</script> [bold red]x[/] \x1b[31m\u202ered'


def make_picture():
    graph = nx.DiGraph()
    graph.add_node(Address("things", HOSTILE_TEXT))
    return draw_graph(graph, title=HOSTILE_TEXT)


def capture_terminal(lines) -> str:
    """Return what is printed to a terminal, without styles."""
    stream = io.StringIO()
    write_lines(Console(file=stream, force_terminal=True, color_system=None, width=200, markup=False), lines)
    return stream.getvalue()


def test_a_hostile_attribute_is_escaped_in_text():
    plan = make_sample_plan(
        Step(make_thing_creation("pump-7", FieldChange("attributes.note", None, HOSTILE_TEXT)), ())
    )
    assert capture_terminal(render_plan_text(build_plan_view(plan), 200)) == (
        "Plan for greenhouse\n"
        "embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2\n"
        "\n"
        "Things  1 to create\n"
        "  + create   things.pump-7  desired_state.toml:1 · 0 calls\n"
        r'             attributes.note  "<script>alert(\"1\")</script> [bold red]x[/] \x1b[31m\u202ered"'
        "\n\nAPI calls  0, at least 0.00 s under AWS quotas\n\nPlan: 1 to create\n"
    )


def test_a_hostile_name_is_escaped_in_the_tree():
    assert (
        capture_terminal(render_tree(make_picture()))
        == f"{ESCAPED_TEXT}\n└─ {ESCAPED_TEXT}  thing\n\n1 resource, 0 dependencies\n"
    )


def test_a_hostile_name_is_only_text_in_svg():
    svg = ET.fromstring(render_svg(make_picture()))
    texts = [node.text for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [
        ESCAPED_TEXT,
        "1 resource",
        "T",
        f"{ESCAPED_TEXT[:16]}…{ESCAPED_TEXT[-16:]}",
        "thing",
        "1 thing",
    ]
    assert {node.tag.rpartition("}")[2] for node in svg.iter()} == {
        "svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text", "g", "circle",
    }  # fmt: skip


def test_a_hostile_name_is_only_text_in_dot():
    quoted = r"<script>alert(\"1\")</script> [bold red]x[/] \\x1b[31m\\u202ered"
    node_id = rf'"things.{quoted}"'
    assert render_dot(make_picture()) == (
        "digraph reconciler {\n"
        f'  graph [label="{quoted}", labelloc=t, rankdir=LR, fontname="sans-serif"];\n'
        '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];\n'
        '  edge [color="#98a1ab", arrowsize=0.7];\n'
        f'  {node_id} [label="{quoted}\\nthing", color="{compute_color(THING_POSITION)}", fillcolor="{FILL_COLOR}"];\n'
        "}\n"
    )


def test_a_hostile_name_is_only_text_in_mermaid():
    label = (
        "#60;script#62;alert#40;#34;1#34;#41;#60;/script#62; #91;bold red#93;x#91;/#93; "
        "#92;x1b#91;31m#92;u202ered"
    )
    assert render_mermaid(make_picture()) == (
        f'flowchart LR\n  n0("{label}<br>thing"):::k{THING_POSITION}\n'
        f"  classDef k{THING_POSITION} fill:{FILL_COLOR},stroke:{compute_color(THING_POSITION)},color:#1b1f24\n"
    )


def test_a_plan_shows_no_secret():
    text = capture_terminal(
        render_plan_text(build_plan_view(make_sample_plan(MANAGED_THING_CREATION), requests=True), 100)
    )
    lines = [line.split() for line in text.split("\n")]
    assert ["authentication_material", "(sensitive)"] in lines
    assert ["AuthenticationMaterial", "(sensitive)"] in lines
    assert "canary" not in text  # the value of the secret


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("oslo", "oslo"),
        ("Acme Corp", '"Acme Corp"'),
        ("", '""'),
        ("a\nb\tc", r'"a\nb\tc"'),
        ("C:\\x", r'"C:\\x"'),
        (True, "true"),
        (3, "3"),
        (None, "none"),
        ((), "none"),
        (("a", "b c"), '[a, "b c"]'),
        ({"site": "oslo", "n": 1}, "{ site = oslo, n = 1 }"),
        (Secret("env X", "canary"), "(sensitive)"),
        (str(Secret("env X", "canary").hash_with_salt("salt")), "(sensitive)"),
        ("-----BEGIN PRIVATE KEY-----\nabc", "(sensitive)"),
        (Pem("ab" * 32, source="pki/a.pem"), "sha256:abababababab… (pki/a.pem)"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "sha256:709e80c88487…"),
    ],
)
def test_a_value_is_formatted_as_short_text_and_quoted_where_necessary(value, expected):
    assert format_value(value).text == expected


@pytest.mark.parametrize("name", ["pump-7", "pumpe-ø", "水泵"])
def test_letters_of_any_script_are_not_escaped(name):
    assert escape_invisible(name) == name
