"""The fields of `[ca_certificates.*]`, and what their values become in requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared import x509
from reconciler.model.call import Deferred, Ref, Responses
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import Reference, Resource
from reconciler.model.secret import Secret

CertificateMode: TypeAlias = Literal["DEFAULT", "SNI_ONLY"]


@frozen
class CaVerification:
    """Proof that the user has the CA's private key: the key itself, or a certificate that it signed.

    `stored_name` is the name of this type in plan files and digests.
    """

    stored_name: ClassVar[str] = "verification"

    key: Secret | None = member("The CA's private key, which signs AWS's registration code.", default=None)
    certificate: Pem | None = member(
        "A certificate for AWS's registration code that the CA has signed, instead of the key.", default=None
    )

    def __str__(self) -> str:
        return f"with the key from {self.key.reference}" if self.key else f"with {self.certificate}"


@frozen
class CaCertificate:
    """`[ca_certificates.*]`."""

    pem: Pem = member("The CA certificate.", api="RegisterCACertificate.caCertificate", on_change="replaces")
    certificate_mode: CertificateMode = member(
        "DEFAULT needs a verification; SNI_ONLY needs none, but devices must send the endpoint's name (SNI).",
        api="RegisterCACertificate.certificateMode",
        on_change="replaces",
        default="DEFAULT",
    )
    verification: CaVerification | None = member(
        "The proof that the CA's key is yours, which a CA in DEFAULT mode needs.",
        on_change="create_only",
        default=None,
    )
    status: Literal["ACTIVE", "INACTIVE"] = member(
        "Device certificates can be registered only while their CA is ACTIVE.",
        api="UpdateCACertificate.newStatus",
        default="ACTIVE",
    )
    auto_registration: bool = member(
        "Whether devices can register their certificates by connecting.",
        api="RegisterCACertificate.allowAutoRegistration",
        default=False,
    )
    tags: Mapping[str, str] = member("Tags.", api="RegisterCACertificate.tags", factory=dict)
    registration_template: Reference | Document | None = member(
        "The JITP template that provisions devices with certificates of this CA when they connect: the name of a template, or a "
        "template that only this CA has (a file, a table or JSON text).",
        api="RegisterCACertificate.registrationConfig.templateName",
        document_api="RegisterCACertificate.registrationConfig.templateBody",
        references="provisioning_templates",
        default=None,
    )
    registration_role_arn: str | None = member(
        "The role with which AWS provisions, instead of the template's own. A template that only this CA has needs it.",
        api="RegisterCACertificate.registrationConfig.roleArn",
        outside="role",
        default=None,
    )


def get_declared_mode(ca: Resource) -> CertificateMode | None:
    """Return the mode that the file gives a CA and its certificates; None if the CA keeps its live mode."""
    spec: CaCertificate = ca.spec
    return None if "certificate_mode" in ca.lifecycle.ignore_changes else spec.certificate_mode


@frozen
class CaCertificateFacts:
    """The facts of a CA certificate: the role of a registration config that has no template."""

    unused_role_arn: str | None = None


@frozen
class SignedCode(Deferred):
    """The verification certificate: its common name is AWS's registration code, and the CA's key signs it."""

    ca: Pem
    key: Secret
    code: Ref

    def resolve(self, responses: Responses) -> str:
        """Return the certificate in PEM.

        AWS returns the code during the apply; the key is not revealed before that.
        """
        assert self.ca.text
        code = self.code.resolve(responses)
        return x509.sign_registration_code(self.ca.text, self.key.reveal(), code)

    def __str__(self) -> str:
        return f"(created at apply: the registration code, signed with the key from {self.key.reference})"
