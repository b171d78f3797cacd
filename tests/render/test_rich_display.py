"""Values that show themselves, with and without a notebook."""

from __future__ import annotations

import networkx as nx
import pytest
from IPython.core.interactiveshell import InteractiveShell

from reconciler import Workspace
from reconciler.engine.graph import build_resource_graph
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError, ReconcilerError
from reconciler.model.outcome import Applied
from reconciler.render.graph.picture import GraphEdge, GraphNode, build_picture
from reconciler.render.rich_display import DisplayedGraph, DisplayedPlan, DisplayedResult, _drawn
from tests.support.sample_plans import CREATION, EVERYTHING, plan

FLEET = nx.DiGraph(
    (Address("ca_certificates", "factory"), Address("certificates", f"pump-{number}"))
    for number in range(400)
)
FLEET.add_edge(Address("certificates", "pump-7"), Address("things", "pump-7"))


@pytest.fixture
def workspace(fleet):
    return Workspace()


def shown(value) -> dict[str, str]:
    """What IPython makes of it."""
    return InteractiveShell.instance().display_formatter.format(value)[0]


def test_a_plan_shows_itself_as_text_and_html(workspace):
    made = workspace.plan()
    data = shown(made)
    assert (sorted(data), data["text/plain"]) == (["text/html", "text/plain"], repr(made))
    assert repr(made).split("\n")[0] == "Plan for greenhouse"


def test_a_part_of_a_plan_shows_itself_too(workspace):
    assert type(workspace.rotations(workspace.plan())) is DisplayedPlan


def test_a_result_shows_itself(workspace):
    made = workspace.plan()
    result = workspace.apply(made)
    assert repr(result).partition(" in ")[0] == "✔ Done"
    assert sorted(shown(result)) == ["text/html", "text/plain"]


def test_the_history_and_a_run_of_it_show_themselves(workspace):
    workspace.apply(workspace.plan())
    told = [repr(value).split("\n")[0].split()[0] for value in (workspace.history(), workspace.last_run())]
    assert told == ["run", "Run"]
    assert sorted(shown(workspace.last_run())) == ["text/html", "text/plain"]


def test_drift_shows_itself(workspace):
    workspace.apply(workspace.plan())
    workspace.client().delete_thing_group(thingGroupName="reconciler-greenhouse")
    found = workspace.drift()
    assert sorted(shown(found)) == ["text/html", "text/plain"]
    assert repr(found).split("\n")[0] == "Drift of greenhouse"


def test_a_resource_shows_both_of_its_sides(workspace):
    workspace.apply(workspace.plan())
    told = repr(workspace.show("things.pump-1"))
    assert (told.split("\n")[0], told.split("\n")[-1]) == ("things.pump-1", "✔ as the file wants it")


def test_a_resource_that_is_nowhere_is_an_error_with_the_nearest_address(workspace):
    with pytest.raises(ReconcilerError) as caught:
        workspace.show("things.pump-3")
    assert str(caught.value) == (
        "things.pump-3 is neither in desired_state.toml nor in the registry; did you mean 'things.pump-2'?"
    )


def test_the_graph_of_a_plan_shows_what_would_become_of_the_file(workspace):
    made = workspace.plan()
    expected = build_picture(
        build_resource_graph(workspace.desired.resources),
        workspace.desired.resources,
        made,
        title="greenhouse",
    )
    assert made.graph == DisplayedGraph(expected)
    assert sorted(shown(made.graph)) == ["image/svg+xml", "text/plain"]


def test_a_large_graph_is_told_by_kind_and_action():
    assert repr(DisplayedGraph(build_picture(FLEET, {}, plan(), title="greenhouse"))) == (
        "greenhouse\n"
        "└─ factory  CA certificate\n"
        "   └─ 400 device certificates  device certificate\n"
        "      └─ pump-7  thing\n"
        "\n"
        "402 resources, 2 dependencies"
    )


def test_the_neighbourhood_of_an_address_is_small_enough_to_see():
    around = DisplayedGraph(build_picture(FLEET, {})).around("certificates.pump-7").picture
    assert [(node.id, node.count) for node in around.nodes] == [
        ("ca_certificates.factory", 1),
        ("certificates.pump-7", 1),
        ("things.pump-7", 1),
    ]


def test_a_crowded_neighbourhood_is_collapsed_around_its_middle():
    around = DisplayedGraph(build_picture(FLEET, {})).around("ca_certificates.factory").picture
    assert (around.nodes, around.edges) == (
        (
            GraphNode("ca_certificates.factory", "ca_certificates", "factory"),
            GraphNode("certificates/", "certificates", "400 device certificates", count=400),
        ),
        (GraphEdge("ca_certificates.factory", "certificates/", 400),),
    )


def test_an_address_that_is_not_in_the_graph_is_an_error_with_the_nearest_one():
    with pytest.raises(ReconcilerError) as caught:
        DisplayedGraph(build_picture(FLEET, {})).around("thing.pump-7")
    assert str(caught.value) == "'thing.pump-7' is not in the graph; did you mean 'things.pump-7'?"


def test_every_view_that_is_told_in_text_is_told_in_html():
    from reconciler.render.html.page import HTML_RENDERERS

    assert _drawn().keys() == HTML_RENDERERS.keys()


def test_a_second_plan_is_of_the_file_as_it_is_now(workspace):
    workspace.apply(workspace.plan())
    assert workspace.plan().counts["update"] == 0
    text = workspace.path.read_text()
    workspace.path.write_text(text.replace('"oslo"', '"bergen"', 1))
    assert workspace.plan().counts["update"] == 1


def test_an_error_in_a_cell_is_its_message_and_no_traceback():
    error = PlanRejectedError(["things.pump-7: \x1b[31mno"])
    assert error._render_traceback_() == [
        "PlanRejectedError: the plan is refused; nothing was sent",
        r"things.pump-7: \x1b[31mno",
    ]


def test_what_shows_itself_stays_the_value_that_it_is():
    made = DisplayedPlan("greenhouse", EVERYTHING.target, (CREATION,), "0", EVERYTHING.estimate)
    result = DisplayedResult(made, (Applied(CREATION.change, 0.1),), 0.1)
    assert (bool(made), str(result), result.ok) == (True, "1 applied in 0.1 s", True)
