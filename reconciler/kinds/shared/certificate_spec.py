"""The fields of a device certificate.

Source: AWS IoT API reference, RegisterCertificate, RegisterCertificateWithoutCA and CreateCertificateFromCsr.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from reconciler.kinds.base.schema import member
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import NotCompared, Reference


@frozen
class Rotation:
    """How a certificate replaces the previous one."""

    grace: str = member("How long both certificates are kept: a duration, such as `7d`.")


@frozen
class Certificate:
    """`[certificates.*]`: issued elsewhere (`pem`), or by AWS (`csr`, `save_to`)."""

    pem: Pem | NotCompared | None = member(
        "The device's certificate.",
        api="RegisterCertificate.certificatePem",
        on_change="replaces",
        default=None,
    )
    csr: str | NotCompared | None = member(
        "A certificate signing request, for AWS to issue the certificate.",
        api="CreateCertificateFromCsr.certificateSigningRequest",
        on_change="replaces",
        default=None,
    )
    save_to: OutputFile | NotCompared | None = member(
        "The new file that the issued certificate is written to; never overwritten.", default=None
    )
    ca: Reference | None = member(
        "The CA that signed it.", references="ca_certificates", on_change="create_only", default=None
    )
    certificate_mode: Literal["DEFAULT", "SNI_ONLY"] | NotCompared | None = member(
        "SNI_ONLY registers it without a CA; with a CA, the CA determines the mode.",
        on_change="replaces",
        default=None,
    )
    status: Literal["ACTIVE", "INACTIVE", "REVOKED"] = member(
        "REVOKED is final.", api="UpdateCertificate.newStatus", default="ACTIVE"
    )
    policies: tuple[Reference, ...] = member(
        "The policies for the connected device.", references="policies", default=()
    )
    rotation: Rotation | None = member(
        "How long the previous certificate is kept next to the new one: `grace` is a duration, such as `7d`, from the creation "
        "of the new one. Without it, the previous one is deleted at once. A change applies to completed rotations, too: the next "
        "apply deletes each previous certificate whose grace period is over.",
        on_change="create_only",
        default=None,
    )


@frozen
class CertificateFacts:
    """Further facts about a live certificate.

    - `policies`: the names of all its policies, or None: they are read only for a certificate that a plan may delete, and
      in re-reads;
    - `has_outside_things`: whether things outside the workspace have it;
    - `is_past_grace_period`: whether its grace period has ended;
    - `is_unexpected`: whether a desired thing has it, although the file does not declare it and no rotation left it.
    """

    policies: tuple[str, ...] | None = None
    has_outside_things: bool = False
    is_past_grace_period: bool = False
    is_unexpected: bool = False
