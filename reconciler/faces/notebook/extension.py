"""`%load_ext reconciler`, and its one magic: `%reconcile plan`, `%reconcile panel` …"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from reconciler.faces.view import told
from reconciler.faces.workspace import Workspace
from reconciler.model.errors import ReconcilerError
from reconciler.model.wording import closest

_FILE = "desired_state.toml"


def load(shell: InteractiveShell) -> None:
    """Give the shell its magic."""
    shell.register_magic_function(reconcile, "line", "reconcile")  # type: ignore[arg-type]


def reconcile(line: str) -> Any:
    """Reconcile from a cell: `%reconcile plan`, `apply`, `panel`, `graph`, `show ADDRESS` and what else a workspace tells.

    `-f FILE` names the desired state; without it, desired_state.toml.
    """
    words = shlex.split(line)
    file = _FILE
    if "-f" in words and words.index("-f") + 1 < len(words):
        place = words.index("-f")
        file = words[place + 1]
        del words[place : place + 2]
    word, *rest = words or [""]
    if word not in WORDS:
        near = closest(word, WORDS)
        usage = f"say %reconcile {'|'.join(WORDS)}, and -f FILE for another file than {_FILE}"
        hint = f"did you mean {near!r}?" if near else usage
        raise ReconcilerError(f"there is no %reconcile {word!r}; {hint}" if word else usage)
    return WORDS[word](Workspace(file), *rest)


def _apply(workspace: Workspace, *words: str) -> Any:
    """The plan, and its result; without `--yes` it asks before it sends anything."""
    if words not in {(), ("--yes",)}:
        raise ReconcilerError("say %reconcile apply, or %reconcile apply --yes to go on without being asked")
    plan = workspace.plan()
    if not plan:
        return plan
    display(plan)
    asked = f"Apply this to {plan.target.endpoint}: {told(plan.counts)}? Type yes to go on: "
    if not words and input(asked).strip() != "yes":
        raise ReconcilerError("nothing was sent")
    return workspace.apply(plan)


def _show(workspace: Workspace, *addresses: str) -> Any:
    if len(addresses) != 1:
        raise ReconcilerError("say %reconcile show ADDRESS, such as things.pump-1")
    return workspace.show(addresses[0])


WORDS: Mapping[str, Callable[..., Any]] = {
    "plan": lambda workspace: workspace.plan(),
    "apply": _apply,
    "drift": lambda workspace: workspace.drift(),
    "panel": lambda workspace: workspace.panel(),
    "graph": lambda workspace: workspace.plan().graph,
    "show": _show,
    "history": lambda workspace: workspace.history(),
    "last_run": lambda workspace: workspace.last_run(),
}
"""What may follow the magic. A new word needs nothing but its line here."""
