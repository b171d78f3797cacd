"""A rollout shows how the edges of all its environments were read."""

from __future__ import annotations

import pytest

from reconciler import Rollout
from reconciler.model.edge_readings import EdgeReadings, merge_edges
from reconciler.render.text.rollout import render_rollout_summary
from reconciler.rollout.view import build_rollout_plan_view


def test_the_edges_of_environments_are_added_with_the_oldest_age():
    first = EdgeReadings(
        read_now=1, remembered=2, oldest_seconds=60.0, max_age_seconds=604800.0, calls_per_second=20.0
    )
    second = EdgeReadings(
        read_now=3, remembered=4, oldest_seconds=7200.0, max_age_seconds=86400.0, calls_per_second=20.0
    )
    assert merge_edges([first, second]).summary == "edges: 4 read now, 6 remembered, oldest 2 h (limit 7 d)"


FILE = """
[workspace]
name = "greenhouse-{environment.name}"
target = "embedded"
read = "changed"

[environments.a]
account = "111111111111"

[environments.b]
account = "222222222222"

[things.pump]
"""


@pytest.fixture
def rollout(tmp_path):
    """Two applied environments."""
    (tmp_path / "desired_state.toml").write_text(FILE)
    rollout = Rollout(tmp_path / "desired_state.toml")
    rollout.apply(rollout.plan())
    return rollout


def test_a_rollout_shows_the_edges_of_all_its_environments(rollout):
    view = build_rollout_plan_view(rollout.plan(), "desired_state.toml")
    assert (view.edges, view.notes) == ("edges: 2 read now, 0 remembered (limit 7 d)", ())
    text = [line.plain for line in render_rollout_summary(view)]
    assert text == ["Plan: no changes in 2 environments: 2 unchanged", view.edges]


def test_a_rollout_can_read_all_edges_in_spite_of_the_file(rollout):
    responses = [*rollout.plan(read="all").responses, *rollout.drift(read="all").responses]
    assert [(response.status, response.edges) for response in responses] == [("unchanged", None)] * 4


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_a_rollout_rejects_an_unknown_way_to_read(rollout, command):
    with pytest.raises(ValueError, match=r"^read: .some. is not a valid choice"):
        getattr(rollout, command)(read="some")
