"""The benchmark of virtual nights prints what each night found and what it cost."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.nights import COLUMNS, SEED, count_rounds, measure_nights, start

DEVICES, SCRUB_SECONDS, EDITS = 200, 5, 8


def test_a_night_finds_the_edits_of_its_day_within_the_time_of_its_scrub(tmp_path):
    random.seed(SEED)
    rounds = count_rounds(DEVICES, EDITS, SCRUB_SECONDS)
    fleet, simulation = start(tmp_path, DEVICES, rounds, SCRUB_SECONDS)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in measure_nights(fleet, simulation, 2, EDITS)]
    fleet.close()
    assert [(row["night"], row["missed"], row["wrong"], row["edge reads"]) for row in rows] == [
        ("1", "0", "0", "100"),
        ("2", "0", "0", "100"),
    ]
    assert all(int(row["found"]) >= EDITS // 2 and int(row["plan s"]) >= SCRUB_SECONDS - 1 for row in rows)


def test_a_scrub_without_enough_time_for_the_edits_ends_the_benchmark():
    with pytest.raises(SystemExit, match=r"^the scrub does not have enough time for these edits$"):
        count_rounds(devices=1000, edits=1000, scrub_seconds=5)


def test_the_fleet_has_its_turn_in_as_many_nights_as_the_scrub_needs():
    assert count_rounds(devices=1_000_000, edits=1000, scrub_seconds=1200) == 48
