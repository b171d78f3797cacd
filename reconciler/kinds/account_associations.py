"""Account associations: accounts of end users in the other cloud of a connector destination.

Source: managed integrations API reference, CreateAccountAssociation and related operations. AWS assigns the ID. With OAuth, an
association is in progress until a person visits the URL that AWS returns and signs in, so an apply ends before that. The URL is a
secret: it is never shown, stored or logged. An update can change only the name and the description, and cannot remove the description,
because its pattern allows no empty text. AWS does not delete an association that managed things are registered with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.client_tokens import build_client_token
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.members import from_members
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND, list_names, pair_by_name_tag
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import NAME_TAG, build_tagged_live, select_user_tags, with_ownership_tags
from reconciler.kinds.shared.connectors import select_by_name
from reconciler.kinds.shared.managed_integrations import SERVICE, with_default_name
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace
from reconciler.model.resource import External, Live, Reference, Resource

_API = "CreateAccountAssociation"
_ID = "AccountAssociationId"
_DELETING = "ASSOCIATION_DELETING"
_REGISTRATIONS = "ListManagedThingAccountAssociations"

DERIVED_MEMBERS = {
    f"{_API}.ClientToken": "derived from the request, so that sending it twice creates one association",
    "UpdateAccountAssociation.AccountAssociationId": "the ID that AWS assigned",
}

_STATES = {
    "ASSOCIATION_IN_PROGRESS": "a person has to sign in at the other cloud",
    "ASSOCIATION_FAILED": "the association failed",
    "REFRESH_TOKEN_EXPIRED": "the sign-in has expired, so a person has to sign in again",
}
"""The problem of each state except that of a working association."""


@frozen
class AccountAssociation:
    """`[account_associations.*]`."""

    connector_destination: Reference = member(
        "The connector destination.",
        api=f"{_API}.ConnectorDestinationId",
        references="connector_destinations",
        on_change="replaces",
    )
    name: str | None = member(
        "The name in managed integrations (default: the name in this file).", api=f"{_API}.Name", default=None
    )
    description: str | None = member(
        "Description of the association.", api=f"{_API}.Description", default=None
    )
    auth_material_name: str | None = member(
        "The authorization material of the destination that signs in (default: a person signs in with OAuth).",
        api=f"{_API}.GeneralAuthorization.AuthMaterialName",
        on_change="replaces",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api=f"{_API}.Tags", factory=dict)


@frozen
class AccountAssociationFacts:
    """The state of an association, AWS's error message, and the IDs of its registered managed things."""

    state: str
    error_message: str = ""
    managed_things: tuple[str, ...] = ()


