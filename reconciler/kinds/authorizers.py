"""Authorizers: Lambda functions that decide which clients may connect.

They take the place of certificates and policies.

Source: AWS IoT API reference, CreateAuthorizer and related operations; developer guide, "Creating and managing custom authorizers"
(signing is on by default and then needs a token key and public keys with at least 2,048 bits); AWS CLI, delete-authorizer (an
authorizer must be INACTIVE before it can be deleted). The account's default authorizer is `shared/default_authorizer.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import CheckedNeed, Need, ProblemRead
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND, request_each
from reconciler.kinds.base.schema import LongText, member
from reconciler.kinds.shared import default_authorizer
from reconciler.kinds.shared.function_arns import check_function_arn
from reconciler.kinds.shared.public_keys import check_public_key
from reconciler.kinds.shared.replacements import find_replacement_errors
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some

_SIGNING_FIELDS = ("token_key_name", "token_signing_public_keys")
"""The fields that signing needs. UpdateAuthorizer has no documented way to remove their values."""


@frozen
class Authorizer:
    """`[authorizers.*]`."""

    authorizer_function_arn: str = member(
        "The ARN of the Lambda function that decides.",
        api="CreateAuthorizer.authorizerFunctionArn",
        outside="function",
    )
    token_key_name: str | None = member(
        "The name under which clients send the signed token; required unless `signing_disabled`.",
        api="CreateAuthorizer.tokenKeyName",
        default=None,
    )
    token_signing_public_keys: Mapping[str, LongText] = member(
        'The public keys that verify the token\'s signature, in PEM, by name, as text or `{ file = "path" }`; required unless `signing_disabled`.',
        api="CreateAuthorizer.tokenSigningPublicKeys",
        factory=dict,
    )
    signing_disabled: bool = member(
        "Whether clients send tokens without a signature.",
        api="CreateAuthorizer.signingDisabled",
        on_change="replaces",
        default=False,
    )
    status: Literal["ACTIVE", "INACTIVE"] = member(
        "ACTIVE lets AWS call the function.", api="CreateAuthorizer.status", default="ACTIVE"
    )
    enable_caching_for_http: bool = member(
        "Whether AWS reuses the function's result while a client keeps its HTTP connection.",
        api="CreateAuthorizer.enableCachingForHttp",
        default=False,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateAuthorizer.tags", factory=dict)


class Authorizers(PlainKind):
    """Authorizers: found by name, owned by tag; deactivated before they are deleted."""

    table = "authorizers"
    noun = "authorizer"
    spec_class = Authorizer
    api = PlainApi(
        "Authorizer",
        name="authorizerName",
        arn="authorizerArn",
        listing=Listing("ListAuthorizers", "authorizers", "authorizerName", "authorizerArn"),
        described="authorizerDescription",
        before_delete=("UpdateAuthorizer",),
        other_reads=("ListDomainConfigurations", "DescribeDomainConfiguration", "DescribeDefaultAuthorizer"),
    )
    deletion_blockers = frozenset({"domain_configurations", default_authorizer.TABLE})
    unremovable_fields = frozenset(_SIGNING_FIELDS)

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the function and the keys, and signing that lacks a field."""
        yield from super().check(resource, desired)
        spec: Authorizer = resource.spec
        yield from check_function_arn(spec.authorizer_function_arn, "authorizer_function_arn")
        for field in _find_missing_signing_fields(spec):
            yield ValueProblem(
                "missing-field",
                "missing: clients have to sign their tokens",
                "a value, or signing_disabled = true",
                path=(field,),
            )
        for name, key in spec.token_signing_public_keys.items():
            yield from check_public_key(key, "token_signing_public_keys", name)

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the needs that nothing unmanaged refers to a deleted authorizer, the default included.

        AWS does not deactivate the default authorizer either.
        """
        if isinstance(change, Delete | Replace):
            yield _build_user_need(change, context)
        action = "deactivate" if _is_deactivated(change) else change.action
        # If the setting is in the file, `find_replacement_errors` reports that it refers to the authorizer.
        is_reported = action == "replace" and default_authorizer.ADDRESS in context.find_remaining_users(
            change.address
        )
        if action in {"deactivate", "delete", "replace"} and not is_reported:
            need = default_authorizer.build_need(change.address.name, action, context)
            yield from [need] if need else ()

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the setting of the default authorizer, which changes before the authorizer is deactivated."""
        return [default_authorizer.ADDRESS] if _is_deactivated(change) else ()

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject signing without a token key or public keys, and a replacement of an authorizer that is used.

        The former happens if `ignore_changes` keeps live values. AWS does not delete an authorizer that is used.
        """
        if isinstance(change, Create | Update | Replace):
            fields = [*_find_missing_signing_fields(change.resource.spec)]
            if fields:
                yield f"cannot {change.action}: clients have to sign their tokens, which needs {join_some(fields)}; set them"
        yield from find_replacement_errors(change, context)

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Deactivate and delete the old authorizer before creating the new one, as both have the same name."""
        return [*self._deactivate(change.live), *super().replace(change, context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deactivate the authorizer, then delete it."""
        return [*self._deactivate(change.live), *super().delete(change, context)]

    def _deactivate(self, live: Live) -> Iterator[ApiCall]:
        if live.spec.status != "INACTIVE":
            params = {"authorizerName": live.identity, "status": "INACTIVE"}
            yield ApiCall("iot", "UpdateAuthorizer", params, ignored_errors=NOT_FOUND, idempotent=True)


def _is_deactivated(change: Change) -> bool:
    return isinstance(change, Update) and (change.live.spec.status, change.resource.spec.status) == (
        "ACTIVE",
        "INACTIVE",
    )


def _build_user_need(change: Delete | Replace, context: PlanContext) -> CheckedNeed:
    """Return the need that no unmanaged domain configuration refers to the authorizer."""
    name = change.live.identity
    known_names = {
        live.identity for address, live in context.live.items() if address.kind == "domain_configurations"
    }

    def read() -> ProblemRead:
        (listing,) = yield [ApiCall("iot", "ListDomainConfigurations")]
        names = [item["domainConfigurationName"] for item in listing["domainConfigurations"]]
        other_names = [item for item in names if item not in known_names]
        descriptions = yield from request_each(
            "DescribeDomainConfiguration", "domainConfigurationName", other_names
        )
        users = [
            user
            for user, description in zip(other_names, descriptions, strict=True)
            if description.get("authorizerConfig", {}).get("defaultAuthorizerName") == name
        ]
        if not users:
            return None
        return (
            f"cannot {change.action}: domain configurations that this workspace does not manage refer to it "
            f"({join_some(users)}); remove it from them first, or keep it"
        )

    return CheckedNeed(("authorizer-users", name), "", read)


def _find_missing_signing_fields(spec: Authorizer) -> Iterator[str]:
    if not spec.signing_disabled:
        yield from (field for field in _SIGNING_FIELDS if not getattr(spec, field))


KIND = Authorizers()
