"""What a cell shows while it waits, the extension and its magic, and where there is no notebook at all."""

from __future__ import annotations

import signal
import threading

import pytest
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import reconciler
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Applied, Failed, Started
from reconciler.notebook import cell_progress, extension, is_in_notebook
from reconciler.render.html.parts import render_status_html
from tests.render.test_plan_html import Reader
from tests.support.sample_plans import CREATION, DELETION, UPDATE, plan

MADE = plan(CREATION, UPDATE, DELETION)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def reconcile(line):
    return extension.run_command(line, reconciler.Workspace)


@pytest.fixture
def shell():
    return InteractiveShell.instance()


def pages(captured) -> list[list[str]]:
    """What each writing showed, without its style."""
    shown = (output.data["text/html"] for output in captured.outputs)
    return [[line.strip() for line in Reader(page).lines if line.strip()] for page in shown]


def test_an_apply_shows_how_far_it_is_and_ends_with_all_of_it(shell):
    with capture_output() as captured, cell_progress.applying(MADE, threading.Event()) as hear:
        for outcome in (
            Started(CREATION.change),
            Applied(CREATION.change, 0.1),
            Applied(UPDATE.change, 0.1),
            Failed(DELETION.change, ReconcilerError("no")),
        ):
            hear(outcome)
    first, *_, last = [page[0].split(" passed")[0].rsplit(" ", 2)[0] for page in pages(captured)]
    assert (first, last) == ("0 of 3", "3 of 3 ✔ 2 applied ✖ 1 failed")


def test_it_is_not_written_oftener_than_can_be_read(shell):
    clock = Clock()
    live = cell_progress.Live(clock)
    with capture_output() as captured:
        for tick in range(1000):
            clock.now = tick / 1024
            live.write(
                lambda tick=tick: render_status_html("✔", "applied", str(tick)),
                lambda: "",
            )
    assert pages(captured) == [["✔ 0"], ["✔ 205"], ["✔ 410"], ["✔ 615"], ["✔ 820"]]


def test_interrupting_a_cell_stops_calmly_and_says_so(shell):
    stop = threading.Event()
    with capture_output() as captured, cell_progress.applying(MADE, stop) as hear:
        signal.raise_signal(signal.SIGINT)
        hear(Applied(CREATION.change, 0.1))
    assert stop.is_set()
    assert pages(captured)[-1][1].startswith("stopping: finishing calls in flight")


def test_a_reading_that_is_soon_over_leaves_nothing(shell):
    with capture_output() as captured, cell_progress.reading() as tell:
        tell("things", 3, 10)
    assert captured.outputs == []


def test_a_plain_shell_is_not_a_notebook(shell):
    assert is_in_notebook() is False


def test_the_extension_gives_the_shell_one_magic(shell):
    before = set(shell.magics_manager.magics["line"])
    shell.run_line_magic("load_ext", "reconciler")
    assert set(shell.magics_manager.magics["line"]) - before <= {"reconcile"}
    assert "reconcile" in shell.magics_manager.magics["line"]


def test_the_magic_plans_applies_and_shows(fleet):
    assert reconcile("plan").counts["create"] > 0
    with capture_output():
        assert reconcile("apply --yes").ok
    assert reconcile("show things.pump-1").change is None
    assert bool(reconcile("drift")) is False
    assert reconcile("plan -f desired_state.toml").counts["create"] == 0
    assert len(reconcile("history")) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("plam", "there is no %reconcile 'plam'; did you mean 'plan'?"),
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
def test_a_slip_in_the_magic_is_told(fleet, line, told):
    with pytest.raises(ReconcilerError) as caught:
        reconcile(line)
    assert str(caught.value) == told


def test_the_magic_sends_nothing_where_nobody_can_be_asked(fleet, monkeypatch):
    monkeypatch.setattr("builtins.input", _nobody)
    with capture_output(), pytest.raises(ReconcilerError) as caught:
        reconcile("apply")
    assert (
        str(caught.value)
        == "cannot prompt: this kernel has no input; use %reconcile apply --yes to skip confirmation"
    )
    assert reconcile("plan").counts["create"] > 0


def _nobody(_asked: str) -> str:
    """As a kernel has it that a script drives."""
    raise StdinNotImplementedError


def test_a_panel_where_there_is_no_notebook_is_the_plan_in_text(fleet, capsys):
    workspace = reconciler.Workspace()
    workspace.panel(plan := workspace.plan())
    assert capsys.readouterr().out == f"{plan!r}\n"
