"""Manifests in several files, databases, Parquet and tables: values, errors, and limits of queries."""

from __future__ import annotations

import datetime
import json
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from reconciler import Workspace
from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.environment_loader import LoadInputs
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.list_files import list_input_files
from reconciler.engine.load.manifests import sqlite_rows
from reconciler.engine.load.manifests.builder import Manifest
from reconciler.engine.load.manifests.reader import ManifestInputs, ManifestReader
from reconciler.engine.load.manifests.row_values import to_text
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.errors import InvalidDesiredStateError, PlanRejectedError, TargetError
from reconciler.render.html.plan import render_plan_html
from reconciler.render.json.plan_lines import render_plan_jsonl
from reconciler.render.markdown import render_plan_markdown
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.plan import build_plan_view
from tests.engine.load.invalid.case import WORKSPACE
from tests.support.manifest_files import make_database

DEVICES = (
    "CREATE TABLE devices (n TEXT, shipped INT)",
    "INSERT INTO devices VALUES ('b', 1), ('a', 1), ('c', 0)",
)
FACTORY = "factory.sqlite3"


def read(folder: Path, for_each: object, tables: Mapping[str, object] | None = None) -> Manifest:
    return ManifestReader(ManifestInputs(tables or {})).read(for_each, LoadContext(folder, {}))


def read_query(folder: Path, query: str, *statements: str) -> Manifest:
    (folder / FACTORY).write_bytes(make_database(*(statements or DEVICES)))
    return read(folder, {"file": FACTORY, "query": query})


def fail(folder: Path, for_each: object, tables: Mapping[str, object] | None = None) -> str:
    """Return the error of a manifest that cannot be read."""
    with pytest.raises(InvalidValueError) as caught:
        read(folder, for_each, tables)
    return str(caught.value)


def fail_query(folder: Path, query: str, *statements: str) -> str:
    (folder / FACTORY).write_bytes(make_database(*(statements or DEVICES)))
    return fail(folder, {"file": FACTORY, "query": query})


def list_rows(manifest: Manifest) -> list[tuple[str, tuple[str, ...]]]:
    assert [(str(row), str(problem)) for row, problem in manifest.problems] == []
    return [(str(row), values) for row, values in manifest.rows]


def list_problems(manifest: Manifest) -> list[str]:
    return [f"{row}: {problem}" for row, problem in manifest.problems]


