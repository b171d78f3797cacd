"""Progress on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from reconciler.cli.progress import LineDisplay, LiveDisplay, open_display, show_reading
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Applied, Canceled, Failed, Skipped, Started
from reconciler.model.plan import Step
from tests.support.direct_client import ManualClock
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    ROTATION,
    UPDATE,
    make_sample_plan,
    make_thing_creation,
)

THROTTLED = AwsError(service="iot", operation="CreateThing", code="ThrottlingException", message="slower")
PLAN = make_sample_plan(ROTATION, UPDATE, CREATION, DELETION)


def open_test_console(*, terminal: bool, width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=width)


def test_a_pipe_gets_one_line_for_each_applied_failed_or_skipped_step():
    piped = open_test_console(terminal=False)
    with open_display(PLAN, piped) as display:
        for outcome in (
            Started(CREATION.change),
            Applied(CREATION.change, 0.02),
            Failed(ROTATION.change, THROTTLED),
            Skipped(UPDATE.change, ROTATION.address),
            Canceled(DELETION.change),
        ):
            display.on_outcome(outcome)
    assert piped.file.getvalue() == (
        "✔ create  things.pump-8        0.02 s\n"
        "✖ replace certificates.pump-7  failed: ThrottlingException\n"
        "↷ update  things.pump-7        skipped: certificates.pump-7 failed\n"
    )


def test_a_terminal_shows_a_bar_the_counts_the_running_steps_and_the_times():
    clock, screen = ManualClock(0.0), open_test_console(terminal=True)
    display = LiveDisplay(PLAN, screen, clock)
    display.on_outcome(Started(CREATION.change))
    display.on_outcome(Started(UPDATE.change))
    clock.now = 2.0
    display.on_outcome(Applied(CREATION.change, 2.0))
    clock.now = 3.0
    screen.file.truncate(0)
    screen.file.seek(0)
    screen.print(display.render())
    assert [line.rstrip() for line in screen.file.getvalue().split("\n")] == [
        " ━━━━━━                   1 of 4 ✔ 1 done   3.0 s elapsed, about 9.0 s left",
        "   ▸ update  things.pump-7  3.0 s",
        "",
    ]


def test_the_display_fits_a_narrow_terminal():
    screen = open_test_console(terminal=True, width=60)
    steps = [Step(make_thing_creation(f"pump-{number}-{'x' * 50}"), ()) for number in range(2)]
    display = LiveDisplay(make_sample_plan(ROTATION, *steps), screen, ManualClock(0.0))
    display.on_outcome(Failed(ROTATION.change, THROTTLED))
    for step in steps:
        display.on_outcome(Started(step.change))
    display.on_stop()
    screen.file.truncate(0)
    screen.file.seek(0)
    screen.print(display.render())
    assert [line.rstrip() for line in screen.file.getvalue().split("\n")] == [
        " ━━━━━━━━                 1 of 3 ✔ 0 done  ✖ 1 failed",
        " 0.00 s elapsed, about 0.00 s left",
        f"   ▸ create  things.pump-0-xxxxx…{'x' * 19}  0.00 s",
        f"   ▸ create  things.pump-1-xxxxx…{'x' * 19}  0.00 s",
        " stopping: finishing calls in flight, starting no more;",
        "   interrupt again to abort now",
        "",
    ]


@pytest.mark.parametrize(("terminal", "display_class"), [(True, LiveDisplay), (False, LineDisplay)])
def test_a_terminal_gets_a_live_display_and_a_pipe_gets_lines(terminal, display_class):
    assert type(open_display(PLAN, open_test_console(terminal=terminal))) is display_class


def test_reading_shows_nothing_in_a_pipe():
    piped = open_test_console(terminal=False)
    with show_reading(piped) as progress:
        progress("things", 3, 10)
    assert piped.file.getvalue() == ""
