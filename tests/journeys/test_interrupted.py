"""A run is stopped, or killed, or is not alone: what was done is told truly, and the next run completes it."""

from __future__ import annotations

import re
import signal

import pytest

from tests.support.project_folder import PATIENCE, Folder, applied, finish, registered, until
from tests.support.small_fleet import Fleet, empty, factory, fingerprint


def test_ctrl_c_ends_what_is_in_flight_tells_the_truth_and_the_next_apply_completes(folder):
    fleet = Fleet.of(200)
    folder.write(fleet)
    with (folder.path / "out.txt").open("w") as out:
        run = folder.start("apply", "--yes", out=out)
        lines = until(run, 40)
        run.send_signal(signal.SIGINT)
        rest = finish(run)
    done = applied(lines + rest)
    told = (folder.path / "out.txt").read_text().splitlines()
    names = {fleet.certificate(name): name for name in fleet.devices}
    names[fingerprint(factory().pem)] = "factory"
    total = 2 * len(fleet.devices) + 3
    assert run.returncode == 1
    assert registered(folder.content(), names) == done
    assert 40 <= len(done) < total
    assert [line for line in rest if not line.startswith("✔")] == [
        "stopping: finishing calls in flight, starting no more; interrupt again to abort now"
    ]
    assert re.sub(r"\d+\.\d+ s", "0 s", "\n".join(told[-3:])) == STOPPED.format(
        done=len(done), left=total - len(done)
    )
    folder.apply()
    assert folder.content() == fleet.content()


STOPPED = """\
◌ {left} canceled because the run was stopped; run apply again to continue

✖ Apply incomplete after 0 s: {done} applied, {left} canceled. Completed: {done} created."""


def killed(folder: Folder, *words: str, after: int) -> None:
    """Run the command and kill it when so many of its steps are told to be done."""
    run = folder.start(*words)
    until(run, after)
    run.kill()
    run.communicate(timeout=PATIENCE)
    assert run.returncode == -signal.SIGKILL


@pytest.mark.parametrize("after", [1, 30])
def test_a_first_apply_that_is_killed_is_completed_by_the_next(folder, after):
    fleet = Fleet.of(40)
    killed(folder.write(fleet), "apply", "--yes", after=after)
    folder.apply()
    assert folder.content() == fleet.content()


def test_an_apply_that_changes_a_fleet_and_is_killed_is_completed_by_the_next(folder):
    fleet = Fleet.of(30)
    folder.write(fleet).apply()
    for number in range(1, 11):
        fleet = fleet.having(f"pump-{number:03}", generation=2)
    for number in range(11, 21):
        fleet = fleet.without(f"pump-{number:03}")
    for number in range(21, 31):
        fleet = fleet.having(f"pump-{number:03}", site="bergen")
    killed(folder.write(fleet), "apply", "--yes", after=8)
    folder.apply()
    assert folder.content() == fleet.content()


def test_a_destroy_that_is_killed_is_completed_by_the_next(folder):
    folder.write(Fleet.of(30)).apply()
    killed(folder, "destroy", "--yes", after=12)
    assert folder.run("destroy", "--yes").code == 0
    assert folder.content() == empty()


def test_two_applies_at_once_end_in_what_the_file_says(folder):
    fleet = Fleet.of(20)
    folder.write(fleet)
    runs = [folder.start("apply", "--yes") for _ in range(2)]
    codes = [(run.communicate(timeout=PATIENCE), run.returncode)[1] for run in runs]
    assert 0 in codes
    assert folder.content() == fleet.content()
    assert folder.run("plan", "--detailed-exitcode").code == 0
