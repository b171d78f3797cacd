"""Progress in a cell, the IPython extension, and a shell that is not a notebook."""

from __future__ import annotations

import signal
import threading

import pytest
from IPython.core.error import StdinNotImplementedError
from IPython.utils.capture import capture_output

import reconciler
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Applied, Canceled, Failed, Started
from reconciler.notebook import cell_progress, extension, is_in_notebook
from reconciler.render.html.parts import render_status_html
from tests.support.direct_client import ManualClock
from tests.support.html_reader import HtmlReader
from tests.support.sample_plans import CREATION, DELETION, UPDATE, make_sample_plan

pytestmark = pytest.mark.usefixtures("shell")

PLAN = make_sample_plan(CREATION, UPDATE, DELETION)


def run_magic(line):
    return extension.run_command(line, reconciler.Workspace)


def read_displayed_pages(captured) -> list[list[str]]:
    """Return the lines of text of every update."""
    updates = (output.data["text/html"] for output in captured.outputs)
    return [[line.strip() for line in HtmlReader(page).lines if line.strip()] for page in updates]


def read_progress(page: list[str]) -> str:
    """Return the counts of steps in an update, without the time."""
    counts_and_time = page[0].split(" elapsed")[0]
    return counts_and_time.rsplit(" ", 2)[0]


def test_an_apply_shows_its_progress_from_the_first_step_to_the_last():
    with capture_output() as captured, cell_progress.show_applying(PLAN, threading.Event()) as on_outcome:
        for outcome in (
            Started(CREATION.change),
            Applied(CREATION.change, 0.1),
            Applied(UPDATE.change, 0.1),
            Failed(DELETION.change, ReconcilerError("no")),
        ):
            on_outcome(outcome)
    first_page, *_, last_page = read_displayed_pages(captured)
    assert read_progress(first_page) == "0 of 3"
    assert read_progress(last_page) == "3 of 3 ✔ 2 applied ✖ 1 failed"


def test_the_progress_bar_of_a_stopped_apply_shows_only_the_executed_steps():
    with capture_output() as captured, cell_progress.show_applying(PLAN, threading.Event()) as on_outcome:
        on_outcome(Applied(CREATION.change, 0.1))
        on_outcome(Canceled(UPDATE.change))
        on_outcome(Canceled(DELETION.change))
    last_page = read_displayed_pages(captured)[-1]
    assert read_progress(last_page) == "1 of 3 ✔ 1 applied ◌ 2 canceled"
    assert 'aria-valuenow="33"' in captured.outputs[-1].data["text/html"]


def test_an_output_is_updated_at_most_five_times_a_second():
    clock = ManualClock(0.0)
    output = cell_progress.ThrottledOutput(clock)
    with capture_output() as captured:
        for tick in range(1000):
            clock.now = tick / 1024  # a power of two: exact in binary
            output.update(
                lambda tick=tick: render_status_html("✔", "applied", str(tick)),
                lambda: "",
            )
    assert read_displayed_pages(captured) == [["✔ 0"], ["✔ 205"], ["✔ 410"], ["✔ 615"], ["✔ 820"]]


def test_interrupting_a_cell_stops_the_apply_and_shows_that_it_is_stopping():
    stop = threading.Event()
    with capture_output() as captured, cell_progress.show_applying(PLAN, stop) as on_outcome:
        signal.raise_signal(signal.SIGINT)
        on_outcome(Applied(CREATION.change, 0.1))
    assert stop.is_set()
    assert read_displayed_pages(captured)[-1][1].startswith("stopping: finishing calls in flight")


def test_a_quick_read_leaves_no_output():
    with capture_output() as captured, cell_progress.show_reading() as progress:
        progress("things", 3, 10)
    assert captured.outputs == []


def test_a_plain_shell_is_not_a_notebook():
    assert is_in_notebook() is False


def test_the_extension_registers_one_magic(shell):
    before = set(shell.magics_manager.magics["line"])
    shell.run_line_magic("load_ext", "reconciler")
    # Nothing is new if another test has loaded the extension.
    assert set(shell.magics_manager.magics["line"]) - before <= {"reconcile"}
    assert "reconcile" in shell.magics_manager.magics["line"]


def test_the_magic_runs_plan_apply_show_drift_and_history(run_in_starter):
    assert run_magic("plan").counts["create"] > 0
    with capture_output():
        assert run_magic("apply --yes").ok
    assert run_magic("show things.pump-1").change is None
    assert bool(run_magic("drift")) is False
    assert run_magic("plan -f desired_state.toml").counts["create"] == 0
    assert len(run_magic("history")) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plam", "'plam' is not a command of %reconcile; did you mean 'plan'?"),
        ("show", "expected %reconcile show ADDRESS, such as things.pump-1"),
        (
            "plan now",
            (
                "unexpected argument 'now'; "
                "options such as --select exist only in the reconciler command and in Python"
            ),
        ),
        ("plan -f", "-f: file name is missing; add one, such as desired_state.toml"),
        ("show 'things", "%reconcile show 'things: No closing quotation"),
        (
            "apply now",
            "expected %reconcile apply, or %reconcile apply --yes to apply without confirmation",
        ),
        (
            "",
            (
                "expected %reconcile plan|apply|drift|panel|graph|show|history|last_run, "
                "with -f FILE for a file other than desired_state.toml"
            ),
        ),
    ],
)
def test_an_invalid_line_is_an_error_with_the_expected_form(run_in_starter, line, message):
    with pytest.raises(ReconcilerError) as caught:
        run_magic(line)
    assert str(caught.value) == message


def test_the_magic_sends_nothing_if_the_kernel_cannot_prompt(run_in_starter, monkeypatch):
    monkeypatch.setattr("builtins.input", _raise_no_input)
    with capture_output(), pytest.raises(ReconcilerError) as caught:
        run_magic("apply")
    assert (
        str(caught.value)
        == "cannot prompt: this front end has no input; use %reconcile apply --yes to skip confirmation"
    )
    assert run_magic("plan").counts["create"] > 0


def _raise_no_input(_question: str) -> str:
    """Raise what `input` raises if the front end cannot ask a person, as when nbconvert runs a notebook."""
    raise StdinNotImplementedError


def test_a_panel_outside_a_notebook_prints_the_plan(run_in_starter, capsys):
    workspace = reconciler.Workspace()
    workspace.panel(plan := workspace.plan())
    assert capsys.readouterr().out == f"{plan!r}\n"


def test_a_panel_shows_a_given_plan_without_changes_instead_of_a_new_one(run_in_starter, capsys, monkeypatch):
    workspace = reconciler.Workspace()
    workspace.apply(workspace.plan())
    empty_plan = workspace.plan()
    assert not empty_plan
    monkeypatch.setattr(workspace, "plan", lambda: pytest.fail("the panel planned again"))
    workspace.panel(empty_plan)
    assert capsys.readouterr().out == f"{empty_plan!r}\n"
