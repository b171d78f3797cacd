"""The panel's table groups alike rows, and lets no document be approved unread."""

from __future__ import annotations

import pytest

from reconciler import Workspace
from reconciler.notebook.plan_table import PlanTable
from tests.notebook.test_session import FILE, to_text

FLEET_FILE = """
[workspace]
name = "greenhouse"

[things.pump-1]
""" + "".join(f'[things.valve-{number}]\nattributes = {{ house = "A" }}\n' for number in range(12))
POLICY = """
[policies.devices]
document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iot:*", Resource = "*" }] }
"""


@pytest.fixture
def build_table(tmp_path):
    """Return a function that builds the table of a file's plan."""

    def build_table(text: str) -> PlanTable:
        path = tmp_path / "desired_state.toml"
        path.write_text(text)
        workspace = Workspace(path)
        return PlanTable(workspace, workspace.plan())

    return build_table


def test_alike_rows_are_a_group_with_its_values_and_its_exceptions(build_table):
    table = build_table(FLEET_FILE + '[things.valve-12]\nattributes = { house = "B" }\n')
    assert table.groups == [
        {
            "title": "13 things like things.valve-0",
            "differences": "",
            "description": "26 calls",
            "rows": [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
        }
    ]
    assert to_text(table.render_group_details(0)) == (
        "attributes.house A (12), B (1) except things.valve-12: attributes.house B"
    )
    assert [table.render_group_details(number) for number in (-1, 1)] == ["", ""]


def test_updates_with_the_same_new_values_have_them_in_the_row_of_their_group(build_table, tmp_path):
    build_table(FLEET_FILE)
    workspace = Workspace(tmp_path / "desired_state.toml")
    workspace.apply(workspace.plan())
    (group,) = build_table(FLEET_FILE.replace('"A"', '"B"')).groups
    assert (group["title"], group["differences"]) == (
        "12 things like things.valve-0",
        "attributes.house A → B",
    )


def test_the_csv_of_a_group_has_each_of_its_rows(build_table):
    table = build_table(FLEET_FILE)
    (group,) = table.groups
    lines = table.render_csv(group["rows"]).splitlines()
    assert len(lines) == 1 + 12
    assert lines[-1] == "create,things,things.valve-9,,desired_state.toml:24,pending"


def test_rows_with_a_document_are_expanded_from_the_start(build_table):
    table = build_table(FILE + POLICY)
    assert [table.rows[number][2] for number in table.unfolded_rows] == ["policies.devices"]


def test_a_group_of_deletions_is_expanded_from_the_start_and_names_them(build_table, tmp_path):
    build_table(FLEET_FILE)
    workspace = Workspace(tmp_path / "desired_state.toml")
    workspace.apply(workspace.plan())
    text = FLEET_FILE.partition("[things.valve-0]")[0] + "[workspace.limits]\ndelete_percent = 100\n"
    table = build_table(text)
    (group,) = table.groups
    assert table.unfolded_rows == group["rows"]
    assert to_text(table.render_group_details(0)) == (
        "attributes.house A things.valve-0, valve-1, valve-10, valve-11, "
        "valve-2, valve-3, valve-4, valve-5, valve-6, valve-7, valve-8, valve-9"
    )


def test_warnings_are_counted_in_the_summary_because_they_are_below_the_changes(build_table):
    table = build_table(FILE + POLICY)
    assert table.header["summary"].endswith("· 1 warning below")
    assert "allows every action on every resource" in to_text(table.notes)
