"""Which certificates things have, and whether each has them alone.

Source: AWS IoT API reference, AttachThingPrincipal (`thingPrincipalType`); developer guide, "Associating an AWS IoT thing
to an MQTT client connection".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared.certificate_retirement import is_deleted, mark_retired
from reconciler.kinds.shared.thing_spec import PrincipalFacts, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Replace, Update
from reconciler.model.resource import Reference

EXCLUSIVE_THING = "EXCLUSIVE_THING"


def attach(thing: str, arn: Any, *, exclusive: bool, after_detach: bool = False) -> ApiCall:
    """One attachment. `again` where an earlier one of it has just been let go: AWS detaches asynchronously."""
    params = {"thingName": thing, "principal": arn}
    if exclusive:
        params["thingPrincipalType"] = EXCLUSIVE_THING
    retried_errors = {"InvalidRequestException"} if after_detach else frozenset[str]()
    return ApiCall("iot", "AttachThingPrincipal", params, retried_errors=retried_errors)


def detach(thing: str, arn: Any) -> ApiCall:
    """One attachment less; none is no mistake."""
    return ApiCall(
        "iot", "DetachThingPrincipal", {"thingName": thing, "principal": arn}, ignored_errors=NOT_FOUND
    )


def attach_all(thing: Address, certificates: Sequence[Reference], context: PlanContext) -> Iterator[ApiCall]:
    """Attached; where a thing has one alone, the others let go of it first."""
    exclusive = context.desired[thing].spec.exclusive
    for certificate in certificates:
        freed = [*_free(thing, certificate, context)]
        yield from freed
        arn = context.resolve_certificate_arn(certificate)
        yield attach(thing.name, arn, exclusive=exclusive, after_detach=bool(freed))


def _free(thing: Address, certificate: Reference, context: PlanContext) -> Iterator[ApiCall]:
    """Other things let go of a certificate that one has alone, or is to have alone.

    Their own steps do so too, but in no order that could be kept when things swap certificates: whoever comes second
    finds it done. One that keeps the certificate, no longer alone, gets it back at once.
    """
    if not isinstance(certificate, str):
        return
    address = Address("certificates", certificate)
    if address not in context.live:
        return
    arn = context.build_arn(f"cert/{context.live[address].identity}")
    for other in context.live_users.get(address, ()):
        name = context.thing_name(other)
        if other == thing or name is None:
            continue
        if (
            context.desired[thing].spec.exclusive
            or arn in context.live[other].facts_as(PrincipalFacts).exclusive
        ):
            yield detach(name, arn)
            if other in context.desired_users.get(address, ()):
                yield attach(
                    name, context.resolve_certificate_arn(certificate), exclusive=False, after_detach=True
                )


def change_exclusivity(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """What stays attached becomes exclusive or ceases to be. AWS documents no change of the type, so it is made anew."""
    spec, was, name = change.resource.spec, change.live.spec, change.address.name
    had = {
        certificate: context.build_arn(f"cert/{find_certificate_id(context, certificate)}")
        for certificate in was.certificates
    }
    facts = change.live.facts_as(ThingFacts)
    arns: list[Any] = [arn for arn in facts.principals if ":cert/" in arn]
    wrong = {arn for arn in arns if (arn in facts.exclusive) != spec.exclusive}
    stays = [arn for arn in arns if arn in wrong and arn not in had.values()]
    for certificate, arn in had.items():
        if certificate not in spec.certificates:
            continue
        if isinstance(certificate, str) and isinstance(
            context.changes.get(Address("certificates", certificate)), Replace
        ):
            stays.append(context.resolve_certificate_arn(certificate))
        elif arn in wrong:
            stays.append(arn)
    for arn in stays:
        yield detach(name, arn)
        yield attach(name, arn, exclusive=spec.exclusive, after_detach=True)


def detach_all(context: PlanContext, thing: str, certificates: Sequence[Reference]) -> Iterator[ApiCall]:
    """Detached, and marked before where the plan goes on to delete them."""
    going = select_deleted(context, certificates)
    for certificate in certificates:
        arn = context.build_arn(f"cert/{find_certificate_id(context, certificate)}")
        if certificate in going:
            yield mark_retired(context, arn)
        yield detach(thing, arn)


def select_deleted(context: PlanContext, certificates: Sequence[Reference]) -> list[Reference]:
    """Those that the plan deletes."""
    return [
        found
        for found in certificates
        if isinstance(found, str) and is_deleted(context, Address("certificates", found))
    ]


def find_certificate_id(context: PlanContext, certificate: Reference) -> str:
    """AWS's id of a certificate that is there."""
    if isinstance(certificate, str):
        return context.live[Address("certificates", certificate)].identity
    return certificate.id
