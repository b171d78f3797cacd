"""The grace period of a rotation, during which a device has both its old certificate and the new one."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from reconciler.kinds.base.context import Response, Scope
from reconciler.kinds.shared.certificate_issuance import find_known_certificate
from reconciler.model.duration import parse_duration


def find_grace_ends(
    scope: Scope,
    orphans: AbstractSet[str],
    certificates: Mapping[str, Response],
    issued_names: Mapping[str, str],
) -> dict[str, float]:
    """Return when the grace periods of orphaned certificates end, in seconds since 1970.

    `orphans` are the IDs of certificates that the file does not declare; `certificates` has every certificate that was read,
    by ID; `issued_names` has the name in the file of each that AWS issued and no apply has saved. An orphan has a grace period if a
    thing that has it also has, in the file, a registered certificate with `rotation`. If there are several such certificates, the
    latest end applies.
    """
    ends = _find_ends_by_new_certificate(scope, certificates, issued_names)
    if not ends:
        return {}
    desired_certificates_by_thing = {
        thing.address.name: thing.spec.certificates for thing in scope.iterate_resources("things")
    }
    ends_by_orphan: dict[str, float] = {}
    for thing in scope.get_live("things"):
        desired_certificates = desired_certificates_by_thing.get(thing.identity, ())
        end = max((ends[name] for name in desired_certificates if name in ends), default=None)
        if end is None:
            continue
        for certificate in thing.spec.certificates:
            if certificate.id in orphans:
                ends_by_orphan[certificate.id] = max(end, ends_by_orphan.get(certificate.id, end))
    return ends_by_orphan


def _find_ends_by_new_certificate(
    scope: Scope, certificates: Mapping[str, Response], issued_names: Mapping[str, str]
) -> dict[str, float]:
    """Return the end of the grace period that each new certificate starts, by its name in the file."""
    ends: dict[str, float] = {}
    issued_ids = {name: identity for identity, name in issued_names.items()}
    for resource in scope.iterate_resources("certificates"):
        certificate = find_known_certificate(resource.spec)
        rotation = resource.spec.rotation
        seconds = parse_duration(rotation.grace) if rotation else None
        identity = certificate.fingerprint if certificate else issued_ids.get(resource.address.name)
        if identity is not None and identity in certificates and seconds is not None:
            created: datetime.datetime = certificates[identity]["creationDate"]
            ends[resource.address.name] = created.timestamp() + seconds
    return ends
