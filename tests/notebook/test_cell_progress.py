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
from reconciler.notebook import cell_progress, extension, is_here
from tests.render.test_plan_html import Reader
from tests.support.sample_plans import CREATION, DELETION, UPDATE, plan

MADE = plan(CREATION, UPDATE, DELETION)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


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
            live.write(lambda tick=tick: cell_progress.parts.word("✔", "applied", str(tick)), lambda: "")
    assert pages(captured) == [["✔ 0"], ["✔ 205"], ["✔ 410"], ["✔ 615"], ["✔ 820"]]


def test_interrupting_a_cell_stops_calmly_and_says_so(shell):
    stop = threading.Event()
    with capture_output() as captured, cell_progress.applying(MADE, stop) as hear:
        signal.raise_signal(signal.SIGINT)
        hear(Applied(CREATION.change, 0.1))
    assert stop.is_set()
    assert pages(captured)[-1][1].startswith("stopping: what is in flight is finished")


def test_a_reading_that_is_soon_over_leaves_nothing(shell):
    with capture_output() as captured, cell_progress.reading() as tell:
        tell("things", 3, 10)
    assert captured.outputs == []


def test_outside_a_notebook_nothing_is_shown_unasked(shell):
    assert is_here() is False


def test_the_extension_gives_the_shell_one_magic(shell):
    before = set(shell.magics_manager.magics["line"])
    shell.run_line_magic("load_ext", "reconciler")
    assert set(shell.magics_manager.magics["line"]) - before <= {"reconcile"}
    assert "reconcile" in shell.magics_manager.magics["line"]


def test_the_magic_plans_applies_and_shows(fleet):
    assert extension.reconcile("plan").counts["create"] > 0
    with capture_output():
        assert extension.reconcile("apply --yes").ok
    assert extension.reconcile("show things.pump-1").change is None
    assert bool(extension.reconcile("drift")) is False
    assert extension.reconcile("plan -f desired_state.toml").counts["create"] == 0
    assert len(extension.reconcile("history")) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("plam", "there is no %reconcile 'plam'; did you mean 'plan'?"),
        ("show", "say %reconcile show ADDRESS, such as things.pump-1"),
        ("plan now", "%reconcile knows no 'now' here; the commands of a shell have options"),
        ("plan -f", "-f names a file, such as desired_state.toml"),
        ("show 'things", "%reconcile show 'things: No closing quotation"),
        ("apply now", "say %reconcile apply, or %reconcile apply --yes to go on without being asked"),
        (
            "",
            (
                "say %reconcile plan|apply|drift|panel|graph|show|history|last_run, "
                "and -f FILE for another file than desired_state.toml"
            ),
        ),
    ],
)
def test_a_slip_in_the_magic_is_told(fleet, line, told):
    with pytest.raises(ReconcilerError) as caught:
        extension.reconcile(line)
    assert str(caught.value) == told


def test_the_magic_sends_nothing_where_nobody_can_be_asked(fleet, monkeypatch):
    monkeypatch.setattr("builtins.input", _nobody)
    with capture_output(), pytest.raises(ReconcilerError) as caught:
        extension.reconcile("apply")
    assert str(caught.value) == "nobody can be asked here, and nothing was sent; say %reconcile apply --yes"
    assert extension.reconcile("plan").counts["create"] > 0


def _nobody(_asked: str) -> str:
    """As a kernel has it that a script drives."""
    raise StdinNotImplementedError


def test_a_panel_where_there_is_no_notebook_is_the_plan_in_text(fleet, capsys):
    workspace = reconciler.Workspace()
    workspace.panel(plan := workspace.plan())
    assert capsys.readouterr().out == f"{plan!r}\n"
