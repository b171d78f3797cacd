"""How commands tell errors: to stderr, whole, each kind in the form that helps most."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from reconciler.cli.options import DEFAULT_FILE, Options
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import (
    AwsError,
    InvalidDesiredStateError,
    PlanRejectedError,
    ReconcilerError,
)


def tell_error(error: ReconcilerError, options: Options) -> None:
    """The message for people, and what to do next where we know."""
    from reconciler.render.views.next_step import suggest_next_step

    annotate_error(error, options)
    match error:
        case InvalidDesiredStateError() if not Path(options.file).exists():
            tell(_missing(options.file), options)
        case InvalidDesiredStateError():
            _tell_mistakes(error, options)
        case PlanRejectedError():
            reasons = (f"  - {reason}" for reason in error.reasons)
            tell("the plan is refused; nothing was sent", options, *reasons)
        case AwsError():
            tell(str(error), options, f"next: {suggest_next_step(error)}")
        case _:
            tell(str(error), options)


def annotate_error(error: ReconcilerError, options: Options) -> None:
    """The same for GitHub, in a workflow there: mistakes on their lines, anything else on the job."""
    from reconciler.cli import github_annotations

    match error:
        case _ if not github_annotations.wanted():
            return
        case InvalidDesiredStateError() if Path(options.file).exists():
            annotate(error.diagnostics, options)
        case PlanRejectedError():
            click.echo(
                github_annotations.command("error", "\n".join(error.reasons), title="reconciler: refused"),
                err=True,
            )
        case _:
            click.echo(github_annotations.command("error", str(error), title="reconciler"), err=True)


def annotate(mistakes: Iterable[Diagnostic], options: Options) -> None:
    """Mistakes and warnings on the lines of the file, in a workflow on GitHub; elsewhere nothing."""
    from reconciler.cli import github_annotations

    if github_annotations.wanted():
        told = list(mistakes)
        found = {
            name: path for name in {each.file for each in told} if (path := _located(name, options.file))
        }
        for line in github_annotations.of_mistakes(told, found):
            click.echo(line, err=True)


def tell(message: str, options: Options, *more: str) -> None:
    """The one form of every error: `error: ` and the message, then what else there is to say in lines of its own."""
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.model.text import visible
    from reconciler.render.text.plan import render_severity

    lines = [line for part in (message, *more) for line in part.splitlines() or [""]]
    first, *rest = [Text(visible(line)) for line in lines]
    Terminal.open(color=options.color).remark([Text.assemble(render_severity("error"), " ", first), *rest])


def _tell_mistakes(error: InvalidDesiredStateError, options: Options) -> None:
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.render.text.diagnostics import render_diagnostics_text
    from reconciler.render.views.diagnostics import build_diagnostics_view

    view = build_diagnostics_view(error.diagnostics, sources(error.diagnostics, options.file))
    Terminal.open(color=options.color).remark([*render_diagnostics_text(view), Text("nothing was sent")])


def _missing(file: str) -> str:
    if file == DEFAULT_FILE:
        return f"there is no {file} here; `reconciler init` writes one, or name yours with -f"
    return f"there is no {file}; name a TOML file, or a folder of them, with -f or RECONCILER_FILE"


def sources(mistakes: Iterable[Diagnostic], file: str) -> Mapping[str, Sequence[str]]:
    """The lines of the files that mistakes name; a file that cannot be read has none."""
    found: dict[str, Sequence[str]] = {}
    for name in {mistake.file for mistake in mistakes}:
        path = _located(name, file)
        if path:
            found[name] = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return found


def _located(name: str, file: str) -> Path | None:
    """Where a file is that a mistake names; None for one that cannot be read."""
    base = Path(file) if Path(file).is_dir() else Path(file).parent
    return next(
        (path for path in (Path(name), base / name) if path.is_file() and os.access(path, os.R_OK)), None
    )
