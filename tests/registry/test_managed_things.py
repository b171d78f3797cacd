"""Managed things of managed integrations."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iotmanagedintegrations:eu-west-1:{ACCOUNT}:managed-thing/"
WIFI = "WIFI_SETUP_QR_BAR_CODE"
CONFLICT = ("ConflictException", 409)
MISSING = ("ResourceNotFoundException", 404)


def build_device_params(serial="0007", **extra):
    return {
        "Role": "DEVICE",
        "AuthenticationMaterial": f"SN:{serial};UPC:012345678905;",
        "AuthenticationMaterialType": WIFI,
        **extra,
    }


REPORT = {
    "version": "1.0.0",
    "nodeId": "1",
    "endpoints": [
        {
            "id": "1",
            "deviceTypes": ["Light"],
            "capabilities": [
                {
                    "id": "aws.OnOff@1.0",
                    "name": "OnOff",
                    "version": "1",
                    "properties": ["OnOff"],
                    "actions": ["Toggle"],
                    "events": [],
                }
            ],
        }
    ],
}
OPTIONAL_MEMBERS = {
    "Owner": "greenhouse",
    "Brand": "Acme",
    "Model": "P 7",
    "Name": "Pümpe 7",
    "Classification": "pump",
    "MetaData": {"thing": "pump-7"},
    "WiFiSimpleSetupConfiguration": {"EnableAsProvisioner": True, "TimeoutInMinutes": 5},
}


@pytest.fixture
def optional_members(managed):
    """`OPTIONAL_MEMBERS` and the ID of an existing credential locker."""
    return {**OPTIONAL_MEMBERS, "CredentialLockerId": managed.create_credential_locker()["Id"]}


def get_ids(output):
    return [item["Id"] for item in output["Items"]]


def test_a_managed_thing_is_returned_without_authentication_material(managed, optional_members):
    """See test_28 in facts/test_provisioning.py: GetManagedThing never returns authentication material."""
    created = managed.create_managed_thing(
        **build_device_params(
            **optional_members, Tags={"line": "A"}, CapabilityReport=REPORT, Capabilities="{}"
        )
    )
    described = remove_metadata(managed.get_managed_thing(Identifier=created["Id"]))

    assert remove_metadata(created) == {
        "Id": created["Id"],
        "Arn": ARN + created["Id"],
        "CreatedAt": START_TIME,
    }
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert described == {
        **optional_members,
        "Id": created["Id"],
        "Arn": ARN + created["Id"],
        "Role": "DEVICE",
        "ProvisioningStatus": "PRE_ASSOCIATED",
        "SerialNumber": "0007",
        "UniversalProductCode": "012345678905",
        "CreatedAt": START_TIME,
        "UpdatedAt": START_TIME,
        "Tags": {"line": "A"},
    }


def test_authentication_material_is_not_stored_in_readable_form(
    tmp_path, current_registry, registry, managed, settings
):
    file = tmp_path / "registry.db"
    registry_with_file = current_registry.registry = type(registry)(file, settings)
    managed.create_managed_thing(
        **build_device_params(
            AuthenticationMaterialType="ZWAVE_QR_BAR_CODE", AuthenticationMaterial="90013278200312345"
        )
    )
    registry_with_file.close()

    assert b"90013278200312345" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_metadata_and_capabilities_have_their_own_operations(managed, optional_members):
    created = managed.create_managed_thing(
        **build_device_params(**optional_members, CapabilityReport=REPORT, Capabilities="{}")
    )
    identifier = {"Identifier": created["Id"]}

    metadata = remove_metadata(managed.get_managed_thing_meta_data(**identifier))
    capabilities = remove_metadata(managed.get_managed_thing_capabilities(**identifier))

    assert metadata == {"ManagedThingId": created["Id"], "MetaData": {"thing": "pump-7"}}
    assert capabilities == {
        "ManagedThingId": created["Id"],
        "Capabilities": "{}",
        "CapabilityReport": REPORT,
    }


@pytest.mark.parametrize(
    ("material", "material_type", "expected"),
    [
        ("SN:1;UPC:012345678905", WIFI, {"SerialNumber": "1", "UniversalProductCode": "012345678905"}),
        (
            "SN:1;EAN:4006381333931;",
            WIFI,
            {"SerialNumber": "1", "InternationalArticleNumber": "4006381333931"},
        ),
        ("SN:1;UPC:12", WIFI, {"SerialNumber": "1"}),
        ("90013278", "ZWAVE_QR_BAR_CODE", {}),
        ("CLOUD:acme:lamp-3", "DISCOVERED_DEVICE", {"ConnectorDeviceId": "lamp-3"}),
    ],
)
def test_identifiers_are_parsed_from_the_material(managed, material, material_type, expected):
    created = managed.create_managed_thing(
        Role="DEVICE", AuthenticationMaterial=material, AuthenticationMaterialType=material_type
    )

    described = managed.get_managed_thing(Identifier=created["Id"])

    identifiers = ("SerialNumber", "UniversalProductCode", "InternationalArticleNumber", "ConnectorDeviceId")
    assert {name: described[name] for name in identifiers if name in described} == expected


def test_a_serial_number_takes_precedence_over_the_material(managed):
    created = managed.create_managed_thing(**build_device_params(SerialNumber="explicit"))

    assert managed.get_managed_thing(Identifier=created["Id"])["SerialNumber"] == "explicit"


@pytest.mark.parametrize(
    ("material_type", "material", "status"),
    [
        (WIFI, "SN:1;UPC:012345678905", "PRE_ASSOCIATED"),
        ("ZWAVE_QR_BAR_CODE", "90013278", "PRE_ASSOCIATED"),
        ("ZIGBEE_QR_BAR_CODE", "Z:1$I:2", "PRE_ASSOCIATED"),
        ("DISCOVERED_DEVICE", "abc", "DISCOVERED"),
        ("DISCOVERED_DEVICE", "CLOUD:acme:lamp", "UNASSOCIATED"),
        ("PRE_ONBOARDED_CLOUD", "abc", "UNASSOCIATED"),
    ],
)
def test_the_initial_status_depends_on_the_material(managed, material_type, material, status):
    created = managed.create_managed_thing(
        Role="CONTROLLER", AuthenticationMaterial=material, AuthenticationMaterialType=material_type
    )

    assert managed.get_managed_thing(Identifier=created["Id"])["ProvisioningStatus"] == status


def test_repeating_a_client_token_creates_no_second_managed_thing(managed, clock):
    """Tested over HTTP too, by test_29 in facts/test_provisioning.py."""
    first = remove_metadata(
        managed.create_managed_thing(**build_device_params(ClientToken="t-1", Tags={"a": "b"}))
    )
    clock.advance(100)
    repeated = remove_metadata(
        managed.create_managed_thing(**build_device_params(ClientToken="t-1", Tags={"a": "b"}))
    )

    assert repeated == first
    assert get_ids(managed.list_managed_things()) == [first["Id"]]
    changed = build_device_params(ClientToken="t-1", Tags={"a": "c"})
    assert catch_error(managed.create_managed_thing, **changed) == CONFLICT


def test_token_and_material_can_be_used_again_only_when_the_deletion_has_ended(managed, clock):
    first = managed.create_managed_thing(**build_device_params(ClientToken="t-1", Tags={"a": "b"}))
    managed.delete_managed_thing(Identifier=first["Id"])

    assert (
        catch_error(managed.create_managed_thing, **build_device_params(ClientToken="t-1", Tags={"a": "b"}))
        == CONFLICT
    )
    assert catch_error(managed.create_managed_thing, **build_device_params(ClientToken="t-2")) == CONFLICT
    clock.advance(60)  # the duration of a deletion
    second = managed.create_managed_thing(**build_device_params(ClientToken="t-1", Tags={"a": "b"}))
    assert second["Id"] != first["Id"]


def test_a_second_managed_thing_with_the_same_material_is_rejected(managed):
    managed.create_managed_thing(**build_device_params())

    assert catch_error(managed.create_managed_thing, **build_device_params(Name="another")) == CONFLICT
    managed.create_managed_thing(**build_device_params(serial="0008"))


def test_a_managed_thing_is_delete_in_progress_before_it_is_missing(managed, clock):
    """Tested over HTTP too, by test_30 in facts/test_provisioning.py."""
    identifier = {"Identifier": managed.create_managed_thing(**build_device_params(Tags={"a": "b"}))["Id"]}
    arn = ARN + identifier["Identifier"]
    deleted = managed.delete_managed_thing(**identifier)
    managed.delete_managed_thing(**identifier)

    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert managed.get_managed_thing(**identifier)["ProvisioningStatus"] == "DELETE_IN_PROGRESS"
    assert get_ids(managed.list_managed_things(ProvisioningStatusFilter="DELETE_IN_PROGRESS")) == list(
        identifier.values()
    )
    assert catch_error(managed.update_managed_thing, **identifier, Name="x") == CONFLICT
    clock.advance(60)
    for operation in (
        managed.get_managed_thing,
        managed.get_managed_thing_meta_data,
        managed.get_managed_thing_capabilities,
        managed.update_managed_thing,
        managed.delete_managed_thing,
    ):
        assert catch_error(operation, **identifier) == MISSING
    assert managed.list_managed_things()["Items"] == []
    assert catch_error(managed.list_tags_for_resource, ResourceArn=arn) == MISSING


def test_a_forced_deletion_is_immediate(managed):
    created = managed.create_managed_thing(**build_device_params())
    managed.delete_managed_thing(Identifier=created["Id"])
    managed.delete_managed_thing(Identifier=created["Id"], Force=True)

    assert catch_error(managed.get_managed_thing, Identifier=created["Id"]) == MISSING


def test_a_hub_with_children_can_only_be_deleted_by_force(managed, registry):
    hub = managed.create_managed_thing(**build_device_params(Role="CONTROLLER"))["Id"]
    child = managed.create_managed_thing(**build_device_params(serial="child"))["Id"]
    with registry._store.write() as tx:  # only a hub itself registers its children
        tx.run("UPDATE managed_things SET parent = ? WHERE id = ?", hub, child)

    assert get_ids(managed.list_managed_things(ParentControllerIdentifierFilter=hub)) == [child]
    assert managed.get_managed_thing(Identifier=child)["ParentControllerId"] == hub
    assert catch_error(managed.delete_managed_thing, Identifier=hub) == CONFLICT
    managed.delete_managed_thing(Identifier=hub, Force=True)
    assert get_ids(managed.list_managed_things()) == [child]


def test_an_update_changes_only_the_members_in_its_request(managed, optional_members, clock):
    created = managed.create_managed_thing(**build_device_params(**optional_members, CapabilityReport=REPORT))
    clock.advance(10)
    update = {
        "Name": "renamed",
        "HubNetworkMode": "STANDARD",
        "MetaData": {"other": "x"},
        "Capabilities": "{}",
    }
    updated = managed.update_managed_thing(Identifier=created["Id"], **update)

    described = remove_metadata(managed.get_managed_thing(Identifier=created["Id"]))
    capabilities = managed.get_managed_thing_capabilities(Identifier=created["Id"])

    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert described == {
        **optional_members,
        "Name": "renamed",
        "HubNetworkMode": "STANDARD",
        "MetaData": {"other": "x"},
        "Id": created["Id"],
        "Arn": created["Arn"],
        "Role": "DEVICE",
        "ProvisioningStatus": "PRE_ASSOCIATED",
        "SerialNumber": "0007",
        "UniversalProductCode": "012345678905",
        "CreatedAt": START_TIME,
        "UpdatedAt": datetime.fromtimestamp(START_SECONDS + 10, UTC),
    }
    assert (capabilities["Capabilities"], capabilities["CapabilityReport"]) == ("{}", REPORT)


def test_a_list_has_only_some_members_of_a_managed_thing(managed, optional_members):
    created = managed.create_managed_thing(**build_device_params(**optional_members))

    listed_members = {
        name: optional_members[name]
        for name in optional_members
        if name not in ("MetaData", "WiFiSimpleSetupConfiguration")
    }
    assert remove_metadata(managed.list_managed_things()) == {
        "Items": [
            {
                **listed_members,
                "Id": created["Id"],
                "Arn": created["Arn"],
                "Role": "DEVICE",
                "ProvisioningStatus": "PRE_ASSOCIATED",
                "SerialNumber": "0007",
                "CreatedAt": START_TIME,
                "UpdatedAt": START_TIME,
            }
        ]
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"OwnerFilter": "alice"}, {"a", "b"}),
        ({"CredentialLockerFilter": "the locker"}, {"b"}),
        ({"RoleFilter": "CONTROLLER"}, {"c"}),
        ({"SerialNumberFilter": "a"}, {"a"}),
        ({"SerialNumberFilter": "a", "OwnerFilter": "bob"}, set()),
        ({"ProvisioningStatusFilter": "PRE_ASSOCIATED"}, {"a", "b", "c"}),
        ({"ProvisioningStatusFilter": "UNASSOCIATED"}, {"d"}),
        ({"ConnectorDeviceIdFilter": "d"}, {"d"}),
        ({"ConnectorPolicyIdFilter": "p"}, set()),
        ({"ConnectorDestinationIdFilter": "p"}, set()),
        ({"ParentControllerIdentifierFilter": "p"}, set()),
        ({}, {"a", "b", "c", "d"}),
    ],
)
def test_managed_things_are_listed_by_each_filter(managed, filters, expected):
    names, locker = {}, managed.create_credential_locker()["Id"]
    # Parameters of the test cannot contain the locker's ID, which is random.
    filters = {name: locker if value == "the locker" else value for name, value in filters.items()}
    for name, params in {
        "a": build_device_params("a", Owner="alice"),
        "b": build_device_params("b", Owner="alice", CredentialLockerId=locker),
        "c": build_device_params("c", Owner="bob", Role="CONTROLLER"),
        "d": build_device_params(
            AuthenticationMaterial="CLOUD:x:d", AuthenticationMaterialType="DISCOVERED_DEVICE"
        ),
    }.items():
        names[managed.create_managed_thing(**params)["Id"]] = name

    assert {names[identifier] for identifier in get_ids(managed.list_managed_things(**filters))} == expected


def test_tags_are_added_changed_and_removed(managed):
    created = managed.create_managed_thing(**build_device_params(Tags={"a": "1"}))
    arn = created["Arn"]
    managed.tag_resource(ResourceArn=arn, Tags={"b": "2", "c": ""})
    managed.untag_resource(ResourceArn=arn, TagKeys=["a", "b"])

    assert managed.list_tags_for_resource(ResourceArn=arn)["tags"] == {"c": ""}
    assert managed.get_managed_thing(Identifier=created["Id"])["Tags"] == {"c": ""}


def test_invalid_tags_and_tag_targets_are_rejected(managed):
    arn = managed.create_managed_thing(**build_device_params())["Arn"]
    invalid = ("InvalidRequestException", 400)

    assert catch_error(managed.tag_resource, ResourceArn=arn, Tags={"aws:x": "1"}) == invalid
    assert catch_error(managed.tag_resource, ResourceArn=ARN + "none", Tags={"a": "1"}) == MISSING
    other_type = arn.replace("managed-thing", "ota-task")
    assert catch_error(managed.tag_resource, ResourceArn=other_type, Tags={"a": "1"}) == invalid
    other_region = arn.replace("eu-west-1", "us-east-1")
    assert catch_error(managed.list_tags_for_resource, ResourceArn=other_region) == invalid


def test_the_error_for_a_missing_managed_thing_has_its_id_and_type(managed):
    with pytest.raises(managed.exceptions.ResourceNotFoundException) as caught:
        managed.get_managed_thing(Identifier="none")

    response = caught.value.response
    assert (response["Error"]["Code"], response["ResourceId"], response["ResourceType"]) == (
        "ResourceNotFoundException",
        "none",
        "managed-thing",
    )
