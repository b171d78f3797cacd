"""A Hypothesis strategy for cloud connectors, connector destinations and account associations."""

from __future__ import annotations

from attrs import evolve
from hypothesis import strategies as st

from reconciler.kinds.account_associations import AccountAssociation
from reconciler.kinds.cloud_connectors import CloudConnector
from reconciler.kinds.connector_destinations import (
    AuthMaterial,
    ConnectorDestination,
    OAuth,
    SecretVersion,
    TokenRenewal,
)
from reconciler.model.resource import Resource
from tests.support.desired_states import make_resource

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:acme"
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme-client"
VERSION_ID = "0123456789abcdef0123456789abcdef"
O_AUTH = OAuth("https://acme.example.com/sign-in", "https://acme.example.com/token", "HTTP_BASIC")
DESTINATION = ConnectorDestination("acme", o_auth=O_AUTH)
MATERIAL = AuthMaterial("shared", SecretVersion(SECRET_ARN, VERSION_ID))
_descriptions = st.sampled_from(["Lamps", "Pumps"])
_tags = st.dictionaries(st.just("line"), st.sampled_from(["oslo", "bergen"]))


def draw_connector_resources(draw: st.DrawFn) -> list[Resource]:
    """Return resources; those that use a replaced connector are replaced with it."""
    resources = _draw_connectors(draw)
    if any(resource.address.name == "acme" for resource in resources):
        destinations = _draw_destinations(draw)
        resources += destinations
        if destinations:
            resources += _draw_associations(draw)
    return resources


def _draw_connectors(draw: st.DrawFn) -> list[Resource]:
    functions = st.sampled_from([FUNCTION_ARN, f"{FUNCTION_ARN}-2"])
    return [
        make_resource(
            "cloud_connectors",
            name,
            CloudConnector(draw(functions), description=draw(_descriptions)),
        )
        for name in sorted(draw(st.sets(st.sampled_from(["acme", "unused"]))))
    ]


def _draw_destinations(draw: st.DrawFn) -> list[Resource]:
    versions = st.sampled_from([VERSION_ID, VERSION_ID[::-1]])
    days = st.sampled_from([30, 60])
    return [
        make_resource(
            "connector_destinations",
            name,
            evolve(
                DESTINATION,
                description=draw(_descriptions),
                o_auth_complete_redirect_url=draw(
                    st.sampled_from(["https://example.com/a", "https://example.com/b"])
                ),
                proactive_refresh_token_renewal=TokenRenewal(draw(st.booleans()), draw(days)),
                general_authorization=(AuthMaterial("shared", SecretVersion(SECRET_ARN, draw(versions))),),
                secrets_manager=SecretVersion(SECRET_ARN, draw(versions)),
            ),
        )
        for name in sorted(draw(st.sets(st.just("eu"))))
    ]


def _draw_associations(draw: st.DrawFn) -> list[Resource]:
    return [
        make_resource(
            "account_associations",
            name,
            AccountAssociation(
                "eu",
                description=draw(st.sampled_from([None, "Flat", "House"])),
                auth_material_name=draw(st.sampled_from([None, "shared"])),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.sampled_from(["anna", "ben"]))))
    ]
