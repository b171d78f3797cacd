"""Read Parquet, and other tables in Arrow's memory format, with pyarrow.

Only this module imports pyarrow, and only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from reconciler.engine.load.manifests.builder import ManifestBuilder
from reconciler.engine.load.manifests.row_values import UnreadableValue, build_error
from reconciler.model.distribution import require_extra

_BATCH_ROWS = 4096
"""How many rows are in memory as Arrow's values."""


def read_parquet(builder: ManifestBuilder, file: BinaryIO) -> None:
    """Add the rows of a Parquet file. Raises MissingExtraError without pyarrow."""
    with require_extra("Parquet"):
        import pyarrow
        from pyarrow import parquet
    try:
        parquet_file = parquet.ParquetFile(file)
        if builder.set_columns(1, parquet_file.schema_arrow.names):
            _add_batches(builder, parquet_file.iter_batches(_BATCH_ROWS))
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        builder.add_problem(1, "invalid-parquet", f"not valid Parquet: {reason}")


def read_arrow(builder: ManifestBuilder, table: Any) -> None:
    """Add the rows of a table that has Arrow's stream or the DataFrame interchange protocol.

    Raises MissingExtraError without pyarrow, and InvalidValueError if pyarrow cannot read the table.
    """
    with require_extra("tables in Arrow's format"):
        import pyarrow
        from pyarrow import interchange
    try:
        if hasattr(table, "__arrow_c_stream__"):
            reader = pyarrow.RecordBatchReader.from_stream(table)
        else:
            reader = interchange.from_dataframe(table).to_reader()
        if builder.set_columns(1, reader.schema.names):
            _add_batches(builder, (part for batch in reader for part in _split(batch)))
    except (pyarrow.ArrowException, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise build_error("invalid-table", f"pyarrow cannot read the table: {reason}") from None


def _split(batch: Any) -> Iterable[Any]:
    return (batch.slice(start, _BATCH_ROWS) for start in range(0, batch.num_rows, _BATCH_ROWS))


def _add_batches(builder: ManifestBuilder, batches: Iterable[Any]) -> None:
    number = 0
    for batch in batches:
        columns = [_to_values(column) for column in batch.columns]
        for number, values in enumerate(zip(*columns, strict=True), number + 1):  # noqa: B020 (continues the count)
            if not builder.add_values(number, values):
                return


def _to_values(column: Any) -> Sequence[object]:
    """Return the values of a column; those that Python has no value for are `UnreadableValue`."""
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError):  # Arrow's times reach further, and its texts may be invalid
        return [_to_value(value) for value in column]
    return values


def _to_value(value: Any) -> object:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return UnreadableValue(str(value.type))
