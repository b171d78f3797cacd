"""Tables of Python, such as DataFrames, recognized without importing their libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TABLE_FORMAT = "a DataFrame, an Arrow table, or a sequence of mappings"


def is_data_frame(value: object) -> bool:
    """Return whether a value has the methods of pandas, with which it is read without a conversion."""
    return hasattr(value, "itertuples") and hasattr(value, "columns")


def is_arrow_table(value: object) -> bool:
    """Return whether a value has one of the protocols that pyarrow reads."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__dataframe__")


def check_tables(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the tables by name. Raises TypeError if one of them is not a table."""
    if not isinstance(tables, Mapping) or not all(isinstance(name, str) for name in tables):
        raise TypeError('tables: expected a mapping from names to tables, such as {"devices": frame}')
    for name, table in tables.items():
        is_sequence = isinstance(table, Sequence) and not isinstance(table, str | bytes)
        if not (is_data_frame(table) or is_arrow_table(table) or is_sequence):
            problem = f"tables: {name!r} is {type(table).__name__!r}, which is not a table"
            raise TypeError(f"{problem}; expected {TABLE_FORMAT}")
    return dict(tables)
