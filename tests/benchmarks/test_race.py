"""The race runs, its contenders do the same work, and its tables tell all of it."""

from __future__ import annotations

import pytest

from tests.benchmarks import bound, fleet
from tests.benchmarks.race import (
    OURS,
    PHASES,
    Figures,
    contenders,
    median,
    prepared,
    rows,
    run,
    table,
    take,
)
from tests.support.registry_server import serve_registry

DEVICES = 3
pytestmark = pytest.mark.xdist_group("race benchmark")  # one worker runs the slow fixture


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """Every phase of the script and of ourselves, and the devices that each left."""
    root = tmp_path_factory.mktemp("race")
    fleet.write(root / "fleet", DEVICES)
    taken, left = {}, {}
    who = [one for one in contenders(["terraform"]) if one.name != "terraform"]
    with serve_registry() as server:
        for one in who:
            folder = prepared(root, server.url, one)
            for phase in PHASES:
                fleet.write_devices(folder, DEVICES, changed=phase in PHASES[2:])
                taken[phase, one.name] = [run(server, one, folder, phase)]
                left[phase, one.name] = devices(server.client(account=one.account))
    return who, taken, left


def devices(iot):
    """Every thing's attributes, and its certificate's id and policies."""

    def certificates(thing):
        for arn in iot.list_thing_principals(thingName=thing)["principals"]:
            policies = iot.list_attached_policies(target=arn)["policies"]
            yield arn.rpartition("/")[2], [policy["policyName"] for policy in policies]

    return {
        thing["thingName"]: (thing["attributes"], dict(certificates(thing["thingName"])))
        for thing in iot.list_things()["things"]
    }


@pytest.mark.parametrize("phase", PHASES)
def test_the_contenders_leave_the_same_devices(raced, phase):
    who, _, left = raced
    first, *others = [left[phase, one.name] for one in who]

    assert others == [first]
    assert len(first) == (0 if phase == "destroy" else DEVICES)


def test_the_change_is_a_change(raced):
    changed = raced[2]["change 1 %", OURS]
    sites = {name: attributes["site"] for name, (attributes, _) in changed.items()}

    assert sites == {"pump-000000": "bergen", "pump-000001": "oslo", "pump-000002": "oslo"}


def test_the_table_has_a_row_for_each_phase_and_contender(raced):
    who, taken, _ = raced
    lines = list(rows(DEVICES, taken, who))

    assert [line[:3] for line in lines] == [("3", phase, one.name) for phase in PHASES for one in who]
    assert all(float(line[4]) > 0 and int(line[3]) > 0 for line in lines)


def test_who_takes_longer_than_the_limit_is_stopped_and_takes_no_further_part(raced):
    who, taken, _ = raced
    script, ours = who
    own = {key: figures for key, figures in taken.items() if key[1] == OURS}
    found = take(DEVICES, 1, None, [script], limit=0.05)
    assert {key: [one.ended for one in figures] for key, figures in found.items()} == {
        ("create", script.name): [False]
    }
    lines = list(rows(DEVICES, own | found, [script, ours]))
    assert [line[1:3] for line in lines] == [("create", script.name), *((phase, OURS) for phase in PHASES)]
    assert lines[0][4].startswith("> 0.")


def test_a_fleet_that_is_copied_there_is_to_everyone_as_if_they_had_created_it():
    who = [*contenders(["terraform"])]
    # A plan that is not empty is no no-op: it would raise SystemExit.
    found = take(DEVICES, 1, None, who, copied=True)
    assert {key: [figures.ended for figures in each] for key, each in found.items()} == {
        (phase, one.name): [True] for phase in PHASES[1:] for one in who
    }


def test_a_figure_is_the_median_of_its_own_column():
    runs = [Figures(5, 3.0, 1.0, 10.0), Figures(7, 1.0, 2.0, 30.0), Figures(6, 2.0, 3.0, 20.0)]

    assert median(runs) == Figures(6, 2.0, 2.0, 20.0)


def test_a_table_is_markdown_with_its_figures_to_the_right():
    assert table(("who", "s"), [("us", "1"), ("them", "20")], 1).splitlines() == [
        "| who  |  s |",
        "| ---- | -: |",
        "| us   |  1 |",
        "| them | 20 |",
    ]


def test_under_awss_quotas_nothing_is_throttled_and_the_time_is_near_the_least(capsys):
    lines = list(bound.rows(30))

    assert [line[1] for line in lines] == list(PHASES)
    assert [line[-1] for line in lines] == ["0"] * 4
    assert all(float(line[6]) < 1.2 for line in lines)
