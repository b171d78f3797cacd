"""How commands tell errors: to stderr, whole, each kind in the form that helps most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.faces.commands.options import DEFAULT_FILE, Options
from reconciler.model.errors import AwsError, InvalidDesiredStateError, Mistake, ReconcilerError, RefusedError


def tell_error(error: ReconcilerError, options: Options) -> None:
    """The message for people, and what to do next where we know."""
    from reconciler.faces.advice import next_step

    match error:
        case InvalidDesiredStateError() if not Path(options.file).exists():
            tell(_missing(options.file), options)
        case InvalidDesiredStateError():
            _tell_mistakes(error, options)
        case RefusedError():
            reasons = (f"  - {reason}" for reason in error.reasons)
            tell("the plan is refused; nothing was sent", options, *reasons)
        case AwsError():
            tell(str(error), options, f"next: {next_step(error)}")
        case _:
            tell(str(error), options)


def tell(message: str, options: Options, *more: str) -> None:
    """The one form of every error: `error: ` and the message, then what else there is to say in lines of its own."""
    from rich.text import Text

    from reconciler.faces.terminal import Terminal
    from reconciler.faces.text import label
    from reconciler.faces.values import visible

    lines = [line for part in (message, *more) for line in part.splitlines() or [""]]
    first, *rest = [Text(visible(line)) for line in lines]
    Terminal.open(color=options.color).remark([Text.assemble(label("error"), " ", first), *rest])


def _tell_mistakes(error: InvalidDesiredStateError, options: Options) -> None:
    from rich.text import Text

    from reconciler.faces import text_report
    from reconciler.faces.mistakes import mistakes_view
    from reconciler.faces.terminal import Terminal

    view = mistakes_view(error.mistakes, sources(error.mistakes, options.file))
    Terminal.open(color=options.color).remark([*text_report.mistakes(view), Text("nothing was sent")])


def _missing(file: str) -> str:
    if file == DEFAULT_FILE:
        return f"there is no {file} here; `reconciler init` writes one, or name yours with -f"
    return f"there is no {file}; name a TOML file, or a folder of them, with -f or RECONCILER_FILE"


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
