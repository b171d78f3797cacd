"""Connector destinations: how their fields are sent, compared and changed."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.cloud_connectors import CloudConnector
from reconciler.kinds.connector_destinations import (
    AuthMaterial,
    ConnectorDestination,
    SecretVersion,
    TokenRenewal,
)
from reconciler.model.address import Address
from reconciler.model.call import Ref
from tests.support.connectors_strategy import (
    DESTINATION,
    FUNCTION_ARN,
    MATERIAL,
    O_AUTH,
    SECRET_ARN,
    VERSION_ID,
)
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import list_create_calls, list_problems
from tests.support.registry_client import Cloud

SECRET = {"arn": SECRET_ARN, "versionId": VERSION_ID}
O_AUTH_MEMBERS = {
    "authUrl": "https://acme.example.com/sign-in",
    "tokenUrl": "https://acme.example.com/token",
    "tokenEndpointAuthenticationScheme": "HTTP_BASIC",
}
FULL = evolve(
    DESTINATION,
    description="Lamps",
    o_auth=evolve(O_AUTH, scope="lamps"),
    o_auth_complete_redirect_url="https://example.com/done",
    proactive_refresh_token_renewal=TokenRenewal(enabled=True, days_before_renewal=30),
    general_authorization=(MATERIAL,),
    secrets_manager=SecretVersion(SECRET_ARN, VERSION_ID),
)


def make_destination(spec: ConnectorDestination = DESTINATION, name: str = "eu"):
    return make_resource("connector_destinations", name, spec)


def make_destination_state(spec: ConnectorDestination):
    """Return a state with a destination and its connector."""
    return make_state(
        make_resource("cloud_connectors", "acme", CloudConnector(FUNCTION_ARN)), make_destination(spec)
    )


@pytest.fixture
def cloud():
    return Cloud()


def get_destination(cloud):
    client = cloud.managed_integrations
    (item,) = client.list_connector_destinations()["ConnectorDestinationList"]
    return client.get_connector_destination(Identifier=item["Id"])


def list_calls_of(plan):
    return [(call.operation, call.params) for step in plan.steps for call in step.calls]


def test_every_field_is_sent_in_the_creation():
    creation, marker = list_create_calls(make_destination(FULL))
    assert {key: value for key, value in creation.params.items() if key != "ClientToken"} == {
        "CloudConnectorId": Ref(Address("cloud_connectors", "acme"), "Id"),
        "Name": "eu",
        "Description": "Lamps",
        "AuthType": "OAUTH",
        "AuthConfig": {
            "oAuth": {
                **O_AUTH_MEMBERS,
                "scope": "lamps",
                "oAuthCompleteRedirectUrl": "https://example.com/done",
                "proactiveRefreshTokenRenewal": {"enabled": True, "DaysBeforeRenewal": 30},
            },
            "GeneralAuthorization": [{"AuthMaterialName": "shared", "SecretsManager": SECRET}],
        },
        "SecretsManager": SECRET,
    }
    assert (len(creation.params["ClientToken"]), marker.operation) == (64, "CreateThingGroup")


def test_a_destination_that_was_applied_needs_no_change(cloud):
    converge(make_destination_state(FULL), cloud)
    assert plan_state(make_destination_state(FULL), cloud).steps == ()


def test_settings_materials_and_secrets_are_changed_in_place(cloud):
    converge(make_destination_state(FULL), cloud)
    other_version = SecretVersion(SECRET_ARN, VERSION_ID[::-1])
    changed = evolve(
        FULL,
        name="Europe",
        o_auth_complete_redirect_url="https://example.com/ready",
        general_authorization=(
            evolve(MATERIAL, secrets_manager=other_version),
            AuthMaterial("b", other_version),
        ),
        secrets_manager=other_version,
    )
    plan = converge(make_destination_state(changed), cloud)
    reversed_secret = {"arn": SECRET_ARN, "versionId": VERSION_ID[::-1]}
    destination = get_destination(cloud)
    assert list_calls_of(plan) == [
        (
            "UpdateConnectorDestination",
            {
                "Identifier": destination["Id"],
                "Name": "Europe",
                "Description": "Lamps",
                "SecretsManager": reversed_secret,
                "AuthType": "OAUTH",
                "AuthConfig": {
                    "oAuthUpdate": {
                        "oAuthCompleteRedirectUrl": "https://example.com/ready",
                        "proactiveRefreshTokenRenewal": {"enabled": True, "DaysBeforeRenewal": 30},
                    },
                    "GeneralAuthorizationUpdate": {
                        "AuthMaterialsToAdd": [{"AuthMaterialName": "b", "SecretsManager": reversed_secret}],
                        "AuthMaterialsToUpdate": [
                            {"AuthMaterialName": "shared", "SecretsManager": reversed_secret}
                        ],
                    },
                },
            },
        )
    ]
    assert destination["SecretsManager"] == reversed_secret


@pytest.mark.parametrize(
    "changes",
    [
        {"o_auth": evolve(O_AUTH, scope="all")},
        {"description": None},
        {"o_auth_complete_redirect_url": None},
        {"proactive_refresh_token_renewal": None},
        {"secrets_manager": None},
    ],
    ids=str,
)
def test_a_value_that_an_update_cannot_change_replaces_the_destination(cloud, changes):
    converge(make_destination_state(FULL), cloud)
    before = get_destination(cloud)
    plan = converge(make_destination_state(evolve(FULL, **changes)), cloud)
    assert [(step.change.action, str(step.address)) for step in plan.steps] == [
        ("replace", "connector_destinations.eu")
    ]
    assert get_destination(cloud)["Id"] != before["Id"]


def test_a_plan_that_removes_an_authorization_material_is_rejected(cloud):
    converge(make_destination_state(FULL), cloud)
    assert get_rejection_reasons(make_destination_state(evolve(FULL, general_authorization=())), cloud) == [
        (
            "connector_destinations.eu: AWS cannot remove the authorization material shared; "
            "keep it, or declare a new destination under another name (<memory>:1)"
        )
    ]


def test_the_order_of_authorization_materials_means_nothing(cloud):
    materials = (MATERIAL, evolve(MATERIAL, auth_material_name="a"))
    converge(make_destination_state(evolve(FULL, general_authorization=materials)), cloud)
    reversed_state = make_destination_state(evolve(FULL, general_authorization=materials[::-1]))
    assert plan_state(reversed_state, cloud).steps == ()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            ConnectorDestination("acme"),
            "the destination has no way to sign in; expected o_auth or general_authorization",
        ),
        (
            ConnectorDestination(
                "acme", general_authorization=(MATERIAL,), o_auth_complete_redirect_url="https://example.com"
            ),
            "o_auth_complete_redirect_url: this is a setting of OAuth; expected o_auth as well",
        ),
        (
            ConnectorDestination("acme", general_authorization=(MATERIAL, MATERIAL)),
            "general_authorization: two authorization materials are named shared; expected different names",
        ),
    ],
    ids=["nothing", "setting without OAuth", "same name"],
)
def test_combinations_that_aws_would_reject_are_reported(spec, problem):
    assert list_problems(make_destination(spec)) == [problem]
