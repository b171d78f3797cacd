"""What bears no mark of the workspace is listed beside a plan, at no call's cost."""

from __future__ import annotations

import pytest

from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from tests.support.desired_states import converge, managed, plan_of, resource, state
from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def unmanaged(wanted, cloud):
    return [note.text for note in plan_of(wanted, cloud).notes if note.level == "unmanaged"]


def told(kind, count, names):
    what = f"{kind.replace('_', ' ')} of the account that are not this workspace's ({count}): {names}"
    return f"{what}; declare one in the file and take it over with `reconciler apply --adopt {kind}.NAME`"


def test_the_first_few_are_named_and_the_others_counted(cloud):
    for number in range(5):
        cloud.iot.create_thing(thingName=f"hand-{number}")
    wanted = state(resource("things", "a", Thing()))
    expected = [told("things", 5, "hand-0, hand-1, hand-2 and 2 more")]
    assert unmanaged(wanted, cloud) == expected
    converge(wanted, cloud)
    assert unmanaged(wanted, cloud) == expected


def test_only_kinds_that_the_file_has_are_listed_and_marks_of_workspaces_are_none(cloud):
    cloud.iot.create_thing(thingName="hand")
    converge(state(resource("things", "b", Thing()), workspace="other"), cloud)
    assert unmanaged(state(managed("m")), cloud) == []
    assert unmanaged(state(resource("thing_groups", "g", ThingGroup())), cloud) == []


def test_groups_of_both_sorts_are_one_list(cloud):
    cloud.iot.create_thing_group(thingGroupName="hand")
    query = resource("dynamic_thing_groups", "d", DynamicThingGroup("thingName:a"))
    converge(state(query), cloud)
    assert unmanaged(state(query), cloud) == [told("thing_groups", 1, "hand")]


def test_it_costs_no_call(cloud):
    wanted = state(resource("things", "a", Thing()))
    converge(wanted, cloud)
    before = cloud.requests
    plan_of(wanted, cloud)
    alone = cloud.requests - before
    for number in range(5):
        cloud.iot.create_thing(thingName=f"hand-{number}")
    before = cloud.requests
    plan_of(wanted, cloud)
    assert cloud.requests - before == alone
