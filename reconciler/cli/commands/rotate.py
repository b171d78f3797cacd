"""`reconciler rotate`: only the certificate rotations of a plan and their dependencies, in waves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options, full_option, no_journal_option, yes_option

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.model.outcome import Result
    from reconciler.model.plan import Plan
    from reconciler.workspace import Workspace


def _parse_percent(_ctx: click.Context, _parameter: click.Parameter, value: str) -> float:
    try:
        percent = float(value.removesuffix("%"))
    except ValueError:
        percent = 0.0  # not a number: rejected below
    if not 0 < percent <= 100:  # noqa: PLR2004
        raise click.BadParameter(
            f"{value!r} is not a valid percentage; expected more than 0% and at most 100%, such as 10%"
        )
    return percent


@click.command()
@add_common_options()
@add_environment_options
@click.option(
    "--wave",
    "wave_percent",
    default="10%",
    callback=_parse_percent,
    metavar="PERCENT",
    help=(
        "Size of each wave, as a percentage of the devices to rotate; a wave starts when the previous wave is complete "
        "(default: 10%)."
    ),
)
@full_option
@no_journal_option
@yes_option
@click.pass_context
def rotate(ctx: click.Context, wave_percent: float, *, full: bool, yes: bool) -> None:
    """Rotate device certificates in waves; stop at a failure.

    Gives devices the new certificates that the file declares for them. Other changes are made only if a rotation depends on them.
    """
    from reconciler.cli.planning import build_plan
    from reconciler.cli.prompt import confirm
    from reconciler.cli.terminal import Terminal
    from reconciler.render.views.labels import pluralize

    options = Options.from_context(ctx)
    terminal = Terminal(color=options.color)
    workspace = options.open_workspace()
    # The plan has all rotations; the limits of the file count those of one wave only.
    plan = build_plan(workspace, terminal, wave=wave_percent)
    waves = list(workspace.waves(plan, wave_percent))
    _print_rotations(workspace, plan, waves, terminal, full=full)
    if not waves:
        return
    device_count = pluralize(_count_all_devices(waves), "device")
    wave_count = pluralize(len(waves), "wave")
    confirm(f"Rotate {device_count} on {plan.target.endpoint} in {wave_count}?", yes=yes)
    if code := _apply_waves(workspace, waves, terminal):
        ctx.exit(code)


def _count_devices(wave: Plan) -> int:
    """Return how many devices get a new certificate in a wave.

    The wave's other steps are only dependencies of these rotations.
    """
    from reconciler.engine.plan.waves import find_rotations

    return len(find_rotations(wave))


def _count_all_devices(waves: Sequence[Plan]) -> int:
    return sum(map(_count_devices, waves))


def _print_rotations(
    workspace: Workspace, plan: Plan, waves: Sequence[Plan], terminal: Terminal, *, full: bool
) -> None:
    """Print the rotations with their dependencies, the waves, and how many other changes the plan has."""
    from rich.text import Text

    from reconciler.cli.planning import print_plan
    from reconciler.render.text.result import render_remaining_changes
    from reconciler.render.views.labels import pluralize

    rotations = workspace.rotations(plan)
    if rotations:
        print_plan(workspace, rotations, terminal, full=full)
        max_devices = pluralize(max(map(_count_devices, waves)), "device")
        terminal.print([Text.assemble(("Waves    ", "bold"), f"{len(waves):,}, of at most {max_devices}")])
    else:
        terminal.print(
            [Text("Nothing to rotate: the file declares no new certificates for existing devices.", "bold")]
        )
    left_out_count = len(plan.steps) - len(rotations.steps)
    if left_out_count:
        terminal.print([render_remaining_changes(left_out_count)])


def _apply_waves(workspace: Workspace, waves: Sequence[Plan], terminal: Terminal) -> int:
    """Apply wave after wave until one fails; return the exit code, which is 0 if all succeeded."""
    from rich.text import Text

    from reconciler.cli.applying import apply_with_progress
    from reconciler.render.text.result import (
        render_rotation_complete,
        render_rotation_stopped,
        render_unfinished_steps,
    )
    from reconciler.render.views.labels import pluralize
    from reconciler.render.views.result import build_result_view

    started_at = time.monotonic()
    rotated_count, device_count = 0, _count_all_devices(waves)
    for number, wave in enumerate(waves, start=1):
        title = f"wave {number} of {len(waves)}"
        terminal.print_notes(f"\n{title}: {pluralize(_count_devices(wave), 'device')}")
        result = apply_with_progress(workspace, wave, terminal, "rotate")
        rotated_count += _count_rotated(wave, result)
        if not result.ok:
            later_count = _count_all_devices(waves[number:])
            terminal.print([Text(), *render_unfinished_steps(build_result_view(result))])
            terminal.print([render_rotation_stopped(title, rotated_count, device_count, later_count)])
            return exit_codes.get_result_code(result)
    seconds = time.monotonic() - started_at
    terminal.print([Text(), render_rotation_complete(device_count, len(waves), seconds)])
    return 0


def _count_rotated(wave: Plan, result: Result) -> int:
    """Return how many devices of a wave have their new certificate after it."""
    from reconciler.engine.plan.waves import find_rotations
    from reconciler.model.outcome import Applied

    applied = {outcome.change.address for outcome in result.outcomes if isinstance(outcome, Applied)}
    return len(applied.intersection(find_rotations(wave)))
