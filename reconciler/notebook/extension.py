"""The IPython extension (`%load_ext reconciler`), which adds the magic `%reconcile`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from reconciler.model.errors import ReconcilerError
from reconciler.model.text import closest_match, quote
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.views.labels import format_counts

OpenWorkspace: TypeAlias = Callable[[str], NotebookWorkspace]
"""Opens the workspace of a file."""

_DEFAULT_FILE = "desired_state.toml"


def load(shell: InteractiveShell, open_workspace: OpenWorkspace) -> None:
    """Register the magic in a shell."""

    def reconcile(line: str) -> Any:
        """Plan, apply and inspect a desired state from a cell.

        %reconcile plan               show what an apply would change
        %reconcile apply [--yes]      show the plan, ask for approval (not with --yes), apply it
        %reconcile panel              open the panel
        %reconcile drift              show where the registry differs from the file
        %reconcile graph              draw the plan's dependency graph
        %reconcile show ADDRESS       show one resource, desired and live
        %reconcile history            list past runs
        %reconcile last_run           show the latest run

        -f FILE names the desired state (default: desired_state.toml).
        """
        return run_command(line, open_workspace)

    shell.register_magic_function(reconcile, "line", "reconcile")  # type: ignore[arg-type]


def run_command(line: str, open_workspace: OpenWorkspace) -> Any:
    """Run what follows `%reconcile` and return what the cell shows.

    Raises ReconcilerError if the line is not valid.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:  # an unclosed quotation mark
        raise ReconcilerError(f"%reconcile {line}: {error}") from None
    file, words = _take_file(words)
    command, *arguments = words or [""]
    if command not in COMMANDS:
        raise ReconcilerError(_format_unknown_command(command))
    return COMMANDS[command](open_workspace(file), *arguments)


def _take_file(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the file after `-f`, or the default file, and the other words."""
    if "-f" not in words:
        return _DEFAULT_FILE, [*words]
    index = words.index("-f")
    if index + 1 == len(words):
        raise ReconcilerError(f"-f: file name is missing; add one, such as {_DEFAULT_FILE}")
    return words[index + 1], [*words[:index], *words[index + 2 :]]


def _format_unknown_command(command: str) -> str:
    usage = f"expected %reconcile {'|'.join(COMMANDS)}, with -f FILE for a file other than {_DEFAULT_FILE}"
    if not command:
        return usage
    nearest = closest_match(command, COMMANDS)
    hint = f"did you mean {nearest!r}?" if nearest else usage
    return f"{quote(command)} is not a command of %reconcile; {hint}"


def _apply(workspace: NotebookWorkspace, *arguments: str) -> Any:
    """Show the plan, ask for approval unless `--yes` is given, apply it, and return the result."""
    if arguments not in {(), ("--yes",)}:
        raise ReconcilerError(
            "expected %reconcile apply, or %reconcile apply --yes to apply without confirmation"
        )
    plan = workspace.plan()
    if not plan:
        return plan
    display(plan)
    question = f"Apply to {plan.target.endpoint}: {format_counts(plan.counts)}? Type yes to continue: "
    if not arguments and not _ask(question):
        raise ReconcilerError("canceled: nothing was sent")
    return workspace.apply(plan)


def _ask(question: str) -> bool:
    """Return whether the user answers yes."""
    try:
        return input(question).strip() == "yes"
    except StdinNotImplementedError:
        raise ReconcilerError(
            "cannot prompt: this front end has no input; use %reconcile apply --yes to skip confirmation"
        ) from None


def _show(workspace: NotebookWorkspace, *addresses: str) -> Any:
    if len(addresses) != 1:
        raise ReconcilerError("expected %reconcile show ADDRESS, such as things.pump-1")
    return workspace.show(addresses[0])


def _reject_arguments(run: Callable[[NotebookWorkspace], Any]) -> Callable[..., Any]:
    """Return a command that takes no arguments and rejects any."""

    def run_without_arguments(workspace: NotebookWorkspace, *arguments: str) -> Any:
        if arguments:
            raise ReconcilerError(
                f"unexpected argument {quote(arguments[0])}; "
                "options such as --select exist only in the reconciler command and in Python"
            )
        return run(workspace)

    return run_without_arguments


COMMANDS: Mapping[str, Callable[..., Any]] = {
    "plan": _reject_arguments(lambda workspace: workspace.plan()),
    "apply": _apply,
    "drift": _reject_arguments(lambda workspace: workspace.drift()),
    "panel": _reject_arguments(lambda workspace: workspace.panel()),
    "graph": _reject_arguments(lambda workspace: workspace.plan().graph),
    "show": _show,
    "history": _reject_arguments(lambda workspace: workspace.history()),
    "last_run": _reject_arguments(lambda workspace: workspace.last_run()),
}
"""The commands of the magic. A new command needs only a line here and a line in the docstring of `reconcile`."""
