"""Managed things in full: what is sent, what is compared, and which live one a table of the file means."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.shared.managed_setup_code import (
    RememberedText,
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
from tests.support.desired_states import converge, managed, plan_of, resource, run, state
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    calls_of,
    change_to,
    create_calls,
    effective,
    managed_integrations,
    plan_context,
    plan_errors,
    read,
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
FULL = {
    "role": "CONTROLLER",
    "serial_number": "SN-1",
    "capability_report": REPORT,
    "capability_schemas": (SCHEMA,),
    "wi_fi_simple_setup_configuration": WiFiSimpleSetup(
        enable_as_provisioner=True, enable_as_provisionee=False, timeout_in_minutes=5
    ),
    "hub_network_mode": "STANDARD",
}
SENT = {
    "Name": "a",
    "SerialNumber": "SN-1",
    "WiFiSimpleSetupConfiguration": {
        "EnableAsProvisioner": True,
        "EnableAsProvisionee": False,
        "TimeoutInMinutes": 5,
    },
    "MetaData": {"reconciler:address": "managed_things.a"},
}


def live(wanted, owner: str | None = "ws", candidates: tuple[str, ...] = (), **changes: object) -> Live:
    return Live(
        "M1",
        evolve(effective(wanted).spec, **changes),
        owner=owner,
        arn=ARN,
        tags=OWNERSHIP_TAGS if owner else {},
        declared_name="a",
        facts=ManagedThingFacts(candidates),
    )


def test_a_new_one_is_created_and_what_only_an_update_takes_is_sent_after():
    born, after = create_calls(effective(managed("a", **FULL)))
    tags = resolve(born.params["Tags"], {})
    assert {key: value for key, value in born.params.items() if key not in ("ClientToken", "Tags")} == {
        "Role": "CONTROLLER",
        "AuthenticationMaterial": Secret("env a", "90001"),
        "AuthenticationMaterialType": "ZWAVE_QR_BAR_CODE",
        **SENT,
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
    assert after == managed_integrations(
        "UpdateManagedThing",
        Identifier=Ref(Address("managed_things", "a"), "Id"),
        HubNetworkMode="STANDARD",
        **SENT,
    )


def test_what_the_file_says_comes_back_and_what_it_does_not_say_is_not_compared():
    wanted = managed("a", **FULL)
    cloud = Cloud()
    converge(state(wanted), cloud)
    (item,) = cloud.managed.list_managed_things()["Items"]
    cloud.managed.update_managed_thing(Identifier=item["Id"], Brand="Acme", Classification="Hub")
    assert plan_of(state(wanted), cloud).steps == ()


def test_json_that_means_the_same_is_no_change():
    spaced = Document.parse('{ "endpoints" : [], "version": "1.0.0" }')
    found = change_to(managed("a", capability_report=spaced), live(managed("a", capability_report=REPORT)))
    assert found.fields == ()


def test_what_a_device_may_have_refined_is_sent_only_when_the_file_changes_it():
    after = managed("a", brand="Apex", capability_report=REPORT)
    found = change_to(after, live(managed("a", brand="Acme", capability_report=REPORT)))
    assert "CapabilityReport" not in calls_of(found)[0].params


@pytest.mark.parametrize("name", sorted(FULL.keys() - {"role"}))
def test_what_the_file_said_and_no_longer_says_takes_a_replacement(name):
    without = {key: value for key, value in FULL.items() if key != name}
    assert isinstance(change_to(managed("a", **without), live(managed("a", **FULL))), Replace)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("WIFI_SETUP_QR_BAR_CODE", "SN:1;UPC:123456789012", "SN:1"),
        ("WIFI_SETUP_QR_BAR_CODE", "SN:1;EAN:12345678;", "SN:1;UPC:1;"),
        ("ZWAVE_QR_BAR_CODE", "900132", "89001"),
        ("ZIGBEE_QR_BAR_CODE", "Z:AB$I:CD", "I:CD"),
    ],
)
def test_a_setup_code_has_the_form_of_its_type_and_is_never_told(kind, good, bad):
    assert list(find_setup_code_errors(Secret("env QR", good), kind)) == []
    (told,) = find_setup_code_errors(Secret("env QR", bad), kind)
    assert told.startswith(f"authentication_material (from env QR) is not a valid {kind}; expected ")
    assert bad not in told


def test_a_code_of_a_type_whose_form_nobody_documents_is_not_checked():
    assert list(find_setup_code_errors(Secret("env QR", "anything"), "DISCOVERED_DEVICE")) == []


def test_a_wi_fi_code_tells_its_serial_number():
    code = Secret("env QR", "SN:AB-7;UPC:123456789012;")
    assert parse_serial_number(code, "WIFI_SETUP_QR_BAR_CODE") == "AB-7"


def unmarked(identity: str, **members: str):
    return {"Id": identity, "Arn": ARN, "Role": "DEVICE", "Tags": {"line": "A"}, **members}


def reading(*there, wanted):
    found = {answer["Id"]: answer for answer in there}
    answers = {
        "ListManagedThings": {"Items": [{"Id": identity} for identity in found]},
        "GetManagedThing": lambda asked: found[asked["Identifier"]],
    }
    return {live.identity: live for live in read("managed_things", answers, wanted)[0]}


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (
            [
                {**unmarked("M0", Name="a", SerialNumber="SN-1"), "Tags": {**OWNERSHIP_TAGS}},
                unmarked("M1", SerialNumber="SN-1"),
            ],
            {"M0": ()},
        ),
        (
            [unmarked("M1", SerialNumber="SN-1"), unmarked("M2", Name="a")],
            {"M1": ("M1 (SerialNumber SN-1)",)},
        ),
        ([unmarked("M2", Name="a")], {"M2": ("M2 (Name a)",)}),
        ([unmarked("M2", Name="a", SerialNumber="SN-2")], {}),
        ([unmarked("M2", Name="other")], {}),
        (
            [unmarked("M1", Name="a"), unmarked("M2", Name="a")],
            {"M1": ("M1 (Name a)", "M2 (Name a)")},
        ),
    ],
    ids=[
        "by the tag",
        "then by the serial number",
        "then by the name",
        "not by the name of another device",
        "not at all",
        "two by the name",
    ],
)
def test_which_live_one_is_meant_is_found_in_this_order(there, expected):
    found = reading(*there, wanted=managed("a", serial_number="SN-1"))
    assert {identity: live.facts.candidates for identity, live in found.items()} == expected


def test_one_without_marks_is_taken_over_in_place_by_adoption_only():
    cloud, wanted = Cloud(), managed("a", serial_number="SN-1", brand="Acme")
    cloud.managed.create_managed_thing(
        Role="DEVICE",
        AuthenticationMaterial="90001",
        AuthenticationMaterialType="ZWAVE_QR_BAR_CODE",
        SerialNumber="SN-1",
    )
    with pytest.raises(PlanRejectedError, match=r"adopt it with --adopt managed_things\.a"):
        plan_of(state(wanted), cloud)
    plan = plan_of(state(wanted), cloud, adopt=[wanted.address])
    assert [type(step.change) for step in plan.steps] == [Update, Create]  # the workspace's group
    run(plan, cloud)
    assert plan_of(state(wanted), cloud).steps == ()
    assert len(cloud.content()["managed_things"]) == 1


def test_of_several_none_is_taken_and_all_are_told():
    wanted = managed("a")
    there = live(wanted, None, ("M1 (Name a)", "M2 (Name a)"), authentication_material=NOT_COMPARED)
    found = change_to(wanted, there)
    assert plan_errors(found, plan_context(wanted)) == [
        "several unmanaged things match (M1 (Name a); M2 (Name a)); set serial_number to one of theirs"
    ]


def gone(identity: str):
    return [
        managed_integrations("DeleteManagedThing", ignored_errors=NOT_FOUND, Identifier=identity),
        managed_integrations("GetManagedThing", repeat_until=NOT_FOUND, Identifier=identity),
    ]


def test_the_devices_of_a_hub_go_before_it():
    hub, device = managed("a", role="CONTROLLER"), managed("b", "90002")
    there = live(hub)
    there = evolve(there, facts=ManagedThingFacts(controls=("M2",)))
    going = Delete(Address("managed_things", "a"), there)
    child = Delete(Address("managed_things", "b"), evolve(live(device), identity="M2"))
    assert plan_errors(going, plan_context(changes=[going, child])) == []
    assert calls_of(going) == [*gone("M2"), *gone("M1")]


def test_a_hub_whose_devices_stay_is_not_deleted():
    there = live(managed("a", role="CONTROLLER"))
    going = Delete(
        Address("managed_things", "a"), evolve(there, facts=ManagedThingFacts(controls=("M2", "M3")))
    )
    assert plan_errors(going) == ["cannot delete the hub: it still controls M2, M3; delete these first"]


def test_which_devices_a_hub_controls_is_read():
    found = reading(
        {**unmarked("M1", Name="a"), "Tags": OWNERSHIP_TAGS},
        unmarked("M2", ParentControllerId="M1"),
        wanted=managed("a"),
    )
    assert found["M1"].facts.controls == ("M2",)


def test_capabilities_are_remembered_by_their_hash():
    assert RememberedText.of((SCHEMA, REPORT)).digest != RememberedText.of((REPORT, SCHEMA)).digest
    assert json.loads(RememberedText.of((SCHEMA, REPORT)).text or "") == [SCHEMA.value, REPORT.value]


def test_without_its_setup_code_nothing_is_registered():
    spec = ManagedThing("DEVICE", Secret("env QR"), "ZWAVE_QR_BAR_CODE")
    assert plan_errors(Create(resource("managed_things", "a", spec))) == [
        "authentication_material (from env QR) is not set"
    ]
