"""Plan, apply, destroy and look for drift in many environments, and report the results."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import evolve

from reconciler.cli import exit_codes
from reconciler.cli.errors import annotate_environments, print_error
from reconciler.cli.options import Options
from reconciler.cli.step_summary import append_summary
from reconciler.frozen_classes import frozen
from reconciler.render.formats import MACHINE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from rich.text import Text

    from reconciler.cli.rollout_progress import Event
    from reconciler.cli.terminal import Terminal
    from reconciler.render.views.rollout import RolloutView
    from reconciler.rollout import Rollout
    from reconciler.rollout.results import RolloutPlan, RolloutResult


@frozen
class RolloutSelection:
    """The options that choose the changes of every plan of a rollout; `who` is for a drift."""

    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    destroy: bool = False
    who: bool = False


@frozen
class RolloutOutput:
    """How plans and results are shown: the format, without groups if `full`, and the summary's file."""

    output_format: str = "text"
    full: bool = False
    summary: Path | None = None


@frozen
class ApplyOptions:
    """The options of an apply to several environments.

    `confirm` returns only if the plan may be applied. `approved` is the digest that it must have, or None. `executor` runs the
    tasks; None: threads.
    """

    confirm: Callable[[RolloutPlan], None]
    wave: str | None = None
    max_failures: str | None = None
    lock_timeout: float = 0.0
    approved: str | None = None
    executor: Executor | None = None


def open_rollout(options: Options, *, retry_failed: bool = False) -> Rollout:
    """Return the rollout of the selected environments; with `retry_failed`, of those that did not succeed."""
    from reconciler.rollout import Rollout

    rollout = Rollout(
        options.file, options.patterns, variables=options.variables, allow_outside=options.allow_outside
    )
    return rollout.retry_failed() if retry_failed else rollout


@contextmanager
def _open_executor(options: Options) -> Iterator[Executor | None]:
    """Yield the executor of the scheduler that the options name, or None: threads."""
    if options.scheduler is None:
        yield None
        return
    from reconciler.rollout.dask import open_scheduler

    with open_scheduler(options.scheduler) as executor:
        yield executor


def plan_rollout(
    ctx: click.Context, selection: RolloutSelection, output: RolloutOutput, *, detailed_exitcode: bool
) -> None:
    """Plan several environments, print the plans, and exit with an error code if one could not be planned."""
    options = Options.from_context(ctx)
    terminal = _open_terminal(options)
    rollout = open_rollout(options)
    with _open_executor(options) as executor:
        plan = _make_plan(
            rollout,
            options,
            terminal,
            selection,
            with_records=output.output_format in MACHINE_FORMATS,
            executor=executor,
        )
    try:
        _print_plan(rollout, plan, terminal, output)
    finally:  # the summary is written even if the reader of our output closed the pipe
        _append_summary(output, lambda: _build_plan_view(rollout, plan))
    annotate_environments(_build_plan_view(rollout, plan).problems)
    code = exit_codes.get_rollout_code(response.status for response in plan.responses)
    if code or (detailed_exitcode and plan):
        ctx.exit(code or exit_codes.CHANGES)


def apply_rollout(
    ctx: click.Context,
    rollout: Rollout,
    selection: RolloutSelection,
    output: RolloutOutput,
    choices: ApplyOptions,
) -> None:
    """Plan several environments, ask for approval, apply the plans, and report the results."""
    options = Options.from_context(ctx)
    with _open_executor(options) as executor:
        _plan_and_apply(ctx, rollout, selection, output, evolve(choices, executor=executor))


def _plan_and_apply(
    ctx: click.Context,
    rollout: Rollout,
    selection: RolloutSelection,
    output: RolloutOutput,
    choices: ApplyOptions,
) -> None:
    options = Options.from_context(ctx)
    terminal = _open_terminal(options)
    plan = _make_plan(rollout, options, terminal, selection, executor=choices.executor)
    view = _build_plan_view(rollout, plan, full=output.full)
    # Events go to stdout, and then the plan goes to stderr.
    print_lines = terminal.print if output.output_format == "text" else terminal.print_notes
    print_lines(_render_text(view, terminal, full=output.full))
    if plan.failed:
        annotate_environments(view.problems)
        _print_failed_plan(plan, options)
        _append_summary(output, lambda: _build_plan_view(rollout, plan))
        ctx.exit(exit_codes.get_rollout_code(response.status for response in plan.responses))
    if choices.approved:
        _check_approved(choices.approved, plan)
    if plan:
        choices.confirm(plan)
    _apply_and_report(ctx, rollout, plan, terminal, output, choices)


