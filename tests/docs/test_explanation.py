"""CONTRIBUTING, SECURITY and the explanation name files that exist and rules that are enforced."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET

import pytest

from reconciler.engine.load import declarations, input_files, toml_file
from reconciler.engine.load.manifests import builder, reader
from tests.docs.checkout import ROOT

EXPLANATION = ROOT / "docs" / "explanation"
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(EXPLANATION.glob("*.md"))]
BASE_FOLDERS = ("", "reconciler", "reconciler/engine/plan", "reconciler/engine")
"""The folders from which paths in the pages start."""
SVG = "{http://www.w3.org/2000/svg}"


def find_named_paths(text: str) -> list[str]:
    """Return the files and folders that a page names, such as `engine/load/` and `kinds/things.py`."""
    return re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|toml))?)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_folder_that_a_page_names_exists(page):
    paths = find_named_paths(page.read_text(encoding="utf-8"))
    assert [
        path for path in paths if not any((ROOT / folder / path).exists() for folder in BASE_FOLDERS)
    ] == []


def test_the_pattern_of_paths_finds_the_files_of_the_data_flow():
    paths = find_named_paths((EXPLANATION / "data_flow.md").read_text(encoding="utf-8"))
    assert len(paths) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    files = [page.parent / link for link in links if "://" not in link]
    assert [str(file) for file in files if not file.exists()] == []


def test_contributing_has_at_most_120_lines():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_every_guarantee_links_to_a_test_that_proves_it():
    text = (EXPLANATION / "guarantees.md").read_text(encoding="utf-8")
    introduction, *guarantees = re.split(r"^## ", text, flags=re.MULTILINE)
    assert len(guarantees) > 10, introduction
    without_test = [part.split("\n", 1)[0] for part in guarantees if "(../../tests/" not in part]
    assert without_test == []


def test_the_diagram_of_the_architecture_shows_the_enforced_layers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["name"] == "imports run one way")
    layers.remove("__main__")  # `python -m reconciler`, which only calls cli
    rows: dict[str, list[str]] = {}
    for text in ET.parse(EXPLANATION / "architecture.svg").iter(f"{SVG}text"):
        rows.setdefault(text.attrib["y"], []).append(text.findtext(f"{SVG}tspan"))
    assert [sorted(row) for row in rows.values()] == [sorted(layer.split(" | ")) for layer in layers]


def test_the_diagram_of_the_architecture_loads_nothing_and_has_a_title():
    text = (EXPLANATION / "architecture.svg").read_text(encoding="utf-8")
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+|@import|<script", text) == []
    assert ET.fromstring(text).findtext(f"{SVG}title")


def test_every_decision_has_a_date_a_reason_and_a_price():
    _, *records = re.split(
        r"^## ", (EXPLANATION / "decisions.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    parts = (r"^\*Decided \d{4}-\d{2}-\d{2}\.\*", r"^- \*\*Why\*\*: ", r"^- \*\*Price\*\*: ")
    incomplete = [
        record.split("\n", 1)[0]
        for record in records
        if not all(re.search(part, record, re.MULTILINE) for part in parts)
    ]
    assert (incomplete, len(records) > 10) == ([], True)


def test_the_commands_that_repeat_the_measurements_exist():
    text = (EXPLANATION / "performance.md").read_text(encoding="utf-8")
    modules = set(re.findall(r"tests\.benchmarks\.(\w+)", text))
    expected = {
        "endpoint",
        "incremental",
        "loading",
        "manifest",
        "million",
        "nights",
        "plan_ratios",
        "race",
        "rollout",
        "startup",
    }
    assert modules == expected
    options = set(re.findall(r" (--[a-z][a-z-]*)", text))
    source = "".join((ROOT / "tests" / "benchmarks" / f"{name}.py").read_text() for name in modules)
    assert [option for option in sorted(options) if f'"{option}"' not in source] == []


def test_the_limits_of_the_input_are_those_of_the_loader():
    text = (EXPLANATION / "limits.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| (\d[^|]+|\d) \|$", text, re.MULTILINE))
    mib = 2**20
    assert rows == {
        "A TOML file": f"{toml_file.MAX_FILE_BYTES // mib} MiB",
        "A file of a manifest": f"{reader.MAX_MANIFEST_BYTES // 2**30} GiB, {builder.MAX_COLUMNS} columns",
        "All manifests together": (
            f"{builder.MAX_ROWS:,} rows, {builder.MAX_VALUES:,} values, {builder.MAX_CHARACTERS:,} characters"
        ),
        "Any other file, such as a PEM": f"{input_files.MAX_INPUT_FILE_BYTES // mib} MiB",
        "All files that a desired state refers to": f"{input_files._MAX_TOTAL_BYTES // 2**30} GiB",
        "Resources from manifests": f"{declarations._MAX_INSTANCES:,}",
    }
