"""The status of certificates and CA certificates, which people also change by hand."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.shared.certificate_signers import find_validity_errors
from reconciler.model.change import Change, Delete, Forget, Update


def find_activation_errors(change: Change) -> Iterator[str]:
    """Yield an error if the change makes a certificate ACTIVE that is not valid today."""
    if isinstance(change, Delete | Forget) or (
        isinstance(change, Update) and not change.has_changed("status")
    ):
        return
    if change.resource.spec.status == "ACTIVE":
        yield from find_validity_errors(change.resource.spec.pem)


def warn_of_activation(change: Change) -> Iterator[str]:
    """Yield a warning for an update that activates a certificate.

    Someone may have deactivated it in an incident.
    """
    if (
        isinstance(change, Update)
        and change.has_changed("status")
        and change.live.spec.status == "INACTIVE"
        and change.resource.spec.status == "ACTIVE"
    ):
        yield (
            "is INACTIVE in AWS and will be activated; if someone deactivated it on purpose, "
            'set status = "INACTIVE" before you apply'
        )
