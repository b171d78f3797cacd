"""Managed things: calls, comparison, and finding the live thing of a declared one."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.shared.managed_setup_code import (
    HashedText,
    find_setup_code_errors,
    parse_serial_number,
)
from reconciler.kinds.shared.managed_thing_spec import ManagedThingFacts, WiFiSimpleSetup
from reconciler.model.address import Address
from reconciler.model.call import Ref, resolve
from reconciler.model.change import Create, Delete, Replace, Update
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import NOT_COMPARED, Live
from reconciler.model.secret import Secret
from tests.support.desired_states import (
    apply,
    converge,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    compute_effective_resource,
    list_calls,
    list_create_calls,
    list_plan_errors,
    make_change,
    make_managed_integrations_call,
    make_plan_context,
    read_kind,
)
from tests.support.registry_client import Cloud

ARN = "arn:aws:iotmanagedintegrations:eu-west-1:123456789012:managed-thing/M1"
REPORT = Document.from_value({"version": "1.0.0", "endpoints": []})
SCHEMA = Document.from_value(
    {
        "Format": "AWS",
        "CapabilityId": "aws.OnOff@1.0",
        "ExtrinsicId": "0x0006",
        "ExtrinsicVersion": 1,
        "Schema": {"type": "object"},
    }
)
FULL_FIELDS = {
    "role": "CONTROLLER",
    "serial_number": "SN-1",
    "capability_report": REPORT,
    "capability_schemas": (SCHEMA,),
    "wi_fi_simple_setup_configuration": WiFiSimpleSetup(
        enable_as_provisioner=True, enable_as_provisionee=False, timeout_in_minutes=5
    ),
    "hub_network_mode": "STANDARD",
}
COMMON_PARAMS = {
    "Name": "a",
    "SerialNumber": "SN-1",
    "WiFiSimpleSetupConfiguration": {
        "EnableAsProvisioner": True,
        "EnableAsProvisionee": False,
        "TimeoutInMinutes": 5,
    },
    "MetaData": {"reconciler:address": "managed_things.a"},
}
"""Parameters that both the creation and the update of a thing with `FULL_FIELDS` have."""


def make_live(desired, owner: str | None = "ws", candidates: tuple[str, ...] = (), **changes: object) -> Live:
    """Return the live managed thing of a declared one; `changes` replace fields of its spec."""
    return Live(
        "M1",
        evolve(compute_effective_resource(desired).spec, **changes),
        owner=owner,
        arn=ARN,
        tags=OWNERSHIP_TAGS if owner else {},
        declared_name="a",
        facts=ManagedThingFacts(candidates=candidates),
    )


def test_fields_that_creation_does_not_accept_are_sent_in_an_update_after_it():
    create, update = list_create_calls(compute_effective_resource(make_managed_thing("a", **FULL_FIELDS)))
    tags = resolve(create.params["Tags"], {})
    assert {key: value for key, value in create.params.items() if key not in ("ClientToken", "Tags")} == {
        "Role": "CONTROLLER",
        "AuthenticationMaterial": Secret("env a", "90001"),
        "AuthenticationMaterialType": "ZWAVE_QR_BAR_CODE",
        **COMMON_PARAMS,
        "CapabilityReport": REPORT.value,
        "CapabilitySchemas": [SCHEMA.value],
    }
    assert tags.keys() == {
        *OWNERSHIP_TAGS,
        "reconciler:material",
        "reconciler:type",
        "reconciler:fields",
        "reconciler:capability-report",
        "reconciler:capability-schemas",
    }
    assert update == make_managed_integrations_call(
        "UpdateManagedThing",
        Identifier=Ref(Address("managed_things", "a"), "Id"),
        HubNetworkMode="STANDARD",
        **COMMON_PARAMS,
    )


def test_fields_that_the_file_never_set_are_not_compared():
    desired = make_managed_thing("a", **FULL_FIELDS)
    cloud = Cloud()
    converge(make_state(desired), cloud)
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    cloud.managed_integrations.update_managed_thing(Identifier=item["Id"], Brand="Acme", Classification="Hub")
    assert plan_state(make_state(desired), cloud).steps == ()


def test_white_space_and_the_order_of_keys_in_json_are_not_a_change():
    spaced_report = Document.parse('{ "endpoints" : [], "version": "1.0.0" }')
    change = make_change(
        make_managed_thing("a", capability_report=spaced_report),
        make_live(make_managed_thing("a", capability_report=REPORT)),
    )
    assert change.fields == ()


def test_capabilities_are_sent_only_when_the_file_changes_them():
    after = make_managed_thing("a", brand="Apex", capability_report=REPORT)
    change = make_change(after, make_live(make_managed_thing("a", brand="Acme", capability_report=REPORT)))
    assert "CapabilityReport" not in list_calls(change)[0].params


@pytest.mark.parametrize("name", sorted(FULL_FIELDS.keys() - {"role"}))
def test_removing_an_optional_field_forces_a_replacement(name):
    remaining_fields = {key: value for key, value in FULL_FIELDS.items() if key != name}
    assert isinstance(
        make_change(
            make_managed_thing("a", **remaining_fields), make_live(make_managed_thing("a", **FULL_FIELDS))
        ),
        Replace,
    )


@pytest.mark.parametrize(
    ("material_type", "valid", "invalid"),
    [
        ("WIFI_SETUP_QR_BAR_CODE", "SN:1;UPC:123456789012", "SN:1"),
        ("WIFI_SETUP_QR_BAR_CODE", "SN:1;EAN:12345678;", "SN:1;UPC:1;"),
        ("ZWAVE_QR_BAR_CODE", "900132", "89001"),
        ("ZIGBEE_QR_BAR_CODE", "Z:AB$I:CD", "I:CD"),
    ],
)
def test_an_invalid_setup_code_is_reported_without_its_value(material_type, valid, invalid):
    assert list(find_setup_code_errors(Secret("env QR", valid), material_type)) == []
    (error,) = find_setup_code_errors(Secret("env QR", invalid), material_type)
    assert error.startswith(
        f"authentication_material (from env QR) is not a valid {material_type}; expected "
    )
    assert invalid not in error


def test_a_setup_code_of_an_undocumented_type_is_not_checked():
    assert list(find_setup_code_errors(Secret("env QR", "anything"), "DISCOVERED_DEVICE")) == []


def test_the_serial_number_is_parsed_from_a_wifi_setup_code():
    code = Secret("env QR", "SN:AB-7;UPC:123456789012;")
    assert parse_serial_number(code, "WIFI_SETUP_QR_BAR_CODE") == "AB-7"


def make_thing_response(identity: str, **members: str):
    """Return GetManagedThing's response for a managed thing that no workspace manages."""
    return {"Id": identity, "Arn": ARN, "Role": "DEVICE", "Tags": {"line": "A"}, **members}


