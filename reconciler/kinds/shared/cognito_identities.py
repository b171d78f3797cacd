"""Amazon Cognito identities: policies are attached to them, and they are attached to things.

Source: AWS IoT API reference, AttachPolicy (`target`) and AttachThingPrincipal (`principal`, "a certificate ARN … or an Amazon
Cognito ID"); Amazon Cognito API reference, `IdentityId`. UNCONFIRMED: that ListTargetsForPolicy and ListThingPrincipalsV2 return
the identity's ID as it was attached.

Applications often attach policies to identities when their users sign in. So a plan leaves these attachments alone unless the file
sets the field: then they are exactly those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.schema import member
from reconciler.model.address import Address
from reconciler.model.change import Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, NotCompared
from reconciler.model.text import quote

FIELD = "cognito_identities"

_IDENTITY = r"[a-z]{2}(-[a-z]+)+-\d:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FORMAT = "REGION:GUID, such as eu-west-1:0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"


def declare_identities(doc: str) -> Any:
    """Return the field for the identities of a spec class; without it, plans leave the attachments alone."""
    return member(f"{doc} Without it, plans leave such attachments alone.", default=NOT_COMPARED)


def check_identities(spec: Any) -> Iterator[ValueProblem]:
    """Yield a problem for each text in the field that is not the ID of an identity, or a duplicate."""
    identities = get_declared(spec)
    for index, identity in enumerate(identities):
        if not re.fullmatch(_IDENTITY, identity):
            problem = f"{quote(identity)} is not the ID of an Amazon Cognito identity"
            yield ValueProblem("invalid-identity", problem, _FORMAT, path=(FIELD, index))
        elif identity in identities[:index]:
            problem = f"{quote(identity)} is listed twice"
            yield ValueProblem("duplicate-item", problem, "unique identities", path=(FIELD, index))


def sort_identities(spec: Any) -> Any:
    """Return the spec with its identities in the order in which live ones are read."""
    identities = get_declared(spec)
    in_order = tuple(sorted(identities))
    if in_order == identities:
        return spec
    return attrs.evolve(spec, **{FIELD: in_order})


def select_compared(principals: Iterable[str], reference: Any) -> tuple[str, ...] | NotCompared:
    """Return the identities among principals, sorted.

    They are not compared if `reference`, the spec in the file or the one that was read before, leaves them to others. Without a
    reference, there is no difference between none and some that are not compared.
    """
    compared: object = () if reference is None else getattr(reference, FIELD)
    identities = tuple(sorted(filter(is_identity, principals)))
    is_compared = not isinstance(compared, NotCompared) and (identities or reference is not None)
    return identities if is_compared else NOT_COMPARED


def is_identity(principal: str) -> bool:
    """Return whether a principal or target is not an ARN, and so an identity."""
    return not principal.startswith("arn:")


def get_declared(spec: Any) -> tuple[str, ...]:
    """Return the identities that a spec sets; none if it leaves them to others."""
    identities: tuple[str, ...] | NotCompared = getattr(spec, FIELD)
    return () if isinstance(identities, NotCompared) else identities


def find_declared(address: Address, context: PlanContext) -> tuple[str, ...]:
    """Return the identities that the file declares for a resource, even if the plan deletes it."""
    resource = context.declared.get(address)
    return get_declared(resource.spec) if resource else ()


def list_added_and_removed(change: Update) -> tuple[Sequence[str], Sequence[str]]:
    """Return the identities that an update attaches, and those that it detaches."""
    if not change.has_changed(FIELD):
        return (), ()
    before, after = get_declared(change.live.spec), get_declared(change.resource.spec)
    added = [identity for identity in after if identity not in before]
    return added, [identity for identity in before if identity not in after]
