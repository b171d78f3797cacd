"""The account's default authorizer, for clients that name none.

Source: AWS IoT API reference, SetDefaultAuthorizer, ClearDefaultAuthorizer and DescribeDefaultAuthorizer. SetDefaultAuthorizer can
raise ResourceAlreadyExists; that another default is the reason is UNCONFIRMED, so a default is cleared before another is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.context import PlanContext, Response
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.default_authorizer import NAME_PATH, TABLE
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, NotCompared, Reference, Resource

_AUTHORIZERS = "authorizers"


@frozen
class DefaultAuthorizer:
    """`[account.default_authorizer]`."""

    authorizer: Reference | NotCompared | None = member(
        "The authorizer for clients that name none; without it, the account has no default.",
        api="SetDefaultAuthorizer.authorizerName",
        references=_AUTHORIZERS,
        default=None,
    )


class AccountDefaultAuthorizer(AccountSettings):
    """Default: found by account and Region, owned by the group `reconciler:account-default_authorizer`."""

    table = TABLE
    noun = "default authorizer"
    spec_class = DefaultAuthorizer
    api = SettingsApi(
        "DescribeDefaultAuthorizer",
        "SetDefaultAuthorizer",
        frozenset({"ResourceNotFoundException"}),
        clear="ClearDefaultAuthorizer",
    )
    defaults = DefaultAuthorizer(None)

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a problem if the authorizer is INACTIVE in the file: AWS would not call it."""
        reference = resource.spec.authorizer
        authorizer = desired.get(Address(_AUTHORIZERS, reference)) if isinstance(reference, str) else None
        if authorizer and authorizer.spec.status == "INACTIVE":
            yield ValueProblem(
                "inactive-default",
                f"{authorizer.address} is INACTIVE, so it cannot be the default",
                'an authorizer with status = "ACTIVE"',
                path=("authorizer",),
            )

    def to_spec(self, response: Response) -> DefaultAuthorizer:
        """Return the spec with the name of the default authorizer, if there is one."""
        description, name = NAME_PATH
        authorizer = response.get(description)
        return DefaultAuthorizer(External(authorizer[name]) if authorizer else None)

    def to_desired_spec(self, spec: DefaultAuthorizer, desired: Desired) -> DefaultAuthorizer:
        """Return the spec: an absent authorizer has a meaning."""
        return spec

    def is_kept_on_removal(self, change: Delete, changes: Mapping[Address, Change]) -> bool:
        """Return whether the setting stays in AWS, as it does unless the authorizer is deleted too."""
        return not isinstance(changes.get(Address(_AUTHORIZERS, str(change.live.spec.authorizer))), Delete)

    def build_update_calls(
        self,
        spec: DefaultAuthorizer,
        current: DefaultAuthorizer,
        changed_fields: frozenset[str],
        context: PlanContext,
    ) -> Sequence[ApiCall]:
        """Clear the current default, and set the new one."""
        return [*self._clear(current), *self._set(spec, context)]

    def _clear(self, current: DefaultAuthorizer) -> Iterator[ApiCall]:
        if current.authorizer:
            yield self._build_clear_call()

    def _set(self, spec: DefaultAuthorizer, context: PlanContext) -> Iterator[ApiCall]:
        if isinstance(spec.authorizer, str | External):
            params = {"authorizerName": context.resolve_identity(_AUTHORIZERS, spec.authorizer)}
            read_call = ApiCall("iot", self.api.read)
            verification = FieldsMatch(read_call, {"authorizerName": ".".join(NAME_PATH)})
            yield ApiCall("iot", self.api.update, params, verification=verification)


KIND = AccountDefaultAuthorizer()
