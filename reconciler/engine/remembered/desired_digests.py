"""Digests of the edges that the file gives each thing, so that a change of the file is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from reconciler.kinds.shared.certificate_issuance import find_known_certificate
from reconciler.kinds.shared.thing_spec import Thing
from reconciler.model.address import Address
from reconciler.model.resource import Desired, External, Reference

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
