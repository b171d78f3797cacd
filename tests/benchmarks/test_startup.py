"""The benchmark of short commands measures each of them and prints their ratios."""

from __future__ import annotations

import pytest

from tests.benchmarks import startup
from tests.benchmarks.startup import HELP, IMPORT_BOTO3, PLAN, VALIDATE, format_rows, measure_commands


def test_each_command_is_measured_without_valgrind_too(tmp_path, monkeypatch):
    monkeypatch.setattr(startup, "RUNS", 1)
    costs = measure_commands(tmp_path, valgrind=None)
    assert list(costs) == [IMPORT_BOTO3, HELP, VALIDATE, PLAN]
    assert all(seconds > 0 for seconds in costs.values())


def test_the_instructions_are_those_of_the_log():
    log = "==7== Cachegrind\n==7== \n==7== I refs:        2,083,456,789\n"
    assert startup.parse_instructions(log) == 2_083_456_789


def test_a_log_without_instructions_ends_the_benchmark():
    with pytest.raises(SystemExit, match=r"^valgrind counted no instructions:\ncommand not found$"):
        startup.parse_instructions("command not found")


def test_a_command_that_fails_ends_the_benchmark(tmp_path):
    with pytest.raises(SystemExit, match=r"^false: exit code 1$"):
        startup.run(["false"], tmp_path)


def test_a_row_has_the_costs_of_both_commands_and_their_ratio():
    costs = {IMPORT_BOTO3: 700, HELP: 350, VALIDATE: 1050, PLAN: 2450}
    assert format_rows(costs, "M") == [
        ("reconciler plan: 2,450 M", "import boto3: 700 M", "3.50", "3.00"),
        ("reconciler validate: 1,050 M", "reconciler --help: 350 M", "3.00", "3.00"),
    ]
