"""A table with `for_each` equals one table for each row of its manifest."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.resource import Resource
from tests.engine.load.test_manifests import load_resources

_WORDS = st.text("ab{}\"',;%$. ", max_size=6)
_PIECES = st.lists(
    st.one_of(_WORDS.map(lambda text: (None, text)), st.sampled_from([("x", ""), ("y", "")])), max_size=4
)
"""Parts of a text: a placeholder is `(column name, "")`, and literal text is `(None, text)`."""
_ROWS = st.lists(
    st.fixed_dictionaries({"x": _WORDS, "y": _WORDS, "n": st.from_regex(r"[a-z]{1,3}", fullmatch=True)}),
    unique_by=lambda row: row["n"],
    max_size=4,
)


def _write_placeholders(pieces: list[tuple[str | None, str]]) -> str:
    return "".join(
        f"{{{name}}}" if name else text.replace("{", "{{").replace("}", "}}") for name, text in pieces
    )


def _has_aws_name(pieces: list[tuple[str | None, str]]) -> bool:
    """Return whether a placeholder follows a dollar sign: `${…}` is AWS's own syntax and stays."""
    return re.search(r"\$\{[^{}]*\}", _write_placeholders(pieces)) is not None


def _fill_in_values(pieces: list[tuple[str | None, str]], row: Mapping[str, str]) -> str:
    return "".join(row[name] if name else text for name, text in pieces)


def _make_group_table(name: str, description: str, for_each: str = "") -> str:
    return f"[thing_groups.{json.dumps(name)}]\n{for_each}description = {json.dumps(description)}\n"


def _make_thing_table(name: str, group: str, for_each: str = "") -> str:
    references = f'depends_on = [{json.dumps(f"thing_groups.{group}")}]\nlifecycle.ignore_changes = ["attributes.{name}"]\n'
    return f'[things.{json.dumps(f"t-{name}")}]\n{for_each}attributes.{json.dumps(name)} = "1"\n{references}'


class TestEquivalence:
    @given(pieces=_PIECES, rows=_ROWS, form=st.sampled_from(["csv", "jsonl", "toml"]))
    def test_a_for_each_table_equals_one_table_per_row(self, tmp_path_factory, pieces, rows, form):
        assume(not _has_aws_name(pieces))
        folder = tmp_path_factory.mktemp("for_each_tables")
        for_each = _write_rows(folder, rows, form)
        for_each_tables = _make_group_table(
            "g-{n}", _write_placeholders(pieces), for_each
        ) + _make_thing_table("{n}", "g-{n}", for_each)
        separate_tables = "".join(
            _make_group_table(f"g-{row['n']}", _fill_in_values(pieces, row))
            + _make_thing_table(row["n"], f"g-{row['n']}")
            for row in rows
        )
        assert _load_items(folder, for_each_tables) == _load_items(folder, separate_tables)


def _write_rows(folder: Path, rows: list[dict[str, str]], form: str) -> str:
    """Return a `for_each` key with the rows, written to a file unless `form` is "toml"."""
    if form == "toml":
        tables = ", ".join(
            "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in row.items()) + " }"
            for row in rows
        )
        return f"for_each = [{tables}]\n"
    output = io.StringIO()
    if form == "csv":
        csv.writer(output).writerows([["x", "y", "n"], *([row["x"], row["y"], row["n"]] for row in rows)])
    else:
        output.write("\n".join(map(json.dumps, rows)))
    (folder / f"rows.{form}").write_text(output.getvalue(), newline="")
    return f'for_each = {{ file = "rows.{form}" }}\n'


def _load_items(folder: Path, text: str) -> list[tuple[Address, Resource]]:
    return list(load_resources(folder, text).items())
