"""Drift: differences between the registry and the file, found with read calls only."""

from __future__ import annotations

from hypothesis import given

from reconciler.engine.plan.drift import DriftedField, DriftedResource, find_drift
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.registry_client import TARGET

READ_PREFIXES = ("List", "Get", "Describe", "Search", "Batch")


def detect_drift(desired, cloud, *, select=(), exclude=(), operations=None):
    def call(request):
        if operations is not None:
            operations.append(request.operation)
        return cloud.call(request)

    return find_drift(
        desired, target=TARGET, call=call, progress=lambda *_: None, select=select, exclude=exclude
    )


def make_fleet(**attributes):
    return make_state(make_ca(), *make_device("a", **attributes), *make_device("b"))


def test_a_fleet_has_no_drift_right_after_an_apply(cloud):
    converge(make_fleet(site="oslo"), cloud)
    result = detect_drift(make_fleet(site="oslo"), cloud)
    assert (bool(result), result.items, result.unchanged) == (False, (), 5)


def test_an_ownership_marker_that_is_kept_without_pruning_is_not_drift(cloud):
    converge(make_fleet(), cloud)
    result = detect_drift(make_state(prune="never"), cloud)
    drifted_addresses = {item.address for item in result.items}
    assert Address("things", "a") in drifted_addresses
    assert drifted_addresses.isdisjoint(list_reserved_addresses("ws"))


def test_every_direction_of_drift_is_found(cloud):
    converge(make_fleet(site="oslo"), cloud)
    cloud.iot.update_thing(
        thingName="a", attributePayload={"attributes": {"site": "bergen", "fan": "on"}, "merge": True}
    )
    cloud.iot.create_thing(thingName="d")
    desired = make_state(
        make_ca(),
        *make_device("a", site="oslo", owner="ada"),
        *make_device("c"),
        make_device("d")[1],
        make_device("d")[0],
    )
    items = {(item.direction, str(item.address)): item for item in detect_drift(desired, cloud).items}
    assert [key for key in items if key[1].startswith("things.")] == [
        ("missing", "things.c"),
        ("changed", "things.a"),
        ("extra", "things.b"),
        ("unmanaged", "things.d"),
    ]
    assert items["changed", "things.a"] == DriftedResource(
        "changed",
        Address("things", "a"),
        (
            DriftedField("attributes.fan", desired=None, live="on"),
            DriftedField("attributes.owner", desired="ada", live=None),
            DriftedField("attributes.site", desired="oslo", live="bergen"),
        ),
        origin="<memory>:1",
        owner="ws",
        identity="a",
    )
    assert items["extra", "things.b"].owner == "ws"
    assert items["unmanaged", "things.d"].owner is None


def test_before_the_first_apply_every_resource_is_missing_and_no_marker_is_listed(cloud):
    items = detect_drift(make_fleet(), cloud).items
    assert [(item.direction, str(item.address)) for item in items] == [
        ("missing", "ca_certificates.alpha"),
        ("missing", "certificates.a"),
        ("missing", "certificates.b"),
        ("missing", "things.a"),
        ("missing", "things.b"),
    ]


def test_a_secret_that_differs_is_sensitive(cloud):
    converge(make_state(make_managed_thing("a", "90001")), cloud)
    (item,) = detect_drift(make_state(make_managed_thing("a", "90002")), cloud).items
    assert [(field.path, field.sensitive) for field in item.fields] == [("authentication_material", True)]


def test_only_selected_resources_are_found_and_counted(cloud):
    converge(make_fleet(site="oslo"), cloud)
    result = detect_drift(make_fleet(site="bergen"), cloud, select=["things.b"])
    assert (result.items, result.unchanged) == ((), 1)
    assert [
        str(item.address) for item in detect_drift(make_fleet(site="x"), cloud, exclude=["things.b"]).items
    ] == ["things.a"]


@examples(15)
@given(before=desired_states(), after=desired_states())
def test_finding_drift_only_reads_and_finds_the_resources_that_a_plan_changes(cloud, before, after):
    converge(before, cloud.reset())
    operations: list[str] = []
    content = cloud.read_content()
    items = detect_drift(after, cloud, operations=operations).items
    assert [operation for operation in operations if not operation.startswith(READ_PREFIXES)] == []
    assert cloud.read_content() == content
    planned_addresses = {step.address for step in plan_state(after, cloud).steps} - list_reserved_addresses(
        "ws"
    )
    assert {item.address for item in items if item.direction != "unmanaged"} <= planned_addresses
    assert planned_addresses <= {item.address for item in items}
