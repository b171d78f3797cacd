"""The file of `--summary`: a command's output as Markdown, for GitHub's step summaries.

Source of the limit: GitHub documentation, "Workflow commands, Adding a job summary" (1 MiB per step).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.model.errors import ReconcilerError

MAX_STEP_SUMMARY_BYTES = 1_048_576
"""The maximum size of all summaries of one step together."""

_MIN_SUMMARY_BYTES = 4_096
"""With less room, a summary shows nothing useful."""


def append_summary(file: Path, render: Callable[[int], str]) -> None:
    """Append Markdown to a file.

    `render` takes a size limit in bytes: the room left in the file, but at most what a GitHub comment may have.
    Raises ReconcilerError if too little room is left.
    """
    from reconciler.render.markdown import MAX_COMMENT_BYTES

    size = file.stat().st_size if file.exists() else 0
    # 2: the line break before the summary, and one byte so that the file stays below the limit.
    limit = MAX_STEP_SUMMARY_BYTES - size - 2
    if limit < _MIN_SUMMARY_BYTES:
        raise ReconcilerError(
            f"{file}: too large to append to ({size:,} bytes); a step summary may have at most {MAX_STEP_SUMMARY_BYTES:,} bytes"
        )
    with file.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if size else "") + render(min(MAX_COMMENT_BYTES, limit)))
