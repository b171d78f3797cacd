"""`%load_ext reconciler`, and its one magic: `%reconcile plan`, `%reconcile panel` …"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from reconciler.model.errors import ReconcilerError
from reconciler.model.text import closest
from reconciler.render.views.plan import told
from reconciler.workspace import Workspace

_FILE = "desired_state.toml"


def load(shell: InteractiveShell) -> None:
    """Give the shell its magic."""
    shell.register_magic_function(reconcile, "line", "reconcile")  # type: ignore[arg-type]


def reconcile(line: str) -> Any:
    """Reconcile from a cell: `%reconcile plan`, `apply`, `panel`, `graph`, `show ADDRESS` and what else a workspace tells.

    `-f FILE` names the desired state; without it, desired_state.toml.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:  # a quotation mark that is never closed
        raise ReconcilerError(f"%reconcile {line}: {error}") from None
    file = _FILE
    if "-f" in words:
        place = words.index("-f")
        if words[place + 1 :] == []:
            raise ReconcilerError(f"-f names a file, such as {_FILE}")
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
    try:
        agreed = words or input(asked).strip() == "yes"
    except StdinNotImplementedError:
        raise ReconcilerError(
            "nobody can be asked here, and nothing was sent; say %reconcile apply --yes"
        ) from None
    if not agreed:
        raise ReconcilerError("nothing was sent")
    return workspace.apply(plan)


def _show(workspace: Workspace, *addresses: str) -> Any:
    if len(addresses) != 1:
        raise ReconcilerError("say %reconcile show ADDRESS, such as things.pump-1")
    return workspace.show(addresses[0])


def _alone(told: Callable[[Workspace], Any]) -> Callable[..., Any]:
    """A word that takes no other behind it."""

    def tell(workspace: Workspace, *words: str) -> Any:
        if words:
            raise ReconcilerError(
                f"%reconcile knows no {words[0]!r} here; the commands of a shell have options"
            )
        return told(workspace)

    return tell


WORDS: Mapping[str, Callable[..., Any]] = {
    "plan": _alone(Workspace.plan),
    "apply": _apply,
    "drift": _alone(Workspace.drift),
    "panel": _alone(Workspace.panel),
    "graph": _alone(lambda workspace: workspace.plan().graph),
    "show": _show,
    "history": _alone(Workspace.history),
    "last_run": _alone(Workspace.last_run),
}
"""What may follow the magic. A new word needs nothing but its line here."""
