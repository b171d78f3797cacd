"""Values that display themselves, with and without a notebook."""

from __future__ import annotations

import networkx as nx
import pytest
from attrs import evolve
from IPython.core.interactiveshell import InteractiveShell

from reconciler import Workspace
from reconciler.model.address import Address
from reconciler.model.change import FieldChange
from reconciler.model.errors import PlanRejectedError, ReconcilerError
from reconciler.model.outcome import Applied
from reconciler.model.plan import Note, Step
from reconciler.render.displayed_values import DisplayedResult
from reconciler.render.graph.graph_part import GraphPart
from reconciler.render.graph.picture import GraphEdge, GraphNode
from reconciler.render.html.page import HTML_RENDERERS
from reconciler.render.rich_display import DisplayedGraph, DisplayedPlan, get_text_renderers
from tests.support.sample_graphs import make_graph
from tests.support.sample_plans import CREATION, FULL_PLAN, make_sample_plan, make_thing_creation

FLEET_GRAPH = nx.DiGraph(
    (Address("ca_certificates", "factory"), Address("certificates", f"pump-{number}"))
    for number in range(400)
)
FLEET_GRAPH.add_edge(Address("certificates", "pump-7"), Address("things", "pump-7"))


def display_fleet(*arguments, **options):
    return DisplayedGraph(GraphPart.from_graph(make_graph(FLEET_GRAPH, *arguments, **options)))


@pytest.fixture
def workspace(run_in_starter):
    return Workspace()


def format_in_ipython(value) -> dict[str, str]:
    """Return the representations that IPython shows."""
    return InteractiveShell.instance().display_formatter.format(value)[0]


def test_a_plan_is_displayed_as_text_and_html(workspace):
    plan = workspace.plan()
    data = format_in_ipython(plan)
    assert (sorted(data), data["text/plain"]) == (["text/html", "text/plain"], repr(plan))
    assert repr(plan).split("\n")[0] == "Plan for greenhouse"


def test_the_repr_of_a_plan_of_thousands_of_changes_is_short():
    steps = [Step(make_thing_creation(f"a-{number}"), ()) for number in range(2_000)]
    steps += [
        Step(make_thing_creation(f"b-{number}", FieldChange(f"attributes.a{number}", None, "x")), ())
        for number in range(9)
    ]
    notes = tuple(Note("warning", "expires", Address("certificates", f"c-{number}")) for number in range(300))
    plan = make_sample_plan(*steps, notes=notes)
    displayed_plan = DisplayedPlan.from_value(plan)
    assert repr(plan) == "<Plan for greenhouse: 2009 to create, 0 unchanged; digest 3f9a2c81d0e2>"
    assert len(repr(displayed_plan).split("\n")) == 29
    assert len(repr(evolve(displayed_plan, full=True)).split("\n")) == 2_327


def test_the_rotations_of_a_plan_are_displayed_like_a_plan(workspace):
    assert type(workspace.rotations(workspace.plan())) is DisplayedPlan


def test_a_result_is_displayed(workspace):
    plan = workspace.plan()
    result = workspace.apply(plan)
    assert repr(result).partition(" in ")[0] == "✔ Apply complete"
    assert sorted(format_in_ipython(result)) == ["text/html", "text/plain"]


def test_a_history_and_a_run_are_displayed(workspace):
    workspace.apply(workspace.plan())
    assert repr(workspace.history()).startswith("run ")  # the header of its first column
    assert repr(workspace.last_run()).startswith("Run ")
    assert sorted(format_in_ipython(workspace.last_run())) == ["text/html", "text/plain"]


def test_drift_is_displayed_in_ipython(workspace):
    workspace.apply(workspace.plan())
    workspace.client().delete_thing_group(thingGroupName="reconciler-greenhouse")
    drift = workspace.drift()
    assert sorted(format_in_ipython(drift)) == ["text/html", "text/plain"]
    assert repr(drift).split("\n")[0] == "Drift of greenhouse"


def test_a_comparison_of_a_resource_is_displayed(workspace):
    workspace.apply(workspace.plan())
    lines = repr(workspace.show("things.pump-1")).split("\n")
    assert (lines[0], lines[-1]) == ("things.pump-1", "✔ matches the file")


