"""Read the manifest that a `for_each` refers to or contains, in any form."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.manifests.builder import Manifest, ManifestBuilder, RowBudget
from reconciler.engine.load.manifests.csv_rows import read_csv
from reconciler.engine.load.manifests.json_rows import read_json, read_json_lines
from reconciler.engine.load.manifests.parquet_rows import read_parquet
from reconciler.engine.load.manifests.row_values import build_error, format_boolean, format_integer
from reconciler.engine.load.manifests.table_rows import read_table
from reconciler.engine.load.table_problems import build_unknown_key_problem
from reconciler.frozen_classes import field, frozen
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.manifest_source import ManifestSource, SourceForm
from reconciler.model.s3_object import S3_OBJECT_URL, S3_SCHEME, OpenS3Object
from reconciler.model.text import describe_value, quote, quote_if_unsafe, type_name
from reconciler.model.warning_codes import UNREAD_OBJECT

MAX_MANIFEST_BYTES = 2**32

_READERS: Mapping[str, Callable[[ManifestBuilder, BinaryIO], None]] = {
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
}
_DATABASES = ("sqlite3", "sqlite", "db")

FILE_EXTENSIONS = (*_READERS, *_DATABASES)
"""The extensions of files that a manifest can be in, in any case of letters."""

_MANIFEST_FORMAT = (
    '{ file = "devices.csv" }, { files = "batches/*.csv" }, { table = "devices" }, or an array of tables'
)
_KEYS = ("file", "files", "query", "table")
_SCALAR_FORMAT = "a string, a number or a boolean"
_NAME_FORMAT = "a name that ends in .csv, .json, .jsonl, .parquet or .sqlite3"


@frozen
class ManifestInputs:
    """The manifests that are in no file: tables of Python and objects in S3.

    - `tables`: the tables of Python by name;
    - `open_object`: opens an object in S3; None: nothing may be called;
    - `for_environments`: whether they declare environments, whose accounts are not known yet.
    """

    tables: Mapping[str, object] = field(factory=dict)
    open_object: OpenS3Object | None = None
    for_environments: bool = False


class ManifestReader:
    """Reads the manifests of `for_each`; one that several tables use is read only once.

    `sources` has those that were read without problems, `object_urls` the objects in S3, and `unread_urls` those that were not read,
    because nothing may be called.
    """

    def __init__(self, inputs: ManifestInputs = ManifestInputs()) -> None:  # noqa: B008 (immutable)
        self._inputs = inputs
        self._manifests: dict[Hashable, Manifest] = {}
        self._budget = RowBudget()
        self.sources: list[ManifestSource] = []
        self.object_urls: set[str] = set()
        self.unread_urls: set[str] = set()

    def read(self, value: object, context: LoadContext) -> Manifest:
        """Return the manifest that a `for_each` refers to or contains. Raises InvalidValueError."""
        match value:
            case {"file": str(name), **rest} if name and not rest.keys() - {"query"}:
                with _nest_errors("file"):
                    return self._read_file(name, rest.get("query"), context)
            case {"files": str(pattern), **rest} if pattern and not rest.keys() - {"query"}:
                with _nest_errors("files"):
                    return self._read_files(pattern, rest.get("query"), context)
            case {"table": str(name), **rest} if not rest:
                with _nest_errors("table"):
                    return self._read_table(name, context)
            case list() if all(isinstance(item, dict) for item in value):
                return self._read_array(value)
            case dict():
                raise _build_table_error(value)
            case _:
                raise build_error("wrong-type", f"got {describe_value(value)}", _MANIFEST_FORMAT)

    def _read_file(self, name: str, query: object, context: LoadContext) -> Manifest:
        if name.startswith(S3_SCHEME):
            return self._read_object(name, query, context)
        key = (context.resolve_path(name), query)
        if key not in self._manifests:
            builder = self._create_builder(name)
            _read_into(builder, name, query, context)
            self._add(key, builder.build(builder.source), "file" if query is None else "query", name)
            if query is not None:
                context.query_digests[f"{name}?{query}"] = self._manifests[key].digest
        return self._manifests[key]

    def _read_files(self, pattern: str, query: object, context: LoadContext) -> Manifest:
        names = context.find_files(pattern)
        key = (tuple(map(context.resolve_path, names)), query)
        if key not in self._manifests:
            builder = self._create_builder(pattern)
            for name in names:
                builder.begin_source(quote_if_unsafe(name))
                _read_into(builder, name, query, context)
                if builder.is_full:
                    break
            self._add(key, builder.build(quote_if_unsafe(pattern)), "files", pattern)
            if query is not None:
                context.query_digests[f"{pattern}?{query}"] = self._manifests[key].digest
        return self._manifests[key]

    def _read_table(self, name: str, context: LoadContext) -> Manifest:
        tables = self._inputs.tables
        if name not in tables:
            raise InvalidValueError(_build_missing_table_problem(name, tables))
        key = ("table", name)
        if key not in self._manifests:
            builder = self._create_builder(f"table {name}")
            read_table(builder, tables[name])
            self._add(key, builder.build(builder.source), "table", name)
            context.outside_digests[f"table {name}"] = self._manifests[key].digest
        return self._manifests[key]

    def _read_object(self, url: str, query: object, context: LoadContext) -> Manifest:
        read = _READERS.get(_get_extension(url))
        if not S3_OBJECT_URL.fullmatch(url):
            raise build_error("invalid-path", f"{quote(url)} is not a valid URL", "s3://BUCKET/KEY")
        if query is not None or read is None:
            expected = "a name that ends in .csv, .json, .jsonl or .parquet; a database must be a file"
            raise build_error("invalid-path", f"{quote(url)} cannot be read from S3", expected)
        if self._inputs.for_environments:
            expected = "a file: the account of an environment is known only after its manifest is read"
            raise build_error("invalid-path", "an object in S3 is not valid here", expected)
        self.object_urls.add(url)
        if self._inputs.open_object is None:
            self.unread_urls.add(url)
            problem = f"{url} is not read offline, so its rows are not checked"
            raise InvalidValueError(ValueProblem(UNREAD_OBJECT, problem, severity="warning"))
        if url not in self._manifests:
            builder = self._create_builder(url)
            with self._inputs.open_object(url, MAX_MANIFEST_BYTES) as s3_object:
                read(builder, s3_object.content)
            self._add(url, builder.build(builder.source), "s3", url, s3_object.version)
            context.outside_digests[url] = f"{s3_object.version} {self._manifests[url].digest}"
        return self._manifests[url]

    def _read_array(self, items: list[Any]) -> Manifest:
        builder = ManifestBuilder("", self._budget)
        for index, item in enumerate(items):
            try:
                values = {column: _to_text(column, value) for column, value in item.items()}
            except InvalidValueError as error:
                has_room = builder.add_problems(index, error.problems)
            else:
                has_room = builder.add_mapping(index, values)
            if not has_room:
                break
        return builder.build("")

    def _create_builder(self, name: str) -> ManifestBuilder:
        return ManifestBuilder(quote_if_unsafe(name), self._budget)

    def _add(self, key: Hashable, manifest: Manifest, form: SourceForm, name: str, version: str = "") -> None:
        self._manifests[key] = manifest
        if not manifest.problems:
            self.sources.append(ManifestSource(form, name, len(manifest.rows), manifest.digest, version))


def _read_into(builder: ManifestBuilder, name: str, query: object, context: LoadContext) -> None:
    """Add the rows of one file."""
    extension = _get_extension(name)
    if extension in _DATABASES:
        # imports sqlite3, which is slow
        from reconciler.engine.load.manifests.sqlite_rows import build_missing_query_problem, read_query

        with context.open_database(name) as path:
            if query is None:
                raise InvalidValueError(build_missing_query_problem(path))
            if not isinstance(query, str):
                raise build_error("wrong-type", f"got {describe_value(query)}", "one SELECT").nest_under(
                    "query"
                )
            read_query(builder, path, query)
        return
    read = _READERS.get(extension)
    if read is None:
        raise build_error("invalid-path", f"{quote(name)} is not a valid manifest name", _NAME_FORMAT)
    if query is not None:
        problem = f"only a database has a query, and {quote(name)} is none"
        raise build_error("unknown-key", problem, "a name that ends in .sqlite3").nest_under("query")
    with context.open_file(name, MAX_MANIFEST_BYTES) as file:
        read(builder, file)


def _get_extension(name: str) -> str:
    return name.lower().rpartition(".")[2]


def _build_table_error(value: Mapping[str, object]) -> InvalidValueError:
    """Return the error of a table that refers to no manifest: its unknown keys, or else all of it."""
    unknown = [build_unknown_key_problem(key, _KEYS, _MANIFEST_FORMAT) for key in value if key not in _KEYS]
    return (
        InvalidValueError(*unknown)
        if unknown
        else build_error("wrong-type", "not a valid table", _MANIFEST_FORMAT)
    )


def _build_missing_table_problem(name: str, tables: Mapping[str, object]) -> ValueProblem:
    if tables:
        suggestion = Suggestion(name, tables, replaces_expected=True)
        expected = f"one of {', '.join(map(quote, tables))}"
        return ValueProblem("unknown-table", f"there is no table {quote(name)}", expected, suggestion)
    problem = f"the table {quote(name)} is not passed in Workspace(tables=…), and a command or a CI job cannot pass it"
    return ValueProblem(
        "unknown-table", problem, 'the table, or a file with its rows, such as { file = "devices.csv" }'
    )


@contextmanager
def _nest_errors(key: str) -> Iterator[None]:
    """Give problems without a path the path of a key."""
    try:
        yield
    except InvalidValueError as error:
        problems = (problem if problem.path else problem.nest_under(key) for problem in error.problems)
        raise InvalidValueError(*problems) from None


def _to_text(column: str, value: object) -> str:
    """Return the text of a value in TOML."""
    try:
        match value:
            case bool():
                return format_boolean(value)
            case int():
                return format_integer(value)
            case str():
                return value
            case float():  # the TOML parser loses the spelling: 1.10 is 1.1 here
                expected = "a string, which keeps the spelling of the number"
                raise build_error("wrong-type", f"got {describe_value(value)}", expected)
            case _:
                raise build_error("wrong-type", f"got {type_name(value)}", _SCALAR_FORMAT)
    except InvalidValueError as error:
        raise error.nest_under(column) from None