def read_by_id(*things, desired):
    """Return the live managed things that are read for a desired one, by ID."""
    things_by_id = {thing["Id"]: thing for thing in things}
    responses = {
        "ListManagedThings": {"Items": [{"Id": identity} for identity in things_by_id]},
        "GetManagedThing": lambda params: things_by_id[params["Identifier"]],
    }
    return {live.identity: live for live in read_kind("managed_things", responses, desired)[0]}


@pytest.mark.parametrize(
    ("things", "expected_candidates"),
    [
        (
            [
                {**make_thing_response("M0", Name="a", SerialNumber="SN-1"), "Tags": {**OWNERSHIP_TAGS}},
                make_thing_response("M1", SerialNumber="SN-1"),
            ],
            {"M0": ()},
        ),
        (
            [make_thing_response("M1", SerialNumber="SN-1"), make_thing_response("M2", Name="a")],
            {"M1": ("M1 (SerialNumber SN-1)",)},
        ),
        ([make_thing_response("M2", Name="a")], {"M2": ("M2 (Name a)",)}),
        ([make_thing_response("M2", Name="a", SerialNumber="SN-2")], {}),
        ([make_thing_response("M2", Name="other")], {}),
        (
            [make_thing_response("M1", Name="a"), make_thing_response("M2", Name="a")],
            {"M1": ("M1 (Name a)", "M2 (Name a)")},
        ),
    ],
    ids=[
        "by the tag",
        "by the serial number",
        "by the name",
        "not by the name if the serial numbers differ",
        "no match",
        "two of the same name",
    ],
)
def test_a_managed_thing_is_found_by_tag_then_serial_number_then_name(things, expected_candidates):
    live_resources = read_by_id(*things, desired=make_managed_thing("a", serial_number="SN-1"))
    assert {
        identity: live.facts.candidates for identity, live in live_resources.items()
    } == expected_candidates


