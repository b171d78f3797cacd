"""Which certificates things have, and whether each has them alone.

Source: AWS IoT API reference, AttachThingPrincipal (`thingPrincipalType`); developer guide, "Associating an AWS IoT thing
to an MQTT client connection".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.kinds.base.kind import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared.certificate_retirement import is_deleted, mark_retired
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
    retries = {"InvalidRequestException"} if after_detach else frozenset[str]()
    return ApiCall("iot", "AttachThingPrincipal", params, retries=retries)


def detach(thing: str, arn: Any) -> ApiCall:
    """One attachment less; none is no mistake."""
    return ApiCall("iot", "DetachThingPrincipal", {"thingName": thing, "principal": arn}, tolerates=NOT_FOUND)


def attach_all(thing: Address, certificates: Sequence[Reference], world: PlanContext) -> Iterator[ApiCall]:
    """Attached; where a thing has one alone, the others let go of it first."""
    exclusive = world.desired[thing].spec.exclusive
    for certificate in certificates:
        freed = [*_free(thing, certificate, world)]
        yield from freed
        arn = world.resolve_certificate_arn(certificate)
        yield attach(thing.name, arn, exclusive=exclusive, after_detach=bool(freed))


def _free(thing: Address, certificate: Reference, world: PlanContext) -> Iterator[ApiCall]:
    """Other things let go of a certificate that one has alone, or is to have alone.

    Their own steps do so too, but in no order that could be kept when things swap certificates: whoever comes second
    finds it done. One that keeps the certificate, no longer alone, gets it back at once.
    """
    if not isinstance(certificate, str):
        return
    address = Address("certificates", certificate)
    if address not in world.live:
        return
    arn = world.build_arn(f"cert/{world.live[address].identity}")
    for other in world.live_users.get(address, ()):
        name = world.thing_name(other)
        if other == thing or name is None:
            continue
        if world.desired[thing].spec.exclusive or arn in world.live[other].facts["exclusive"]:
            yield detach(name, arn)
            if other in world.desired_users.get(address, ()):
                yield attach(
                    name, world.resolve_certificate_arn(certificate), exclusive=False, after_detach=True
                )


def change_exclusivity(change: Update, world: PlanContext) -> Iterator[ApiCall]:
    """What stays attached becomes exclusive or ceases to be. AWS documents no change of the type, so it is made anew."""
    spec, was, name = change.resource.spec, change.live.spec, change.address.name
    had = {
        certificate: world.build_arn(f"cert/{find_certificate_id(world, certificate)}")
        for certificate in was.certificates
    }
    arns: list[Any] = [arn for arn in change.live.facts["principals"] if ":cert/" in arn]
    wrong = {arn for arn in arns if (arn in change.live.facts["exclusive"]) != spec.exclusive}
    stays = [arn for arn in arns if arn in wrong and arn not in had.values()]
    for certificate, arn in had.items():
        if certificate not in spec.certificates:
            continue
        if isinstance(certificate, str) and isinstance(
            world.changes.get(Address("certificates", certificate)), Replace
        ):
            stays.append(world.resolve_certificate_arn(certificate))
        elif arn in wrong:
            stays.append(arn)
    for arn in stays:
        yield detach(name, arn)
        yield attach(name, arn, exclusive=spec.exclusive, after_detach=True)


def detach_all(world: PlanContext, thing: str, certificates: Sequence[Reference]) -> Iterator[ApiCall]:
    """Detached, and marked before where the plan goes on to delete them."""
    going = select_deleted(world, certificates)
    for certificate in certificates:
        arn = world.build_arn(f"cert/{find_certificate_id(world, certificate)}")
        if certificate in going:
            yield mark_retired(world, arn)
        yield detach(thing, arn)


def select_deleted(world: PlanContext, certificates: Sequence[Reference]) -> list[Reference]:
    """Those that the plan deletes."""
    return [
        found
        for found in certificates
        if isinstance(found, str) and is_deleted(world, Address("certificates", found))
    ]


def find_certificate_id(world: PlanContext, certificate: Reference) -> str:
    """AWS's id of a certificate that is there."""
    if isinstance(certificate, str):
        return world.live[Address("certificates", certificate)].identity
    return certificate.id