class TestFiles:
    def test_files_are_read_in_the_order_of_their_names(self, tmp_path):
        (tmp_path / "batches").mkdir()
        for name, rows in {
            "2.csv": "n,x\n3,c\n",
            "1.jsonl": '{"n": 1, "x": "a"}\n',
            "10.csv": "x,n\nb,2\n",
        }.items():
            (tmp_path / "batches" / name).write_text(rows)
        manifest = read(tmp_path, {"files": "batches/*"})
        assert (manifest.name, manifest.columns, list_rows(manifest)) == (
            "batches/*",
            ("n", "x"),
            [
                ("batches/1.jsonl:1", ("1", "a")),
                ("batches/10.csv:2", ("2", "b")),
                ("batches/2.csv:2", ("3", "c")),
            ],
        )

    def test_a_name_in_two_files_is_an_error_with_both_places(self, tmp_path):
        for name in ("a.csv", "b.csv"):
            (tmp_path / name).write_text("n\n1\n")
        (tmp_path / "d.toml").write_text(f'[things."p-{{n}}"]\nfor_each = {{ files = "*.csv" }}\n{WORKSPACE}')
        with pytest.raises(InvalidDesiredStateError) as caught:
            _ = Workspace(tmp_path / "d.toml").desired
        assert [str(diagnostic) for diagnostic in caught.value.diagnostics] == [
            "d.toml:1: error: things.p-1: b.csv:2, column 'n': already declared at d.toml:1 (a.csv:2); rename or remove one of the two"
        ]

    def test_other_columns_in_a_later_file_are_reported_at_its_header(self, tmp_path):
        (tmp_path / "a.csv").write_text("serial,site\n1,oslo\n")
        (tmp_path / "b.csv").write_text("serial,siet,x\n2,oslo,y\n")
        assert list_problems(read(tmp_path, {"files": "*.csv"})) == [
            "b.csv:1: site: missing column; expected the columns of the first file",
            "b.csv:1: siet: unknown column; did you mean 'site'?",
            "b.csv:1: x: unknown column; expected the columns of the first file",
        ]

    @pytest.mark.parametrize(
        ("pattern", "problem"),
        [
            (
                "x/*.csv",
                "files: no file matches 'x/*.csv'; expected a pattern of paths in that folder, such as batches/*.csv",
            ),
            (
                "../*.csv",
                "files: '../*.csv' is outside the folder of the file that refers to it; expected a pattern of paths in that folder, such as batches/*.csv",
            ),
            (
                "/etc/*.csv",
                "files: '/etc/*.csv' is outside the folder of the file that refers to it; expected a pattern of paths in that folder, such as batches/*.csv",
            ),
            (
                "**/*.csv",
                "files: '**/*.csv' is not a valid pattern; expected a pattern of paths in that folder, such as batches/*.csv",
            ),
            (
                "linked/*.csv",
                "files: 'linked/a.csv' is outside the folder of the file that refers to it; expected a file in that folder",
            ),
            (
                "*.txt",
                "files: 'a.txt' is not a valid manifest name; expected a name that ends in .csv, .json, .jsonl, .parquet or .sqlite3",
            ),
        ],
    )
    def test_a_pattern_matches_only_manifests_in_the_folder(self, tmp_path, pattern, problem):
        inside, outside = tmp_path / "inside", tmp_path / "outside"
        for folder in (inside, outside):
            folder.mkdir()
        (outside / "a.csv").write_text("n\n1\n")
        (inside / "a.txt").write_text("n\n1\n")
        (inside / "linked").symlink_to(outside)
        assert fail(inside, {"files": pattern}) == problem


