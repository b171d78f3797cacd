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
    """How a certificate replaces the previous one: `grace` is how long both stay, such as "7d" or "12h"."""

    grace: str


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
        "How long the previous certificate stays, too.", on_change="create_only", default=None
    )


@frozen
class CertificateFacts:
    """Further facts about a live certificate.

    `policies` are the names of all its policies, read where it may be deleted or is read again. `foreign` is whether
    things outside the workspace have it, `outlived` whether its grace period is over. `unexplained` is whether a thing of
    the workspace has it, although the file declares it nowhere and no rotation left it.
    """

    policies: tuple[str, ...] | None = None
    foreign: bool = False
    outlived: bool = False
    unexplained: bool = False
