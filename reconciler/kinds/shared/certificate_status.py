"""The status of certificates and CA certificates, which people also change by hand."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.shared.certificate_signers import find_validity_errors
from reconciler.kinds.shared.certificate_spec import Certificate, PrivateKey
from reconciler.model.change import Change, Delete, Forget, Update


def find_activation_errors(change: Change) -> Iterator[str]:
    """Yield an error if the change makes a certificate ACTIVE that is not valid today."""
    if isinstance(change, Delete | Forget) or (
        isinstance(change, Update) and not change.has_changed("status")
    ):
        return
    if change.resource.spec.status == "ACTIVE":
        yield from find_validity_errors(change.resource.spec.pem)


def find_revocation_errors(change: Change, context: PlanContext) -> Iterator[str]:
    """Yield an error if the change gives a REVOKED certificate another status, with the ways out."""
    if isinstance(change, Update) and change.live.spec.status == "REVOKED" and change.has_changed("status"):
        resource = context.declared.get(change.address, change.resource)
        yield (
            f"is REVOKED in AWS, which is final; to give the device another certificate, {_describe_renewal(resource.spec)}; "
            'to leave it revoked, set status = "REVOKED"'
        )


def _describe_renewal(spec: Certificate) -> str:
    """Return how the table of a certificate, with its fields as in the file, declares another one."""
    if spec.csr:
        return (
            f"set csr to the request of a new key, and move {spec.output_file or 'the file in save_to'} away"
        )
    key_file = spec.private_key.save_to if isinstance(spec.private_key, PrivateKey) else None
    if spec.key_secret:
        output = f", and move {spec.output_file} away" if spec.output_file else ""
        return f"set private_key.secretsmanager to the name of a new secret{output}"
    if key_file:
        return f"move {key_file} and {spec.output_file} away"
    return "set pem to that one"


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
