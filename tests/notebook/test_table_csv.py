"""The panel's table as CSV: every spreadsheet reads back the cells, and runs none of them."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.notebook.table_csv import CSV_COLUMNS, escape_formula, render_table_csv

CELLS = st.text(st.sampled_from("=+-@\t\r\n\"',; a|1\uff08\uff1d\uff0b\uff0d\uff20"), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=4))
def test_a_csv_of_any_cells_is_read_back_and_no_cell_begins_as_a_formula_does(rows):
    header, *read_rows = csv.reader(StringIO(render_table_csv(rows), newline=""))
    assert header == list(CSV_COLUMNS)
    assert [[cell.removeprefix("'") for cell in row] for row in read_rows] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    assert [
        cell
        for row in read_rows
        for cell in row
        if cell.strip(" ")[:1] in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
    ] == []


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20a",
        '=HYPERLINK("http://x")',
    ],
)
def test_a_cell_that_could_be_a_formula_gets_an_apostrophe(cell):
    assert escape_formula(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "things.pump-1", "site oslo → bergen", "1=1", "'=1"])
def test_any_other_cell_stays_as_it_is(cell):
    assert escape_formula(cell) == cell
