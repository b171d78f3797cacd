"""GitHub annotations: errors and warnings that GitHub shows at the lines that they are about.

Source: GitHub documentation, "Workflow commands for GitHub Actions", and actions/toolkit, `packages/core/src/command.ts`, for
escaping. The runner reads commands from stderr as well as from stdout; ours go to stderr, so that stdout has only the result.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.text import escape_invisible, format_suggestion

MAX_ANNOTATIONS = 10
"""GitHub shows at most ten annotations of each level for a step."""


def is_in_workflow() -> bool:
    """Return whether this process is a step of a GitHub workflow."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def format_diagnostics(diagnostics: Iterable[Diagnostic], paths: Mapping[str, Path]) -> Iterator[str]:
    """Yield one annotation per diagnostic, up to GitHub's limit.

    `paths` maps the name of a file in the diagnostics to its path.
    """
    counts: Counter[str] = Counter()
    for diagnostic in diagnostics:
        level = "warning" if diagnostic.severity == "warning" else "error"
        counts[level] += 1
        if counts[level] <= MAX_ANNOTATIONS:
            path = paths.get(diagnostic.file, Path(diagnostic.file))
            yield format_command(
                level,
                _format_message(diagnostic),
                file=_to_repository_path(path),
                line=str(diagnostic.line),
                title=".".join(part for part in (diagnostic.address, diagnostic.field) if part),
            )


def format_command(name: str, message: str, **properties: str) -> str:
    """Return one workflow command; its values are escaped, so that GitHub reads no second command in them."""
    property_list = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items() if value)
    return f"::{name}{' ' if property_list else ''}{property_list}::{_escape_data(message)}"


def _format_message(diagnostic: Diagnostic) -> str:
    expected = f"; expected {diagnostic.expected}" if diagnostic.expected else ""
    code = f" [{diagnostic.code}]" if diagnostic.severity == "warning" else ""
    return f"{diagnostic.problem}{expected}{format_suggestion(diagnostic.nearest)}{code}"


def _to_repository_path(path: Path) -> str:
    """Return the path relative to the repository, or as it is if it lies outside."""
    root = Path(os.environ.get("GITHUB_WORKSPACE", "."))
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)


def _escape_data(value: str) -> str:
    text = "\n".join(map(escape_invisible, value.splitlines()))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(value: str) -> str:
    return _escape_data(value).replace(":", "%3A").replace(",", "%2C")