class AccountAssociations(PlainKind):
    """Account associations: found by name tag, owned by tag."""

    table = "account_associations"
    noun = "account association"
    service = SERVICE
    spec_class = AccountAssociation
    api = PlainApi(
        "AccountAssociation",
        name="",
        arn="Arn",
        listing=Listing("ListAccountAssociations", "Items", _ID, "Arn"),
        describe="GetAccountAssociation",
        id=_ID,
        id_param=_ID,
    )
    derived_members = DERIVED_MEMBERS
    unremovable_fields = frozenset({"description"})

    @classmethod
    def _declare_operations(cls, *, has_replacements: bool) -> Operations:
        deletion = ("DeregisterAccountAssociation", "DeleteAccountAssociation", "GetAccountAssociation")
        return Operations(
            read=("ListAccountAssociations", "GetAccountAssociation", _REGISTRATIONS),
            create=(_API,),
            update=("UpdateAccountAssociation", "UntagResource", "TagResource"),
            replace=(*deletion, _API) if has_replacements else (),
            delete=deletion,
            forget=("UntagResource", "TagResource"),
            show=("GetAccountAssociation",),
        )

    # ── desired state and reading ─────────────────────────────────────────────────────────────────

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Any:
        """Return the spec with the default name."""
        return with_default_name(resource)

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all associations and get each of them, as the listing has no tags."""
        ids = yield from list_names(self, scope)
        descriptions = yield from self._describe(ids)
        live_resources = [
            _to_live(description)
            for description in descriptions.values()
            if description["AssociationState"] != _DELETING
        ]
        selected = select_by_name(self, live_resources, scope)
        return (yield from _add_registrations([*selected.values()]))

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Pair by name tag, even if a creation that was sent twice left two associations with one tag."""
        return pair_by_name_tag(self, missing, spare, scope)

    def read_status(self, live: Live) -> Read[Mapping[str, Any]]:
        """Return the state of the association, without the URL where a person signs in."""
        (response,) = yield [
            ApiCall(SERVICE, "GetAccountAssociation", {_ID: live.identity}, ignored_errors=NOT_FOUND)
        ]
        values = {
            "association_state": response.get("AssociationState"),
            "error_message": response.get("ErrorMessage"),
            "next_step": _describe_next_step(response.get("AssociationState", ""), live.identity),
        }
        return {name: value for name, value in values.items() if value}

    # ── errors, warnings and notes ────────────────────────────────────────────────────────────────

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the registered managed things that the workspace does not own."""
        if not isinstance(change, Delete | Replace):
            return
        owned = {live.identity for address, live in context.live.items() if address.kind == "managed_things"}
        for identity in change.live.get_facts(AccountAssociationFacts).managed_things:
            if identity not in owned:
                yield f"the registration of the managed thing {identity}"

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn that a person has to sign in before a new association works."""
        if isinstance(change, Create | Replace) and not change.resource.spec.auth_material_name:
            again = " again" if isinstance(change, Replace) else ""
            yield (
                f"a person has to sign in at the other cloud{again} before the association works; after the apply, "
                f"`reconciler show {change.address}` prints the next step"
            )

    def plan_notes(self, live: Live) -> Iterable[str]:
        """Note that an association does not work."""
        facts = live.get_facts(AccountAssociationFacts)
        next_step = _describe_next_step(facts.state, live.identity)
        if next_step:
            error = f" ({facts.error_message})" if facts.error_message else ""
            yield f"{_STATES[facts.state]}{error}; {next_step}"

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old association before creating the new one."""
        creation = self._create(change.resource, context, change.live.identity)
        return [*_delete(change.live), creation]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deregister the managed things, delete the association, and wait until AWS no longer has it."""
        return [*_delete(change.live)]

    def _create(self, resource: Resource, context: PlanContext, replaced_id: str = "") -> ApiCall:
        """Return the call that creates an association, with a token that lets AWS recognize the same request.

        `replaced_id` makes the token of a replacement differ from that of an earlier creation with the same fields.
        """
        spec: AccountAssociation = resource.spec
        destination = context.resolve_identity("connector_destinations", spec.connector_destination)
        params = {
            **self.to_create_params(resource),
            "ConnectorDestinationId": destination,
            "Tags": with_ownership_tags(resource, context.workspace),
        }
        token = build_client_token(context.workspace, replaced_id, params)
        return ApiCall(SERVICE, _API, {**params, "ClientToken": token}, idempotent=True)


def _add_registrations(associations: Sequence[Live]) -> Read[list[Live]]:
    """Return the associations with the managed things that are registered with each."""
    responses = yield [ApiCall(SERVICE, _REGISTRATIONS, {_ID: live.identity}) for live in associations]
    result = []
    for live, response in zip(associations, responses, strict=True):
        managed_things = tuple(sorted(item["ManagedThingId"] for item in response["Items"]))
        facts = live.get_facts(AccountAssociationFacts)
        result.append(evolve(live, facts=evolve(facts, managed_things=managed_things)))
    return result


def _delete(live: Live) -> Iterator[ApiCall]:
    params = {_ID: live.identity}
    for managed_thing in live.get_facts(AccountAssociationFacts).managed_things:
        registration = {"ManagedThingId": managed_thing, **params}
        yield ApiCall(SERVICE, "DeregisterAccountAssociation", registration, ignored_errors=NOT_FOUND)
    yield ApiCall(SERVICE, "DeleteAccountAssociation", params, ignored_errors=NOT_FOUND)
    yield ApiCall(SERVICE, "GetAccountAssociation", params, repeat_until=NOT_FOUND)


def _to_live(description: Response) -> Live:
    tags = description.get("Tags", {})
    spec = from_members(
        AccountAssociation,
        {**description, **description.get("GeneralAuthorization", {})},
        connector_destination=External(description.get("ConnectorDestinationId", "")),
        tags=select_user_tags(tags),
    )
    return build_tagged_live(
        description[_ID],
        spec,
        tags,
        description.get("Arn", ""),
        declared_name=tags.get(NAME_TAG),
        facts=AccountAssociationFacts(description["AssociationState"], description.get("ErrorMessage", "")),
    )


def _describe_next_step(state: str, identity: str) -> str:
    """Return what a person has to do for an association in this state; empty if nothing.

    The URL to visit is a secret, so it is only named.
    """
    command = f"aws iot-managed-integrations get-account-association --account-association-id {identity}"
    refresh = (
        f"aws iot-managed-integrations start-account-association-refresh --account-association-id {identity}"
    )
    if state == "ASSOCIATION_IN_PROGRESS":
        return f"open the OAuthAuthorizationUrl that `{command}` prints, and sign in"
    if state in _STATES:
        return f"open the OAuthAuthorizationUrl that `{refresh}` prints, and sign in"
    return ""


KIND = AccountAssociations()
