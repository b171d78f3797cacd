"""Read the rows of one query of a SQLite database, which can change nothing and read nothing else.

The database is opened read-only; an authorizer allows SELECT, reads of tables and the functions below; a deadline and a maximum
length of a value bound the work. Source: SQLite, "Defense Against The Dark Arts", "Write-Ahead Logging" and "Uniform Resource Identifiers".
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote as quote_url

from reconciler.engine.load.manifests.builder import MAX_ROW_BYTES, ManifestBuilder
from reconciler.engine.load.manifests.row_values import build_error
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.text import join_some, quote

MAX_QUERY_SECONDS = 60.0

_STEPS_PER_CHECK = 100_000
"""How many instructions of SQLite's virtual machine run between two looks at the clock."""

_MAX_MESSAGE_CHARACTERS = 200

_HARDENING = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA query_only = ON",
    "PRAGMA cell_size_check = ON",
    "PRAGMA mmap_size = 0",
)

# Without those that change with each call, that read files or that load code. A date function may be given 'now'.
_FUNCTIONS = frozenset(
    [
        "abs",
        "avg",
        "cast",
        "ceil",
        "ceiling",
        "char",
        "coalesce",
        "concat",
        "concat_ws",
        "count",
        "cume_dist",
        "date",
        "datetime",
        "dense_rank",
        "first_value",
        "floor",
        "format",
        "glob",
        "group_concat",
        "hex",
        "ifnull",
        "iif",
        "instr",
        "json",
        "json_array",
        "json_array_length",
        "json_each",
        "json_extract",
        "json_group_array",
        "json_group_object",
        "json_object",
        "json_quote",
        "json_tree",
        "json_type",
        "json_valid",
        "julianday",
        "lag",
        "last_value",
        "lead",
        "length",
        "like",
        "likelihood",
        "likely",
        "lower",
        "ltrim",
        "max",
        "min",
        "mod",
        "nth_value",
        "ntile",
        "nullif",
        "octet_length",
        "percent_rank",
        "printf",
        "quote",
        "rank",
        "replace",
        "round",
        "row_number",
        "rtrim",
        "sign",
        "sqrt",
        "strftime",
        "string_agg",
        "substr",
        "substring",
        "subtype",
        "sum",
        "time",
        "timediff",
        "total",
        "trim",
        "trunc",
        "typeof",
        "unhex",
        "unicode",
        "unixepoch",
        "unlikely",
        "upper",
        "->",
        "->>",
    ]
)

_ALLOWED_ACTIONS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})

_WAL_VERSION_OFFSET, _WAL_VERSION = 18, 2
"""Where the header of a database has its format for writing, and that of write-ahead logging ("Database File Format")."""


def read_query(builder: ManifestBuilder, path: Path, query: str) -> None:
    """Add the rows of a query. Raises InvalidValueError if the database or the query cannot be used."""
    denied: list[str] = []
    with _convert_errors(denied), _open(path) as connection:
        deadline = time.monotonic() + MAX_QUERY_SECONDS
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
        connection.set_authorizer(_create_authorizer(denied))
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_PER_CHECK)
        cursor = connection.execute(query)
        if cursor.description is None:
            raise build_error("invalid-query", "the query returns no rows", "one SELECT").nest_under("query")
        columns = [name for name, *_ in cursor.description]
        if builder.set_columns(1, columns):
            for number, values in enumerate(cursor, 1):
                if not builder.add_values(number, values):
                    return


def list_tables(path: Path) -> list[str]:
    """Return the names of the tables and views of a database. Raises InvalidValueError."""
    with _convert_errors([]), _open(path) as connection:
        query = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name"
        return [name for (name,) in connection.execute(query)]


def build_missing_query_problem(path: Path) -> ValueProblem:
    """Return the problem of a database without a query, with the tables that a query can read."""
    tables = list_tables(path)
    names = f"it has the tables {join_some(list(map(quote, tables)))}" if tables else "it has no table"
    expected = 'query = "SELECT …"'
    return ValueProblem("missing-key", f"the query is missing; {names}", expected, path=("query",))


def find_log(path: Path) -> Path | None:
    """Return the write-ahead log next to a database, if it has content."""
    log = path.with_name(f"{path.name}-wal")
    return log if log.exists() and log.stat().st_size else None


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database so that nothing is written to it.

    A database with write-ahead logging but without a log has all of its content in its own file. It is read as
    immutable, because SQLite would create files next to it otherwise; afterwards, there must still be no log.
    """
    with path.open("rb") as file:
        header = file.read(_WAL_VERSION_OFFSET + 1)
    is_immutable = header[_WAL_VERSION_OFFSET:] == bytes([_WAL_VERSION]) and not find_log(path)
    options = "mode=ro&immutable=1" if is_immutable else "mode=ro"
    with closing(sqlite3.connect(f"file:{quote_url(str(path))}?{options}", uri=True)) as connection:
        for pragma in _HARDENING:
            connection.execute(pragma)
        yield connection
    if is_immutable and find_log(path):
        raise build_error("changed-file", "the database was written while it was read; try again")


def _create_authorizer(denied: list[str]) -> Callable[..., int]:
    """Return a function that allows reading; it adds what it does not allow to `denied`."""

    def authorize(action: int, _: str | None, function: str | None, *_names: str | None) -> int:
        is_function = action == sqlite3.SQLITE_FUNCTION
        if action in _ALLOWED_ACTIONS or (is_function and (function or "").lower() in _FUNCTIONS):
            return sqlite3.SQLITE_OK
        denied.append(
            f"the query uses the function {quote(function or '')}"
            if is_function
            else "the query may only read"
        )
        return sqlite3.SQLITE_DENY

    return authorize


@contextmanager
def _convert_errors(denied: list[str]) -> Iterator[None]:
    """Convert errors of SQLite to InvalidValueError; `denied` has what the authorizer has denied."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _convert_error(error, denied) from None


def _convert_error(error: Exception, denied: list[str]) -> InvalidValueError:
    code, message = getattr(error, "sqlite_errorname", ""), str(error)
    if code == "SQLITE_INTERRUPT":
        expected = f"one that takes at most {MAX_QUERY_SECONDS:g} seconds"
        return build_error("slow-query", "the query takes too long", expected).nest_under("query")
    if denied:
        return build_error(
            "forbidden-query", denied[0], "one SELECT, without functions that read files or are random"
        ).nest_under("query")
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        expected = "one whose last transaction is complete; open and close it once with `sqlite3`"
        return build_error("unreadable-file", f"cannot read the database: {message}", expected)
    if code in {"SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_BUSY", "SQLITE_IOERR"}:
        return build_error("unreadable-file", f"cannot read the database: {message}")
    if message.startswith("Could not decode to UTF-8"):  # the message continues with the value
        return build_error("invalid-utf-8", "a value is not UTF-8 text; select hex() of it")
    return build_error(
        "invalid-query", f"the query is not valid: {message[:_MAX_MESSAGE_CHARACTERS]}", "one SELECT"
    ).nest_under("query")
