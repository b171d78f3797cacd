"""Lines are wrapped between words, so that no terminal breaks a word that fits into a line."""

from __future__ import annotations

import datetime

import networkx as nx
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import FieldChange, Update
from reconciler.model.errors import AwsError, Diagnostic, InvalidDesiredStateError, PlanRejectedError
from reconciler.model.outcome import Canceled, Failed, Result, Skipped
from reconciler.model.plan import Note, Step
from reconciler.model.resource import Live
from reconciler.model.run import History, ProcessIdentity, Run, RunCall, RunRecord, RunStep
from reconciler.render.graph.tree import render_tree
from reconciler.render.rich_display import get_text_renderers, render_text
from reconciler.render.text.wrap import wrap_lines
from reconciler.render.views.comparison import ResourceComparisonView, build_comparison_view
from reconciler.render.views.drift import build_drift_view
from reconciler.render.views.error import build_error_view
from reconciler.render.views.history import (
    EnvironmentHistoryView,
    RolloutHistoryView,
    build_history_view,
    build_run_view,
)
from reconciler.render.views.plan import PlanView, build_plan_view
from reconciler.render.views.result import build_result_view
from reconciler.render.views.rollout import EnvironmentGroup, EnvironmentRow, RolloutView
from tests.support.sample_graphs import make_graph
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    FULL_PLAN,
    TARGET,
    UPDATE,
    make_resource_at_line,
    make_sample_plan,
)

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)

words = st.text("abcdefg:/.-_水", min_size=1, max_size=90)
sentences = st.lists(words, max_size=25).map(" ".join)
names = st.text("abcdefg-_", min_size=1, max_size=60)


def build_views(sentence: str, name: str):
    """Return views of every type, with the sentence and the name wherever text from outside appears."""
    address = Address("things", name)
    field = FieldChange("attributes.note", sentence, f"{sentence} {name}")
    resource = make_resource_at_line("things", name, Thing(attributes={"note": sentence, "name": name}))
    live = Live(name, Thing(attributes={"note": name, "name": sentence}), owner=name)
    update = Update(resource, live, (field,))
    error = AwsError(service="iot", operation="UpdateThing", code="Code", message=sentence, request_id=name)
    plan = make_sample_plan(
        Step(update, UPDATE.calls), *FULL_PLAN.steps, notes=(Note("warning", sentence, address),), unchanged=3
    )
    outcomes = (Failed(update, error), Skipped(CREATION.change, address), Canceled(DELETION.change))
    drifted_resource = DriftedResource(
        "changed", address, (DriftedField("attributes.note", sentence, name),), owner=name
    )
    run = Run(
        id="r1",
        workspace=name,
        target=sentence,
        process=ProcessIdentity(name, "host", pid=1, job=sentence),
        command="apply",
        file_digest="0" * 64,
        plan_digest="1" * 64,
        started_at=NOON,
        ended_at=NOON,
        status="applied",
    )
    call = RunCall(
        number=1,
        address=str(address),
        service="iot",
        operation="UpdateThing",
        parameters=sentence,
        status="completed",
        started_at=NOON,
    )
    record = RunRecord(run, (RunStep(str(address), "update", "failed", error=sentence),), (call,))
    diagnostic = Diagnostic(
        "a.toml", 1, sentence, address=str(address), field="note", expected=sentence, nearest=name
    )
    invalid_file_view = build_error_view(InvalidDesiredStateError([diagnostic]), {"a.toml": [f"{name} = 1"]})
    drift = Drift(
        name,
        TARGET,
        file_digest="",
        items=(drifted_resource,),
        unchanged=3,
        unlisted=(sentence,),
        notes=(sentence,),
    )
    return [
        build_plan_view(plan, requests=True),
        build_result_view(Result(plan, outcomes, 1.0)),
        build_comparison_view(address, resource, live, update),
        build_drift_view(drift, run),
        build_history_view(History((run,))),
        build_run_view(record),
        invalid_file_view,
        invalid_file_view.diagnostics,
        build_error_view(PlanRejectedError([sentence, name])),
        build_rollout_view(name, sentence, build_plan_view(plan, requests=True)),
        RolloutHistoryView(
            (
                EnvironmentHistoryView(name, name, build_history_view(History((run,)))),
                EnvironmentHistoryView(name, name, build_history_view(History())),
            ),
            sentence,
        ),
    ]


