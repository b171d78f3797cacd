"""The rollout benchmark measures every stage of its executors, and compares them with the first."""

from __future__ import annotations

import os

import pytest

from tests.benchmarks.processor_time import read_cpu_seconds, read_tree_cpu_seconds
from tests.benchmarks.report import format_table
from tests.benchmarks.rollout import (
    APPLY,
    COLUMNS,
    PLAN,
    SEQUENTIAL,
    STAGES,
    Measurement,
    format_rows,
    list_contenders,
    main,
)

THREADS_NAME = "threads (default)"


def test_the_command_measures_every_stage_of_the_chosen_executors(capsys):
    main(["--accounts", "2", "--devices", "1", "--executor", THREADS_NAME])
    head, _, _, _, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("2 accounts of 1 devices, one run on ")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[:2] for row in cells] == [[THREADS_NAME, stage] for stage in STAGES]
    assert {row[3] for row in cells} == {"1.0"}


def test_ratios_compare_with_the_first_executor_and_with_the_environments_at_once():
    measurements = {
        SEQUENTIAL: {PLAN: Measurement(50.0, 1.0, 0.5), APPLY: Measurement(80.0, 2.0, 1.0)},
        THREADS_NAME: {PLAN: Measurement(5.0, 1.0, 0.5), APPLY: Measurement(12.5, 2.0, 1.0)},
    }
    rows = [*format_rows(measurements, accounts=10)]
    assert [row[2:5] for row in rows] == [
        ("50.0", "1.0", "1.00"),
        ("80.0", "1.0", "1.00"),
        ("5.0", "10.0", "1.00"),  # all ten at once
        ("12.5", "6.4", "0.80"),  # eight at once
    ]
    assert format_table(COLUMNS, rows, 2).count("\n") == len(rows) + 1


def test_dask_is_measured_where_it_is_installed():
    pytest.importorskip("distributed")
    assert any(name.startswith("Dask") for name in list_contenders())


def test_the_processor_time_of_a_process_is_a_part_of_that_of_its_descendants():
    own = read_cpu_seconds(os.getpid())
    assert 0 <= own <= read_tree_cpu_seconds(os.getpid())
    assert read_cpu_seconds(2**22 + 1) == 0.0
