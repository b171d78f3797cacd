"""Reading manifests, and the tables with `for_each` that they fill."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load import declarations
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.load import load as load_with
from reconciler.engine.load.manifests import builder
from reconciler.engine.load.manifests.builder import Manifest
from reconciler.engine.load.manifests.reader import MAX_MANIFEST_BYTES, ManifestReader
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Lifecycle, ManifestRow, Origin, Resource
from reconciler.model.secret import Secret
from tests.engine.load.invalid.case import WORKSPACE

load = partial(load_with, constraints=ServiceModelConstraints(), environ={})


def read_manifest(folder: Path, name: str, raw: str | bytes) -> Manifest:
    (folder / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return ManifestReader().read({"file": name}, LoadContext(folder, {}))


def read_rows(folder: Path, name: str, raw: str | bytes) -> tuple[object, ...]:
    """Return the columns, followed by the rows, each as its number and its values."""
    manifest = read_manifest(folder, name, raw)
    assert [(row, str(problem)) for row, problem in manifest.problems] == []
    return manifest.columns, *((row.number, values) for row, values in manifest.rows)


def list_problems(manifest: Manifest) -> list[tuple[ManifestRow, str, str | None]]:
    return [(row, problem.problem, problem.expected) for row, problem in manifest.problems]


def load_resources(folder: Path, text: str, files: Mapping[str, str] | None = None) -> Desired:
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    (folder / "desired_state.toml").write_text(text + WORKSPACE)
    return load(folder / "desired_state.toml").resources


def load_report(folder: Path, text: str, files: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidDesiredStateError) as caught:
        load_resources(folder, text, files)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


class TestCsv:
    @pytest.mark.parametrize(
        "raw",
        [
            "serial,site\n1,oslo\n2,bergen\n",
            "serial,site\n1,oslo\n2,bergen",
            "serial,site\r\n1,oslo\r\n2,bergen\r\n",
            b"\xef\xbb\xbfserial,site\n1,oslo\n2,bergen\n",
            '"serial","site"\n"1","oslo"\n"2","bergen"\n',
        ],
        ids=["unix", "no last line end", "windows", "byte order mark", "quoted"],
    )
    def test_line_endings_quotes_and_a_byte_order_mark_do_not_matter(self, tmp_path, raw):
        expected = (("serial", "site"), (2, ("1", "oslo")), (3, ("2", "bergen")))
        assert read_rows(tmp_path, "devices.csv", raw) == expected

    def test_the_number_of_a_row_is_the_line_it_starts_on(self, tmp_path):
        raw = 'serial,note\n\n1,"two\nlines"\n\n2,"a ""quote"", and a comma"\n\n'
        expected = (("serial", "note"), (3, ("1", "two\nlines")), (6, ("2", 'a "quote", and a comma')))
        assert read_rows(tmp_path, "devices.csv", raw) == expected

    def test_a_value_may_be_empty_and_is_not_trimmed(self, tmp_path):
        assert read_rows(tmp_path, "a.csv", "a,b\n, x \n") == (("a", "b"), (2, ("", " x ")))

    def test_a_header_alone_has_no_rows(self, tmp_path):
        assert read_rows(tmp_path, "a.csv", "serial,site\n") == (("serial", "site"),)

    @given(rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
    def test_every_text_is_read_unchanged(self, tmp_path_factory, rows):
        output = io.StringIO()
        csv.writer(output).writerows([["a", "b"], *rows])
        manifest = read_manifest(tmp_path_factory.mktemp("csv"), "a.csv", output.getvalue())
        assert (manifest.problems, [list(values) for _, values in manifest.rows]) == ([], rows)


class TestJsonLines:
    def test_numbers_keep_their_spelling(self, tmp_path):
        raw = '{"a": 1.10, "b": 7}\n{"b": -0, "a": 1E400}\n'
        expected = (("a", "b"), (1, ("1.10", "7")), (2, ("1E400", "-0")))
        assert read_rows(tmp_path, "a.jsonl", raw) == expected

    def test_booleans_become_true_and_false(self, tmp_path):
        assert read_rows(tmp_path, "a.jsonl", '{"a": true, "b": false}') == (
            ("a", "b"),
            (1, ("true", "false")),
        )

    def test_blank_lines_are_not_rows(self, tmp_path):
        raw = b'\xef\xbb\xbf\n{"a": "x"}\r\n \r\n{"a": "\\u00e5"}'
        assert read_rows(tmp_path, "a.jsonl", raw) == (("a",), (2, ("x",)), (4, ("å",)))

    def test_an_empty_file_has_neither_columns_nor_rows(self, tmp_path):
        assert read_rows(tmp_path, "a.jsonl", "") == (None,)

    @given(
        rows=st.lists(
            st.fixed_dictionaries({"a": st.text(st.characters(exclude_categories=["Cs"]))}), min_size=1
        )
    )
    def test_every_text_is_read_unchanged(self, tmp_path_factory, rows):
        raw = "\n".join(map(json.dumps, rows))
        manifest = read_manifest(tmp_path_factory.mktemp("json"), "a.jsonl", raw)
        assert (manifest.problems, [{"a": values[0]} for _, values in manifest.rows]) == ([], rows)


class TestLimits:
    def test_a_manifest_that_is_too_large_is_rejected(self, tmp_path):
        with (tmp_path / "a.csv").open("wb") as file:
            file.truncate(MAX_MANIFEST_BYTES + 1)  # without content: the file takes no room
        with pytest.raises(InvalidValueError) as caught:
            ManifestReader().read({"file": "a.csv"}, LoadContext(tmp_path, {}))
        (problem,) = caught.value.problems
        expected = ("the file 'a.csv' is too large", "at most 4,096 MiB", ("file",))
        assert (problem.problem, problem.expected, problem.path) == expected

    def test_a_pipe_is_rejected_as_a_manifest(self, tmp_path):
        os.mkfifo(tmp_path / "a.csv")
        with pytest.raises(InvalidValueError, match=r"^file: 'a\.csv' is not a regular file$"):
            ManifestReader().read({"file": "a.csv"}, LoadContext(tmp_path, {}))

    @pytest.mark.parametrize(("name", "header_lines"), [("a.csv", 1), ("a.jsonl", 0)])
    def test_the_number_of_rows_is_limited(self, tmp_path, monkeypatch, name, header_lines):
        monkeypatch.setattr(builder, "MAX_ROWS", 2)
        raw = "a\n1\n2\n3\n4\n" if name == "a.csv" else '{"a": 1}\n{"a": 2}\n{"a": 3}\n{"a": 4}\n'
        expected = [
            (ManifestRow(name, header_lines + 3), "too many rows", "at most 2 in all manifests together")
        ]
        assert list_problems(read_manifest(tmp_path, name, raw)) == expected

    def test_the_number_of_values_in_all_manifests_is_limited(self, tmp_path, monkeypatch):
        monkeypatch.setattr(builder, "MAX_VALUES", 6)
        reader, context = ManifestReader(), LoadContext(tmp_path, {})
        for name in ("a.csv", "b.csv"):
            (tmp_path / name).write_text("x,y\n1,2\n3,4\n")
        results = [reader.read({"file": name}, context) for name in ("a.csv", "b.csv")]
        assert [list_problems(manifest) for manifest in results] == [
            [],
            [(ManifestRow("b.csv", 3), "too many values", "at most 6 in all manifests together")],
        ]

    def test_the_number_of_resources_of_all_tables_is_limited(self, tmp_path, monkeypatch):
        monkeypatch.setattr(declarations, "_MAX_INSTANCES", 3)
        tables = '[things."a-{n}"]\nfor_each.file = "n.csv"\n[things."b-{n}"]\nfor_each.file = "n.csv"\n'
        assert load_report(tmp_path, tables, {"n.csv": "n\n1\n2\n"}) == [
            "desired_state.toml:4: error: things.b-{n}.for_each: the rows of this table and of those before it declare too many resources or too much text; expected at most 3 resources and 1,073,741,824 characters of text"
        ]

    def test_the_amount_of_text_that_the_rows_declare_is_limited(self, tmp_path, monkeypatch):
        monkeypatch.setattr(declarations, "_MAX_TEXT_CHARACTERS", 2**20)
        table = f'[thing_groups."{{n}}"]\nfor_each.file = "n.csv"\ndescription = "{"{n}" * 1000}"\n'
        rows = "".join(f"{n:04}\n" for n in range(300))
        assert load_report(tmp_path, table, {"n.csv": f"n\n{rows}"}) == [
            "desired_state.toml:2: error: thing_groups.{n}.for_each: the rows of this table and of those before it declare too many resources or too much text; expected at most 5,000,000 resources and 1,048,576 characters of text"
        ]


class TestForEach:
    def test_values_of_a_row_are_filled_in_everywhere_in_the_table(self, tmp_path, authority):
        text = """