def build_rollout_view(name: str, sentence: str, plan: PlanView) -> RolloutView:
    planned = EnvironmentRow(name, "planned", workspace=name, target=sentence, counts=plan.counts, warnings=1)
    failed = evolve(planned, status="failed", message=(sentence,))
    unchanged = evolve(planned, status="unchanged")
    return RolloutView(
        "plan",
        file=name,
        total=4,
        groups=(EnvironmentGroup((planned, planned), plan=plan),),
        unchanged=(unchanged,),
        problems=(EnvironmentGroup((failed,)),),
        counts=plan.counts,
    )


_MAX_INDENT = 18
"""The indent of the parameters of calls, and two more."""


def split_words(text: str) -> list[str]:
    return text.replace("\n", " ").split()


def test_build_views_returns_a_view_of_every_type():
    assert {type(view) for view in build_views("a", "b")} == set(get_text_renderers())


@settings(deadline=None)
@given(sentences, names, st.integers(40, 120))
def test_no_rendering_splits_a_word_that_fits_into_a_line(sentence, name, width):
    for view in build_views(sentence, name):
        unwrapped = "\n".join(line.plain for line in get_text_renderers()[type(view)](view, width))
        wrapped = render_text(view, width)
        assert split_words(wrapped) == split_words(unwrapped)
        longest_word = max(map(cell_len, split_words(unwrapped)))
        # A word that no line has room for begins under its column.
        assert max(map(cell_len, wrapped.split("\n"))) <= max(width, _MAX_INDENT + longest_word)


@settings(deadline=None)
@given(sentences, names)
def test_no_comparison_splits_a_word_of_a_value(sentence, name):
    (comparison,) = (view for view in build_views(sentence, name) if isinstance(view, ResourceComparisonView))
    values = [value.text for row in comparison.fields for value in (row.desired, row.live) if value]
    words_of_values = {word for value in values for word in value.split()}
    assert words_of_values <= set(split_words(render_text(comparison, 80)))


@given(names)
def test_no_tree_splits_a_name(name):
    graph = nx.DiGraph(
        [(Address("thing_groups", name), Address("things", f"{name}{number}")) for number in range(3)]
    )
    lines = list(render_tree(make_graph(graph, title=name)))
    unwrapped = " ".join(line.plain for line in lines)
    assert split_words("\n".join(line.plain for line in wrap_lines(lines, 80))) == unwrapped.split()


@pytest.mark.parametrize(
    ("line", "width", "expected"),
    [
        ("short", 20, ["short"]),
        ("one two three four", 9, ["one two", "  three", "  four"]),
        ("    next  one two three four", 20, ["    next  one two", "          three four"]),
        ("  - a reason that is long", 16, ["  - a reason", "    that is long"]),
        ("a " + "b" * 12 + " c", 8, ["a", "b" * 12, "  c"]),
        ("ab  " + "c" * 9, 10, ["ab", " " + "c" * 9]),
        ("水水水 水水水", 8, ["水水水", "  水水水"]),
        (
            '    a  ["tracker-", { "Ref": "SerialNumber" }]',
            34,
            ['    a  ["tracker-",', '       { "Ref": "SerialNumber" }]'],
        ),
        (
            "   long_path_of_a_field  { enabled = true }",
            36,
            ["   long_path_of_a_field", "     { enabled = true }"],
        ),
        (
            "    arns  arn:aws:acm:eu-west-1:123456789012:certificate/0",
            40,
            ["    arns", "      arn:aws:acm:eu-west-1:123456789012:certificate/0"],
        ),
        (
            "    url  https://example.com/a/path/of/a/page",
            30,
            ["    url", "      https://example.com/a/path/of/a/page"],
        ),
    ],
)
def test_a_line_continues_with_an_indent_that_leaves_room_for_the_next_word(line, width, expected):
    assert [part.plain for part in wrap_lines([Text(line)], width)] == expected