class TestQuery:
    def test_the_rows_of_a_query_are_numbered_from_one(self, tmp_path):
        manifest = read_query(tmp_path, "SELECT n, upper(n) AS big FROM devices WHERE shipped ORDER BY n")
        assert (manifest.columns, list_rows(manifest)) == (
            ("n", "big"),
            [("factory.sqlite3:1", ("a", "A")), ("factory.sqlite3:2", ("b", "B"))],
        )

    def test_values_of_every_type_have_a_text_or_a_problem(self, tmp_path):
        query = "SELECT NULL AS a, 7 AS b, 'x' AS c UNION ALL SELECT 1, 1.5, 'x' UNION ALL SELECT 1, 1, x'00'"
        manifest = read_query(tmp_path, query)
        assert ([values for _, values in manifest.rows], list_problems(manifest)) == (
            [("", "7", "x")],
            [
                "factory.sqlite3:2: b: got the number 1.5; expected a string, which keeps the spelling of the number",
                "factory.sqlite3:3: c: got 1 byte; expected a string, an integer, a boolean or a date",
            ],
        )

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("DELETE FROM devices", "query: the query may only read; expected one SELECT, without functions that read files or are random"),
            ("CREATE TEMP TABLE x (y)", "query: the query may only read; expected one SELECT, without functions that read files or are random"),
            ("ATTACH 'other.sqlite3' AS other", "query: the query may only read; expected one SELECT, without functions that read files or are random"),
            ("PRAGMA query_only = OFF", "query: the query may only read; expected one SELECT, without functions that read files or are random"),
            ("SELECT * FROM pragma_database_list", "query: the query may only read; expected one SELECT, without functions that read files or are random"),
            ("SELECT load_extension('x')", "query: the query uses the function 'load_extension'; expected one SELECT, without functions that read files or are random"),
            ("SELECT random() AS n", "query: the query uses the function 'random'; expected one SELECT, without functions that read files or are random"),
            ("SELECT n FROM device", "query: the query is not valid: no such table: device; expected one SELECT"),
            ("SELECT 1 AS n; SELECT 2 AS n", "query: the query is not valid: You can only execute one statement at a time.; expected one SELECT"),
            ("", "query: the query returns no rows; expected one SELECT"),
        ],
    )  # fmt: skip
    def test_a_query_can_only_select(self, tmp_path, query, problem):
        assert fail_query(tmp_path, query) == problem
        assert [path.name for path in tmp_path.iterdir()] == [FACTORY]

    def test_a_query_that_takes_too_long_is_stopped(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sqlite_rows, "MAX_QUERY_SECONDS", 0)
        query = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0"
        expected = "query: the query takes too long; expected one that takes at most 0 seconds"
        assert fail_query(tmp_path, query) == expected

    def test_a_database_without_a_query_is_an_error_with_its_tables(self, tmp_path):
        (tmp_path / FACTORY).write_bytes(make_database(*DEVICES, "CREATE VIEW shipped AS SELECT 1"))
        problem = "query: the query is missing; it has the tables 'devices', 'shipped'; expected query = \"SELECT …\""
        assert fail(tmp_path, {"file": FACTORY}) == problem

    def test_a_file_of_another_format_is_not_a_valid_database(self, tmp_path):
        (tmp_path / FACTORY).write_text("n\n" * 1000)
        query = {"file": FACTORY, "query": "SELECT n FROM devices"}
        assert fail(tmp_path, query) == "file: cannot read the database: file is not a database"

    def test_only_a_database_has_a_query(self, tmp_path):
        (tmp_path / "a.csv").write_text("n\n1\n")
        problem = (
            "query: only a database has a query, and 'a.csv' is none; expected a name that ends in .sqlite3"
        )
        assert fail(tmp_path, {"file": "a.csv", "query": "SELECT 1"}) == problem

    def test_a_link_out_of_the_folder_is_not_followed(self, tmp_path):
        folder = tmp_path / "inside"
        folder.mkdir()
        (tmp_path / FACTORY).write_bytes(make_database(*DEVICES))
        (folder / FACTORY).symlink_to(tmp_path / FACTORY)
        problem = f"file: '{FACTORY}' is outside the folder of the file that refers to it; expected a file in that folder"
        assert fail(folder, {"file": FACTORY, "query": "SELECT n FROM devices"}) == problem

    def test_a_write_ahead_log_is_read_and_nothing_is_written(self, tmp_path):
        path = tmp_path / FACTORY
        query = {"file": FACTORY, "query": "SELECT n FROM devices"}
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("CREATE TABLE devices (n TEXT)")
            writer.execute("INSERT INTO devices VALUES ('only in the log')")
            while_open = list_rows(read(tmp_path, query))
        content = path.read_bytes()
        closed = list_rows(read(tmp_path, query))
        files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        expected = [("factory.sqlite3:1", ("only in the log",))]
        assert (while_open, closed, files) == (expected, expected, {FACTORY: content})

    def test_a_copy_for_a_worker_has_the_database_with_its_log(self, tmp_path):
        (tmp_path / "d.toml").write_text(
            f'[things."{{n}}"]\nfor_each = {{ file = "{FACTORY}", query = "SELECT n FROM devices" }}\n{WORKSPACE}'
        )
        inputs = LoadInputs(ServiceModelConstraints(), {})
        with closing(sqlite3.connect(tmp_path / FACTORY, isolation_level=None)) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("CREATE TABLE devices (n TEXT)")
            files = list_input_files(tmp_path / "d.toml", inputs)
            writer.execute("CREATE TABLE other (n TEXT)")
            later_files = list_input_files(tmp_path / "d.toml", inputs)
        names = {"d.toml", FACTORY, f"{FACTORY}-wal"}
        assert ({path.name for path in files.digests}, {path.name for path in files.paths}) == (names, names)
        assert files.digest == later_files.digest  # the rows are the same

    def test_a_file_that_is_written_while_it_is_read_is_an_error(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("n\n1\n")
        context = LoadContext(tmp_path, {})
        with (
            pytest.raises(
                InvalidValueError, match=r"^the file 'a\.csv' was written while it was read; try again$"
            ),
            context.open_file("a.csv", 100),
        ):
            path.write_text("n\n1\n2\n")


class TestParquet:
    def test_values_of_columns_have_a_text_or_a_problem(self, tmp_path):
        day = datetime.date(2026, 11, 29)
        columns = {
            "a": [1, None],
            "b": [True, False],
            "c": [day, day],
            "d": [Decimal("1.10"), None],
            "e": ["x", "y"],
        }
        parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
        manifest = read(tmp_path, {"file": "a.parquet"})
        assert (manifest.columns, list_rows(manifest)) == (
            ("a", "b", "c", "d", "e"),
            [
                ("a.parquet:1", ("1", "true", "2026-11-29", "1.10", "x")),
                ("a.parquet:2", ("", "false", "2026-11-29", "", "y")),
            ],
        )

    def test_a_floating_point_number_and_a_list_are_problems(self, tmp_path):
        parquet.write_table(pyarrow.table({"a": [1.5, 1.0], "b": ["x", "y"]}), tmp_path / "a.parquet")
        parquet.write_table(pyarrow.table({"a": [["x"]]}), tmp_path / "b.parquet")
        problems = [list_problems(read(tmp_path, {"file": name})) for name in ("a.parquet", "b.parquet")]
        expected = "expected a string, which keeps the spelling of the number"
        assert problems == [
            [
                f"a.parquet:1: a: got the number 1.5; {expected}",
                f"a.parquet:2: a: got the number 1.0; {expected}",
            ],
            ["b.parquet:1: a: got an array; expected a string, an integer, a boolean or a date"],
        ]

    @pytest.mark.parametrize(
        ("values", "type_"),
        [
            (pyarrow.array([2**62 + 1, 0], pyarrow.timestamp("ns")), "timestamp[ns]"),
            (pyarrow.array([2**60, 0], pyarrow.timestamp("ms")), "timestamp[ms]"),
            (pyarrow.array([1, 0], pyarrow.time64("ns")), "time64[ns]"),
            (pyarrow.array([b"\xff", b"x"]).cast(pyarrow.utf8(), safe=False), "string"),
        ],
        ids=["nanoseconds", "year", "time", "text"],
    )
    def test_a_value_that_python_cannot_represent_is_a_problem_of_its_row(self, tmp_path, values, type_):
        parquet.write_table(pyarrow.table({"n": ["1", "2"], "a": values}), tmp_path / "a.parquet")
        manifest = read(tmp_path, {"file": "a.parquet"})
        expected = "expected text in UTF-8, or a time in microseconds"
        assert (list_problems(manifest), [str(row) for row, _ in manifest.rows]) == (
            [f"a.parquet:1: a: Python cannot represent this {type_}; {expected}"],
            ["a.parquet:2"],
        )

    def test_a_file_that_is_not_parquet_is_a_problem(self, tmp_path):
        (tmp_path / "a.parquet").write_text("n\n1\n")
        (problem,) = list_problems(read(tmp_path, {"file": "a.parquet"}))
        assert problem.startswith("a.parquet:1: not valid Parquet: ")


class TestTable:
    def test_a_row_of_another_type_than_a_mapping_is_a_problem(self):
        manifest = read(Path(), {"table": "t"}, {"t": [{"n": 1}, ["x"], {"n": 1.5}, {"m": "x"}]})
        assert ([values for _, values in manifest.rows], list_problems(manifest)) == (
            [("1",)],
            [
                "table t:2: not a mapping with strings as keys; expected one for each row",
                "table t:3: n: got the number 1.5; expected a string, which keeps the spelling of the number",
                "table t:4: n: missing key; expected the keys of the first row",
                "table t:4: m: unknown key; expected the keys of the first row",
            ],
        )

    def test_a_table_that_is_not_passed_is_an_error_for_the_command_line_too(self):
        assert [fail(Path(), {"table": "devices"}), fail(Path(), {"table": "device"}, {"devices": []})] == [
            "table: the table 'devices' is not passed in Workspace(tables=…), and a command or a CI job cannot pass it; expected the table, or a file with its rows, such as { file = \"devices.csv\" }",
            "table: there is no table 'device'; did you mean 'devices'?",
        ]

    @pytest.mark.parametrize("value", ["text", 7, {"n": 1}])
    def test_a_value_of_another_type_than_a_table_is_rejected_at_once(self, tmp_path, value):
        expected = f"tables: 't' is '{type(value).__name__}', which is not a table; expected a DataFrame, an Arrow table, or a sequence of mappings"
        with pytest.raises(TypeError) as caught:
            Workspace(tmp_path, tables={"t": value})
        assert str(caught.value) == expected


def test_a_saved_plan_is_applied_only_with_the_rows_of_its_table(tmp_path):
    path, saved = tmp_path / "d.toml", tmp_path / "plan.json"
    path.write_text(f'[things."p-{{n}}"]\nfor_each = {{ table = "devices" }}\n{WORKSPACE}')
    workspace = Workspace(path, tables={"devices": [{"n": 1}]})
    plan = workspace.plan()
    workspace.save(plan, saved)
    expected = "the table 'devices' is in no file: a saved plan is applied only by Workspace(tables=…) with the same rows; for a CI job, write them to a file"
    assert [note.text for note in plan.notes] == [expected]
    assert Workspace(path, tables={"devices": [{"n": 1}]}).open_plan(saved).digest == plan.digest
    with pytest.raises(PlanRejectedError, match="the SHA-256 of the desired state was"):
        Workspace(path, tables={"devices": [{"n": 1, "x": 2}]}).open_plan(saved)
    with pytest.raises(InvalidDesiredStateError, match="the table 'devices' is not passed in Workspace"):
        Workspace(path).open_plan(saved)


def test_every_format_of_a_plan_has_the_digest_of_a_manifest(tmp_path):
    (tmp_path / "a.csv").write_text("n\n1\n2\n")
    (tmp_path / "d.toml").write_text(f'[things."p-{{n}}"]\nfor_each = {{ file = "a.csv" }}\n{WORKSPACE}')
    plan = Workspace(tmp_path / "d.toml").plan()
    (source,) = plan.manifest_sources
    view = build_plan_view(plan)
    line = f"a.csv · 2 rows · rows {source.digest[:12]}"
    texts = [text.plain for text in render_plan_text(view, 80)]
    assert (view.sources, texts[2]) == ((line,), line)
    assert f"- `{line}`" in render_plan_markdown(view).splitlines()
    assert f'<p class="quiet">{line}</p>' in str(render_plan_html(view))
    first_line = json.loads(next(iter(render_plan_jsonl(plan))))
    record = {"form": "file", "name": "a.csv", "rows": 2, "digest": source.digest, "version": ""}
    assert first_line["manifest_sources"] == [record]


class NAType:
    """Like the missing value of pandas."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (NAType(), ""),
        (True, "true"),
        (-7, "-7"),
        (datetime.datetime(2026, 11, 29, 10, tzinfo=datetime.UTC), "2026-11-29T10:00:00+00:00"),
        (datetime.time(10, 5), "10:05:00"),
        (Decimal("1.10"), "1.10"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("größe", "größe"),
    ],
)
def test_a_value_has_a_defined_text(value, text):
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (1.5, "got the number 1.5; expected a string, which keeps the spelling of the number"),
        (2**65, "the integer is too large; expected an integer of at most 64 bits, or a string"),
        (b"ab", "got 2 bytes; expected a string, an integer, a boolean or a date"),
        ([1], "got an array; expected a string, an integer, a boolean or a date"),
        ("\ud83d", "unpaired surrogate; expected valid Unicode text"),
    ],
)
def test_a_value_without_a_defined_text_is_an_error(value, problem):
    with pytest.raises(InvalidValueError) as caught:
        to_text(value)
    assert str(caught.value) == problem


class TestJsonArray:
    def test_rows_have_the_lines_that_they_start_on(self, tmp_path):
        (tmp_path / "a.json").write_text('\n[{"n": 1.10, "x": true},\n\n{"x": "{[,", "n": "b"}\n]\n')
        assert list_rows(read(tmp_path, {"file": "a.json"})) == [
            ("a.json:2", ("1.10", "true")),
            ("a.json:4", ("b", "{[,")),
        ]

    def test_an_array_larger_than_a_block_is_read_whole(self, tmp_path):
        rows = ",\n".join(f'{{"n": "{number:0100}"}}' for number in range(5_000))
        (tmp_path / "a.json").write_text(f"[{rows}]")
        manifest = read(tmp_path, {"file": "a.json"})
        assert list_rows(manifest) == [
            (f"a.json:{number + 1}", (f"{number:0100}",)) for number in range(5_000)
        ]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ('[{"n": 1}', "a.json:1: not JSON: the array has no end; expected , or ]"),
            ('[{"n": 1}\n{"n": 2}]', "a.json:2: not JSON: got '{'; expected , or ]"),
            ('[{"n": 1},\n]', "a.json:2: not JSON: Expecting value at character 1; expected one JSON object"),
            (
                '[{"n": 1},\n {"n": }]',
                "a.json:2: not JSON: Expecting value at character 7; expected one JSON object",
            ),
            ('[{"n": 1}] x', "a.json:1: not JSON: 'x' after the array; expected the end of the file"),
            ('[{"n": 1}, 7]', "a.json:1: got a string; expected one JSON object"),
            ('[{"n": 1}, {"n": NaN}]', "a.json:1: not JSON: NaN; expected one JSON object"),
        ],
    )
    def test_a_broken_array_is_reported_with_its_line(self, tmp_path, text, problem):
        (tmp_path / "a.json").write_text(text)
        assert list_problems(read(tmp_path, {"file": "a.json"})) == [problem]

    def test_an_array_that_is_nested_too_deeply_is_a_problem(self, tmp_path):
        (tmp_path / "a.json").write_text("[" * 100_000)
        problem = "a.json:1: nested too deeply; expected one JSON object"
        assert list_problems(read(tmp_path, {"file": "a.json"})) == [problem]


def test_a_line_that_is_too_long_is_a_problem(tmp_path):
    (tmp_path / "a.csv").write_text(f"n\n1\n{'x' * (2**20 + 1)}\n")
    (tmp_path / "a.jsonl").write_text(f'{{"n": 1}}\n{"x" * (2**20 + 1)}\n')
    problems = [list_problems(read(tmp_path, {"file": name})) for name in ("a.csv", "a.jsonl")]
    assert problems == [
        ["a.csv:3: the line is too long; expected at most 1 MiB"],
        ["a.jsonl:2: the line is too long; expected at most 1 MiB"],
    ]


def test_an_offline_workspace_warns_of_an_object_that_it_does_not_read(tmp_path):
    (tmp_path / "d.toml").write_text(
        f'[things."p-{{n}}"]\nfor_each = {{ file = "s3://fleet/devices.csv" }}\n[things.hub]\n{WORKSPACE}'
    )
    workspace = Workspace(tmp_path / "d.toml", offline=True)
    warnings = [str(diagnostic) for diagnostic in workspace.desired.warnings]
    assert warnings == [
        "d.toml:2: warning: things.p-{n}.for_each.file: s3://fleet/devices.csv is not read offline, so its rows are not checked"
    ]
    with pytest.raises(
        TargetError,
        match=r"^the workspace is offline, so s3://fleet/devices\.csv was not read; open it without offline$",
    ):
        workspace.plan()
