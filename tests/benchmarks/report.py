"""Parts of every benchmark's report: Markdown tables, and a description of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence


def format_table(columns: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int) -> str:
    """Return an aligned Markdown table.

    The first `text_columns` columns have text; the others have numbers, which are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    separator = [
        "-" * width if index < text_columns else "-" * (width - 1) + ":" for index, width in enumerate(widths)
    ]
    lines = []
    for row in (columns, separator, *rows):
        cells = [
            cell.ljust(width) if index < text_columns else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def describe_machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
