"""`reconciler rotate`: the plan's certificate rotations and nothing else of it, in waves."""

from __future__ import annotations

import click

from reconciler.faces.commands.options import Options, answering, common


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
    from reconciler.faces.commands import plan as planning
    from reconciler.faces.commands.apply import agreed, run
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.view import plural
    from reconciler.faces.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    made = planning.make(workspace, terminal)
    waves = list(workspace.waves(made, wave))
    rotation = workspace.rotations(made)
    planning.show(rotation, terminal)
    if not rotation:
        return
    left = len(made.steps) - len(rotation.steps)
    if left:
        terminal.remark(f"{plural(left, 'other change')} of the plan left for apply")
    asked = f"Rotate on {made.target.endpoint} in {plural(len(waves), 'wave')}?"
    if not yes and not agreed(f"{asked} Type yes", "yes"):
        ctx.exit(1)
    for number, one in enumerate(waves, start=1):
        terminal.remark(f"wave {number} of {len(waves)}")
        run(ctx, workspace, one, terminal)
