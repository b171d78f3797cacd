"""Build a plan, open a saved one, and print it, for every command that starts from a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.cli.step_summary import append_summary

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.model.edge_readings import ReadMode
    from reconciler.model.plan import Plan
    from reconciler.notebook.workspace_protocol import ReadProgress
    from reconciler.render.views.plan import PlanView
    from reconciler.workspace import Workspace


def build_plan(  # noqa: PLR0913 (the options of a plan)
    workspace: Workspace,
    terminal: Terminal,
    *,
    adopt: Sequence[str] = (),
    destroy: bool = False,
    wave: float = 100.0,
    allow: Mapping[str, str] = MappingProxyType({}),
    allow_cascade: bool = False,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    only_adopted: bool = False,
    read: ReadMode | None = None,
) -> Plan:
    """Return a plan, and show progress while the registry is read.

    `wave` is the percentage of the certificate rotations in one wave; the plan has all of them, but limits count only one wave.
    """
    with _show_reading(workspace, terminal) as progress:
        return workspace.plan(
            destroy=destroy,
            adopt=adopt,
            wave=wave,
            allow=allow,
            allow_cascade=allow_cascade,
            select=select,
            exclude=exclude,
            only_adopted=only_adopted,
            read=read,
            progress=progress,
        )


def open_saved_plan(workspace: Workspace, file: Path, terminal: Terminal) -> Plan:
    """Return the plan in a file, after checking that planning again gives the same plan.

    Shows progress while the registry is read. Raises PlanRejectedError if the plans differ.
    """
    document = workspace.read_plan_file(file)
    with _show_reading(workspace, terminal) as progress:
        return workspace.open_plan(document, progress=progress)


@contextmanager
def _show_reading(workspace: Workspace, terminal: Terminal) -> Iterator[ReadProgress]:
    """Show progress while the registry is read, after a warning if the last run crashed.

    Loads the file first, so that its diagnostics precede any request.
    """
    workspace.desired  # noqa: B018 (loads the file)
    crashed_run = workspace.crashed_run()
    if crashed_run:
        from reconciler.render.text.result import render_crash_warning

        terminal.print_notes([render_crash_warning(crashed_run)])
    if not terminal.shows_progress:
        yield lambda _subject, _done, _total: None
        return
    from reconciler.cli.progress import show_reading

    with show_reading(terminal.err) as progress:
        yield progress


def print_plan(  # noqa: PLR0913 (what is printed, and how)
    workspace: Workspace,
    plan: Plan,
    terminal: Terminal,
    *,
    calls: bool = False,
    full: bool = False,
    output_format: str = "text",
) -> None:
    """Print a plan as a command's result: alike changes as groups or, with `calls` or `full`, one by one."""
    from reconciler.cli.terminal import write_pieces
    from reconciler.render.formats import MACHINE_FORMATS, render_for_machines
    from reconciler.render.views.plan import build_plan_view

    unchanged_markers = workspace.count_unchanged_markers(plan)
    if output_format in MACHINE_FORMATS:
        pieces = render_for_machines(plan, output_format, unchanged_markers=unchanged_markers)
        write_pieces(pieces)
    else:
        view = build_plan_view(plan, requests=calls, unchanged_markers=unchanged_markers)
        print_plan_view(view, terminal, output_format, full=calls or full)


def print_plan_view(view: PlanView, terminal: Terminal, output_format: str, *, full: bool = False) -> None:
    """Print a plan's view as text, Markdown or HTML."""
    from reconciler.cli.terminal import write_pieces
    from reconciler.render.formats import render_page
    from reconciler.render.text.plan import render_plan_text

    if output_format == "text":
        terminal.print(render_plan_text(view, terminal.width, full=full))
    else:
        write_pieces(render_page(view, output_format, full=full))


def render_plan_lines(
    workspace: Workspace, plan: Plan, terminal: Terminal, *, full: bool = False
) -> Iterator[Text]:
    """Yield a plan as lines of text, for a command that prints it before its own result, such as `apply`."""
    from reconciler.render.text.plan import render_plan_text
    from reconciler.render.views.plan import build_plan_view

    view = build_plan_view(plan, unchanged_markers=workspace.count_unchanged_markers(plan))
    yield from render_plan_text(view, terminal.width, full=full)


def append_plan_summary(workspace: Workspace, plan: Plan, file: Path) -> None:
    """Append a plan to a file as Markdown, shortened to GitHub's limits for comments and summaries."""
    from reconciler.render.markdown import render_plan_markdown
    from reconciler.render.views.plan import build_plan_view

    view = build_plan_view(plan, unchanged_markers=workspace.count_unchanged_markers(plan))
    append_summary(file, lambda limit: render_plan_markdown(view, limit))