def test_an_unmanaged_thing_is_imported_in_place_only_with_adopt():
    cloud, desired = Cloud(), make_managed_thing("a", serial_number="SN-1", brand="Acme")
    cloud.managed_integrations.create_managed_thing(
        Role="DEVICE",
        AuthenticationMaterial="90001",
        AuthenticationMaterialType="ZWAVE_QR_BAR_CODE",
        SerialNumber="SN-1",
    )
    with pytest.raises(PlanRejectedError, match=r"import it with --adopt managed_things\.a"):
        plan_state(make_state(desired), cloud)
    plan = plan_state(make_state(desired), cloud, adopt=[desired.address])
    # The managed thing is updated, and the workspace's group is created.
    assert [type(step.change) for step in plan.steps] == [Update, Create]
    apply(plan, cloud)
    assert plan_state(make_state(desired), cloud).steps == ()
    assert len(cloud.read_content()["managed_things"]) == 1


def test_an_ambiguous_import_is_rejected_with_all_candidates():
    desired = make_managed_thing("a")
    candidate = make_live(
        desired,
        owner=None,
        candidates=("M1 (Name a)", "M2 (Name a)"),
        authentication_material=NOT_COMPARED,
    )
    change = make_change(desired, candidate)
    assert list_plan_errors(change, make_plan_context(desired)) == [
        (
            "several managed things that no workspace manages match (M1 (Name a); M2 (Name a)); "
            "set serial_number to that of one of them"
        )
    ]


def make_delete_calls(identity: str):
    return [
        make_managed_integrations_call("DeleteManagedThing", ignored_errors=NOT_FOUND, Identifier=identity),
        make_managed_integrations_call("GetManagedThing", repeat_until=NOT_FOUND, Identifier=identity),
    ]


def test_the_devices_of_a_hub_are_deleted_before_the_hub():
    hub, device = make_managed_thing("a", role="CONTROLLER"), make_managed_thing("b", "90002")
    live_hub = evolve(make_live(hub), facts=ManagedThingFacts(controls=("M2",)))
    deletion = Delete(Address("managed_things", "a"), live_hub)
    device_deletion = Delete(Address("managed_things", "b"), evolve(make_live(device), identity="M2"))
    assert list_plan_errors(deletion, make_plan_context(changes=[deletion, device_deletion])) == []
    assert list_calls(deletion) == [*make_delete_calls("M2"), *make_delete_calls("M1")]


def test_deleting_a_hub_without_its_devices_is_rejected():
    hub = make_live(make_managed_thing("a", role="CONTROLLER"))
    deletion = Delete(
        Address("managed_things", "a"), evolve(hub, facts=ManagedThingFacts(controls=("M2", "M3")))
    )
    assert list_plan_errors(deletion) == [
        "cannot delete the hub: it still controls M2, M3; delete these first"
    ]


def test_the_devices_that_a_hub_controls_are_read():
    live_resources = read_by_id(
        {**make_thing_response("M1", Name="a"), "Tags": OWNERSHIP_TAGS},
        make_thing_response("M2", ParentControllerId="M1"),
        desired=make_managed_thing("a"),
    )
    assert live_resources["M1"].facts.controls == ("M2",)


def test_hashed_capabilities_keep_their_text_and_their_hash_depends_on_the_order():
    assert HashedText.from_value((SCHEMA, REPORT)).digest != HashedText.from_value((REPORT, SCHEMA)).digest
    assert json.loads(HashedText.from_value((SCHEMA, REPORT)).text or "") == [SCHEMA.value, REPORT.value]


def test_a_creation_without_its_setup_code_is_rejected():
    spec = ManagedThing(
        role="DEVICE",
        authentication_material=Secret("env QR"),
        authentication_material_type="ZWAVE_QR_BAR_CODE",
    )
    assert list_plan_errors(Create(make_resource("managed_things", "a", spec))) == [
        "authentication_material is not set; set env QR"
    ]
