"""`reconciler apply` and `reconciler destroy`: a plan, a prompt, and the plan's calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import (
    Options,
    UserPath,
    add_common_options,
    add_limit_options,
    add_selection_options,
    adopt_option,
    allow_cascade_option,
    event_format_option,
    full_option,
    no_journal_option,
    read_option,
    summary_option,
    validate_digest,
    yes_option,
)
from reconciler.cli.rollout_options import add_apply_options, reject_rollout_options, reject_single_options

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.model.edge_readings import ReadMode
    from reconciler.model.plan import Plan
    from reconciler.rollout.results import RolloutPlan
    from reconciler.workspace import Workspace

_SAVED_PLAN = UserPath(exists=True, advice="; `reconciler plan --out FILE` writes a plan")


class _PlanChoices(TypedDict):
    """The command's options that are passed to `build_plan`."""

    adopt: Sequence[str]
    allow: Mapping[str, str]
    allow_cascade: bool
    select: Sequence[str]
    exclude: Sequence[str]
    read: ReadMode | None


@click.command()
@add_common_options()
@add_environment_options
@add_apply_options
@adopt_option
@add_limit_options
@allow_cascade_option
@add_selection_options
@click.option(
    "--retry-failed",
    is_flag=True,
    help=(
        "Apply only the steps the last run did not complete, and their dependencies; of several environments, only those "
        "in which the last apply did not succeed."
    ),
)
@click.option(
    "--approved",
    callback=validate_digest,
    metavar="DIGEST",
    help="Apply without confirmation, but only if the plan has this digest.",
)
@read_option
@full_option
@event_format_option
@summary_option
@no_journal_option
@yes_option
@click.argument("saved", required=False, type=_SAVED_PLAN)
@click.pass_context
def apply(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    *,
    saved: Path | None,
    adopt: Sequence[str],
    select: Sequence[str],
    exclude: Sequence[str],
    approved: str | None,
    full: bool,
    output_format: str,
    summary: Path | None,
    retry_failed: bool,
    yes: bool,
    wave: str | None,
    max_failures: str | None,
    lock_timeout: float,
) -> None:
    """Create a plan, ask for approval, and apply it.

    SAVED is a plan written by `reconciler plan --out`. It is applied without confirmation, but only if planning again gives
    the same plan.

    Several environments, selected by --all-envs, several --env or a glob, are applied side by side, each after those in its
    `after`. If one fails, those after it are not started, and by --max-failures no others.
    """
    from reconciler.cli.applying import apply_and_report, wait_for_other_apply
    from reconciler.cli.planning import build_plan, open_saved_plan
    from reconciler.cli.rollouts import (
        ApplyOptions,
        RolloutOutput,
        RolloutSelection,
        apply_rollout,
        open_rollout,
    )
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.plan.saved_plan import check_approved_digest

    options = Options.from_context(ctx)
    if options.is_rollout:
        _reject_saved_and_adopt(ctx, saved, adopt)
        rollout = open_rollout(options, retry_failed=retry_failed)
        output = RolloutOutput(output_format, full, summary)
        ask = partial(_confirm_rollout, yes=yes or bool(approved))
        apply_options = ApplyOptions(ask, wave, max_failures, lock_timeout, approved)
        apply_rollout(ctx, rollout, RolloutSelection(select, exclude), output, apply_options)
        return
    reject_rollout_options(ctx, {"--wave": wave, "--max-failures": max_failures})
    choices = _PlanChoices(
        adopt=adopt,
        allow=options.allow,
        allow_cascade=options.allow_cascade,
        select=select,
        exclude=exclude,
        read=options.read,
    )
    if saved and saved.suffix == ".toml":
        raise click.UsageError(f"{saved} is not a saved plan; apply a desired state with --file {saved}", ctx)
    if saved:
        _reject_options_with_saved_plan(ctx, choices, retry_failed=retry_failed)
    terminal = Terminal(color=options.color)
    workspace = options.open_workspace()
    wait_for_other_apply(workspace, terminal, lock_timeout)
    unfinished = workspace.unfinished_addresses() if retry_failed else None
    if saved:
        whole_plan = open_saved_plan(workspace, saved, terminal)
    else:
        whole_plan = build_plan(workspace, terminal, **choices)
    plan = whole_plan if unfinished is None else workspace.partial_plan(whole_plan, unfinished)
    if approved:
        check_approved_digest(approved, plan)
    left_out_count = len(whole_plan.steps) - len(plan.steps)
    _print_plan(workspace, plan, terminal, output_format, left_out_count, full=full)
    if plan:
        _confirm_apply(plan, yes=yes or bool(saved or approved))
    else:
        _finish_crashed_run(workspace, whole_plan, "apply")
    apply_and_report(
        ctx,
        workspace,
        plan,
        terminal,
        output_format=output_format,
        summary=summary,
        lock_timeout=lock_timeout,
    )


