"""The status of certificates and CA certificates, which people also change by hand."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.change import Change, Update


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
