"""Connector destinations: how the account signs in to the other cloud of a cloud connector.

Source: managed integrations API reference, CreateConnectorDestination and related operations. AWS assigns the ID. An update can change
neither the connector nor the URLs of OAuth; it cannot remove a value, nor an authorization material. AWS does not delete a destination
that an account association uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.members import from_members, to_member_value, to_members
from reconciler.kinds.base.plain_kind import PlainApi
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.connectors import find_by_name
from reconciler.kinds.shared.managed_integrations import SERVICE, with_default_name
from reconciler.model.call import ApiCall, Verification, VerificationReads
from reconciler.model.change import Change, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, Live, Reference, Resource
from reconciler.model.text import join_some

_API = "CreateConnectorDestination"
_O_AUTH = f"{_API}.AuthConfig.oAuth"
_MATERIALS = f"{_API}.AuthConfig.GeneralAuthorization"

_O_AUTH_SETTINGS = ("o_auth_complete_redirect_url", "proactive_refresh_token_renewal")
"""The fields of OAuth that an update changes."""

DERIVED_MEMBERS = {
    "CreateConnectorDestination.AuthType": "o_auth",
    "CreateConnectorDestination.ClientToken": "derived from the request, so that sending it twice creates one destination",
    "UpdateConnectorDestination.Identifier": "the ID that AWS assigned",
    "UpdateConnectorDestination.AuthType": "o_auth",
    "UpdateConnectorDestination.AuthConfig.oAuthUpdate.oAuthCompleteRedirectUrl": "o_auth_complete_redirect_url",
    "UpdateConnectorDestination.AuthConfig.oAuthUpdate.proactiveRefreshTokenRenewal.enabled": "proactive_refresh_token_renewal",
    "UpdateConnectorDestination.AuthConfig.oAuthUpdate.proactiveRefreshTokenRenewal.DaysBeforeRenewal": "proactive_refresh_token_renewal",
    "UpdateConnectorDestination.AuthConfig.GeneralAuthorizationUpdate.AuthMaterialsToAdd": "general_authorization",
    "UpdateConnectorDestination.AuthConfig.GeneralAuthorizationUpdate.AuthMaterialsToUpdate": "general_authorization",
}


@frozen
class OAuth:
    """How users of the other cloud sign in with OAuth."""

    auth_url: str = member("The URL where users sign in.", api=f"{_O_AUTH}.authUrl")
    token_url: str = member("The URL that returns tokens.", api=f"{_O_AUTH}.tokenUrl")
    token_endpoint_authentication_scheme: Literal["HTTP_BASIC", "REQUEST_BODY_CREDENTIALS"] = member(
        "How the token URL is called.", api=f"{_O_AUTH}.tokenEndpointAuthenticationScheme"
    )
    scope: str | None = member("The scopes that are requested.", api=f"{_O_AUTH}.scope", default=None)


@frozen
class TokenRenewal:
    """Whether tokens are renewed before they expire."""

    enabled: bool = member(
        "Whether tokens are renewed.", api=f"{_O_AUTH}.proactiveRefreshTokenRenewal.enabled"
    )
    days_before_renewal: int | None = member(
        "The days before a token expires.",
        api=f"{_O_AUTH}.proactiveRefreshTokenRenewal.DaysBeforeRenewal",
        default=None,
    )


@frozen
class SecretVersion:
    """A version of a secret in Secrets Manager."""

    arn: str = member("The ARN of the secret.", api=f"{_API}.SecretsManager.arn")
    version_id: str = member("The ID of the version.", api=f"{_API}.SecretsManager.versionId")


@frozen
class AuthMaterial:
    """A secret that account associations refer to by name."""

    auth_material_name: str = member("The name.", api=f"{_MATERIALS}.AuthMaterialName")
    secrets_manager: SecretVersion = member("The secret.", api=f"{_MATERIALS}.SecretsManager")


@frozen
class ConnectorDestination:
    """`[connector_destinations.*]`."""

    cloud_connector: Reference = member(
        "The cloud connector.",
        api=f"{_API}.CloudConnectorId",
        references="cloud_connectors",
        on_change="replaces",
    )
    name: str | None = member(
        "The name in managed integrations (default: the name in this file).",
        api=f"{_API}.Name",
        default=None,
    )
    description: str | None = member(
        "Description of the destination.", api=f"{_API}.Description", default=None
    )
    o_auth: OAuth | None = member(
        "How users sign in with OAuth.", api=_O_AUTH, on_change="replaces", default=None
    )
    o_auth_complete_redirect_url: str | None = member(
        "The URL that users are redirected to after they have signed in.",
        api=f"{_O_AUTH}.oAuthCompleteRedirectUrl",
        default=None,
    )
    proactive_refresh_token_renewal: TokenRenewal | None = member(
        "Whether tokens of OAuth are renewed before they expire.",
        api=f"{_O_AUTH}.proactiveRefreshTokenRenewal",
        default=None,
    )
    general_authorization: tuple[AuthMaterial, ...] = member(
        "Secrets with which account associations sign in without OAuth.", api=_MATERIALS, default=()
    )
    secrets_manager: SecretVersion | None = member(
        "The secret with the credentials of OAuth.", api=f"{_API}.SecretsManager", default=None
    )


@frozen
class _DestinationMatches(Verification):
    """Verification that a destination is as a spec describes it."""

    identity: str
    spec: ConnectorDestination

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return the description of the destination if it matches, else None."""
        params = {"Identifier": self.identity}
        response = yield ApiCall(SERVICE, "GetConnectorDestination", params, ignored_errors=NOT_FOUND)
        if not response:
            return None
        live_spec = KIND.to_spec(response, {})
        matches = evolve(live_spec, cloud_connector=self.spec.cloud_connector) == self.spec
        return response if matches else None


