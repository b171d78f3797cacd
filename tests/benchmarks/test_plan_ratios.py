"""The benchmark of rendering measures every output, and compares it with the plan."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from reconciler.render.formats import render_for_machines
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.plan import build_plan_view
from reconciler.workspace import Workspace
from tests.benchmarks import fleet
from tests.benchmarks.plan_ratios import (
    COLUMNS,
    PLAN,
    STAGES,
    Measurement,
    format_rows,
    main,
    measure_fleet,
)
from tests.benchmarks.report import format_table

SMALL = {PLAN: Measurement(2.0, 100 * 2**20), "json": Measurement(1.5, 110 * 2**20)}


def test_every_output_of_a_fleet_is_measured():
    measurements = measure_fleet(2, STAGES)
    assert list(measurements) == [*STAGES]
    assert all(
        measurement.seconds > 0 and measurement.peak_bytes > 2**20 for measurement in measurements.values()
    )


def test_the_rows_have_the_ratios_to_the_plan():
    assert [*format_rows(1_000, SMALL)] == [
        (PLAN, "1,000", "2.00", "100", "1.00", "1.00"),
        ("json", "1,000", "1.50", "110", "0.75", "1.10"),
    ]


def test_the_command_prints_the_ratios_of_both_fleets(capsys, monkeypatch):
    large = {PLAN: Measurement(21.0, 900 * 2**20), "json": Measurement(16.0, 950 * 2**20)}
    fleets = {1_000: SMALL, 10_000: large}
    monkeypatch.setattr(
        "tests.benchmarks.plan_ratios.measure_fleet", lambda devices, _stages: fleets[devices]
    )
    main(["--devices", "1000"])
    _, _, *table, _, last_line = capsys.readouterr().out.splitlines()
    rows = [row for devices, measurements in fleets.items() for row in format_rows(devices, measurements)]
    assert table == format_table(COLUMNS, rows, 1).splitlines()
    assert last_line == "10 times the devices take 10.5 times the CPU to plan."


def plan_fleet(folder: Path, devices: int) -> Any:
    fleet.write_files(folder, devices)
    fleet.write_desired_state(folder, "embedded")
    return Workspace(folder / "desired_state.toml").plan()


def count_function_calls(pieces: Iterable[object]) -> int:
    """Return how many functions of Python are called, or resumed, while the pieces are built."""
    count = 0

    def add_call(_frame: object, event: str, _value: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(add_call)
    try:
        for _ in pieces:
            pass
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(("output", "max_calls"), [("text", 365), ("json", 690)])
def test_each_device_of_a_fleet_adds_few_function_calls_to_an_output(tmp_path, output, max_calls):
    """The CPU that rendering takes, without noise; a device has two changes.

    The limits hold with empty caches, too.
    """

    def render(plan: Any) -> Iterable[object]:
        if output == "text":
            return render_plan_text(build_plan_view(plan), 100)
        return render_for_machines(plan, output)

    plans = [plan_fleet(tmp_path / str(devices), devices) for devices in (20, 40)]
    count_function_calls(render(plans[0]))  # fills caches
    small, large = (count_function_calls(render(plan)) for plan in plans)
    assert (large - small) / 20 < max_calls
