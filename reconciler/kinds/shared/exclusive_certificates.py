"""Certificates that a thing must have exclusively, while other things have them.

AWS attaches a certificate exclusively only if no other thing has it, and to no other thing if one has it exclusively. An
attachment changes its type by being detached and attached again; if AWS then rejected the second call, the device would be
left without its certificate.

Source: AWS IoT API reference, AttachThingPrincipal (`thingPrincipalType`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds.base.context import PlanContext, Read, Response
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared.certificate_attachments import EXCLUSIVE_THING, find_arns_to_reattach
from reconciler.kinds.shared.certificate_spec import CertificateFacts
from reconciler.kinds.shared.principal_reads import read_things_of
from reconciler.kinds.shared.thing_spec import Thing, ThingFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Update
from reconciler.model.resource import External, Reference, extract_name_from_arn
from reconciler.model.text import join_some


def read_other_holders(
    principals: Mapping[str, Response], desired: Mapping[str, Thing]
) -> Read[dict[str, dict[str, tuple[str, ...]]]]:
    """Return the other holders of each certificate that a thing must get exclusively, by thing and ARN.

    `principals` are the responses of ListThingPrincipalsV2 by thing. Nothing is read for other things.
    """
    arns_by_thing = {
        name: _list_shareable_arns(response)
        for name, response in principals.items()
        if name in desired and desired[name].exclusive is True
    }
    arns = sorted({arn for thing_arns in arns_by_thing.values() for arn in thing_arns})
    holders = yield from read_things_of({arn: arn for arn in arns})
    other_holders: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, thing_arns in arns_by_thing.items():
        for arn in thing_arns:
            others = tuple(thing for thing in holders[arn] if thing != name)
            if others:
                other_holders.setdefault(name, {})[arn] = others
    return other_holders


def _list_shareable_arns(response: Response) -> list[str]:
    """Return the ARNs of the certificates that a thing has, but not exclusively."""
    return [
        item["principal"]
        for item in response.get("thingPrincipalObjects", ())
        if ":cert/" in item["principal"] and item.get("thingPrincipalType") != EXCLUSIVE_THING
    ]


def list_holders(facts: ThingFacts) -> tuple[str, ...]:
    """Return a text for each unmanaged thing that has a certificate which the thing must get exclusively.

    The plan itself attaches such a certificate to managed things, and detaches it from them.
    """
    return tuple(
        f"{thing} has {extract_name_from_arn(arn)[:12]}…"
        for arn, things in facts.other_holders.items()
        for thing in things
        if thing not in facts.managed_things
    )


def find_errors(change: Update, context: PlanContext) -> Iterator[str]:
    """Yield an error for each certificate that would be attached again although other things keep it.

    Things of the file that keep it are reported by the kind.
    """
    other_holders = change.live.get_facts(ThingFacts).other_holders
    for arn in find_arns_to_reattach(change, context) if change.resource.spec.exclusive else ():
        things = other_holders.get(str(arn), ())
        others = sorted(set(things) - context.thing_names)
        if others:
            yield (
                f"cannot have the certificate {extract_name_from_arn(str(arn))[:12]}… exclusively: things that this workspace "
                f"does not manage have it too ({join_some(others)}); detach it from them first, or set exclusive = false"
            )


def find_holder_needs(change: Change, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need that AWS lets a thing have each new certificate that other things may have.

    A certificate of the file that only things of the workspace have needs no reading.
    """
    if not isinstance(change, Create | Update):
        return
    known = change.live.spec.certificates if isinstance(change, Update) else ()
    exclusive = change.resource.spec.exclusive is True
    for reference in change.resource.spec.certificates:
        identity = _find_shared_identity(reference, context) if reference not in known else None
        if identity:
            yield build_holder_need(
                identity, change.address.name, "certificates", context, exclusive=exclusive
            )


def _find_shared_identity(reference: Reference, context: PlanContext) -> str | None:
    """Return the ID of a live certificate that things outside the workspace may have, or None."""
    if isinstance(reference, External):
        return reference.name
    live = context.live.get(Address("certificates", reference))
    return live.identity if live and live.get_facts(CertificateFacts).has_outside_things else None


def build_holder_need(
    identity: str, thing: str, path: str, context: PlanContext, *, exclusive: bool
) -> CheckedNeed:
    """Return the need that a thing can have a live certificate, exclusively or not."""

    def read() -> ProblemRead:
        params = {"principal": context.build_arn(f"cert/{identity}")}
        (response,) = yield [ApiCall("iot", "ListPrincipalThingsV2", params, ignored_errors=NOT_FOUND)]
        types = {
            item["thingName"]: item.get("thingPrincipalType")
            for item in response.get("principalThingObjects", ())
            if item["thingName"] != thing and item["thingName"] not in context.thing_names
        }
        exclusive_holders = sorted(name for name, kind in types.items() if kind == EXCLUSIVE_THING)
        if exclusive_holders:
            return (
                f"{join_some(exclusive_holders)} has the certificate {identity[:12]}… exclusively, and this workspace does "
                "not manage that thing; detach it there first"
            )
        if exclusive and types:
            return (
                f"things that this workspace does not manage have the certificate {identity[:12]}… too "
                f"({join_some(sorted(types))}), so {thing} cannot have it exclusively; detach it from them first"
            )
        return None

    unread = "whether other things have certificates exclusively"
    return CheckedNeed(("holders", identity, thing, exclusive), path, read, unread)
