"""The same rows give the same desired state and the same digest in every form of a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pyarrow
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import Workspace
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.manifests.builder import Manifest
from reconciler.engine.load.manifests.reader import ManifestInputs, ManifestReader
from reconciler.model.settings import DesiredState
from tests.engine.load.invalid.case import WORKSPACE
from tests.support.manifest_files import write_every_form

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_NAME = st.from_regex(r"[a-z]{1,3}", fullmatch=True)


def make_rows(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, str]]]:
    row = st.fixed_dictionaries({"n": _NAME, "x": values})
    return st.lists(row, unique_by=lambda row: row["n"], min_size=1, max_size=5)


_COLUMNS = ("n", "x")


def load(folder: Path, for_each: object, tables: Mapping[str, object]) -> DesiredState:
    value = ", ".join(f"{key} = {json.dumps(text)}" for key, text in for_each.items())
    table = f'[thing_groups."g-{{n}}"]\nfor_each = {{ {value} }}\ndescription = "{{x}}"\n'
    (folder / "desired_state.toml").write_text(table + WORKSPACE)
    return Workspace(folder / "desired_state.toml", tables=tables).desired


def list_specs(state: DesiredState) -> list[object]:
    return [(address, resource.spec) for address, resource in state.resources.items()]


def list_mappings(manifest: Manifest) -> list[dict[str, str]]:
    return [dict(zip(manifest.columns, values, strict=True)) for _, values in manifest.rows]


class TestEquivalence:
    @given(rows=make_rows(_TEXT))
    def test_every_form_gives_the_same_rows_of_any_text(self, tmp_path_factory, rows):
        folder = tmp_path_factory.mktemp("texts")
        reader = ManifestReader(ManifestInputs({"rows": rows}))
        context = LoadContext(folder, {})
        manifests = {
            form: reader.read(for_each, context)
            for form, for_each in write_every_form(folder, rows, _COLUMNS).items()
        }
        expected = (rows, manifests["csv"].digest)
        assert {
            form: (list_mappings(manifest), manifest.digest) for form, manifest in manifests.items()
        } == dict.fromkeys(manifests, expected)

    @settings(max_examples=15)
    @given(rows=make_rows(st.text("ab {}$.", max_size=8)))
    def test_every_form_gives_the_same_desired_state_and_digest(self, tmp_path_factory, rows):
        folder = tmp_path_factory.mktemp("forms")
        states = {
            form: load(folder, for_each, {"rows": rows})
            for form, for_each in write_every_form(folder, rows, _COLUMNS).items()
        }
        sources = {form: state.manifest_sources[0] for form, state in states.items()}
        expected = list_specs(states["csv"])
        assert {form: list_specs(state) for form, state in states.items()} == dict.fromkeys(states, expected)
        assert {form: (source.rows, source.digest) for form, source in sources.items()} == dict.fromkeys(
            states, (len(rows), sources["csv"].digest)
        )

    @settings(max_examples=15)
    @given(rows=make_rows(_NAME), data=st.data())
    def test_the_order_of_rows_changes_no_digest_and_a_value_does(self, tmp_path_factory, rows, data):
        folder = tmp_path_factory.mktemp("orders")
        shuffled = data.draw(st.permutations(rows))
        changed = [{**rows[0], "x": f"{rows[0]['x']}!"}, *rows[1:]]
        first, second, third = (
            load(folder, {"table": "rows"}, {"rows": table}).manifest_sources[0].digest
            for table in (rows, shuffled, changed)
        )
        assert (first == second, first == third) == (True, False)


def test_every_table_of_python_has_the_same_rows(tmp_path):
    rows = [{"n": "a", "x": "e"}, {"n": "b", "x": ""}]
    arrow = pyarrow.Table.from_pylist(rows)
    frame = SimpleNamespace(
        columns=["n", "x"], itertuples=lambda **_: iter([tuple(row.values()) for row in rows])
    )
    exporter = SimpleNamespace(__dataframe__=arrow.__dataframe__)
    tables = {"mappings": rows, "arrow": arrow, "pandas": frame, "interchange": exporter}
    states = [load(tmp_path, {"table": "rows"}, {"rows": table}) for table in tables.values()]
    assert [list_specs(state) for state in states] == [list_specs(states[0])] * 4
    assert {state.manifest_sources for state in states} == {states[0].manifest_sources}


def test_the_digest_of_a_desired_state_covers_tables_and_rows_of_queries(tmp_path):
    first, second = [{"n": "a", "x": "1"}], [{"n": "a", "x": "2"}]
    digests = []
    for rows in (first, second, first):
        forms = write_every_form(tmp_path, rows, _COLUMNS)
        digests.append([load(tmp_path, forms[form], {"rows": rows}).digest for form in ("sqlite", "table")])
    assert (digests[0] == digests[2], digests[0][0] == digests[1][0], digests[0][1] == digests[1][1]) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize("name", ["rows.csv", "rows.CSV"])
def test_the_case_of_an_extension_does_not_matter(tmp_path, name):
    (tmp_path / name).write_text("n,x\na,1\n")
    (source,) = load(tmp_path, {"file": name}, {}).manifest_sources
    assert evolve(source, digest="") == evolve(source, form="file", name=name, rows=1, digest="")
