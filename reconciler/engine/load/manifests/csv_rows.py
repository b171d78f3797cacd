"""Read CSV as in RFC 4180, in UTF-8, with a header; empty lines are not rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from reconciler.engine.load.manifests.builder import ManifestBuilder
from reconciler.engine.load.manifests.row_values import build_error
from reconciler.engine.load.manifests.text_files import (
    UnreadableRestError,
    find_binary_format,
    iterate_lines,
    read_head,
)


def read_csv(builder: ManifestBuilder, file: BinaryIO) -> None:
    """Add the rows of a CSV file."""
    if problem := _find_other_format(read_head(file)):
        builder.add_problem(1, "wrong-format", *problem)
        return
    records = _iterate_records(file)
    try:
        for number, header in records:
            if _add_header(builder, number, header):
                _add_rows(builder, records)
            return
    except UnreadableRestError as error:
        builder.add_problems(error.line, error.error.problems)
        return
    builder.add_problem(1, "missing-header", "the header is missing", "column names in the first line")


def _iterate_records(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the header and the rows with the line that each starts on. Raises UnreadableRestError."""
    reader = csv.reader(map(bytes.decode, iterate_lines(file)), strict=True)
    number = 1
    try:
        for cells in reader:
            if cells:
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        reason = str(error).partition(" - ")[0]  # what follows the dash is advice for programmers
        expected = f"RFC 4180, with at most {csv.field_size_limit():,} characters in a value"
        raise UnreadableRestError(
            number, build_error("invalid-csv", f"not valid CSV: {reason}", expected)
        ) from None
    except UnicodeDecodeError:
        line = reader.line_num + 1
        raise UnreadableRestError(line, build_error("invalid-utf-8", "not UTF-8 text")) from None


def _add_rows(builder: ManifestBuilder, records: Iterable[tuple[int, list[str]]]) -> None:
    width = len(builder.columns or ())
    for number, cells in records:
        if len(cells) == width:
            has_room = builder.add_row(number, tuple(cells))
        else:
            problem = f"got {len(cells)} value{'' if len(cells) == 1 else 's'}"
            expected = f"{width}, one for each column"
            has_room = builder.add_problem(number, "wrong-value-count", problem, expected)
        if not has_room:
            return


def _add_header(builder: ManifestBuilder, number: int, cells: list[str]) -> bool:
    """Set the columns; return whether they are valid."""
    if problem := _find_separator_problem(cells):
        builder.add_problem(number, "wrong-separator", *problem)
        return False
    return builder.set_columns(number, cells)


def _find_other_format(head: bytes) -> tuple[str, str] | None:
    """Return the problem of a whole file in another format, and what is expected; None if there is none."""
    if head.lstrip()[:1] in {b"{", b"["}:
        return "the file is JSON", "CSV, or a name that ends in .json or .jsonl"
    return find_binary_format(head, "CSV")


def _find_separator_problem(header: Sequence[str]) -> tuple[str, str] | None:
    """Return the problem of a header that another character than the comma separates."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len(header) == 1 and separator in header[0]:
            return f"the columns are separated by {name}", "commas (RFC 4180)"
    return None
