"""Apply a plan with progress and report its result, for every command that applies."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import Options
from reconciler.cli.step_summary import append_summary

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.model.outcome import Result
    from reconciler.model.plan import Plan
    from reconciler.workspace import Workspace


def apply_and_report(  # noqa: PLR0913 (what is applied, and how it is reported)
    ctx: click.Context,
    workspace: Workspace,
    plan: Plan,
    terminal: Terminal,
    command: str = "apply",
    *,
    output_format: str = "text",
    summary: Path | None = None,
) -> None:
    """Apply a plan, report its result, and exit with an error code unless every step was applied.

    `summary` is a file; the result is appended to it as Markdown, or the plan if it has no changes. With None, nothing is appended.
    """
    from rich.text import Text

    from reconciler.render.markdown import render_result_markdown
    from reconciler.render.text.result import render_result_text, render_unfinished_steps
    from reconciler.render.views.result import build_result_view

    if not plan:
        _report_empty_plan(workspace, plan, output_format, summary)
        return
    terminal.print_notes("")  # an empty line between the plan and the progress
    result = apply_with_progress(workspace, plan, terminal, command, output_format=output_format)
    view = build_result_view(result)
    if output_format == "text":
        terminal.print([Text(), *render_result_text(view)])
    elif not result.ok:
        terminal.print_notes([*render_unfinished_steps(view)])
    if summary:
        append_summary(summary, lambda limit: render_result_markdown(view, limit))
    if code := exit_codes.get_result_code(result):
        ctx.exit(code)


def apply_with_progress(
    workspace: Workspace, plan: Plan, terminal: Terminal, command: str, *, output_format: str = "text"
) -> Result:
    """Apply a plan with progress on stderr, or with events on stdout.

    `command` is the run's name in the journal. Raises JournalError if the run cannot be recorded and the command has no --no-journal.
    """
    from reconciler.render.text.result import render_journal_warning

    apply = _apply_with_display if output_format == "text" else _apply_with_events
    journal = Options.from_context(click.get_current_context()).journal
    result = apply(workspace, plan, terminal, command, journal=journal)
    if result.journal_problem:
        terminal.print_notes([render_journal_warning(result.journal_problem)])
    return result


def _apply_with_display(
    workspace: Workspace, plan: Plan, terminal: Terminal, command: str, *, journal: bool
) -> Result:
    from reconciler.cli.progress import open_display
    from reconciler.interrupt import drain_on_interrupt

    stop = threading.Event()
    with open_display(plan, terminal.err) as display, drain_on_interrupt(stop, display.on_stop):
        return workspace.apply(
            plan, on_outcome=display.on_outcome, stop=stop, command=command, journal=journal
        )


def _apply_with_events(
    workspace: Workspace, plan: Plan, _terminal: Terminal, command: str, *, journal: bool
) -> Result:
    from reconciler.interrupt import drain_on_interrupt
    from reconciler.render.json.events import EventWriter

    stop = threading.Event()
    with EventWriter(plan, sys.stdout) as events, drain_on_interrupt(stop, events.on_stop):
        result = workspace.apply(
            plan, on_outcome=events.on_outcome, stop=stop, command=command, journal=journal
        )
        events.end(result)
    return result


def _report_empty_plan(workspace: Workspace, plan: Plan, output_format: str, summary: Path | None) -> None:
    """Write the events and the summary of an empty plan, if they are requested.

    The plan's text was already printed.
    """
    from reconciler.cli.planning import append_plan_summary
    from reconciler.model.outcome import Result
    from reconciler.render.json.events import EventWriter

    if output_format != "text":
        with EventWriter(plan, sys.stdout) as events:
            events.end(Result(plan, (), 0.0))
    if summary:
        append_plan_summary(workspace, plan, summary)
