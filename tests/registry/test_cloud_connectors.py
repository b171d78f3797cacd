"""Cloud connectors, connector destinations and account associations of managed integrations."""

import pytest

from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

from .test_managed_things import build_device_params

ARN = f"arn:aws:iotmanagedintegrations:eu-west-1:{ACCOUNT}:account-association/"
CONFLICT = ("ConflictException", 409)
INVALID = ("ValidationException", 400)
MISSING = ("ResourceNotFoundException", 404)
FUNCTION_ARN = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:acme"
CONNECTOR = {"Name": "Acme", "EndpointConfig": {"lambda": {"arn": FUNCTION_ARN}}}
O_AUTH = {
    "authUrl": "https://acme.example.com/sign-in",
    "tokenUrl": "https://acme.example.com/token",
    "tokenEndpointAuthenticationScheme": "HTTP_BASIC",
}
SECRET = {
    "arn": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:acme-client",
    "versionId": "0123456789abcdef0123456789abcdef",
}
SHARED = {"AuthMaterialName": "shared", "SecretsManager": SECRET}


@pytest.fixture
def connector(managed):
    return managed.create_cloud_connector(**CONNECTOR)["Id"]


@pytest.fixture
def destination(managed, connector):
    config = {"oAuth": O_AUTH, "GeneralAuthorization": [SHARED]}
    return managed.create_connector_destination(CloudConnectorId=connector, AuthConfig=config, Name="EU")[
        "Id"
    ]


@pytest.fixture
def association(managed, destination):
    return managed.create_account_association(ConnectorDestinationId=destination)["AccountAssociationId"]


def test_a_connector_is_created_once_for_a_client_token(managed):
    first = managed.create_cloud_connector(**CONNECTOR, Description="Lamps", ClientToken="t1")
    second = managed.create_cloud_connector(**CONNECTOR, Description="Lamps", ClientToken="t1")
    described = {
        **CONNECTOR,
        "Description": "Lamps",
        "EndpointType": "LAMBDA",
        "Id": first["Id"],
        "Type": "UNLISTED",
    }
    assert second["Id"] == first["Id"]
    assert remove_metadata(managed.get_cloud_connector(Identifier=first["Id"])) == described
    assert managed.list_cloud_connectors()["Items"] == [described]
    assert catch_error(managed.create_cloud_connector, **CONNECTOR, ClientToken="t1") == CONFLICT


def test_connectors_are_listed_by_function_and_type(managed, connector):
    items = managed.list_cloud_connectors(LambdaArn=FUNCTION_ARN, Type="UNLISTED")["Items"]
    assert [item["Id"] for item in items] == [connector]
    assert managed.list_cloud_connectors(LambdaArn=f"{FUNCTION_ARN}-2")["Items"] == []
    assert managed.list_cloud_connectors(Type="LISTED")["Items"] == []


def test_an_update_of_a_connector_changes_only_its_members(managed, connector):
    managed.update_cloud_connector(Identifier=connector, Description="Pumps")
    detail = managed.get_cloud_connector(Identifier=connector)
    assert (detail["Name"], detail["Description"]) == ("Acme", "Pumps")


def test_a_connector_without_a_function_is_rejected(managed):
    assert catch_error(managed.create_cloud_connector, Name="Acme", EndpointConfig={}) == INVALID


def test_a_resource_that_another_uses_cannot_be_deleted(managed, connector, destination, association):
    assert catch_error(managed.delete_cloud_connector, Identifier=connector) == INVALID
    assert catch_error(managed.delete_connector_destination, Identifier=destination) == INVALID
    managed.delete_account_association(AccountAssociationId=association)
    managed.delete_connector_destination(Identifier=destination)
    managed.delete_cloud_connector(Identifier=connector)
    assert catch_error(managed.get_account_association, AccountAssociationId=association) == MISSING
    assert catch_error(managed.get_connector_destination, Identifier=destination) == MISSING
    assert catch_error(managed.get_cloud_connector, Identifier=connector) == MISSING


def test_a_destination_needs_a_connector_and_a_way_to_sign_in(managed, connector):
    create = managed.create_connector_destination
    assert catch_error(create, CloudConnectorId="unknown", AuthConfig={"oAuth": O_AUTH}) == MISSING
    assert catch_error(create, CloudConnectorId=connector, AuthConfig={}) == INVALID


def test_an_update_of_a_destination_merges_its_authentication(managed, connector, destination):
    other = {"AuthMaterialName": "other", "SecretsManager": SECRET}
    changed = {**SHARED, "SecretsManager": {**SECRET, "versionId": SECRET["versionId"][::-1]}}
    managed.update_connector_destination(
        Identifier=destination,
        Name="Europe",
        AuthConfig={
            "oAuthUpdate": {"oAuthCompleteRedirectUrl": "https://example.com/done"},
            "GeneralAuthorizationUpdate": {
                "AuthMaterialsToAdd": [other],
                "AuthMaterialsToUpdate": [changed],
            },
        },
    )
    assert remove_metadata(managed.get_connector_destination(Identifier=destination)) == {
        "Id": destination,
        "Name": "Europe",
        "CloudConnectorId": connector,
        "AuthConfig": {
            "oAuth": {**O_AUTH, "oAuthCompleteRedirectUrl": "https://example.com/done"},
            "GeneralAuthorization": [changed, other],
        },
        "OAuthCompleteRedirectUrl": "https://example.com/done",
    }
    assert managed.list_connector_destinations(CloudConnectorId=connector)["ConnectorDestinationList"] == [
        {"Id": destination, "Name": "Europe", "CloudConnectorId": connector}
    ]
    assert managed.list_connector_destinations(CloudConnectorId="other")["ConnectorDestinationList"] == []


