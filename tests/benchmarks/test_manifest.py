"""The manifest benchmark measures every stage and prints a complete table.

The plan of the fleet that it copies into the registry is empty.
"""

from __future__ import annotations

import pytest

from tests.benchmarks.manifest import (
    COLUMNS,
    OUTPUT_FORMATS_BY_STAGE,
    PLAN_AGAIN,
    STAGES,
    Measurement,
    format_rows,
    main,
    measure_fleet,
)
from tests.benchmarks.report import format_table

DEVICES = 3
pytestmark = pytest.mark.xdist_group("manifest benchmark")  # one worker runs the slow fixture


@pytest.fixture(scope="module")
def measurements():
    """Measure all stages of a small fleet.

    The stage `PLAN_AGAIN` fails if a copied device differs from the file.
    """
    return measure_fleet(DEVICES)


def test_every_stage_is_measured(measurements):
    assert list(measurements) == list(STAGES)
    assert all(
        measurement.seconds > 0 and measurement.peak_bytes > 2**20 for measurement in measurements.values()
    )


def test_only_rendering_writes_output(measurements):
    assert {stage for stage, measurement in measurements.items() if measurement.output_bytes} == set(
        OUTPUT_FORMATS_BY_STAGE
    )


def test_bytes_per_resource_divide_the_growth_of_the_peak_by_the_added_resources():
    small = dict.fromkeys(STAGES, Measurement(seconds=1.0, peak_bytes=50 * 2**20, output_bytes=0))
    # 18,000 more resources, of 3,000 bytes each.
    peak_bytes = 50 * 2**20 + 18_000 * 3_000
    large = dict.fromkeys(STAGES, Measurement(seconds=2.0, peak_bytes=peak_bytes, output_bytes=1_500_000))

    rows = [*format_rows(10_000, large, 1_000, small)]

    assert [row[:3] for row in rows] == [("10,000", "20,000", stage) for stage in STAGES]
    assert {row[3:6] for row in rows} == {("2.00", "101", "3,000")}
    assert {row[2] for row in rows if row[6] == "1.5"} == set(OUTPUT_FORMATS_BY_STAGE)


def test_the_command_prints_the_table(measurements, capsys, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.manifest.measure_fleet", lambda _devices: measurements)
    main(["--devices", "4", "--base", "3"])
    head, _, *lines = capsys.readouterr().out.splitlines()

    assert head.endswith("each stage in its own process.")
    small = format_rows(3, measurements, 3, measurements)
    large = format_rows(4, measurements, 3, measurements)
    assert lines == format_table(COLUMNS, [*small, *large], 3).splitlines()
    assert lines[-1].startswith(f"| 4       | 8         | {PLAN_AGAIN} ")
