"""Unmanaged resources are listed in the notes of a plan, without further calls."""

from __future__ import annotations

from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from tests.support.desired_states import converge, make_managed_thing, make_resource, make_state, plan_state


def list_unmanaged_notes(desired, cloud):
    return [note.text for note in plan_state(desired, cloud).notes if note.level == "unmanaged"]


def format_unmanaged_note(kind, count, names, command=None):
    command = command or f"`reconciler adopt {kind}.NAME`"
    subject = f"{kind.replace('_', ' ')} in the account, not managed by this workspace ({count})"
    return f"{subject}: {names}; to import one, run {command}"


def test_a_note_names_the_first_unmanaged_things_and_counts_the_others(cloud):
    for number in range(5):
        cloud.iot.create_thing(thingName=f"hand-{number}")
    desired = make_state(make_resource("things", "a", Thing()))
    expected = [format_unmanaged_note("things", 5, "hand-0, hand-1, hand-2 and 2 more")]
    assert list_unmanaged_notes(desired, cloud) == expected
    converge(desired, cloud)
    assert list_unmanaged_notes(desired, cloud) == expected


def test_notes_name_only_kinds_in_the_file_and_no_ownership_markers(cloud):
    cloud.iot.create_thing(thingName="hand")
    converge(make_state(make_resource("things", "b", Thing()), workspace="other"), cloud)
    assert list_unmanaged_notes(make_state(make_managed_thing("m")), cloud) == []
    assert list_unmanaged_notes(make_state(make_resource("thing_groups", "g", ThingGroup())), cloud) == []


def test_static_and_dynamic_groups_are_listed_together(cloud):
    cloud.iot.create_thing_group(thingGroupName="hand")
    dynamic_group = make_resource("dynamic_thing_groups", "d", DynamicThingGroup("thingName:a"))
    converge(make_state(dynamic_group), cloud)
    assert list_unmanaged_notes(make_state(dynamic_group), cloud) == [
        format_unmanaged_note(
            "thing_groups",
            1,
            "hand",
            "`reconciler adopt thing_groups.NAME` or `reconciler adopt dynamic_thing_groups.NAME`",
        )
    ]


def test_a_note_on_resources_with_ids_assigned_by_aws_advises_declaring_them(cloud):
    managed_thing_id = cloud.managed_integrations.create_managed_thing(
        Role="DEVICE", AuthenticationMaterial="hand", AuthenticationMaterialType="ZWAVE_QR_BAR_CODE"
    )["Id"]
    assert list_unmanaged_notes(make_state(make_managed_thing("m")), cloud) == [
        (
            f"managed things in the account, not managed by this workspace (1): {managed_thing_id}; to import one, "
            "declare it and run `reconciler plan`, which shows whether it needs --adopt"
        )
    ]


def test_listing_unmanaged_resources_needs_no_extra_calls(cloud):
    desired = make_state(make_resource("things", "a", Thing()))
    converge(desired, cloud)
    request_count_before = cloud.request_count
    plan_state(desired, cloud)
    request_count = cloud.request_count - request_count_before
    for number in range(5):
        cloud.iot.create_thing(thingName=f"hand-{number}")
    request_count_before = cloud.request_count
    plan_state(desired, cloud)
    assert cloud.request_count - request_count_before == request_count