def _print_failed_plan(plan: RolloutPlan, options: Options) -> None:
    """Print that nothing is applied because some environments could not be planned."""
    from reconciler.model.text import join_some

    names = join_some([response.environment for response in plan.failed])
    problem = f"nothing was sent: {len(plan.failed)} of {len(plan.responses)} environments could not be planned: {names}"
    print_error(f"{problem}; correct the cause, or select the others with --env", options)


def find_rollout_drift(ctx: click.Context, selection: RolloutSelection, output: RolloutOutput) -> None:
    """Look for drift in several environments, print it, and exit with CHANGES if there is any."""
    from reconciler.cli.rollout_progress import open_rollout_display

    options = Options.from_context(ctx)
    terminal = _open_terminal(options)
    rollout = open_rollout(options)
    with (
        _open_executor(options) as executor,
        open_rollout_display(_list_names(rollout), terminal.err, shows_results=False) as display,
    ):
        result = rollout.drift(
            select=selection.select,
            exclude=selection.exclude,
            read=options.read,
            who=selection.who,
            with_records=output.output_format in MACHINE_FORMATS,
            executor=executor,
            on_event=display.on_event,
        )
    try:
        _print_drift(rollout, result, terminal, output)
    finally:  # the summary is written even if the reader of our output closed the pipe
        _append_summary(output, lambda: _build_drift_view(rollout, result))
    annotate_environments(_build_drift_view(rollout, result).problems)
    code = exit_codes.get_rollout_code(response.status for response in result.responses)
    has_drift = any(response.status == "drifted" for response in result.responses)
    if code or has_drift:
        ctx.exit(code or exit_codes.CHANGES)


def _open_terminal(options: Options) -> Terminal:
    from reconciler.cli.terminal import Terminal

    return Terminal(color=options.color)


def _list_names(rollout: Rollout) -> list[str]:
    return [environment.name for environment in rollout.environments]


def _make_plan(  # noqa: PLR0913 (what is planned, where, and how it is reported)
    rollout: Rollout,
    options: Options,
    terminal: Terminal,
    selection: RolloutSelection,
    *,
    with_records: bool = False,
    executor: Executor | None = None,
) -> RolloutPlan:
    from reconciler.cli.rollout_progress import open_rollout_display

    with open_rollout_display(_list_names(rollout), terminal.err, shows_results=False) as display:
        return rollout.plan(
            destroy=selection.destroy,
            allow=options.allow,
            allow_cascade=options.allow_cascade,
            select=selection.select,
            exclude=selection.exclude,
            read=options.read,
            with_records=with_records,
            executor=executor,
            on_event=display.on_event,
        )


def _print_plan(rollout: Rollout, plan: RolloutPlan, terminal: Terminal, output: RolloutOutput) -> None:
    from reconciler.rollout.json_output import render_rollout_plan_json, render_rollout_plan_jsonl

    match output.output_format:
        case "json":
            _echo_pieces(render_rollout_plan_json(plan))
        case "jsonl":
            _echo_pieces(render_rollout_plan_jsonl(plan))
        case _:
            _print_view(_build_plan_view(rollout, plan, full=output.full), terminal, output)


def _print_drift(rollout: Rollout, result: RolloutResult, terminal: Terminal, output: RolloutOutput) -> None:
    from reconciler.rollout.json_output import render_rollout_drift_json, render_rollout_drift_jsonl

    match output.output_format:
        case "json":
            _echo_pieces(render_rollout_drift_json(result))
        case "jsonl":
            _echo_pieces(render_rollout_drift_jsonl(result))
        case _:
            _print_view(_build_drift_view(rollout, result, full=output.full), terminal, output)


def _echo_pieces(pieces: Iterator[str]) -> None:
    for piece in pieces:
        click.echo(piece, nl=False)


def _print_view(view: RolloutView, terminal: Terminal, output: RolloutOutput) -> None:
    from reconciler.render.formats import render_page

    if output.output_format == "text":
        terminal.print(_render_text(view, terminal, full=output.full))
    else:
        _echo_pieces(render_page(view, output.output_format, full=output.full))


