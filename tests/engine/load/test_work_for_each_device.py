"""The work of loading each device of a fleet, in calls of functions, is the same on any machine.

A limit is a seventh above the calls that were counted when it was set.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from tests.benchmarks.loading import write_certificates, write_rows

MAX_CALLS_WITH_PEM = 282
MAX_CALLS_WITH_FINGERPRINT = 246

DEVICES = 20


def count_calls(path: Path) -> int:
    """Return the number of calls in a load whose certificates are verified already."""
    load(path, constraints=ServiceModelConstraints(), environ={})
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        load(path, constraints=ServiceModelConstraints(), environ={})
    finally:
        sys.setprofile(None)
    return calls


def test_a_device_with_a_pem_file_takes_few_calls(tmp_path):
    for devices in (DEVICES, 2 * DEVICES):
        write_certificates(tmp_path / str(devices), devices)
    small, large = (
        count_calls(tmp_path / str(devices) / "desired_state.toml") for devices in (DEVICES, 2 * DEVICES)
    )
    assert (large - small) / DEVICES <= MAX_CALLS_WITH_PEM


def test_a_device_with_a_fingerprint_takes_few_calls(tmp_path):
    for devices in (DEVICES, 2 * DEVICES):
        write_rows(tmp_path / str(devices), devices, ["CSV"])
    small, large = (
        count_calls(tmp_path / str(devices) / "CSV" / "desired_state.toml")
        for devices in (DEVICES, 2 * DEVICES)
    )
    assert (large - small) / DEVICES <= MAX_CALLS_WITH_FINGERPRINT
