"""The race runs, its contenders do the same work, and its tables show every measurement."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.benchmarks import fleet, quota_simulation
from tests.benchmarks.contenders import (
    RECONCILER_NAME,
    TERRAFORM_OPTIONS,
    find_contenders,
    prepare_folder,
)
from tests.benchmarks.race import (
    CHANGED_PHASES,
    PHASES,
    Measurement,
    compute_medians,
    format_growth_rows,
    format_ratio_rows,
    format_rows,
    measure_phase,
    run_race,
    start_run,
)
from tests.benchmarks.report import format_table
from tests.support.registry_server import serve_registry
from tests.support.terraform import FEWER_GARBAGE_COLLECTIONS, build_provider_settings

DEVICES = 3
pytestmark = pytest.mark.xdist_group("race benchmark")  # one worker runs the slow fixture


@pytest.fixture(scope="module")
def race(tmp_path_factory):
    """Run all phases; return the contenders, the measurements, and the devices after each phase."""
    root = tmp_path_factory.mktemp("race")
    fleet.write_files(root / "fleet", DEVICES)
    measurements, devices = {}, {}
    contenders = [*find_contenders(excluded=[*TERRAFORM_OPTIONS])]
    with serve_registry() as server:
        for contender in contenders:
            folder = prepare_folder(root, server.url, contender)
            for phase in PHASES:
                fleet.write_manifest(folder, DEVICES, changed=phase in CHANGED_PHASES)
                key = (phase, contender.name)
                measurements[key] = [measure_phase(server, contender, folder, phase)]
                devices[key] = read_devices(server.create_client(account=contender.account))
    return contenders, measurements, devices


def read_devices(iot):
    """Return the attributes of each thing and the policies of its certificates, by thing name.

    The policies are keyed by certificate ID.
    """

    def list_certificate_policies(thing):
        for arn in iot.list_thing_principals(thingName=thing)["principals"]:
            policies = iot.list_attached_policies(target=arn)["policies"]
            yield arn.rpartition("/")[2], [policy["policyName"] for policy in policies]

    return {
        thing["thingName"]: (thing["attributes"], dict(list_certificate_policies(thing["thingName"])))
        for thing in iot.list_things()["things"]
    }


@pytest.mark.parametrize("phase", PHASES)
def test_the_contenders_leave_the_same_devices(race, phase):
    contenders, _, devices = race
    script_devices, reconciler_devices = [devices[phase, contender.name] for contender in contenders]

    assert script_devices == reconciler_devices
    assert len(script_devices) == (0 if phase == "destroy" else DEVICES)


def test_the_calls_and_the_time_are_compared_with_the_script(race):
    _, measurements, _ = race
    rows = list(format_ratio_rows(DEVICES, measurements))

    assert [row[:2] for row in rows] == [("3", phase) for phase in PHASES]
    assert all(float(ratio) > 0 for row in rows for ratio in row[2:])


def test_each_fleet_is_compared_with_the_smaller_one_before():
    small, large = Measurement(10, 1, 2.0, 3), Measurement(100, 10, 16.0, 30)
    fleets = {
        100: {("create", RECONCILER_NAME): [small], ("no-op", RECONCILER_NAME): [small]},
        1000: {("create", RECONCILER_NAME): [large]},
        1500: {},
    }

    assert [*format_growth_rows(fleets)] == [("1,000", "10", "create", "8.0")]


def test_the_change_moves_the_first_device(race):
    _, _, devices = race
    changed_devices = devices["change 1 %", RECONCILER_NAME]
    sites = {name: attributes["site"] for name, (attributes, _) in changed_devices.items()}

    assert sites == {"pump-000000": "bergen", "pump-000001": "oslo", "pump-000002": "oslo"}


def test_the_table_has_a_row_for_each_phase_and_contender(race):
    contenders, measurements, _ = race
    rows = list(format_rows(DEVICES, measurements, contenders))

    assert [row[:3] for row in rows] == [
        ("3", phase, contender.name) for phase in PHASES for contender in contenders
    ]
    assert all(float(row[4]) > 0 and int(row[3]) > 0 for row in rows)


def test_a_contender_that_exceeds_the_limit_is_stopped_and_skips_the_later_phases(race):
    (script, reconciler), measurements, _ = race
    completed = {key: runs for key, runs in measurements.items() if key[1] == RECONCILER_NAME}
    stopped = run_race(DEVICES, 1, None, [script], limit_seconds=0.05)
    assert {key: [measurement.completed for measurement in runs] for key, runs in stopped.items()} == {
        ("create", script.name): [False]
    }
    rows = list(format_rows(DEVICES, completed | stopped, [script, reconciler]))
    assert [row[1:3] for row in rows] == [
        ("create", script.name),
        *((phase, RECONCILER_NAME) for phase in PHASES),
    ]
    assert rows[0][4].startswith("> 0.")


def configure_by_environment(contender):
    """Return the contender Terraform with its provider configured by environment variables."""

    def build_command(folder, url, phase):
        settings = build_provider_settings(url, contender.account)
        assignments = [f"{name}={value}" for name, value in settings.items()]
        return ("env", *assignments, *contender.build_command(folder, url, phase))

    return evolve(contender, build_command=build_command)


def test_terraform_wants_to_change_nothing_in_a_copied_fleet(monkeypatch):
    monkeypatch.setenv("GOGC", FEWER_GARBAGE_COLLECTIONS["GOGC"])
    monkeypatch.setattr(fleet, "TERRAFORM_PROVIDER", "")
    contenders = [
        configure_by_environment(contender)
        for contender in find_contenders(excluded=["terraform -refresh=false"])
        if contender.is_terraform
    ]
    if not contenders:
        pytest.skip("Terraform is not installed")
    with start_run(DEVICES, None, contenders, copied=True) as (server, folders):
        (folder,) = folders.values()
        fleet.write_manifest(folder, DEVICES, changed=False)
        # The contender fails this phase, with SystemExit, if a device differs from the manifest.
        assert measure_phase(server, contenders[0], folder, "no-op").completed


def test_a_race_with_a_copied_fleet_measures_every_phase_but_the_creation():
    """In the phase "no-op", a contender fails if a device of the copied fleet differs from the manifest."""
    contenders = [*find_contenders(excluded=[*TERRAFORM_OPTIONS])]
    measurements = run_race(DEVICES, 1, None, contenders, copied=True)
    assert {key: [measurement.completed for measurement in runs] for key, runs in measurements.items()} == {
        (phase, contender.name): [True] for phase in PHASES[1:] for contender in contenders
    }


def test_the_medians_of_several_runs_are_of_each_number_by_itself():
    runs = [Measurement(5, 3.0, 1.0, 10.0), Measurement(7, 1.0, 2.0, 30.0), Measurement(6, 2.0, 3.0, 20.0)]

    assert compute_medians(runs) == Measurement(6, 2.0, 2.0, 20.0)


def test_a_table_is_markdown_with_its_numbers_aligned_to_the_right():
    assert format_table(("name", "s"), [("first", "1"), ("second", "20")], 1).splitlines() == [
        "| name   |  s |",
        "| ------ | -: |",
        "| first  |  1 |",
        "| second | 20 |",
    ]


def test_nothing_is_throttled_under_aws_quotas_and_the_run_takes_about_the_minimum():
    rows = list(quota_simulation.simulate(30))

    assert [row[1] for row in rows] == list(PHASES)
    *_, ratios, throttled_counts = zip(*rows, strict=True)
    assert throttled_counts == ("0",) * len(PHASES)
    assert all(float(ratio) < 1.2 for ratio in ratios)
