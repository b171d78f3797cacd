"""Read tables of Python: DataFrames, Arrow tables, and sequences of mappings.

No library of tables is imported; pyarrow is, for tables that only Arrow's protocols describe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.engine.load.manifests.builder import ManifestBuilder
from reconciler.engine.load.manifests.parquet_rows import read_arrow
from reconciler.engine.load.manifests.row_values import build_error, to_row
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.tables import is_arrow_table, is_data_frame


def read_table(builder: ManifestBuilder, table: Any) -> None:
    """Add the rows of a table. Raises InvalidValueError, and MissingExtraError if it needs pyarrow."""
    if is_data_frame(table):
        _read_data_frame(builder, table)
    elif is_arrow_table(table):
        read_arrow(builder, table)
    else:
        _read_mappings(builder, table)


def _read_data_frame(builder: ManifestBuilder, frame: Any) -> None:
    """Add the rows of a DataFrame, without its index."""
    columns = list(frame.columns)
    if not all(isinstance(column, str) for column in columns):
        raise build_error("wrong-type", "the table has column names that are not strings", "strings")
    if not builder.set_columns(1, columns):
        return
    for number, values in enumerate(frame.itertuples(index=False, name=None), 1):
        if not builder.add_values(number, values):
            return


def _read_mappings(builder: ManifestBuilder, rows: Sequence[Any]) -> None:
    for number, row in enumerate(rows, 1):
        try:
            if not isinstance(row, Mapping) or not all(isinstance(column, str) for column in row):
                raise build_error("wrong-type", "not a mapping with strings as keys", "one for each row")
            values = dict(zip(row, to_row(tuple(row.values()), tuple(row)), strict=True))
        except InvalidValueError as error:
            has_room = builder.add_problems(number, error.problems)
        else:
            has_room = builder.add_mapping(number, values)
        if not has_room:
            return
