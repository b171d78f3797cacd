"""The fields of a device certificate.

Source: AWS IoT API reference, RegisterCertificate, RegisterCertificateWithoutCA, CreateCertificateFromCsr and
CreateKeysAndCertificate.
"""

from __future__ import annotations

from typing import Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.model.output_file import KeyFile, OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import NotCompared, Reference
from reconciler.model.secret import KeySecret


@frozen
class Rotation:
    """How a certificate replaces the previous one."""

    grace: str = member("How long both certificates are kept: a duration, such as `7d`.")


@frozen
class PrivateKey:
    """Where the private key that AWS creates is saved: in a file or in a secret."""

    save_to: KeyFile | None = member("The new file for the key; only its owner can read it.", default=None)
    secretsmanager: KeySecret | None = member(
        "The name of the new secret for the key in Secrets Manager, in the account and Region of the registry. Its tags name the "
        "workspace and the certificate.",
        default=None,
    )

    @property
    def is_saved(self) -> bool:
        """Whether the key was saved when the desired state was loaded."""
        return bool(
            (self.save_to and self.save_to.exists) or (self.secretsmanager and self.secretsmanager.exists)
        )


@frozen
class Certificate:
    """`[certificates.*]`: issued elsewhere (`pem`), or by AWS (`csr` or `private_key`)."""

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
    private_key: PrivateKey | NotCompared | None = member(
        "AWS creates the key and the certificate. AWS returns the key once, and it is saved in a new file (`save_to`) or in a new secret "
        "of Secrets Manager (`secretsmanager`); neither is ever overwritten.",
        on_change="replaces",
        default=None,
    )
    save_to: OutputFile | NotCompared | None = member(
        "The new file that the issued certificate is written to; never overwritten. With a `private_key` in a file, the default is next to the "
        "key: `keys/a.crt` for the key `keys/a.pem`. With one in a secret, there is none by default: the secret shows which certificate it is.",
        default=None,
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

    @property
    def key_secret(self) -> KeySecret | None:
        """The secret for the private key, if it is saved in one."""
        return self.private_key.secretsmanager if isinstance(self.private_key, PrivateKey) else None

    @property
    def output_file(self) -> OutputFile | None:
        """The file for the certificate that AWS issues: `save_to`, or the one next to the key."""
        if self.save_to is None and isinstance(self.private_key, PrivateKey) and self.private_key.save_to:
            return self.private_key.save_to.certificate
        return self.save_to if isinstance(self.save_to, OutputFile) else None


@frozen
class CertificateFacts:
    """Further facts about a live certificate.

    - `policies`: the names of all its policies, or None: they are read only for a certificate that a plan may delete, and
      in re-reads;
    - `has_outside_things`: whether things outside the workspace have it;
    - `is_past_grace_period`: whether its grace period has ended;
    - `is_unexpected`: whether a desired thing has it, although the file does not declare it and no rotation left it;
    - `may_be_listed`: whether a thing that the file no longer has may have listed it by ID, as other things do;
    - `is_key_lost`: whether an interrupted run of the workspace created it with a key that was not saved;
    - `may_have_lost_key`: whether that is possible but not certain.
    """

    policies: tuple[str, ...] | None = None
    has_outside_things: bool = False
    is_past_grace_period: bool = False
    is_unexpected: bool = False
    may_be_listed: bool = False
    is_key_lost: bool = False
    may_have_lost_key: bool = False
