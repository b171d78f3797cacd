"""The benchmark runs, does the same work on both sides, and tells all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.thousand_devices import (
    CONTENDERS,
    PHASES,
    Counted,
    Figures,
    Job,
    median,
    one_phase,
    write_fleet,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """What each contender's registry holds after each phase, for 20 devices."""
    folder = tmp_path_factory.mktemp("fleet")
    write_fleet(folder, 20)
    found = {}
    for contender in CONTENDERS:
        for phase in PHASES:
            job = Job(contender, phase, folder, contender, 0.0, 20)
            one_phase(job)
            found[contender, phase] = Counted(job.registry, 0.0).content()
    return found


@pytest.mark.parametrize("phase", PHASES)
def test_both_contenders_leave_the_same_devices(contents, phase):
    def devices(contender):
        content = contents[contender, phase]
        things = {
            name: (found["attributes"], found["principals"]) for name, found in content["things"].items()
        }
        return things, content["certificates"]

    ours, theirs = map(devices, CONTENDERS)
    assert ours == theirs
    assert len(ours[0]) == (0 if phase == "destroy" else 20)


def test_the_table_has_a_row_for_each_phase_and_contender():
    command = [sys.executable, "-m", "tests.benchmarks.thousand_devices", "--devices", "20", "--runs", "1"]
    done = subprocess.run([*command, "--latency", "0"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.split("\n\n")[-1].splitlines()
    number, unit = r"\d+(?:\.\d+)?", r" x"
    shape = [re.sub(rf"{number}({unit})?", "#", line).split() for line in lines[3:]]
    quotas = ["at", "least", "#", "s"]
    assert lines[0] == "0 ms a request"
    assert shape == [
        ["create", "reconciler", "#", "#", "#", "#", *quotas],
        ["boto#", "loop", "#", "#", "#", "#"],
        ["no-op", "reconciler", "#", "#", "#", "#", "no", "changes"],
        ["boto#", "loop", "#", "#", "#", "#"],
        ["change", "#", "%", "reconciler", "#", "#", "#", "#", *quotas],
        ["boto#", "loop", "#", "#", "#", "#"],
        ["destroy", "reconciler", "#", "#", "#", "#", *quotas],
        ["boto#", "loop", "#", "#", "#", "#"],
    ]


def test_a_figure_is_the_median_of_its_own_column():
    runs = [Figures(5, 3.0, 10.0), Figures(7, 1.0, 30.0), Figures(6, 2.0, 20.0)]
    assert median(runs) == Figures(6, 2.0, 20.0)
