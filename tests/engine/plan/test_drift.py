"""Drift: what is not as the file says, from the registry's side; and nothing is written to find it."""

from __future__ import annotations

import pytest
from hypothesis import given

from reconciler.engine.plan.drift import DriftedField, DriftedResource, find_drift
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from tests.support.desired_states import ca, converge, desired_states, device, managed, plan_of, state
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud

READS = ("List", "Get", "Describe", "Search", "Batch")


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def drift(wanted, cloud, *, select=(), exclude=(), asked=None):
    def call(one):
        if asked is not None:
            asked.append(one.operation)
        return cloud.call(one)

    return find_drift(
        wanted, target=TARGET, call=call, progress=lambda *_: None, select=select, exclude=exclude
    )


def fleet(**attributes):
    return state(ca(), *device("a", **attributes), *device("b"))


def test_what_was_just_applied_has_no_drift(cloud):
    converge(fleet(site="oslo"), cloud)
    found = drift(fleet(site="oslo"), cloud)
    assert (bool(found), found.items, found.unchanged) == (False, (), 5)


def test_every_direction_is_told_as_seen_from_the_file(cloud):
    converge(fleet(site="oslo"), cloud)
    cloud.iot.update_thing(
        thingName="a", attributePayload={"attributes": {"site": "bergen", "fan": "on"}, "merge": True}
    )
    cloud.iot.create_thing(thingName="d")
    wanted = state(ca(), *device("a", site="oslo", owner="ada"), *device("c"), device("d")[1], device("d")[0])
    found = {(item.direction, str(item.address)): item for item in drift(wanted, cloud).items}
    assert [key for key in found if key[1].startswith("things.")] == [
        ("missing", "things.c"),
        ("changed", "things.a"),
        ("extra", "things.b"),
        ("unmanaged", "things.d"),
    ]
    assert found["changed", "things.a"] == DriftedResource(
        "changed",
        Address("things", "a"),
        (
            DriftedField("attributes.fan", None, "on"),
            DriftedField("attributes.owner", "ada", None),
            DriftedField("attributes.site", "oslo", "bergen"),
        ),
        origin="<memory>:1",
        owner="ws",
        identity="a",
    )
    assert found["extra", "things.b"].owner == "ws"
    assert found["unmanaged", "things.d"].owner is None


def test_before_the_first_apply_all_that_the_file_wants_is_missing_and_no_mark_is(cloud):
    found = drift(fleet(), cloud)
    assert [(item.direction, str(item.address)) for item in found.items] == [
        ("missing", "ca_certificates.alpha"),
        ("missing", "certificates.a"),
        ("missing", "certificates.b"),
        ("missing", "things.a"),
        ("missing", "things.b"),
    ]


def test_a_secret_that_differs_is_told_as_one(cloud):
    converge(state(managed("a", "90001")), cloud)
    (item,) = drift(state(managed("a", "90002")), cloud).items
    assert [(found.path, found.sensitive) for found in item.fields] == [("authentication_material", True)]


def test_a_selection_is_all_that_is_told_and_counted(cloud):
    converge(fleet(site="oslo"), cloud)
    found = drift(fleet(site="bergen"), cloud, select=["things.b"])
    assert (found.items, found.unchanged) == ((), 1)
    assert [str(item.address) for item in drift(fleet(site="x"), cloud, exclude=["things.b"]).items] == [
        "things.a"
    ]


@examples(15)
@given(before=desired_states(), after=desired_states())
def test_drift_only_reads_and_is_there_exactly_when_a_plan_has_something_to_do(cloud, before, after):
    converge(before, cloud.empty())
    asked: list[str] = []
    then = cloud.content()
    found = drift(after, cloud, asked=asked)
    assert [operation for operation in asked if not operation.startswith(READS)] == []
    assert cloud.content() == then
    planned = {step.address for step in plan_of(after, cloud).steps} - reserved_addresses("ws")
    assert {item.address for item in found.items if item.direction != "unmanaged"} <= planned
    assert planned <= {item.address for item in found.items}
