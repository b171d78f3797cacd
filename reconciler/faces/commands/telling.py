"""How commands tell errors: to stderr, whole, each kind in the form that helps most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.faces.commands.options import Options
from reconciler.model.errors import AwsError, InvalidDesiredStateError, Mistake, ReconcilerError, RefusedError


def tell_error(error: ReconcilerError, options: Options) -> None:
    """The message for people, and what to do next where we know."""
    from rich.text import Text

    from reconciler.faces import text_report
    from reconciler.faces.advice import next_step
    from reconciler.faces.mistakes import mistakes_view
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.text import COLORS
    from reconciler.faces.values import visible

    terminal = Terminal.open(color=options.color)
    if isinstance(error, InvalidDesiredStateError):
        view = mistakes_view(error.mistakes, sources(error.mistakes, options.file))
        terminal.remark([*text_report.mistakes(view), Text("nothing was sent")])
        return
    head = Text("error: ", f"bold {COLORS['error']}")
    if isinstance(error, RefusedError):
        reasons = [Text(f"  - {visible(reason)}") for reason in error.reasons]
        terminal.remark([head + Text("the plan is refused; nothing was sent"), *reasons])
        return
    lines = [head + Text("\n".join(map(visible, str(error).splitlines())))]
    if isinstance(error, AwsError):
        lines.append(Text(f"next:  {next_step(error)}"))
    terminal.remark(lines)


def sources(mistakes: Iterable[Mistake], file: str) -> Mapping[str, Sequence[str]]:
    """The lines of the files that mistakes name; a file that cannot be read has none."""
    base = Path(file) if Path(file).is_dir() else Path(file).parent
    found: dict[str, Sequence[str]] = {}
    for name in {mistake.file for mistake in mistakes}:
        for path in (Path(name), base / name):
            try:
                found[name] = path.read_text(encoding="utf-8", errors="replace").split("\n")
                break
            except OSError:
                continue
    return found
