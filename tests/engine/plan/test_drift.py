"""Drift: differences between the registry and the file, found with read calls only."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.engine.plan.drift import DriftedField, DriftedResource, find_drift
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.certificate_spec import Rotation
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.kinds.things import Thing
from reconciler.model.address import ACCOUNT, Address
from reconciler.model.errors import AwsError, PlanRejectedError
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.direct_client import EMPTY_POLICY
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


def has_changes(desired, cloud):
    try:
        return bool(plan_state(desired, cloud))
    except PlanRejectedError:  # which has changes, too
        return True


def make_fleet(**attributes):
    return make_state(make_ca(), *make_device("a", **attributes), *make_device("b"))


def test_a_fleet_has_no_drift_right_after_an_apply(cloud):
    converge(make_fleet(site="oslo"), cloud)
    result = detect_drift(make_fleet(site="oslo"), cloud)
    assert (bool(result), result.items, result.unchanged) == (False, (), 5)


def test_orphans_that_are_kept_without_pruning_are_named_but_not_drift(cloud):
    converge(make_fleet(), cloud)
    result = detect_drift(make_state(prune="never"), cloud)
    assert (result.items, plan_state(make_state(prune="never"), cloud).steps) == ((), ())
    addresses = ["ca_certificates.alpha", "certificates.a", "certificates.b", "things.a", "things.b"]
    assert [str(address).partition(":")[0] for address in result.kept_orphans] == addresses
    assert result.unmanaged == ()


def test_a_rotation_in_its_grace_period_has_no_drift(cloud):
    for generation in (1, 2):
        certificate, thing = make_device("a", generation)
        certificate = replace(certificate, spec=evolve(certificate.spec, rotation=Rotation("7d")))
        fleet = make_state(make_ca(), certificate, thing)
        converge(fleet, cloud)
    assert len(cloud.iot.list_certificates()["certificates"]) == 2
    result = detect_drift(fleet, cloud)
    assert (result.items, result.unmanaged) == ((), ())


def test_ignored_fields_do_not_drift(cloud):
    desired = make_state(make_resource("things", "a", Thing(), ignore_changes=("attributes",)))
    converge(desired, cloud)
    cloud.iot.update_thing(thingName="a", attributePayload={"attributes": {"site": "bergen"}})
    assert detect_drift(desired, cloud).items == ()


def test_a_marker_that_a_plan_would_create_again_is_drift(cloud):
    converge(make_fleet(), cloud)
    cloud.iot.delete_policy(policyName="reconciler-ws-retired")
    assert list(map(str, [step.address for step in plan_state(make_fleet(), cloud).steps])) == [
        "policies.reconciler-ws-retired"
    ]
    assert [(item.direction, str(item.address)) for item in detect_drift(make_fleet(), cloud).items] == [
        ("missing", "policies.reconciler-ws-retired")
    ]


def test_a_file_with_only_a_workspace_lists_everything_that_can_be_imported(cloud):
    for number in range(260):
        cloud.iot.create_thing(thingName=f"sensor-{number:03}")
    cloud.iot.create_policy(policyName="hand", policyDocument=EMPTY_POLICY)
    certificate_id = cloud.iot.create_keys_and_certificate(setAsActive=True)["certificateId"]
    result = detect_drift(make_state(), cloud)
    assert result.items == ()
    assert {resources.tables: (resources.ids, resources.is_complete) for resources in result.unmanaged} == {
        ("certificates",): ((certificate_id,), True),
        ("policies",): (("hand",), True),
        ("things",): (tuple(f"sensor-{number:03}" for number in range(260)), True),
    }
    assert [note.split(":")[0] for note in result.notes][:-1] == [
        "policies in the account, not managed by this workspace (1)",
        "device certificates in the account, not managed by this workspace (1)",
        "things in the account, not managed by this workspace (260)",
    ]


def test_a_listing_that_the_file_does_not_need_costs_pages_only(cloud):
    for number in range(3):
        cloud.iot.create_thing(thingName=f"sensor-{number}")
    operations: list[str] = []
    detect_drift(make_state(), cloud, operations=operations)
    # The only other reads are those of the markers, which name the owners of the account's settings.
    markers = [table for table in all_kinds() if table.startswith(f"{ACCOUNT}.")]
    others = [operation for operation in operations if not operation.startswith("List")]
    assert others == ["DescribeThingGroup"] * len(markers)
    assert operations.count("ListThings") == 1


def test_a_listing_without_permission_adds_a_note(cloud):
    def call(request):
        if request.operation == "ListThings":
            raise AwsError(service="iot", operation="ListThings", code="AccessDeniedException", message="no")
        return cloud.call(request)

    result = find_drift(make_state(), target=TARGET, call=call, progress=lambda *_: None)
    assert (result.items, result.unlisted) == (
        (),
        ("things: iot:ListThings failed with AccessDeniedException: no",),
    )


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


@examples(8)
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
    assert planned_addresses == {item.address for item in items} - list_reserved_addresses("ws")


@examples(8)
@given(before=desired_states(), after=desired_states(), prune=st.sampled_from(["owned", "never"]))
def test_drift_is_empty_exactly_if_the_plan_is(cloud, before, after, prune):
    after = evolve(after, settings=evolve(after.settings, prune=prune))
    converge(before, cloud.reset())
    assert bool(detect_drift(after, cloud)) == has_changes(after, cloud)
    assert (detect_drift(before, cloud).items, plan_state(before, cloud).steps) == ((), ())
