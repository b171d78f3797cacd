"""The benchmark of plans without changes names what each contender did not look at."""

from __future__ import annotations

from collections import Counter

from tests.benchmarks.contenders import TERRAFORM_OPTIONS
from tests.benchmarks.incremental import COLUMNS, FULL, INCREMENTAL, format_row, measure_fleet
from tests.benchmarks.race import Measurement

DEVICES = 30
EDGE_READS = 20
"""The edges that the shortest scrub reads in its second."""


def test_an_incremental_plan_makes_fewer_calls_and_names_the_edges_that_it_remembers():
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in measure_fleet(DEVICES, 60, [*TERRAFORM_OPTIONS])]
    assert [(row["contender"], row["not looked at"]) for row in rows] == [
        (FULL, "nothing"),
        (INCREMENTAL, f"the edges of {DEVICES - EDGE_READS} devices, for at most 7 days"),
    ]
    full, incremental = (int(row["calls"]) for row in rows)
    assert incremental < full


def test_a_row_of_a_plan_that_was_stopped_has_lower_bounds():
    measurement = Measurement(calls=600, seconds=300.0, cpu_seconds=70.25, peak_mib=443.4, completed=False)
    calls = Counter({("iot", "DescribeThing"): 600})
    assert format_row(1000, "terraform", measurement, calls, "") == (
        *("1,000", "terraform", "> 600"),
        *("> 2", "> 70.2", "443", "what is not in its state"),
    )


def test_terraform_without_refresh_looks_at_nothing_in_the_registry():
    measurement = Measurement(calls=0, seconds=5.0, cpu_seconds=6.0, peak_mib=300.0)
    row = format_row(1000, "terraform -refresh=false", measurement, Counter(), "")
    assert row == ("1,000", "terraform -refresh=false", "0", "0", "6.0", "300", "the registry")