[certificates."pump-{serial}"]
for_each = { file = "devices.csv" }
pem = { file = "pki/{serial}.pem" }
certificate_mode = "SNI_ONLY"
status = "{status}"

[things."pump-{serial}"]
for_each = { file = "devices.csv" }
certificates = ["pump-{serial}"]
thing_groups = [{ id = "{site}-hall" }]
attributes = { "at-{site}" = "{serial}/{serial}", fixed = "yes" }
depends_on = ["certificates.pump-{serial}"]
lifecycle = { ignore_changes = ["attributes.{site}"], prevent_destroy = true }

[managed_things."{serial}"]
for_each = { file = "devices.csv" }
thing = "pump-{serial}"
role = "DEVICE"
authentication_material = { env = "QR_{serial}" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""
        pems = {f"pki/{n}.pem": authority.get_device_pem(f"pump-{n}") for n in (1, 2)}
        rows = "serial,site,status\n1,oslo,ACTIVE\n2,bergen,INACTIVE\n"
        expected = {}
        for serial, site, status in [("1", "oslo", "ACTIVE"), ("2", "bergen", "INACTIVE")]:
            pem = Pem.parse(pems[f"pki/{serial}.pem"])
            certificate = Address("certificates", f"pump-{serial}")
            thing = Address("things", f"pump-{serial}")
            managed_thing = Address("managed_things", serial)
            expected[certificate] = Resource(
                certificate, Certificate(pem, certificate_mode="SNI_ONLY", status=status)
            )
            spec = Thing(
                certificates=(certificate.name,),
                thing_groups=(External(f"{site}-hall"),),
                attributes={f"at-{site}": f"{serial}/{serial}", "fixed": "yes"},
            )
            lifecycle = Lifecycle(prevent_destroy=True, ignore_changes=(f"attributes.{site}",))
            expected[thing] = Resource(thing, spec, frozenset({certificate}), lifecycle)
            code = Secret(f"env QR_{serial}", None)
            managed_spec = ManagedThing(
                role="DEVICE",
                authentication_material=code,
                authentication_material_type="ZWAVE_QR_BAR_CODE",
                thing=thing.name,
            )
            expected[managed_thing] = Resource(managed_thing, managed_spec, frozenset({thing}))
        assert load_resources(tmp_path, text, {"devices.csv": rows, **pems}) == expected

    def test_a_resource_has_the_lines_of_its_table_and_its_row(self, tmp_path):
        text = '[things."a-{n}"]\nfor_each = { file = "m/n.csv" }\n[things."b-{n}"]\nfor_each = [{ n = 3 }]\n'
        resources = load_resources(tmp_path, text, {"m/n.csv": "n\n\n7\n"})
        file = "desired_state.toml"
        origins = {address.name: resource.origin for address, resource in resources.items()}
        assert origins == {
            "a-7": Origin(file, 1, ManifestRow("m/n.csv", 3)),
            "b-3": Origin(file, 3, ManifestRow("", 0)),
        }
        assert [str(origin) for origin in origins.values()] == [
            f"{file}:1 (m/n.csv:3)",
            f"{file}:3 (for_each[0])",
        ]

    def test_braces_in_a_value_of_a_row_stay_as_they_are(self, tmp_path):
        text = (
            '[thing_groups."{n}"]\nfor_each = [{ n = "1", d = "{n} {{n}} %s ${n}" }]\ndescription = "{d}"\n'
        )
        (resource,) = load_resources(tmp_path, text).values()
        assert resource.spec.description == "{n} {{n}} %s ${n}"

    def test_doubled_braces_become_literal_braces(self, tmp_path):
        text = '[thing_groups."{n}"]\nfor_each = [{ n = "1" }]\ndescription = "{{n}} {{{n}}}"\ntags = { a = "x" }\n'
        (resource,) = load_resources(tmp_path, text).values()
        assert resource.spec.description == "{n} {1}"

    def test_braces_in_a_table_without_for_each_are_literal(self, tmp_path):
        text = '[thing_groups.a]\ndescription = "{n} {{n}} {"\n'
        (resource,) = load_resources(tmp_path, text).values()
        assert resource.spec.description == "{n} {{n}} {"

    def test_integers_and_booleans_in_an_array_become_text(self, tmp_path):
        text = '[things."{n}-{on}"]\nfor_each = [{ n = 1_000, on = true }, { n = -1, on = false }]\n'
        assert [address.name for address in load_resources(tmp_path, text)] == ["-1-false", "1000-true"]

    def test_a_table_without_rows_declares_no_resources(self, tmp_path):
        text = (
            '[things."{n}"]\nfor_each.file = "n.csv"\n[things."{m}"]\nfor_each = []\nattributes.x = "{y}"\n'
        )
        assert load_resources(tmp_path, text, {"n.csv": "n\n"}) == {}

    def test_a_manifest_of_several_tables_is_read_once(self, tmp_path):
        (tmp_path / "n.csv").write_text("n\n1\n")
        (tmp_path / "link.csv").symlink_to("n.csv")
        reader, context = ManifestReader(), LoadContext(tmp_path, {})
        manifest = reader.read({"file": "n.csv"}, context)
        assert [
            reader.read({"file": name}, context) is manifest for name in ("n.csv", "./n.csv", "link.csv")
        ] == [True] * 3

    def test_the_digest_covers_the_manifest(self, tmp_path):
        (tmp_path / "desired_state.toml").write_text(
            f'[things."{{n}}"]\nfor_each.file = "n.csv"\n{WORKSPACE}'
        )
        digests = []
        for rows in ("n,x\n1,a\n", "n,x\n1,b\n", "n,x\n1,a\n"):
            (tmp_path / "n.csv").write_text(rows)
            digests.append(load(tmp_path / "desired_state.toml").digest)
        assert (digests[0] == digests[2], digests[0] == digests[1]) == (True, False)

    def test_a_warning_of_many_rows_is_reported_for_the_first_twenty(self, tmp_path):
        text = """
[managed_things."{n}"]
for_each = { file = "n.csv" }
role = "DEVICE"
authentication_material = { env = "QR_{n}" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""
        rows = "n\n" + "".join(f"{n}\n" for n in range(1_022))
        (tmp_path / "n.csv").write_text(rows)
        (tmp_path / "desired_state.toml").write_text(text + WORKSPACE)
        warnings = list(map(str, load(tmp_path / "desired_state.toml").warnings))
        prefix = "desired_state.toml:5: warning: managed_things"
        assert warnings == [
            *(
                f"{prefix}.{n}.authentication_material: n.csv:{n + 2}, column 'n': env QR_{n} is unset or empty; expected a value before a plan uses it"
                for n in range(20)
            ),
            f"{prefix}.{{n}}.authentication_material: and 1,002 more rows like these",
        ]


class TestMemory:
    def test_equal_dependencies_of_many_resources_are_one_object(self, tmp_path):
        table = """
[thing_groups.all]
[things."{name}"]
for_each = { file = "devices.csv" }
thing_groups = ["all"]
"""
        resources = load_resources(tmp_path, table, {"devices.csv": "name\na\nb\n"})
        first_thing, second_thing = (resources[Address("things", name)] for name in "ab")
        (group,) = first_thing.dependencies

        assert first_thing.dependencies is second_thing.dependencies
        assert group is resources[Address("thing_groups", "all")].address
