"""Comparing desired and live state: the changes, each with its fields."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.engine.plan.diff import diff
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.things import Thing
from reconciler.model.change import Create, Delete, FieldChange, Update
from reconciler.model.pem import Pem
from reconciler.model.resource import Live
from tests.support.desired_states import converge, make_resource, make_state, plan_state
from tests.support.registry_client import Cloud


def test_a_resource_only_in_the_file_is_created_with_the_fields_that_it_sets():
    desired = make_resource("things", "a", Thing(attributes={"site": "oslo"}))
    assert list(diff("ws", {desired.address: desired}, {})) == [
        Create(desired, (FieldChange("attributes.site", None, "oslo"),))
    ]


@pytest.mark.parametrize(("owner", "is_deleted"), [("ws", True), ("other", False), (None, False)])
def test_a_resource_only_in_the_registry_is_deleted_if_the_workspace_owns_it(owner, is_deleted):
    live = Live("a", Thing(), version=1, owner=owner)
    address = make_resource("things", "a", Thing()).address
    assert list(diff("ws", {}, {address: live})) == ([Delete(address, live)] if is_deleted else [])


def test_maps_are_compared_key_by_key():
    desired = make_resource("things", "a", Thing(attributes={"site": "oslo", "house": "A"}))
    live = Live("a", Thing(attributes={"site": "bergen", "floor": "2"}), version=1, owner="ws")
    (change,) = diff("ws", {desired.address: desired}, {desired.address: live})
    assert change == Update(
        desired,
        live,
        (
            FieldChange("attributes.floor", "2", None),
            FieldChange("attributes.house", None, "A"),
            FieldChange("attributes.site", "bergen", "oslo"),
        ),
    )


class TestIgnoreChanges:
    """`ignore_changes`: fields that are left to others."""

    def test_an_ignored_field_is_not_a_difference(self):
        desired = make_resource(
            "things", "a", Thing(attributes={"fw": "1"}), ignore_changes=("attributes.fw",)
        )
        live = Live("a", Thing(attributes={"fw": "2"}), version=1, owner="ws")
        assert list(diff("ws", {desired.address: desired}, {desired.address: live})) == []

    def test_an_ownership_marker_is_never_ignored(self):
        desired = make_resource(
            "certificates", "a", Certificate(Pem("00"), policies=("p",)), ignore_changes=("policies",)
        )
        live = Live("00", Certificate(Pem("00"), policies=("by-hand", "reconciler-ws-retired")), owner="ws")
        (change,) = diff("ws", {desired.address: desired}, {desired.address: live})
        assert change.fields == (FieldChange("policies", ("by-hand", "reconciler-ws-retired"), ("by-hand",)),)

    def test_an_ignored_pem_is_not_compared(self):
        desired = make_resource("certificates", "a", Certificate(Pem("00")), ignore_changes=("pem",))
        live = Live("11", Certificate(Pem("11")), owner="ws")
        assert list(diff("ws", {desired.address: desired}, {desired.address: live})) == []

    @pytest.mark.parametrize("firmware", ["2", None])
    def test_an_update_of_another_field_keeps_an_ignored_value(self, firmware):
        cloud = Cloud()
        original = make_resource("things", "a", Thing(attributes={"fw": "1", "site": "oslo"}))
        converge(make_state(original), cloud)
        attributes = {"site": "oslo", **({"fw": firmware} if firmware else {})}
        cloud.iot.update_thing(thingName="a", attributePayload={"attributes": attributes, "merge": False})
        lifecycle = evolve(original.lifecycle, ignore_changes=("attributes.fw",))
        updated = replace(original, spec=Thing(attributes={"fw": "1", "site": "bergen"}), lifecycle=lifecycle)
        converge(make_state(updated), cloud)
        assert cloud.iot.describe_thing(thingName="a")["attributes"] == {**attributes, "site": "bergen"}
        assert plan_state(make_state(updated), cloud).steps == ()
