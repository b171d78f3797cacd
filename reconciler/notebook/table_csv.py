"""The panel's table as CSV, which a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

CSV_COLUMNS = ("action", "kind", "address", "differences", "declared in", "status")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The characters with which a spreadsheet may begin a formula; the last four are full-width `=+-@`.

Source: OWASP, "CSV Injection".
"""


def render_table_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of text as CSV, below the names of the columns."""
    output = StringIO()
    writer = csv.writer(output)
    writer.writerow(CSV_COLUMNS)
    writer.writerows([escape_formula(cell) for cell in row] for row in rows)
    return output.getvalue()


def escape_formula(cell: str) -> str:
    """Return a cell that spreadsheets do not take for a formula: with an apostrophe in front if needed."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell
