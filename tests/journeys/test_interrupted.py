"""The next run completes a stopped or killed one; concurrent runs end with what the file declares."""

from __future__ import annotations

import re
import signal

import pytest

from tests.support.project_folder import (
    COMMAND_TIMEOUT_SECONDS,
    ProjectFolder,
    list_registered_addresses,
    parse_applied_addresses,
    read_progress,
    read_remaining_lines,
)
from tests.support.small_fleet import Fleet, compute_fingerprint, get_factory_ca, make_empty_content


def test_ctrl_c_finishes_calls_in_flight_and_the_next_apply_completes_the_fleet(folder):
    fleet = Fleet.of_size(200)
    folder.write(fleet)
    with (folder.path / "out.txt").open("w") as stdout:
        process = folder.start("apply", "--yes", stdout=stdout)
        first_lines = read_progress(process, 40)
        process.send_signal(signal.SIGINT)
        last_lines = read_remaining_lines(process)
    applied = parse_applied_addresses(first_lines + last_lines)
    report = (folder.path / "out.txt").read_text().splitlines()
    certificate_names = {fleet.get_certificate_id(name): name for name in fleet.devices}
    certificate_names[compute_fingerprint(get_factory_ca().pem)] = "factory"
    # A certificate and a thing per device, the CA, and two ownership markers.
    total = 2 * len(fleet.devices) + 3
    assert process.returncode == 1
    assert list_registered_addresses(folder.read_content(), certificate_names) == applied
    assert 40 <= len(applied) < total
    assert [line for line in last_lines if not line.startswith("✔")] == [
        "stopping: finishing calls in flight, starting no more; interrupt again to abort now"
    ]
    assert re.sub(r"\d+\.\d+ s", "0 s", "\n".join(report[-3:])) == STOPPED_REPORT.format(
        applied=len(applied), canceled=total - len(applied), total=total
    )
    folder.apply()
    assert folder.read_content() == fleet.make_expected_content()


STOPPED_REPORT = """\
◌ {canceled} canceled because the run was stopped; run apply again to continue

✖ Apply incomplete: {canceled} of {total} changes not made ({canceled} canceled); {applied} created in 0 s."""


def run_and_kill(folder: ProjectFolder, *arguments: str, after_steps: int) -> None:
    """Run the command, and kill it after it has printed this number of applied steps."""
    process = folder.start(*arguments)
    read_progress(process, after_steps)
    process.kill()
    process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("after_steps", [1, 30])
def test_a_killed_first_apply_is_completed_by_the_next(folder, after_steps):
    fleet = Fleet.of_size(40)
    run_and_kill(folder.write(fleet), "apply", "--yes", after_steps=after_steps)
    folder.apply()
    assert folder.read_content() == fleet.make_expected_content()


def test_a_killed_apply_that_changes_a_fleet_is_completed_by_the_next(folder):
    fleet = Fleet.of_size(30)
    folder.write(fleet).apply()
    for number in range(1, 11):
        fleet = fleet.with_changes(f"pump-{number:03}", generation=2)
    for number in range(11, 21):
        fleet = fleet.without_device(f"pump-{number:03}")
    for number in range(21, 31):
        fleet = fleet.with_changes(f"pump-{number:03}", site="bergen")
    run_and_kill(folder.write(fleet), "apply", "--yes", after_steps=8)
    folder.apply()
    assert folder.read_content() == fleet.make_expected_content()


def test_a_killed_destroy_is_completed_by_the_next(folder):
    folder.write(Fleet.of_size(30)).apply()
    run_and_kill(folder, "destroy", "--yes", after_steps=12)
    assert folder.run("destroy", "--yes").exit_code == 0
    assert folder.read_content() == make_empty_content()


def test_two_concurrent_applies_leave_what_the_file_declares(folder):
    fleet = Fleet.of_size(20)
    folder.write(fleet)
    processes = [folder.start("apply", "--yes") for _ in range(2)]
    for process in processes:
        process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    assert 0 in [process.returncode for process in processes]
    assert folder.read_content() == fleet.make_expected_content()
    assert folder.run("plan", "--detailed-exitcode").exit_code == 0
