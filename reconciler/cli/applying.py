"""Apply a plan with progress and report its result, for every command that applies."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

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
    lock_timeout: float = 0.0,
) -> None:
    """Apply a plan, report its result, and exit with an error code unless every step was applied.

    `summary` is a file; the result is appended to it as Markdown, or the plan if it has no changes. With None, nothing is appended.
    `lock_timeout` is how many seconds to wait for another apply of the workspace.
    """
    from rich.text import Text

    from reconciler.render.markdown import render_result_markdown
    from reconciler.render.text.result import render_result_text, render_unfinished_steps
    from reconciler.render.views.result import build_result_view

    if not plan:
        _report_empty_plan(workspace, plan, output_format, summary)
        return
    terminal.print_notes("")  # an empty line between the plan and the progress
    result = apply_with_progress(
        workspace, plan, terminal, command, output_format=output_format, lock_timeout=lock_timeout
    )
    view = build_result_view(result)
    if output_format == "text":
        terminal.print([Text(), *render_result_text(view)])
    elif not result.ok:
        terminal.print_notes([*render_unfinished_steps(view)])
    if summary:
        append_summary(summary, lambda limit: render_result_markdown(view, limit))
    if code := exit_codes.get_result_code(result):
        ctx.exit(code)


def wait_for_other_apply(workspace: Workspace, terminal: Terminal, lock_timeout: float) -> None:
    """Wait until no other apply of the workspace is running.

    A plan that is made earlier shows a part of its work. With a timeout of 0, do not even look: the plan warns of another apply. Raises LockedError after the timeout.
    """
    if not lock_timeout:
        return
    holder = workspace.lease_holder()
    if holder:
        terminal.print_notes(f"waiting for the apply by {holder} to finish …")
        workspace.wait_for_lease(lock_timeout, threading.Event())


def apply_with_progress(  # noqa: PLR0913 (what is applied, and how it is shown)
    workspace: Workspace,
    plan: Plan,
    terminal: Terminal,
    command: str,
    *,
    output_format: str = "text",
    lock_timeout: float = 0.0,
) -> Result:
    """Apply a plan with progress on stderr, or with events on stdout.

    `command` is the run's name in the journal. Raises JournalError if the run cannot be recorded and the command has no --no-journal.
    """
    from reconciler.render.text.result import render_journal_warning

    apply = _apply_with_display if output_format == "text" else _apply_with_events
    journal = Options.from_context(click.get_current_context()).journal
    options = _RunOptions(command=command, journal=journal, lock_timeout=lock_timeout)
    result = apply(workspace, plan, terminal, options)
    if result.journal_problem:
        terminal.print_notes([render_journal_warning(result.journal_problem)])
    return result


class _RunOptions(TypedDict):
    """The options of a run that are passed to `Workspace.apply`."""

    command: str
    journal: bool
    lock_timeout: float


def _apply_with_display(workspace: Workspace, plan: Plan, terminal: Terminal, options: _RunOptions) -> Result:
    from reconciler.cli.progress import open_display
    from reconciler.interrupt import drain_on_interrupt

    stop = threading.Event()
    with open_display(plan, terminal.err) as display, drain_on_interrupt(stop, display.on_stop):
        return workspace.apply(plan, on_outcome=display.on_outcome, stop=stop, **options)


def _apply_with_events(workspace: Workspace, plan: Plan, _terminal: Terminal, options: _RunOptions) -> Result:
    from reconciler.interrupt import drain_on_interrupt
    from reconciler.render.json.events import EventWriter

    stop = threading.Event()
    with EventWriter(plan, sys.stdout) as events, drain_on_interrupt(stop, events.on_stop):
        result = workspace.apply(plan, on_outcome=events.on_outcome, stop=stop, **options)
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