@pytest.mark.parametrize(
    ("member", "materials"),
    [
        ("AuthMaterialsToAdd", [SHARED]),
        ("AuthMaterialsToUpdate", [{**SHARED, "AuthMaterialName": "unknown"}]),
        ("AuthMaterialsToAdd", [{**SHARED, "AuthMaterialName": name} for name in "abc"]),
    ],
    ids=["add an existing one", "change an unknown one", "too many"],
)
def test_updates_of_authorization_materials_that_do_not_fit_are_rejected(
    managed, destination, member, materials
):
    update = {"GeneralAuthorizationUpdate": {member: materials}}
    error = catch_error(managed.update_connector_destination, Identifier=destination, AuthConfig=update)
    assert error == INVALID


def test_an_update_of_o_auth_needs_a_destination_that_uses_it(managed, connector):
    destination = managed.create_connector_destination(
        CloudConnectorId=connector, AuthConfig={"GeneralAuthorization": [SHARED]}
    )["Id"]
    update = {"oAuthUpdate": {"oAuthCompleteRedirectUrl": "https://example.com"}}
    error = catch_error(managed.update_connector_destination, Identifier=destination, AuthConfig=update)
    assert error == INVALID


def test_an_association_with_o_auth_waits_for_a_person(managed, destination):
    params = {"ConnectorDestinationId": destination, "Name": "Anna", "ClientToken": "t1"}
    created = remove_metadata(managed.create_account_association(**params, Tags={"site": "oslo"}))
    repeated = remove_metadata(managed.create_account_association(**params, Tags={"site": "oslo"}))
    association = created["AccountAssociationId"]
    url = created["OAuthAuthorizationUrl"]
    assert url.startswith("https://acme.example.com/sign-in?response_type=code&state=")
    common = {
        "AccountAssociationId": association,
        "Arn": ARN + association,
        "AssociationState": "ASSOCIATION_IN_PROGRESS",
    }
    item = {**common, "ConnectorDestinationId": destination, "Name": "Anna"}
    assert created == repeated == {**common, "OAuthAuthorizationUrl": url}
    assert remove_metadata(managed.get_account_association(AccountAssociationId=association)) == {
        **item,
        "OAuthAuthorizationUrl": url,
        "Tags": {"site": "oslo"},
    }
    assert managed.list_account_associations(ConnectorDestinationId=destination)["Items"] == [item]
    assert managed.list_account_associations(ConnectorDestinationId="other")["Items"] == []


def test_a_refresh_returns_another_url(managed, association):
    before = managed.get_account_association(AccountAssociationId=association)["OAuthAuthorizationUrl"]
    response = managed.start_account_association_refresh(AccountAssociationId=association)
    after = managed.get_account_association(AccountAssociationId=association)["OAuthAuthorizationUrl"]
    assert (response["OAuthAuthorizationUrl"], after == before) == (after, False)


def test_an_association_with_a_material_succeeds_without_a_person(managed, destination):
    created = managed.create_account_association(
        ConnectorDestinationId=destination, GeneralAuthorization={"AuthMaterialName": "shared"}
    )
    association = created["AccountAssociationId"]
    assert (created["AssociationState"], created["OAuthAuthorizationUrl"]) == ("ASSOCIATION_SUCCEEDED", "")
    refreshed = managed.start_account_association_refresh(AccountAssociationId=association)
    assert refreshed["OAuthAuthorizationUrl"] == ""


def test_an_association_needs_a_destination_that_can_sign_in(managed, connector):
    destination = managed.create_connector_destination(
        CloudConnectorId=connector, AuthConfig={"GeneralAuthorization": [SHARED]}
    )["Id"]
    create = managed.create_account_association
    assert catch_error(create, ConnectorDestinationId="unknown") == MISSING
    assert catch_error(create, ConnectorDestinationId=destination) == INVALID
    other = {"AuthMaterialName": "other"}
    assert catch_error(create, ConnectorDestinationId=destination, GeneralAuthorization=other) == INVALID


def test_the_tags_of_an_association_can_be_changed(managed, association):
    managed.tag_resource(ResourceArn=ARN + association, Tags={"site": "bergen"})
    assert managed.get_account_association(AccountAssociationId=association)["Tags"] == {"site": "bergen"}
    managed.update_account_association(AccountAssociationId=association, Description="Flat")
    assert managed.get_account_association(AccountAssociationId=association)["Description"] == "Flat"


def test_registered_managed_things_block_the_deletion_of_an_association(managed, association):
    thing = managed.create_managed_thing(**build_device_params())["Id"]
    registration = {"ManagedThingId": thing, "AccountAssociationId": association}
    register = {**registration, "DeviceDiscoveryId": "d1"}
    assert remove_metadata(managed.register_account_association(**register)) == register
    assert catch_error(managed.register_account_association, **register) == CONFLICT
    assert managed.list_managed_thing_account_associations(ManagedThingId=thing)["Items"] == [
        {**registration, "ManagedThingAssociationStatus": "ASSOCIATED"}
    ]
    assert catch_error(managed.delete_account_association, AccountAssociationId=association) == INVALID
    managed.deregister_account_association(**registration)
    assert catch_error(managed.deregister_account_association, **registration) == MISSING
    managed.delete_account_association(AccountAssociationId=association)
    assert managed.list_managed_thing_account_associations()["Items"] == []


def test_a_deleted_managed_thing_is_no_longer_registered(managed, association):
    thing = managed.create_managed_thing(**build_device_params())["Id"]
    managed.register_account_association(
        ManagedThingId=thing, AccountAssociationId=association, DeviceDiscoveryId="d1"
    )
    managed.delete_managed_thing(Identifier=thing, Force=True)
    items = managed.list_managed_thing_account_associations(AccountAssociationId=association)["Items"]
    assert items == []
