"""How certificates are attached to things, exclusively or not, and detached.

Source: AWS IoT API reference, AttachThingPrincipal (`thingPrincipalType`); developer guide, "Associating an AWS IoT thing
to an MQTT client connection".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared.certificate_retirement import is_deleted, mark_retired
from reconciler.kinds.shared.thing_spec import PrincipalFacts, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Replace, Update
from reconciler.model.resource import Reference

EXCLUSIVE_THING = "EXCLUSIVE_THING"


def attach(thing: str, arn: str | Ref, *, exclusive: bool, after_detach: bool = False) -> ApiCall:
    """Return the call that attaches a certificate.

    With `after_detach` it has just been detached, which AWS does asynchronously, so the call is repeated until that is done.
    """
    params = {"thingName": thing, "principal": arn}
    if exclusive:
        params["thingPrincipalType"] = EXCLUSIVE_THING
    retried_errors = {"InvalidRequestException"} if after_detach else frozenset[str]()
    return ApiCall("iot", "AttachThingPrincipal", params, retried_errors=retried_errors)


def detach(thing: str, arn: str | Ref) -> ApiCall:
    """Return the call that detaches a certificate; it succeeds where the thing does not have it."""
    params = {"thingName": thing, "principal": arn}
    return ApiCall("iot", "DetachThingPrincipal", params, ignored_errors=NOT_FOUND)


def attach_all(thing: Address, certificates: Sequence[Reference], context: PlanContext) -> Iterator[ApiCall]:
    """Return the calls that attach certificates.

    Each is first detached from the other things that must not have it.
    """
    exclusive = context.desired[thing].spec.exclusive
    for certificate in certificates:
        releases = [*_release(thing, certificate, context)]
        yield from releases
        arn = context.resolve_certificate_arn(certificate)
        yield attach(thing.name, arn, exclusive=exclusive, after_detach=bool(releases))


def _release(thing: Address, certificate: Reference, context: PlanContext) -> Iterator[ApiCall]:
    """Return the calls that detach a certificate from other things.

    There are some where a thing has it exclusively, or will.

    The steps of these things do so, too, but no order of steps suits things that swap certificates; detaching twice is no
    error. A thing that keeps the certificate, no longer exclusively, gets it back at once.
    """
    if not isinstance(certificate, str):
        return
    address = Address("certificates", certificate)
    if address not in context.live:
        return
    arn = context.build_arn(f"cert/{context.live[address].identity}")
    for user in context.live_users.get(address, ()):
        name = context.thing_name(user)
        if user == thing or name is None:
            continue
        has_exclusively = arn in context.live[user].facts_as(PrincipalFacts).exclusive
        if has_exclusively or context.desired[thing].spec.exclusive:
            yield detach(name, arn)
            if user in context.desired_users.get(address, ()):
                new_arn = context.resolve_certificate_arn(certificate)
                yield attach(name, new_arn, exclusive=False, after_detach=True)


def change_exclusivity(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """Return the calls that attach again what stays attached and has the wrong type.

    UNCONFIRMED: whether AWS changes the type of an attachment; it is not documented.
    """
    exclusive, name = change.resource.spec.exclusive, change.address.name
    for arn in _find_wrong_attachments(change, context):
        yield detach(name, arn)
        yield attach(name, arn, exclusive=exclusive, after_detach=True)


def _find_wrong_attachments(change: Update, context: PlanContext) -> list[str | Ref]:
    """Return the ARNs of the certificates that stay attached and have the wrong type.

    Those that the file does not declare come first.
    """
    facts = change.live.facts_as(ThingFacts)
    wrong = {
        arn
        for arn in facts.principals
        if ":cert/" in arn and (arn in facts.exclusive) != change.resource.spec.exclusive
    }
    arns = {
        certificate: context.build_arn(f"cert/{find_certificate_id(context, certificate)}")
        for certificate in change.live.spec.certificates
    }
    staying: list[str | Ref] = [arn for arn in facts.principals if arn in wrong and arn not in arns.values()]
    for certificate, arn in arns.items():
        if certificate not in change.resource.spec.certificates:
            continue
        if _is_replaced(certificate, context):
            staying.append(context.resolve_certificate_arn(certificate))
        elif arn in wrong:
            staying.append(arn)
    return staying


def _is_replaced(certificate: Reference, context: PlanContext) -> bool:
    if not isinstance(certificate, str):
        return False
    return isinstance(context.changes.get(Address("certificates", certificate)), Replace)


def detach_all(context: PlanContext, thing: str, certificates: Sequence[Reference]) -> Iterator[ApiCall]:
    """Return the calls that detach certificates, those that the plan deletes marked before."""
    deleted = select_deleted(context, certificates)
    for certificate in certificates:
        arn = context.build_arn(f"cert/{find_certificate_id(context, certificate)}")
        if certificate in deleted:
            yield mark_retired(context, arn)
        yield detach(thing, arn)


def select_deleted(context: PlanContext, certificates: Sequence[Reference]) -> list[Reference]:
    """Return the certificates that the plan deletes."""
    return [
        certificate
        for certificate in certificates
        if isinstance(certificate, str) and is_deleted(context, Address("certificates", certificate))
    ]


def find_certificate_id(context: PlanContext, certificate: Reference) -> str:
    """Return AWS's id of a live certificate."""
    if isinstance(certificate, str):
        return context.live[Address("certificates", certificate)].identity
    return certificate.id