def test_an_unknown_resource_is_an_error_with_the_nearest_address(workspace):
    with pytest.raises(ReconcilerError) as caught:
        workspace.show("things.pump-3")
    assert str(caught.value) == (
        "things.pump-3 is neither in desired_state.toml nor in the registry; did you mean 'things.pump-2'?"
    )


def test_the_graph_of_a_plan_shows_its_actions(workspace):
    plan = workspace.plan()
    picture = plan.graph.picture
    assert {node.id: node.action for node in picture.nodes} == dict.fromkeys(
        map(str, workspace.desired.resources), "create"
    )
    assert {(edge.before, edge.after) for edge in picture.edges} == {
        (str(before), str(after)) for before, after in workspace.graph().edges
    }
    assert sorted(format_in_ipython(plan.graph)) == ["image/svg+xml", "text/html", "text/plain"]


def test_a_large_graph_without_actions_is_displayed_by_kind():
    assert repr(display_fleet(make_sample_plan(), title="greenhouse")) == (
        "greenhouse\n"
        "└─ factory  CA certificate\n"
        "   └─ 400 device certificates\n"
        "      └─ pump-7  thing\n"
        "\n"
        "402 resources, 2 dependencies"
    )


def test_a_small_neighborhood_has_the_resource_and_those_connected_to_it():
    neighborhood = display_fleet().around("certificates.pump-7").picture
    assert [(node.id, node.count) for node in neighborhood.nodes] == [
        ("ca_certificates.factory", 1),
        ("certificates.pump-7", 1),
        ("things.pump-7", 1),
    ]


def test_a_neighborhood_within_two_dependencies_has_what_the_neighbors_depend_on():
    neighborhood = display_fleet().around("things.pump-7", 2).picture
    assert [node.id for node in neighborhood.nodes] == [
        "ca_certificates.factory",
        "certificates.pump-7",
        "things.pump-7",
    ]


def test_a_neighborhood_in_a_neighborhood_has_nothing_from_outside():
    neighborhood = display_fleet().around("things.pump-7").around("certificates.pump-7").picture
    assert [node.id for node in neighborhood.nodes] == ["certificates.pump-7", "things.pump-7"]


def test_a_large_neighborhood_is_collapsed_around_its_center():
    neighborhood = display_fleet().around("ca_certificates.factory").picture
    assert (neighborhood.nodes, neighborhood.edges) == (
        (
            GraphNode("ca_certificates.factory", "ca_certificates", "factory"),
            GraphNode("certificates/", "certificates", "400 device certificates", count=400),
        ),
        (GraphEdge("ca_certificates.factory", "certificates/", 400),),
    )


def test_an_address_outside_the_graph_is_an_error_with_the_nearest_address():
    with pytest.raises(ReconcilerError) as caught:
        display_fleet().around("thing.pump-7")
    assert str(caught.value) == "'thing.pump-7' is not in the graph; did you mean 'things.pump-7'?"


def test_every_view_has_a_text_and_an_html_renderer():
    assert get_text_renderers().keys() == HTML_RENDERERS.keys()


def test_a_second_plan_reads_the_file_again(workspace):
    workspace.apply(workspace.plan())
    assert workspace.plan().counts["update"] == 0
    text = workspace.path.read_text()
    workspace.path.write_text(text.replace('"oslo"', '"bergen"', 1))
    assert workspace.plan().counts["update"] == 1


def test_an_error_in_a_cell_is_shown_without_a_traceback(monkeypatch):
    monkeypatch.setattr(ReconcilerError, "traceback_renderer", None)  # as before the Python API is imported
    error = PlanRejectedError(["things.pump-7: \x1b[31mno"])
    assert error._render_traceback_() == [
        "PlanRejectedError: the plan is rejected; nothing was sent",
        r"things.pump-7: \x1b[31mno",
    ]


def test_displayed_plans_and_results_have_the_members_of_plain_ones():
    plan = DisplayedPlan("greenhouse", FULL_PLAN.target, (CREATION,), "0", FULL_PLAN.estimate)
    result = DisplayedResult(plan, (Applied(CREATION.change, 0.1),), 0.1)
    assert (bool(plan), str(result), result.ok) == (True, "1 applied in 0.1 s", True)
