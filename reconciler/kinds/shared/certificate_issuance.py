"""Have AWS issue a certificate for a signing request, only once even if an apply is interrupted.

Source: AWS IoT API reference, CreateCertificateFromCsr: submitting a request twice issues two certificates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from attrs import frozen

from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.base.reads import NOT_FOUND, PAGE_SIZE, request_each
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.certificate_spec import Certificate
from reconciler.model.call import ApiCall, Verification, VerificationReads
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.file_content import recognize_instead_of_request
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import NotCompared
from reconciler.model.text import suggest_file_table

SaveTo = OutputFile | NotCompared | None


def find_known_certificate(spec: Certificate) -> Pem | None:
    """Return the certificate if it is known: set in the file, or saved by an earlier apply."""
    if isinstance(spec.pem, Pem):
        return spec.pem
    try:
        return _read_saved(spec.save_to)
    except InvalidValueError:
        return None  # `check_signing_request` reports it


def _read_saved(save_to: SaveTo) -> Pem | None:
    """Return the certificate in an output file, or None without one. Raises InvalidValueError."""
    if not isinstance(save_to, OutputFile) or save_to.content is None:
        return None
    return Pem.parse(save_to.content, save_to.name)


def check_signing_request(spec: Certificate) -> Iterator[ValueProblem]:
    """Check a certificate that AWS issues: its request, its output file, and its other fields."""
    assert isinstance(spec.csr, str)
    key_digest = x509.compute_signing_request_key_digest(spec.csr)
    if key_digest is None:
        content = recognize_instead_of_request(spec.csr)
        problem = f"this is {content}" if content else "not a certificate signing request"
        expected = "a signing request in PEM, signed with its own key"
        nearest = suggest_file_table(spec.csr)
        yield ValueProblem("invalid-signing-request", problem, expected, nearest, path=("csr",))
        return
    yield from x509.check_request_key(spec.csr, "csr")
    if not isinstance(spec.save_to, OutputFile):
        problem, expected = "there is no file for the issued certificate", "the path of a new file"
        yield ValueProblem("missing-field", problem, expected, path=("save_to",))
        return
    try:
        saved = _read_saved(spec.save_to)
    except InvalidValueError as error:
        problem = f"{spec.save_to}: {error.problems[0].problem}"
        expected = "a file that does not exist yet, or the certificate"
        yield ValueProblem("invalid-output-file", problem, expected, path=("save_to",))
        return
    if saved and x509.compute_public_key_digest(saved) != key_digest:
        problem = f"{spec.save_to} has a certificate of another key than the request"
        expected = "the certificate that was issued for the request, or a new path"
        yield ValueProblem("key-mismatch", problem, expected, path=("save_to",))
    if spec.ca or spec.certificate_mode:
        problem, expected = "AWS signs what it issues", "neither ca nor certificate_mode"
        yield ValueProblem("conflicting-fields", problem, expected, path=("csr",))
    if spec.status == "REVOKED":
        problem = "AWS issues no revoked certificate"
        yield ValueProblem("conflicting-fields", problem, "ACTIVE or INACTIVE", path=("status",))


def find_save_to_errors(save_to: SaveTo) -> Iterator[str]:
    """Yield an error if the file `save_to` has content; called for a certificate that AWS does not have."""
    if isinstance(save_to, OutputFile) and save_to.content:
        yield (
            f"{save_to} has a certificate that AWS issued and that is not registered: it was deleted, or belongs to "
            "another account; move the file away to have a new one issued"
        )


def request_certificate(
    csr: str, save_to: OutputFile, *, active: bool, previous_id: str | None = None
) -> ApiCall:
    """Return the call that requests a certificate and saves it.

    `previous_id` is the ID of the certificate that the new one replaces.
    """
    return ApiCall(
        "iot",
        "CreateCertificateFromCsr",
        {"certificateSigningRequest": csr, "setAsActive": active},
        output_files=(SavedMember("certificatePem", save_to),),
        verification=CertificateIssued.for_request(csr, previous_id=previous_id),
    )


def fetch_certificate(identity: str, save_to: OutputFile) -> ApiCall:
    """Return the call that saves a certificate that AWS issued in an earlier apply."""
    saved = SavedMember("certificateDescription.certificatePem", save_to)
    return ApiCall("iot", "DescribeCertificate", {"certificateId": identity}, output_files=(saved,))


@frozen
class CertificateIssued(Verification):
    """Verification that AWS has issued a certificate with the key of the request.

    `key_digest` is the SHA-256 of the public key. `previous_id` is the ID of the certificate that the new one replaces, which
    may have the same key. `thing` is the thing that must have the certificate, if any.
    """

    key_digest: str | None
    previous_id: str | None = None
    thing: str | None = None

    @classmethod
    def for_request(
        cls, csr: str, *, previous_id: str | None = None, thing: str | None = None
    ) -> CertificateIssued:
        """Return the verification for a certificate signing request in PEM."""
        return cls(x509.compute_signing_request_key_digest(csr), previous_id, thing)

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return the members of the certificate with the key of the request, or None if there is none.

        AWS lists no keys, so the newest certificates, at most one page, are described one by one. Raises LookupError if the
        certificate exists but `thing` does not have it.
        """
        listing = yield ApiCall("iot", "ListCertificates", {"ascendingOrder": False}, max_items=PAGE_SIZE)
        newest_first = sorted(listing["certificates"], key=lambda item: item["creationDate"], reverse=True)
        for item in newest_first:
            identity = item["certificateId"]
            params = {"certificateId": identity}
            response = yield ApiCall("iot", "DescribeCertificate", params, ignored_errors=NOT_FOUND)
            certificate = response.get("certificateDescription", {})
            pem = certificate.get("certificatePem")
            if (
                not pem
                or identity == self.previous_id
                or x509.compute_public_key_digest(Pem.parse(pem)) != self.key_digest
            ):
                continue
            if self.thing:
                params = {"principal": certificate["certificateArn"]}
                holders = yield ApiCall("iot", "ListPrincipalThings", params, ignored_errors=NOT_FOUND)
                if self.thing not in holders.get("things", ()):
                    raise LookupError(f"certificate {identity}, which {self.thing} does not have")
            return {name: certificate[name] for name in ("certificateArn", "certificateId", "certificatePem")}
        return None


