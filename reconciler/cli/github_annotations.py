"""GitHub's annotations: an error on the line of the file that it is about, in a workflow there.

Source: GitHub documentation, "Workflow commands for GitHub Actions", and actions/toolkit, `packages/core/src/command.ts`, for
what is escaped. The runner reads commands from stderr as well as from stdout, so the result stays what it is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.text import visible

_MOST = 10
"""GitHub shows no more than ten annotations of one level for a step."""


def wanted() -> bool:
    """Whether this is a workflow's step."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def of_mistakes(mistakes: Iterable[Diagnostic], places: Mapping[str, Path]) -> Iterator[str]:
    """One for each; `places` has the files by the names that the mistakes use."""
    counts: Counter[str] = Counter()
    for mistake in mistakes:
        level = "warning" if mistake.severity == "warning" else "error"
        counts[level] += 1
        if counts[level] <= _MOST:
            told = mistake.problem + (f"; expected {mistake.expected}" if mistake.expected else "")
            told += f"; did you mean {mistake.nearest!r}?" if mistake.nearest else ""
            yield command(
                level,
                told,
                file=_named(places.get(mistake.file, Path(mistake.file))),
                line=str(mistake.line),
                title=".".join(part for part in (mistake.address, mistake.field) if part),
            )


def command(name: str, message: str, **properties: str) -> str:
    """One workflow command, nothing in it that acts as another."""
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{name}{' ' if told else ''}{told}::{_data(message)}"


def _named(path: Path) -> str:
    """As the repository has it, where it is in there."""
    root = Path(os.environ.get("GITHUB_WORKSPACE", "."))
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)


def _data(value: str) -> str:
    return (
        "\n".join(map(visible, value.splitlines()))
        .replace("%", "%25")
        .replace("\r", "%0D")
        .replace("\n", "%0A")
    )


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
