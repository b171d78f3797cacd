"""Edges, the attachments of principals to things: in files, in responses, and in changes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from reconciler.kinds.base.context import Response
from reconciler.kinds.base.references import find_users
from reconciler.kinds.shared.certificate_issuance import find_known_certificate
from reconciler.kinds.shared.thing_spec import Thing
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.resource import Desired, External, Inventory, Live, Reference, Resource

_DIGEST_BYTES = 8


def compute_desired_digests(resources: Desired) -> Mapping[str, str]:
    """Return a digest of the edges that the file gives each thing, by the thing's name.

    Provisioned things are left out: a change of their templates is noticed by comparing them.
    """
    return {
        address.name: _compute_digest(resource.spec, resources)
        for address, resource in resources.items()
        if address.kind == "things"
    }


def _compute_digest(spec: Thing, resources: Desired) -> str:
    certificates = sorted(_find_identity(reference, resources) for reference in spec.certificates)
    text = repr((certificates, spec.exclusive, spec.cognito_identities))
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _find_identity(reference: Reference, resources: Desired) -> str:
    """Return the ID of a certificate as far as it is known, else its name in the file."""
    if isinstance(reference, External):
        return reference.name
    resource = resources.get(Address("certificates", reference))
    certificate = find_known_certificate(resource.spec) if resource else None
    return certificate.fingerprint if certificate else str(reference)


def count_things(resources: Desired) -> int:
    """Return the number of things that the file declares, provisioned ones included."""
    return sum(address.kind in {"things", "provisioned_things"} for address in resources)


def has_certificates(resources: Desired) -> bool:
    """Return whether the file declares certificates, so that a plan reads their listing."""
    return any(address.kind == "certificates" for address in resources)


def find_versions(call: ApiCall, response: Response) -> Mapping[str, int]:
    """Return the version of each thing in a response, by name; empty for other calls."""
    if call.operation == "ListThings":
        return {item["thingName"]: item["version"] for item in response["things"]}
    if call.operation == "DescribeThing" and response:
        return {response["thingName"]: response["version"]}
    return {}


def get_listed_certificates(response: Response) -> Sequence[Response]:
    """Return the items in a response of ListCertificates."""
    items: Sequence[Response] = response["certificates"]
    return items


def find_holders(response: Response) -> set[str]:
    """Return the names of the things in a response of ListPrincipalThings or ListPrincipalThingsV2."""
    objects = response.get("principalThingObjects", ())
    return {*response.get("things", ()), *(item["thingName"] for item in objects)}


def select_things(resources: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the names of the things among resources, given as tables and IDs."""
    return (name for table, name in resources if table == "things")


def find_concerned_things(changed: Collection[Address], live: Inventory, desired: Desired) -> Iterator[str]:
    """Yield the names of the things whose edges some changes depend on.

    `changed` are the addresses of the changes. These are the things that change, and those that have, or will have, a certificate that changes.
    """
    yield from (name for address in changed for name in _find_names(address, live, desired))
    certificates = {address for address in changed if address.kind == "certificates"}
    if not certificates:
        return
    for users in (find_users(live), find_users(desired)):
        for certificate in certificates:
            for user in users.get(certificate, ()):
                yield from _find_names(user, live, desired)
    for certificate in certificates & live.keys():
        yield from live[certificate].used_by


def _find_names(address: Address, live: Inventory, desired: Desired) -> Iterator[str]:
    """Yield the name of a thing, or the names of a provisioned thing's things."""
    if address.kind == "things":
        yield address.name
    elif address.kind == "provisioned_things":
        resources: tuple[Resource | Live | None, ...] = (live.get(address), desired.get(address))
        yield from (
            resource.spec.thing_name for resource in resources if resource and resource.spec.thing_name
        )
