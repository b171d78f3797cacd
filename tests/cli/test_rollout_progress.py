"""Progress of a rollout on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from reconciler.cli.rollout_progress import LiveRolloutDisplay, RolloutLines, open_rollout_display
from reconciler.interrupt import STOPPING_MESSAGE
from reconciler.rollout.messages import EnvironmentRun, TaskEvent, TaskResponse
from tests.support.direct_client import ManualClock

NAMES = ("dev", "staging", "prod-oslo", "prod-rome")
APPLIED = TaskResponse("dev", "applied", run=EnvironmentRun({"applied": 3}, 2.0), seconds=2.0)
REJECTED = TaskResponse("staging", "rejected", error="the plan is rejected; nothing was sent\nit is locked")


def open_console(*, terminal: bool, width: int = 80, height: int = 25) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=width, height=height)


def render(display: LiveRolloutDisplay, console: Console) -> list[str]:
    console.file.truncate(0)
    console.file.seek(0)
    console.print(display.render())
    return [line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n")]


def test_a_pipe_gets_one_line_for_each_environment_that_has_finished():
    console = open_console(terminal=False)
    with open_rollout_display(NAMES, console) as display:
        assert isinstance(display, RolloutLines)
        for event in (TaskEvent("dev", "planning"), APPLIED, REJECTED):
            display.on_event(event)
    assert console.file.getvalue() == (
        "✔ dev        applied  3 applied · 2.0 s\n"
        "✖ staging    rejected: the plan is rejected; nothing was sent; it is locked\n"
    )


def test_a_terminal_has_a_row_with_a_bar_for_each_running_environment_and_counts_the_others():
    clock, console = ManualClock(0.0), open_console(terminal=True)
    display = LiveRolloutDisplay(NAMES, console, clock)
    display.on_event(APPLIED)
    display.on_event(TaskEvent("staging", "applying", {"applied": 1, "failed": 1}, 4))
    display.on_event(TaskEvent("prod-oslo", "waiting"))
    clock.now = 3.0
    display.on_stop()
    assert render(display, console) == [
        " ▸ staging   ━━━━━━━━━━           2 of 4  ✖ 1 not applied   3.0 s",
        " ▸ prod-oslo                      waiting for another apply 3.0 s",
        " 1 of 4 environments  ✔ 1 applied  1 not started  3.0 s",
        f" {STOPPING_MESSAGE.removesuffix(' now')}",
        "   now",
    ]


@pytest.mark.parametrize("size", [(40, 10), (60, 12)])
def test_the_table_fits_a_small_terminal(size):
    width, height = size
    names = [f"prod-{number:03}-{'x' * 40}" for number in range(50)]
    console = open_console(terminal=True, width=width, height=height)
    display = LiveRolloutDisplay(names, console, ManualClock(0.0))
    for name in names:
        display.on_event(TaskEvent(name, "applying", {"applied": 1}, 9))
    lines = render(display, console)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert lines[height - 6].endswith("more running")


def test_an_event_after_the_end_of_its_environment_is_ignored():
    console = open_console(terminal=True)
    display = LiveRolloutDisplay(NAMES, console, ManualClock(0.0), shows_results=False)
    display.on_event(APPLIED)
    display.on_event(TaskEvent("dev", "applying", {"applied": 3}, 3))
    assert render(display, console) == [" 1 of 4 environments  ✔ 1 applied  3 not started  0.00 s"]
