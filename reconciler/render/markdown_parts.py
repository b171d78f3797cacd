"""Parts of Markdown that every view shares: code that no text can close, and lines in limited room."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reconciler.render.views.labels import pluralize


def format_hidden_line(subject: str, workspace: str, environment: str = "") -> str:
    """Return the hidden first line of a comment, by which a later run finds and updates the comment."""
    names = [re.sub(r"[^A-Za-z0-9:._-]", "?", name) for name in (workspace, environment) if name]
    return f"<!-- reconciler {' '.join([subject, *names])} -->"


def format_code_span(text: str) -> str:
    """Return a text as a code span that the text cannot close."""
    fence = "`" * (measure_longest_fence(text) + 1)
    padding = " " if text[:1] == "`" or text[-1:] == "`" or not text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def format_code_block(lines: Iterable[str], language: str) -> str:
    """Return lines as a code block that none of the lines can close."""
    content = "\n".join(lines)
    fence = "`" * max(3, measure_longest_fence(content) + 1)
    return f"{fence}{language}\n{content}\n{fence}\n"


def render_lines(lines: Sequence[str], limit: int) -> str:
    """Render as many lines as fit into `limit` bytes, in a block of their own.

    `limit` does not count the shortest code fences, nor the line with the number of omitted lines. A line that GitHub would take for a
    command in a job's log, such as the name of an environment, is marked.
    """
    lines = [f"│ {line}" if line.lstrip().startswith("::") else line for line in lines]
    kept_lines: list[str] = []
    # Both fences of the code block grow with the longest run of backticks inside it.
    fence_bytes = 0
    for line in lines:
        limit -= count_bytes(line) + 1
        fence_bytes = max(fence_bytes, 2 * measure_longest_fence(line))
        if limit < fence_bytes:
            kept_lines.append(f"… and {pluralize(len(lines) - len(kept_lines), 'more line')}")
            break
        kept_lines.append(line)
    return format_code_block(kept_lines, "text") if any(kept_lines) else ""


def count_bytes(text: str) -> int:
    """Return the size of a text in UTF-8."""
    return len(text.encode(errors="replace"))


def measure_longest_fence(text: str) -> int:
    """Return the length of the longest run of backticks."""
    return max((len(run) for run in re.findall("`+", text)), default=0)
