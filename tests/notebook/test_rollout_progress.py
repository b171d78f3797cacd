"""Rollouts in a cell: the live table, interrupts, and values that display themselves."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest
from IPython.utils.capture import capture_output

from reconciler import Rollout
from reconciler.notebook import default_progress, rollout_progress
from reconciler.notebook.environment_states import EnvironmentState, EnvironmentStates
from reconciler.notebook.rollout_protocol import RolloutTask
from reconciler.render.views.rollout import EnvironmentProgress, EnvironmentRow
from reconciler.rollout import rollout as rollout_module
from tests.notebook.test_rollout_session import FILE
from tests.support.html_reader import HtmlReader

pytestmark = pytest.mark.usefixtures("shell")

APPLY = RolloutTask("Applying", "pumps.toml", ("dev", "prod"), is_apply=True)
PLAN = RolloutTask("Planning", "pumps.toml", ("dev", "prod"), is_apply=False)


@pytest.fixture
def rollout(tmp_path):
    path = tmp_path / "desired_state.toml"
    path.write_text(FILE)
    return Rollout(path)


def read_lines(page: str) -> list[str]:
    return [line.strip() for line in HtmlReader(page).lines if line.strip()]


def read_last_page(captured) -> list[str]:
    return read_lines(captured.outputs[-1].data["text/html"])


def test_an_apply_shows_a_row_for_each_environment_and_ends_with_the_numbers():
    reports = (
        EnvironmentProgress("dev", "applying", 2, 4, 0, 1.0),
        EnvironmentRow("prod", "rejected", message=("rejected", "things.a: exists")),
    )
    states = EnvironmentStates(APPLY.names)
    with capture_output() as captured, rollout_progress.show_rollout(APPLY, threading.Event()) as report:
        for environment in reports:
            states.record(environment)
            report(environment)
    page = str(rollout_progress.render_states_html("Applying", states.list_all(), "1 s"))
    assert read_lines(page) == [
        "1 of 2 environments ✖ 1 rejected 1 s",
        "dev |  | ▸ 2 of 4",
        "prod |  | ✖ rejected things.a: exists",
    ]
    assert 'aria-valuenow="50"' in page
    (numbers,) = read_last_page(captured)
    assert numbers.startswith("1 of 2 environments ✖ 1 rejected")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let an interrupt raise KeyboardInterrupt, also in a process that a shell started in the background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_the_first_interrupt_of_an_apply_stops_it_and_the_second_aborts_it():
    stop = threading.Event()
    with capture_output() as captured:
        with rollout_progress.show_rollout(APPLY, stop):
            signal.raise_signal(signal.SIGINT)
            assert stop.is_set()
        assert read_last_page(captured)[-1].startswith("stopping: finishing calls in flight")
        with pytest.raises(KeyboardInterrupt), rollout_progress.show_rollout(APPLY, stop):
            signal.raise_signal(signal.SIGINT)
        assert read_last_page(captured)[-1].startswith("aborted: calls in flight may still finish")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_aborts_a_plan_and_leaves_no_thread():
    with (
        capture_output() as captured,
        pytest.raises(KeyboardInterrupt),
        rollout_progress.show_rollout(PLAN, threading.Event()),
    ):
        signal.raise_signal(signal.SIGINT)
    assert captured.outputs == []
    assert [thread for thread in threading.enumerate() if thread.name == "rollout-progress"] == []


def test_a_quick_plan_shows_no_progress():
    with capture_output() as captured, rollout_progress.show_rollout(PLAN, threading.Event()) as report:
        report(EnvironmentRow("dev", "planned"))
    assert captured.outputs == []


def test_a_table_of_many_environments_lists_problems_and_running_ones_first():
    states = [EnvironmentState(f"<i>{number}", "applied") for number in range(100)]
    states[80] = EnvironmentState("<i>80", "failed", message=("no",))
    states[90] = EnvironmentState("<i>90", "applying", 1, 0, 3)
    page = str(rollout_progress.render_states_html("Applying", states, "1 s"))
    counts, *rows, omitted = read_lines(page)
    assert counts == "99 of 100 environments ✔ 98 applied ✖ 1 failed 1 s"
    assert [row.split(" | ")[0].removeprefix("&lt;i&gt;") for row in rows] == [
        *map(str, range(28)),
        "80",
        "90",
    ]
    assert omitted == "and 70 more environments"
    assert "<i>" not in page


def test_a_cell_that_plans_and_applies_shows_progress_and_values_display_themselves(rollout, monkeypatch):
    monkeypatch.setattr(default_progress, "is_in_notebook", lambda: True)
    with capture_output() as captured:
        plan = rollout.plan()
        result = rollout.apply(plan)
        drift = rollout.drift()
    assert any("3 of 3 environments" in output.data["text/plain"] for output in captured.outputs)
    assert [bool(value) for value in (plan, result.ok, drift)] == [True, True, False]
    for value, title in ((plan, "Plan for 3 environments of"), (result, "✔ "), (drift, "Drift of 3")):
        bundle = value._repr_mimebundle_()
        assert sorted(bundle) == ["text/html", "text/plain"]
        assert bundle["text/plain"] == repr(value)
        assert repr(value).startswith(title)
        assert "<b>bergen" not in bundle["text/html"]


def test_a_panel_outside_a_notebook_prints_the_plans(rollout, capsys):
    assert rollout.panel(plan := rollout.plan()) is None
    assert capsys.readouterr().out == f"{plan!r}\n"


def test_a_panel_with_invalid_waves_is_an_error_before_anything_is_planned(rollout):
    with pytest.raises(ValueError, match="'x' is not a valid wave size"):
        rollout.panel(wave="x")


def test_a_panel_is_a_widget_and_a_static_output_for_any_front_end(rollout, monkeypatch):
    monkeypatch.setattr(rollout_module, "can_show_widgets", lambda: True)
    with capture_output() as captured:
        panel = rollout.panel()
        panel._ipython_display_()
    static = ["text/html", "text/plain"]
    outputs = [sorted(output.data) for output in captured.outputs]
    assert outputs == [static, ["application/vnd.jupyter.widget-view+json", *static]]
    assert repr(panel).startswith("RolloutPanel('")
    panel._session.close()
