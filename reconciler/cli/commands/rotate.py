"""`reconciler rotate`: the plan's certificate rotations and nothing else of it, in waves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, answering, common

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.model.plan import Plan
    from reconciler.workspace import Workspace


def _percent(_ctx: click.Context, _parameter: click.Parameter, given: str) -> float:
    try:
        percent = float(given.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:  # noqa: PLR2004
        raise click.BadParameter(f"{given!r} is no part of a fleet; expected such as 10%")
    return percent


@click.command()
@common()
@click.option(
    "--wave",
    default="10%",
    show_default=True,
    callback=_percent,
    metavar="PERCENT",
    help="How much of the fleet at a time. The next wave begins when every device of the one before has its certificate.",
)
@answering
@click.pass_context
def rotate(ctx: click.Context, wave: float, *, yes: bool) -> None:
    """Give devices the new certificates of the file, wave by wave, and stop when one fails."""
    from reconciler.cli.commands import plan as planning
    from reconciler.cli.commands.apply import agreed
    from reconciler.cli.terminal import Terminal
    from reconciler.render.views.plan import pluralize
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    made = planning.make(workspace, terminal, wave=wave)
    waves = list(workspace.waves(made, wave))
    _show(workspace, made, waves, terminal)
    if not waves:
        return
    devices = pluralize(sum(map(_devices, waves)), "device")
    asked = f"Rotate {devices} on {made.target.endpoint} in {pluralize(len(waves), 'wave')}?"
    if not yes and not agreed(f"{asked} Type yes", "yes"):
        ctx.exit(1)
    if not _run(workspace, waves, terminal):
        ctx.exit(1)


def _devices(wave: Plan) -> int:
    """How many get a new certificate in it; a wave may have more steps, which these wait for."""
    from reconciler.engine.plan.waves import find_rotations

    return len(find_rotations(wave))


def _show(workspace: Workspace, made: Plan, waves: Sequence[Plan], terminal: Terminal) -> None:
    """The rotations, how they are divided, and that there is more to the plan where there is."""
    from rich.text import Text

    from reconciler.render.text.plan import render_plan_text
    from reconciler.render.text.result import render_remaining_changes
    from reconciler.render.views.plan import build_plan_view, pluralize

    rotation = workspace.rotations(made)
    if rotation:
        view = build_plan_view(rotation, unchanged_markers=workspace.count_unchanged_markers(made))
        terminal.tell(render_plan_text(view, terminal.out.width))
        most = pluralize(max(map(_devices, waves)), "device")
        terminal.tell([Text.assemble(("Waves    ", "bold"), f"{len(waves):,}, of at most {most}")])
    else:
        terminal.tell([Text("Nothing to rotate: no device has another certificate in the file.", "bold")])
    if left := len(made.steps) - len(rotation.steps):
        terminal.tell([render_remaining_changes(left)])


def _run(workspace: Workspace, waves: Sequence[Plan], terminal: Terminal) -> bool:
    """Wave by wave, as long as all goes well; says whether it did to the end."""
    from rich.text import Text

    from reconciler.cli.commands.apply import watched
    from reconciler.engine.plan.waves import find_rotations
    from reconciler.model.outcome import Applied
    from reconciler.render.text.result import (
        render_rotation_complete,
        render_rotation_stopped,
        render_unfinished_steps,
    )
    from reconciler.render.views.plan import pluralize
    from reconciler.render.views.result import build_result_view

    begun, done, total = time.monotonic(), 0, sum(map(_devices, waves))
    for number, wave in enumerate(waves, start=1):
        terminal.remark(f"\nwave {number} of {len(waves)}: {pluralize(_devices(wave), 'device')}")
        result = watched(workspace, wave, terminal, "rotate")
        applied = {end.change.address for end in result.outcomes if isinstance(end, Applied)}
        done += len(applied.intersection(find_rotations(wave)))
        if not result.ok:
            where = f"wave {number} of {len(waves)}"
            later = sum(map(_devices, waves[number:]))
            terminal.tell([Text(), *render_unfinished_steps(build_result_view(result))])
            terminal.tell([render_rotation_stopped(where, done, total, later)])
            return False
    terminal.tell([Text(), render_rotation_complete(total, len(waves), time.monotonic() - begun)])
    return True
