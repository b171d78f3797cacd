"""Unmanaged resources are listed with a plan: in full as values, and in short in its notes."""

from __future__ import annotations

import pytest

from reconciler.engine.plan import refresh
from reconciler.engine.plan.refresh import read_unmanaged
from reconciler.kinds import all_kinds
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.plan import UnmanagedResources
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


def test_kinds_that_the_file_does_not_use_share_a_note_without_ownership_markers(cloud):
    cloud.iot.create_thing(thingName="hand")
    cloud.iot.create_billing_group(billingGroupName="hand")
    converge(make_state(make_resource("things", "b", Thing()), workspace="other"), cloud)
    note = (
        "of other kinds in the account, not managed by this workspace: 1 billing group, 2 things; "
        "`reconciler drift --format json` lists them, and `reconciler adopt KIND` imports those of one kind"
    )
    assert list_unmanaged_notes(make_state(make_managed_thing("m")), cloud) == [note]


def test_a_plan_lists_a_limited_number_of_a_kind_that_the_file_does_not_use(cloud, monkeypatch):
    monkeypatch.setattr(refresh, "_MAX_LISTED_BY_PLANS", 3)
    for number in range(4):
        cloud.iot.create_thing(thingName=f"sensor-{number}")
    (things,) = plan_state(make_state(), cloud).unmanaged
    assert things == UnmanagedResources(
        tables=("things",), ids=("sensor-0", "sensor-1", "sensor-2"), is_complete=False
    )
    note, _ = list_unmanaged_notes(make_state(), cloud)
    assert note.startswith("things in the account, not managed by this workspace (at least 3): sensor-0")


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
            "declare it, because AWS does not return its authentication_material, and run `reconciler plan`, which shows "
            "whether it needs --adopt"
        )
    ]


def test_a_note_on_cloud_connectors_advises_importing_them_by_their_ids(cloud):
    connector_id = cloud.managed_integrations.create_cloud_connector(
        Name="acme",
        EndpointType="LAMBDA",
        EndpointConfig={"lambda": {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:acme"}},
    )["Id"]
    note, _ = list_unmanaged_notes(make_state(), cloud)
    assert note == (
        f"cloud connectors in the account, not managed by this workspace (1): {connector_id}; to import one, "
        "run `reconciler adopt cloud_connectors.ID`"
    )


def test_a_note_on_other_kinds_names_those_that_no_import_can_describe(cloud):
    cloud.managed_integrations.create_managed_thing(
        Role="DEVICE", AuthenticationMaterial="hand", AuthenticationMaterialType="ZWAVE_QR_BAR_CODE"
    )
    desired = make_state(make_resource("things", "a", Thing()))
    subject = "of other kinds in the account, not managed by this workspace: 1 managed thing"
    assert list_unmanaged_notes(desired, cloud) == [
        f"{subject}; `reconciler drift --format json` lists them; to import one, declare it and run `reconciler plan`"
    ]
    cloud.iot.create_billing_group(billingGroupName="hand")
    (note,) = list_unmanaged_notes(desired, cloud)
    assert note.partition("; ")[2] == (
        "`reconciler drift --format json` lists them, and `reconciler adopt KIND` imports those of one kind, "
        "except managed things, which have to be declared"
    )


def test_a_note_on_certificates_advises_importing_them_by_their_ids(cloud):
    certificate_id = cloud.iot.create_keys_and_certificate()["certificateId"]
    note, advice_for_all = list_unmanaged_notes(make_state(), cloud)
    assert advice_for_all == (
        "run `reconciler adopt --all` to import everything, or `reconciler export` to write its tables first"
    )
    assert note == (
        f"device certificates in the account, not managed by this workspace (1): {certificate_id}; to import one, "
        "run `reconciler adopt certificates.ID`"
    )


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


@pytest.mark.parametrize("table", [table for table, kind in all_kinds().items() if kind.listing])
@pytest.mark.parametrize("name", ["hand", "0" * 64, "no/such: name"])
def test_a_name_of_no_resource_finds_none_in_any_kind(cloud, table, name):
    assert read_unmanaged(make_state(), Address(table, name), cloud.call) is None


def test_an_unmanaged_resource_is_found_by_its_name_or_id(cloud):
    cloud.iot.create_thing(thingName="rogue-2", attributePayload={"attributes": {"site": "oslo"}})
    certificate_id = cloud.iot.create_keys_and_certificate()["certificateId"]
    thing = read_unmanaged(make_state(), Address("things", "rogue-2"), cloud.call)
    certificate = read_unmanaged(make_state(), Address("certificates", certificate_id), cloud.call)
    assert (thing.owner, thing.spec.attributes) == (None, {"site": "oslo"})
    assert (certificate.owner, certificate.spec.status) == (None, "INACTIVE")
