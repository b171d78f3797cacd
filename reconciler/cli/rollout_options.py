"""Options of commands that can work on many environments, and checks that they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from reconciler.cli.options import Options, reject_ambiguous_selection

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _store_all_environments(ctx: click.Context, _parameter: click.Parameter, is_set: bool) -> None:  # noqa: FBT001 (click's signature)
    if is_set:
        Options.from_context(ctx).all_environments = True
        reject_ambiguous_selection(ctx)


all_environments_option = click.option(
    "--all-envs",
    is_flag=True,
    expose_value=False,
    callback=_store_all_environments,
    help="All environments of the file; the same as --env '*'.",
)
"""For every command that can work on many environments."""


def _store_scheduler(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        from reconciler.rollout.dask import SchedulerAddress

        Options.from_context(ctx).scheduler = _check(value, SchedulerAddress.parse)


scheduler_option = click.option(
    "--scheduler",
    expose_value=False,
    callback=_store_scheduler,
    metavar="ADDRESS",
    help=(
        "Work on several environments with Dask (extra `dask`): the address of its scheduler, such as tcp://HOST:8786, or local "
        "or local:WORKERSxTHREADS to start processes here (default: threads of this process)."
    ),
)
"""For every command whose work on environments may take long."""


def _parse_waves(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from reconciler.rollout.schedule import Waves

    return _check(value, Waves.parse)


def _parse_failure_limit(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from reconciler.rollout.schedule import FailureLimit

    return _check(value, FailureLimit.parse)


def _check(value: str, parse: Callable[[str], object]) -> str:
    """Return a value as written, after checking it."""
    try:
        parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def _parse_lock_timeout(_ctx: click.Context, _parameter: click.Parameter, value: str) -> float:
    from reconciler.model.duration import DURATION_FORMAT, parse_duration

    seconds = parse_duration(value)
    if seconds is None:
        raise click.BadParameter(f"{value!r} is not a valid duration; expected {DURATION_FORMAT}")
    return seconds


def add_apply_options(function: _Function) -> _Function:
    """Add `--all-envs`, `--scheduler`, `--wave`, `--max-failures` and `--lock-timeout`."""
    # The help lists the options in the reverse of the order in which they are added.
    for option in (
        click.option(
            "--lock-timeout",
            default="0s",
            callback=_parse_lock_timeout,
            metavar="DURATION",
            help="Wait for another apply of the same workspace to finish: 30s, 5m, 1h (default: 0s).",
        ),
        click.option(
            "--max-failures",
            callback=_parse_failure_limit,
            metavar="LIMIT",
            help=(
                "Environments that may fail before no other is started: a count (5) or a percentage (10%) "
                "(default: 0)."
            ),
        ),
        click.option(
            "--wave",
            callback=_parse_waves,
            metavar="SIZES",
            help=(
                "Apply environments of one table with for_each in waves: cumulative counts or percentages, "
                "such as 1,10%,50%,100% (default: 100%)."
            ),
        ),
        scheduler_option,
        all_environments_option,
    ):
        function = option(function)
    return function


def reject_rollout_options(ctx: click.Context, options: Mapping[str, object]) -> None:
    """Raise UsageError if an option is set that only a rollout has."""
    for name, value in options.items():
        if value is not None:
            raise click.UsageError(
                f"{name} is for several environments; select them with --all-envs or --env 'GLOB', or leave it out",
                ctx,
            )


def reject_single_options(ctx: click.Context, options: Mapping[str, tuple[object, str]]) -> None:
    """Raise UsageError if an option is set that a rollout does not have.

    `options` maps the name of an option to its value and to what to do instead.
    """
    for name, (value, advice) in options.items():
        if value:
            raise click.UsageError(f"{name} is for one environment; {advice}", ctx)