def _render_text(view: RolloutView, terminal: Terminal, *, full: bool) -> Iterator[Text]:
    from reconciler.render.text.rollout import render_rollout_text

    return render_rollout_text(view, terminal.out.width, full=full)


def _build_plan_view(rollout: Rollout, plan: RolloutPlan, *, full: bool = False) -> RolloutView:
    from reconciler.rollout.view import build_rollout_plan_view

    return build_rollout_plan_view(plan, rollout.path, full=full)


def _build_drift_view(rollout: Rollout, result: RolloutResult, *, full: bool = False) -> RolloutView:
    from reconciler.rollout.view import build_rollout_drift_view

    return build_rollout_drift_view(result, rollout.path, full=full)


def _append_summary(output: RolloutOutput, build_view: Callable[[], RolloutView]) -> None:
    """Append a view to the summary's file, if there is one; it is grouped, because its size is limited."""
    from reconciler.render.markdown_rollout import render_rollout_markdown

    if output.summary:
        view = build_view()
        append_summary(output.summary, lambda limit: render_rollout_markdown(view, limit))


def _check_approved(approved: str, plan: RolloutPlan) -> None:
    """Raise PlanRejectedError if the digest over all plans does not start with the approved one."""
    from reconciler.model.errors import PlanRejectedError
    from reconciler.render.views.labels import format_counts, pluralize

    if not plan.digest.startswith(approved):
        changes = format_counts(plan.counts) or "no changes"
        environments = pluralize(len(plan.responses), "environment")
        problem = f"the approved plans have the digest {approved}, but these plans have {plan.digest[:12]}"
        advice = "review these plans and approve their digest"
        raise PlanRejectedError([f"{problem} ({changes} in {environments}); {advice}"])


def _apply_and_report(  # noqa: PLR0913, PLR0917 (what is applied, and how it is reported)
    ctx: click.Context,
    rollout: Rollout,
    plan: RolloutPlan,
    terminal: Terminal,
    output: RolloutOutput,
    choices: ApplyOptions,
) -> None:
    from reconciler.render.text.result import render_journal_warning
    from reconciler.rollout.json_output import RolloutEventWriter
    from reconciler.rollout.view import build_rollout_result_view

    started_at = time.monotonic()
    stop = threading.Event()
    with _report_events(plan, terminal, output.output_format, stop) as report:
        result = rollout.apply(
            plan,
            wave=choices.wave or "100%",
            max_failures=choices.max_failures or 0,
            lock_timeout=choices.lock_timeout,
            journal=Options.from_context(ctx).journal,
            executor=choices.executor,
            on_event=report,
            stop=stop,
        )
    seconds = time.monotonic() - started_at
    if output.output_format != "text":
        RolloutEventWriter(plan, sys.stdout).end(result, seconds)
    command = "destroy" if plan.options.destroy else "apply"
    view = build_rollout_result_view(result, rollout.path, command=command, seconds=seconds)
    if result.journal_problems:
        terminal.print_notes(map(render_journal_warning, result.journal_problems))
    if output.output_format == "text":
        terminal.print(_render_text(view, terminal, full=output.full))
    elif not view.ok:
        terminal.print_notes(_render_text(view, terminal, full=output.full))
    annotate_environments(view.problems)
    _append_summary(output, lambda: view)
    statuses = [response.status for response in result.responses]
    statuses += ["stopped" for _ in result.blocked if stop.is_set()]
    if not result.ok:
        ctx.exit(exit_codes.get_rollout_code(statuses) or exit_codes.ERROR)


@contextmanager
def _report_events(
    plan: RolloutPlan, terminal: Terminal, output_format: str, stop: threading.Event
) -> Iterator[Callable[[Event], None]]:
    """Yield the function that shows an event on stderr or, as JSON Lines, on stdout; Ctrl-C sets `stop`."""
    from reconciler.cli.rollout_progress import open_rollout_display
    from reconciler.interrupt import drain_on_interrupt
    from reconciler.rollout.json_output import RolloutEventWriter

    if output_format != "text":
        writer = RolloutEventWriter(plan, sys.stdout)
        writer.begin()
        with drain_on_interrupt(stop, writer.on_stop):
            yield writer.on_event
        return
    terminal.print_notes("")  # an empty line between the plan and the progress
    names = [response.environment for response in plan.responses]
    with open_rollout_display(names, terminal.err) as display, drain_on_interrupt(stop, display.on_stop):
        yield display.on_event