@click.command()
@add_common_options()
@add_environment_options
@add_apply_options
@allow_cascade_option
@full_option
@no_journal_option
@yes_option
@click.pass_context
def destroy(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    *,
    full: bool,
    yes: bool,
    wave: str | None,
    max_failures: str | None,
    lock_timeout: float,
) -> None:
    """Delete everything that the workspace owns."""
    from reconciler.cli.applying import apply_and_report, wait_for_other_apply
    from reconciler.cli.planning import build_plan, print_plan
    from reconciler.cli.prompt import confirm
    from reconciler.cli.rollouts import (
        ApplyOptions,
        RolloutOutput,
        RolloutSelection,
        apply_rollout,
        open_rollout,
    )
    from reconciler.cli.terminal import Terminal
    from reconciler.render.views.labels import pluralize

    options = Options.from_context(ctx)
    if options.is_rollout:
        selection, output = RolloutSelection(destroy=True), RolloutOutput(full=full)
        apply_options = ApplyOptions(partial(_confirm_rollout, yes=yes), wave, max_failures, lock_timeout)
        apply_rollout(ctx, open_rollout(options), selection, output, apply_options)
        return
    reject_rollout_options(ctx, {"--wave": wave, "--max-failures": max_failures})
    terminal = Terminal(color=options.color)
    workspace = options.open_workspace()
    wait_for_other_apply(workspace, terminal, lock_timeout)
    plan = build_plan(workspace, terminal, destroy=True, allow_cascade=options.allow_cascade)
    print_plan(workspace, plan, terminal, full=full)
    if not plan:
        _finish_crashed_run(workspace, plan, "destroy")
        return
    question = f"This deletes {pluralize(plan.counts['delete'], 'resource')} from {_format_place(plan)}."
    confirm(question, yes=yes, expected=plan.confirmation)
    apply_and_report(ctx, workspace, plan, terminal, "destroy", lock_timeout=lock_timeout)


def _reject_saved_and_adopt(ctx: click.Context, saved: Path | None, adopt: Sequence[str]) -> None:
    """Raise UsageError for what only one environment has."""
    advice = "select it with --env NAME, and import resources in one environment after the other"
    unsupported = {
        "a saved plan": (saved, "for several, pass the digest that `reconciler plan` shows to --approved"),
        "--adopt": (adopt, advice),
    }
    reject_single_options(ctx, unsupported)


def _reject_options_with_saved_plan(ctx: click.Context, choices: _PlanChoices, *, retry_failed: bool) -> None:
    """Raise UsageError if an option is set that decides what is planned."""
    allowed = [f"--allow-{action}" for action in choices["allow"]]
    others = [f"--{name.replace('_', '-')}" for name, value in choices.items() if value and name != "allow"]
    names = [*others, *allowed, *(["--retry-failed"] if retry_failed else [])]
    if names:
        problem = "a saved plan is applied with the options that it was made with"
        advice = f"leave out {', '.join(names)}, or leave out SAVED to apply a new plan"
        raise click.UsageError(f"{problem}; {advice}", ctx)


def _print_plan(  # noqa: PLR0913 (what is printed, where and how)
    workspace: Workspace,
    plan: Plan,
    terminal: Terminal,
    output_format: str,
    left_out_count: int,
    *,
    full: bool,
) -> None:
    """Print the plan before it is applied: to stdout as text, or to stderr if events go to stdout.

    `left_out_count` is the number of changes that this run leaves for another one. With `full`, alike changes are not grouped.
    """
    from reconciler.cli.planning import render_plan_lines
    from reconciler.render.text.result import render_remaining_changes

    output = terminal.print if output_format == "text" else terminal.print_notes
    output(render_plan_lines(workspace, plan, terminal, full=full))
    if left_out_count:
        output([render_remaining_changes(left_out_count)])


def _confirm_apply(plan: Plan, *, yes: bool) -> None:
    from reconciler.cli.prompt import confirm
    from reconciler.render.views.labels import format_counts

    confirm(f"Apply to {_format_place(plan)}: {format_counts(plan.counts)}?", yes=yes)


def _format_place(plan: Plan) -> str:
    endpoint = plan.target.endpoint
    return f"{endpoint} in environment {plan.environment}" if plan.environment else endpoint


def _confirm_rollout(plan: RolloutPlan, *, yes: bool) -> None:
    from reconciler.cli.prompt import confirm
    from reconciler.render.views.labels import format_counts, pluralize

    count = sum(response.status == "planned" for response in plan.responses)
    environments = pluralize(count, "environment")
    if plan.options.destroy:
        resources = pluralize(plan.counts["delete"], "resource")
        confirm(f"This deletes {resources} in {environments}.", yes=yes, expected=environments)
    else:
        confirm(f"Apply to {environments}: {format_counts(plan.counts)}?", yes=yes)


def _finish_crashed_run(workspace: Workspace, plan: Plan, command: str) -> None:
    """If the previous run crashed, record that this run has nothing left to do.

    If `plan`, of which this run may be only a part, is empty, the crashed run's lease is released too.
    """
    workspace.release_stale_lease(plan)
    workspace.record_noop_run(plan, command)
