"""Attach certificates to things, exclusively or not, and detach them.

No other thing can have a certificate that a thing has exclusively.

Source: AWS IoT API reference, AttachThingPrincipal (`thingPrincipalType`); developer guide, "Associating an AWS IoT thing
to an MQTT client connection".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared.certificate_retirement import mark_retired, needs_mark
from reconciler.kinds.shared.thing_spec import PrincipalFacts, Thing, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Create, Replace, Update
from reconciler.model.resource import Desired, Reference

EXCLUSIVE_THING = "EXCLUSIVE_THING"

DETACH_SECONDS = 60.0
"""Seconds for which an attachment is retried while AWS may still see one that was detached.

AWS detaches within seconds. A longer wait would only delay the report of an error that stays.
"""


def attach(thing: str, arn: str | Ref, *, exclusive: bool, after_detach: bool = False) -> ApiCall:
    """Return the call that attaches a certificate.

    With `after_detach`, an earlier call has detached the certificate. AWS detaches asynchronously, so the call is retried.
    """
    params = {"thingName": thing, "principal": arn}
    if exclusive:
        params["thingPrincipalType"] = EXCLUSIVE_THING
    return ApiCall(
        "iot",
        "AttachThingPrincipal",
        params,
        retried_errors={"InvalidRequestException"} if after_detach else frozenset[str](),
        timeout_seconds=DETACH_SECONDS if after_detach else None,
    )


def detach(thing: str, arn: str | Ref) -> ApiCall:
    """Return the call that detaches a certificate; it succeeds even if the thing does not have it."""
    params = {"thingName": thing, "principal": arn}
    return ApiCall("iot", "DetachThingPrincipal", params, ignored_errors=NOT_FOUND)


def attach_all(thing: Address, certificates: Sequence[Reference], context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that attach certificates to a thing.

    A certificate that one thing has or will have exclusively is detached from the other things first.
    """
    exclusive = context.desired[thing].spec.exclusive
    for certificate in certificates:
        detach_calls = [*_detach_from_others(thing, certificate, context)]
        yield from detach_calls
        arn = context.resolve_certificate_arn(certificate)
        yield attach(thing.name, arn, exclusive=exclusive, after_detach=bool(detach_calls))


def _detach_from_others(thing: Address, certificate: Reference, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that detach a certificate from other things because of exclusivity.

    They are needed if the thing will have the certificate exclusively, or if another thing has it exclusively. The steps of
    the other things detach it too, but no order of steps suits things that swap certificates, and AWS accepts detaching twice.
    Another thing that keeps the certificate, but no longer exclusively, gets it back at once.
    """
    if not isinstance(certificate, str):
        return
    address = Address("certificates", certificate)
    if address not in context.live:
        return
    arn = context.build_arn(f"cert/{context.live[address].identity}")
    for user in context.live_users.get(address, ()):
        name = context.find_thing_name(user)
        if user == thing or name is None:
            continue
        user_has_exclusively = arn in context.live[user].get_facts(PrincipalFacts).exclusive_arns
        if user_has_exclusively or context.desired[thing].spec.exclusive:
            yield detach(name, arn)
            if user in context.desired_users.get(address, ()):
                new_arn = context.resolve_certificate_arn(certificate)
                yield attach(name, new_arn, exclusive=False, after_detach=True)


def change_exclusivity(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that attach the remaining certificates again if their attachment has the wrong type.

    UNCONFIRMED: whether AWS changes the type of an attachment; it is not documented.
    """
    exclusive, name = change.resource.spec.exclusive, change.address.name
    for arn in find_arns_to_reattach(change, context):
        yield detach(name, arn)
        yield attach(name, arn, exclusive=exclusive, after_detach=True)


def find_arns_to_reattach(change: Update, context: PlanContext) -> list[str | Ref]:
    """Return the ARNs of the certificates that stay with the thing but have to be attached again.

    They are the ARNs of certificates whose attachment has the wrong type (exclusive or not), and the new ARNs of certificates
    that the plan replaces. Certificates in their grace period, which the specs do not contain, come first.
    """
    facts = change.live.get_facts(ThingFacts)
    wrong_arns = {
        arn
        for arn in facts.principals
        if ":cert/" in arn and (arn in facts.exclusive_arns) != change.resource.spec.exclusive
    }
    arns_by_certificate = {
        certificate: context.build_arn(f"cert/{find_certificate_id(context, certificate)}")
        for certificate in change.live.spec.certificates
    }
    arns_in_live_spec = set(arns_by_certificate.values())
    arns_to_reattach: list[str | Ref] = [
        arn for arn in facts.principals if arn in wrong_arns and arn not in arns_in_live_spec
    ]
    for certificate, arn in arns_by_certificate.items():
        if certificate not in change.resource.spec.certificates:
            continue
        if _is_replaced(certificate, context):
            arns_to_reattach.append(context.resolve_certificate_arn(certificate))
        elif arn in wrong_arns:
            arns_to_reattach.append(arn)
    return arns_to_reattach


def _is_replaced(certificate: Reference, context: PlanContext) -> bool:
    if not isinstance(certificate, str):
        return False
    return isinstance(context.changes.get(Address("certificates", certificate)), Replace)


def detach_all(context: PlanContext, thing: str, certificates: Sequence[Reference]) -> Iterator[ApiCall]:
    """Yield the calls that detach certificates; those that the plan deletes are marked as retired first."""
    marked = select_marked(context, certificates)
    for certificate in certificates:
        arn = context.build_arn(f"cert/{find_certificate_id(context, certificate)}")
        if certificate in marked:
            yield mark_retired(context, arn)
        yield detach(thing, arn)


def select_marked(context: PlanContext, certificates: Sequence[Reference]) -> list[Reference]:
    """Return the certificates that are marked as retired before they are detached."""
    return [
        certificate
        for certificate in certificates
        if isinstance(certificate, str) and needs_mark(context, Address("certificates", certificate))
    ]


def find_certificate_id(context: PlanContext, certificate: Reference) -> str:
    """Return AWS's ID of a live certificate."""
    if isinstance(certificate, str):
        return context.live[Address("certificates", certificate)].identity
    return certificate.id


def list_exclusive(change: Create | Update | Replace) -> Sequence[Reference]:
    """Return the certificates that a thing with `exclusive` gets, or gets exclusively."""
    certificates: Sequence[Reference] = change.resource.spec.certificates
    if not isinstance(change, Update) or change.has_changed("exclusive"):
        return certificates
    return [name for name in certificates if name not in change.live.spec.certificates]


def has_protected(spec: Thing, desired: Desired) -> bool:
    """Return whether one of a thing's certificates has `prevent_destroy`.

    The thing is then protected in its place.
    """
    certificates = (desired.get(Address("certificates", str(name))) for name in spec.certificates)
    return any(certificate.lifecycle.prevent_destroy for certificate in certificates if certificate)
