"""The manifest's benchmark runs, what it copies is a fleet that nothing is to be done about, and its table tells all."""

from __future__ import annotations

import pytest

from tests.benchmarks.manifest import AGAIN, COLUMNS, FORMATS, STAGES, Figures, main, rows, take
from tests.benchmarks.race import table

DEVICES = 3
pytestmark = pytest.mark.xdist_group("manifest benchmark")  # one worker runs the slow fixture


@pytest.fixture(scope="module")
def taken():
    """Every stage of a small fleet; planning it again would have failed if the copies were not as the file wants them."""
    return take(DEVICES)


def test_every_stage_is_taken(taken):
    assert list(taken) == list(STAGES)
    assert all(found.seconds > 0 and found.peak > 2**20 for found in taken.values())


def test_only_what_shows_a_plan_writes(taken):
    assert {name for name, found in taken.items() if found.shown} == set(FORMATS)


def test_bytes_a_resource_are_what_the_peak_grew_by_over_the_small_fleets():
    small = dict.fromkeys(STAGES, Figures(1.0, 50 * 2**20, 0))
    large = {name: Figures(2.0, 50 * 2**20 + 18_000 * 3_000, 1_500_000) for name in STAGES}

    lines = [*rows(10_000, large, 1_000, small)]

    assert [line[:3] for line in lines] == [("10,000", "20,000", name) for name in STAGES]
    assert {line[3:6] for line in lines} == {("2.00", "101", "3,000")}
    assert {line[2] for line in lines if line[6] == "1.5"} == set(FORMATS)


def test_the_command_prints_the_table(taken, capsys, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.manifest.take", lambda _devices: taken)
    main(["--devices", "4", "--base", "3"])
    head, _, *lines = capsys.readouterr().out.splitlines()

    assert head.endswith("each stage in a process of its own.")
    small, large = rows(3, taken, 3, taken), rows(4, taken, 3, taken)
    assert lines == table(COLUMNS, [*small, *large], 3).splitlines()
    assert lines[-1].startswith(f"| 4       | 8         | {AGAIN} |")
