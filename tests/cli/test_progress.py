"""The apply as it is watched."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from reconciler.cli.progress import Moving, Plain, display, reading
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Applied, Canceled, Failed, Skipped, Started
from tests.support.sample_plans import CREATION, DELETION, ROTATION, UPDATE, plan

THROTTLED = AwsError(service="iot", operation="CreateThing", code="ThrottlingException", message="slower")
MADE = plan(ROTATION, UPDATE, CREATION, DELETION)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=100)


def test_a_pipe_gets_one_line_for_each_outcome():
    piped = console(terminal=False)
    with display(MADE, piped) as watching:
        for outcome in (
            Started(CREATION.change),
            Applied(CREATION.change, 0.02),
            Failed(ROTATION.change, THROTTLED),
            Skipped(UPDATE.change, ROTATION.address),
            Canceled(DELETION.change),
        ):
            watching.on_outcome(outcome)
    assert piped.file.getvalue() == (
        "✔ create  things.pump-8        0.02 s\n"
        "✖ replace certificates.pump-7  failed: ThrottlingException\n"
        "↷ update  things.pump-7        skipped: certificates.pump-7 failed\n"
    )


def test_a_terminal_sees_the_bar_the_counts_what_runs_and_the_time():
    clock, screen = Clock(), console(terminal=True)
    moving = Moving(MADE, screen, clock)
    moving.on_outcome(Started(CREATION.change))
    moving.on_outcome(Started(UPDATE.change))
    clock.now = 2.0
    moving.on_outcome(Applied(CREATION.change, 2.0))
    clock.now = 3.0
    screen.file.truncate(0)
    screen.file.seek(0)
    screen.print(moving.picture())
    assert [line.rstrip() for line in screen.file.getvalue().split("\n")] == [
        " ━━━━━━                   1 of 4 ✔ 1 done   3.0 s passed, about 9.0 s left",
        "   ▸ update  things.pump-7  3.0 s",
        "",
    ]


@pytest.mark.parametrize(("terminal", "kind"), [(True, Moving), (False, Plain)])
def test_the_display_fits_where_it_is_shown(terminal, kind):
    assert type(display(MADE, console(terminal=terminal))) is kind


def test_reading_says_nothing_in_a_pipe():
    piped = console(terminal=False)
    with reading(piped) as tell:
        tell("things", 3, 10)
    assert piped.file.getvalue() == ""
