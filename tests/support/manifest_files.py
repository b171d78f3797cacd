"""Manifests of the same rows in every form, written for tests."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

Rows = Sequence[Mapping[str, str]]


def make_database(*statements: str) -> bytes:
    """Return the file of a SQLite database."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        return connection.serialize()


def write_csv(path: Path, rows: Rows, columns: Sequence[str]) -> None:
    output = io.StringIO()
    csv.writer(output).writerows([columns, *([row[column] for column in columns] for row in rows)])
    path.write_text(output.getvalue(), encoding="utf-8", newline="")


def write_database(path: Path, rows: Rows, columns: Sequence[str]) -> None:
    path.unlink(missing_ok=True)
    names = ", ".join(f'"{column}" TEXT' for column in columns)
    marks = ", ".join("?" * len(columns))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE devices ({names})")
        values = [tuple(row[column] for column in columns) for row in rows]
        connection.executemany(f"INSERT INTO devices VALUES ({marks})", values)
        connection.commit()


def write_parquet(path: Path, rows: Rows, columns: Sequence[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(column, pyarrow.string()) for column in columns])
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema), path)


def write_every_form(folder: Path, rows: Rows, columns: Sequence[str]) -> Mapping[str, object]:
    """Write the rows in every form; return the values of `for_each` by form. The table's name is `rows`."""
    write_csv(folder / "rows.csv", rows, columns)
    lines = [json.dumps(row) for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    (folder / "lines.json").write_text("\n".join(lines))
    (folder / "array.json").write_text(json.dumps(list(rows), indent=1, ensure_ascii=False), encoding="utf-8")
    write_database(folder / "rows.sqlite3", rows, columns)
    write_parquet(folder / "rows.parquet", rows, columns)
    (folder / "parts").mkdir(exist_ok=True)
    for part in (folder / "parts").iterdir():
        part.unlink()
    middle = len(rows) // 2
    write_csv(folder / "parts" / "1.csv", rows[:middle], columns)
    write_csv(folder / "parts" / "2.csv", rows[middle:], list(reversed(columns)))
    return {
        "csv": {"file": "rows.csv"},
        "json lines": {"file": "rows.jsonl"},
        "json lines under .json": {"file": "lines.json"},
        "json": {"file": "array.json"},
        "sqlite": {"file": "rows.sqlite3", "query": "SELECT * FROM devices"},
        "parquet": {"file": "rows.parquet"},
        "files": {"files": "parts/*.csv"},
        "table": {"table": "rows"},
    }
