"""Marker groups: thing groups that record the owners of resources without tags."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.engine.calls.send import send
from reconciler.kinds.base.marker_groups import (
    build_claim,
    build_marker_deletion,
    build_marker_name,
    build_marker_tags,
    build_marker_update,
    check_marker,
    describe_markers,
)
from reconciler.kinds.log_levels import LogLevel
from tests.support.desired_states import make_resource
from tests.support.registry_client import Cloud

TABLE = "log_levels"
GROUP = build_marker_name(TABLE, "CLIENT_ID:pump")
NAMES = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=140)


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


def make_level(name: str, *, protected: bool = False):
    return make_resource(
        TABLE, name, LogLevel("INFO", client_id="pump"), **({"prevent_destroy": True} if protected else {})
    )


def read_marker(cloud: Cloud):
    """Return the marker group as the kinds read it, or None."""
    read = describe_markers([GROUP])
    responses = [send(cloud.call, call, {}) for call in next(read)]
    try:
        read.send(responses)
    except StopIteration as stop:
        return stop.value.get(GROUP)
    raise AssertionError("the read needs one batch")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=NAMES, second=NAMES, protected=st.booleans())
def test_a_marker_records_any_names_one_after_the_other(cloud, first, second, protected):
    cloud.reset()
    before, after = make_level(first), make_level(second, protected=protected)
    recorded, tags = build_marker_tags(before, "ws"), build_marker_tags(after, "ws")
    cloud.call(build_claim(GROUP, before, recorded))
    assert read_marker(cloud).tags == recorded
    for call in build_marker_update(GROUP, after, recorded, tags):
        cloud.call(call)
    assert (read_marker(cloud).tags, read_marker(cloud).owner) == (tags, "ws")
    send(cloud.call, build_marker_deletion(GROUP), {})
    assert read_marker(cloud) is None


@pytest.mark.parametrize("value", ["=x", "=====", "=gA==", "a=b"])
def test_a_name_that_was_changed_by_hand_is_read_as_it_is(cloud, value):
    cloud.reset()
    cloud.iot.create_thing_group(
        thingGroupName=GROUP, thingGroupProperties={"attributePayload": {"attributes": {"name": value}}}
    )
    assert read_marker(cloud).tags == {"reconciler:name": value}


def test_names_of_marker_groups_of_different_resources_differ_and_fit(cloud):
    identities = ["a", "A", "a:b", "a b", "é", "x" * 128, "x" * 129, "sha256"]
    names = {
        build_marker_name(table, identity) for table in (TABLE, "cloud_connectors") for identity in identities
    }
    assert len(names) == 2 * len(identities)
    for name in names:
        cloud.iot.create_thing_group(thingGroupName=name)


def test_a_name_that_no_attribute_can_hold_is_a_problem():
    assert [problem.problem for problem in check_marker(make_level("é" * 298))] == []
    assert [problem.problem for problem in check_marker(make_level("é" * 299))] == [
        "the name is too long for the marker of its owner"
    ]
