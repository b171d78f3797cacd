"""Errors and warnings on stderr, and as annotations in a GitHub workflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import DEFAULT_FILE, Options
from reconciler.engine.load.source_lines import find_source_files, read_source_lines
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InvalidDesiredStateError, PlanRejectedError, ReconcilerError
from reconciler.model.redaction import redact

if TYPE_CHECKING:
    from reconciler.render.views.rollout import EnvironmentGroup


def report_error(error: ReconcilerError, options: Options) -> None:
    """Print an error, with the next step where one is known, and annotate it in a GitHub workflow."""
    from reconciler.cli.terminal import Terminal
    from reconciler.render.text.error import render_error_text
    from reconciler.render.views.error import build_error_view

    annotate_error(error, options)
    if isinstance(error, InvalidDesiredStateError) and not Path(options.file).exists():
        print_error(_format_missing_file(options.file), options)
        return
    diagnostics = error.diagnostics if isinstance(error, InvalidDesiredStateError) else ()
    view = build_error_view(error, read_source_lines(diagnostics, options.file))
    Terminal(color=options.color).print_notes(render_error_text(view))


def report_internal_error(error: Exception, options: Options) -> None:
    """Print an internal error without secrets, and, unless --debug is used, how to report it."""
    from reconciler.render.views.error import build_error_view

    hint = () if options.debug else ("run again with --debug and report its output",)
    print_error(redact(build_error_view(error).title), options, *hint)


def print_error(message: str, options: Options, *details: str) -> None:
    """Print `error: ` and a message, then lines of details."""
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.model.text import escape_invisible
    from reconciler.render.text.parts import render_severity

    lines = [line for part in (message, *details) for line in part.splitlines() or [""]]
    first, *rest = [Text(escape_invisible(line)) for line in lines]
    Terminal(color=options.color).print_notes([Text.assemble(render_severity("error"), " ", first), *rest])


def print_warnings(warnings: Sequence[Diagnostic], options: Options) -> None:
    """Print the file's warnings, and annotate them in a GitHub workflow."""
    if warnings:
        _print_warnings(warnings, options)
        annotate_diagnostics(warnings, options)


def annotate_error(error: ReconcilerError, options: Options) -> None:
    """Annotate an error in a GitHub workflow: on the lines of its diagnostics, else on the job."""
    from reconciler.cli import github_annotations

    if not github_annotations.is_in_workflow():
        return
    match error:
        case InvalidDesiredStateError() if Path(options.file).exists():
            annotate_diagnostics(error.diagnostics, options)
        case PlanRejectedError():
            _echo_annotation("\n".join(error.reasons), title="reconciler: plan rejected")
        case _:
            _echo_annotation(str(error), title="reconciler")


def annotate_environments(problems: Sequence[EnvironmentGroup]) -> None:
    """Annotate the environments with problems on the job in a GitHub workflow; elsewhere do nothing."""
    from reconciler.cli import github_annotations
    from reconciler.render.views.rollout import list_names

    if github_annotations.is_in_workflow():
        for group in problems[: github_annotations.MAX_ANNOTATIONS]:
            title = f"reconciler: {list_names(group.names)} {group.sample.status}"
            _echo_annotation("\n".join(group.sample.message), title=title)


def annotate_diagnostics(diagnostics: Sequence[Diagnostic], options: Options) -> None:
    """Annotate errors and warnings on their lines in a GitHub workflow; elsewhere do nothing."""
    from reconciler.cli import github_annotations

    if github_annotations.is_in_workflow():
        paths = find_source_files(diagnostics, options.file)
        for line in github_annotations.format_diagnostics(diagnostics, paths):
            click.echo(line, err=True)


def _echo_annotation(message: str, *, title: str) -> None:
    from reconciler.cli import github_annotations

    click.echo(github_annotations.format_command("error", message, title=title), err=True)


def _print_warnings(warnings: Sequence[Diagnostic], options: Options) -> None:
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.render.text.diagnostics import render_diagnostics_text
    from reconciler.render.views.diagnostics import build_diagnostics_view

    view = build_diagnostics_view(warnings, read_source_lines(warnings, options.file))
    Terminal(color=options.color).print_notes([*render_diagnostics_text(view), Text()])


def _format_missing_file(file: str) -> str:
    if file == DEFAULT_FILE:
        return f"{file}: no such file; create one with `reconciler init`, or name another with -f"
    return f"{file}: no such file; name a TOML file or a folder of TOML files with -f or RECONCILER_FILE"