def read_unsaved_certificates(scope: Scope, known_ids: Collection[str]) -> Read[dict[str, str]]:
    """Return the name in the file of each certificate that AWS issued and no apply has saved, by ID.

    An apply that is killed between the response and writing the file leaves such a certificate. It is recognized by
    its public key, which is that of its request. AWS lists no keys, so if any request has no known certificate, every
    certificate with an ID that is not in `known_ids` is described. Only the first of several certificates with the key of
    one request is returned.
    """
    names_by_key_digest: dict[str, str] = {}
    for resource in scope.iterate_resources("certificates"):
        if resource.spec.csr and not find_known_certificate(resource.spec):
            key_digest = x509.compute_signing_request_key_digest(resource.spec.csr)
            if key_digest:
                names_by_key_digest[key_digest] = resource.address.name
    if not names_by_key_digest:
        return {}
    (listing,) = yield [ApiCall("iot", "ListCertificates")]
    ids = [item["certificateId"] for item in listing["certificates"]]
    unknown_ids = [identity for identity in ids if identity not in known_ids]
    responses = yield from request_each("DescribeCertificate", "certificateId", unknown_ids)
    names: dict[str, str] = {}
    for identity, response in zip(unknown_ids, responses, strict=True):
        pem = response.get("certificateDescription", {}).get("certificatePem")
        name = names_by_key_digest.get(x509.compute_public_key_digest(Pem.parse(pem))) if pem else None
        if name and name not in names.values():
            names[identity] = name
    return names
