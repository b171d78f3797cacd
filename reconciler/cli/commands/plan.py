"""`reconciler plan`: what would be sent, and nothing sent."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import Options, adopting, allowing, common, selecting, summarizing

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.model.plan import Plan
    from reconciler.notebook.workspace_protocol import ReadProgress
    from reconciler.render.views.plan import PlanView
    from reconciler.workspace import Workspace

FORMATS = ("text", "json", "jsonl", "markdown", "html")
"""As `formats.render` knows them."""


@click.command()
@common()
@adopting
@allowing
@selecting
@click.option("--destroy", is_flag=True, help="Plan the removal of all that the workspace owns.")
@click.option("--calls", is_flag=True, help="List the API calls of every step with their parameters.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="How it is shown; else text."
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan to this file, for `reconciler apply FILE`.",
)
@summarizing
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.pass_context
def plan(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    adopt: Sequence[str],
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    destroy: bool,
    calls: bool,
    form: str,
    out: Path | None,
    summary: Path | None,
    detailed_exitcode: bool,
) -> None:
    """Show what would be done, and send nothing."""
    from reconciler.cli.terminal import Terminal
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    made = make(
        workspace,
        terminal,
        adopt=adopt,
        destroy=destroy,
        allow=options.allow,
        select=select,
        exclude=exclude,
    )
    try:
        show(workspace, made, terminal, calls=calls, form=form)
    finally:  # whoever reads our output may have seen enough before its end; files are written all the same
        _keep(workspace, made, out, summary)
    if detailed_exitcode and made:
        ctx.exit(exit_codes.CHANGES)


def _keep(workspace: Workspace, made: Plan, out: Path | None, summary: Path | None) -> None:
    if out:
        workspace.save(made, out)
        click.echo(
            f"wrote {out}; `reconciler apply {shlex.quote(str(out))}` applies this plan and no other",
            err=True,
        )
    if summary:
        summarize(workspace, made, summary)


def make(  # noqa: PLR0913 (what a plan may be asked for)
    workspace: Workspace,
    terminal: Terminal,
    *,
    adopt: Sequence[str] = (),
    destroy: bool = False,
    wave: float = 100.0,
    allow: Mapping[str, str] = MappingProxyType({}),
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Plan:
    """Read the registry and plan; on a terminal it is seen to be at work. A run before it that crashed is told of."""
    with _reading(workspace, terminal) as progress:
        return workspace.plan(
            destroy=destroy,
            adopt=adopt,
            wave=wave,
            allow=allow,
            select=select,
            exclude=exclude,
            progress=progress,
        )


def reopen(workspace: Workspace, saved: Path, terminal: Terminal) -> Plan:
    """The plan that was saved in a file, if it is still what would be done."""
    with _reading(workspace, terminal) as progress:
        return workspace.open_plan(saved, progress=progress)


@contextmanager
def _reading(workspace: Workspace, terminal: Terminal) -> Iterator[ReadProgress]:
    """The file's mistakes come before anything is read, and word of a run before it that crashed."""
    from reconciler.cli.progress import reading
    from reconciler.render.text.result import render_crash_warning

    workspace.desired  # noqa: B018 (reads the file)
    if crashed := workspace.crashed_run():
        terminal.remark([render_crash_warning(crashed)])
    with reading(terminal.err) as progress:
        yield progress


def show(
    workspace: Workspace, made: Plan, terminal: Terminal, *, calls: bool = False, form: str = "text"
) -> None:
    """The plan as the result of the command."""
    from reconciler.render.formats import MACHINE_FORMATS, MAX_ROWS_BY_FORMAT, render_for_machines
    from reconciler.render.views.plan import build_plan_view

    marks = workspace.count_unchanged_markers(made)
    if form in MACHINE_FORMATS:
        for piece in render_for_machines(made, form, unchanged_markers=marks):
            click.echo(piece, nl=False)
    else:
        view = build_plan_view(
            made, requests=calls, unchanged_markers=marks, max_rows=MAX_ROWS_BY_FORMAT.get(form)
        )
        picture(view, terminal, form)


def told(workspace: Workspace, made: Plan, terminal: Terminal) -> Iterator[Text]:
    """The plan as text, for where it is not the command's result."""
    from reconciler.render.text.plan import render_plan_text
    from reconciler.render.views.plan import build_plan_view

    yield from render_plan_text(
        build_plan_view(made, unchanged_markers=workspace.count_unchanged_markers(made)), terminal.out.width
    )


def picture(view: PlanView, terminal: Terminal, form: str) -> None:
    """A view as people read it."""
    from reconciler.render.formats import render_page
    from reconciler.render.text.plan import render_plan_text

    if form == "text":
        terminal.tell(render_plan_text(view, terminal.out.width))
    else:
        click.echo(render_page(view, form), nl=False)


def summarize(workspace: Workspace, made: Plan, file: Path) -> None:
    """Append the plan to a file as Markdown, as much of it as goes into a comment and into what is left of a step's summary."""
    from reconciler.render.markdown import append_markdown, render_plan_markdown
    from reconciler.render.views.plan import build_plan_view

    view = build_plan_view(made, unchanged_markers=workspace.count_unchanged_markers(made))
    append_markdown(file, lambda limit: render_plan_markdown(view, limit))