class ConnectorDestinations(MarkedKind):
    """Connector destinations: found by marker, owned by marker group.

    The group is named `reconciler:connector_destinations:ID`.
    """

    table = "connector_destinations"
    noun = "connector destination"
    service = SERVICE
    spec_class = ConnectorDestination
    api = PlainApi(
        "ConnectorDestination",
        name="",
        arn="",
        listing=Listing("ListConnectorDestinations", "ConnectorDestinationList", "Id"),
        describe="GetConnectorDestination",
        id="Id",
        id_param="Identifier",
    )
    derived_members = DERIVED_MEMBERS
    users_follow_replacements = True
    unremovable_fields = frozenset({"description", "secrets_manager", *_O_AUTH_SETTINGS})

    # ── desired state and reading ─────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the combination of fields, and with the names of authorization materials."""
        yield from _check_combination(resource.spec)
        yield from super().check(resource, desired)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> ConnectorDestination:
        """Return the spec with the default name; the order of authorization materials means nothing."""
        spec: ConnectorDestination = with_default_name(resource)
        return evolve(spec, general_authorization=_sort(spec.general_authorization))

    def find_candidate(self, resource: Resource, unmanaged: Sequence[Live], scope: Scope) -> Live | None:
        """Return the destination without an owner that has the name of a resource of the file."""
        return find_by_name(self, self.compute_effective_spec(resource, scope), unmanaged)

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> ConnectorDestination:
        """Return the spec of a description, with the connector as a reference."""
        config = description.get("AuthConfig", {})
        members = {**description, **config.get("oAuth", {}), **config}
        connector = External(description["CloudConnectorId"])
        spec = from_members(ConnectorDestination, members, cloud_connector=connector)
        return evolve(spec, general_authorization=_sort(spec.general_authorization))

    # ── errors and calls ──────────────────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject updates that remove a material."""
        if isinstance(change, Update):
            removed = _get_materials(change.live.spec).keys() - _get_materials(change.resource.spec).keys()
            if removed:
                names = join_some(sorted(removed))
                yield (
                    f"AWS cannot remove the authorization material {names}; "
                    "keep it, or declare a new destination under another name"
                )

    def _update(self, change: Update) -> ApiCall:
        verification = _DestinationMatches(change.live.identity, change.resource.spec)
        return evolve(super()._update(change), verification=verification)

    def to_create_params(self, resource: Resource) -> dict[str, Any]:
        """Return the members of the create request."""
        return {**super().to_create_params(resource), **_build_auth_type(resource.spec)}

    def to_update_params(self, change: Update) -> dict[str, Any]:
        """Return the members of the update request: all that it can change."""
        spec: ConnectorDestination = change.resource.spec
        params = to_members(spec, ("name", "description", "secrets_manager"))
        o_auth = to_members(spec, _O_AUTH_SETTINGS).get("AuthConfig", {}).get("oAuth")
        before, after = _get_materials(change.live.spec), _get_materials(spec)
        materials = {
            "AuthMaterialsToAdd": [value for name, value in after.items() if name not in before],
            "AuthMaterialsToUpdate": [
                value for name, value in after.items() if name in before and before[name] != value
            ],
        }
        config = {
            "oAuthUpdate": o_auth,
            "GeneralAuthorizationUpdate": {
                name: to_member_value(tuple(values)) for name, values in materials.items() if values
            },
        }
        config = {name: value for name, value in config.items() if value}
        return {**params, **_build_auth_type(spec), **({"AuthConfig": config} if config else {})}


def _check_combination(spec: ConnectorDestination) -> Iterator[ValueProblem]:
    if not (spec.o_auth or spec.general_authorization):
        yield ValueProblem(
            "missing-field", "the destination has no way to sign in", "o_auth or general_authorization"
        )
    for field in _O_AUTH_SETTINGS:
        if getattr(spec, field) and not spec.o_auth:
            yield ValueProblem(
                "conflicting-fields", "this is a setting of OAuth", "o_auth as well", path=(field,)
            )
    names = [material.auth_material_name for material in spec.general_authorization]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield ValueProblem(
            "duplicate-item",
            f"two authorization materials are named {name}",
            "different names",
            path=("general_authorization",),
        )


def _get_materials(spec: ConnectorDestination) -> dict[str, AuthMaterial]:
    materials = spec.general_authorization
    return {item.auth_material_name: item for item in materials} if isinstance(materials, tuple) else {}


def _sort(materials: tuple[AuthMaterial, ...]) -> tuple[AuthMaterial, ...]:
    return tuple(sorted(materials, key=lambda material: material.auth_material_name))


def _build_auth_type(spec: ConnectorDestination) -> dict[str, str]:
    return {"AuthType": "OAUTH"} if spec.o_auth else {}


KIND = ConnectorDestinations()
