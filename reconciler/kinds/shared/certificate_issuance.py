"""Certificates that AWS issues for a request, and how a run that died is found to have had one issued already.

Source: AWS IoT API reference, CreateCertificateFromCsr: one request submitted twice is two certificates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.reads import NOT_FOUND, PAGE_SIZE
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.certificate_spec import Certificate
from reconciler.model.call import ApiCall, Verification, VerificationReads
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem


def known_certificate(spec: Certificate) -> Pem | None:
    """The certificate as far as it is known: given, or issued and saved by an earlier run."""
    if isinstance(spec.pem, Pem):
        return spec.pem
    try:
        return _saved(spec.save_to)
    except ValueError:
        return None  # reported with the file, by `check_request`


def _saved(save_to: Any) -> Pem | None:
    """What the file has, if it is there. Raises ValueError where that is no certificate."""
    content = save_to.content if isinstance(save_to, OutputFile) else None
    return None if content is None else Pem.parse(content, save_to.name)


def request_certificate(csr: str, save_to: OutputFile, *, active: bool, known: str | None = None) -> ApiCall:
    """The call that has the certificate issued, and saves it; `known` is the id of the one that it takes over from."""
    params = {"certificateSigningRequest": csr, "setAsActive": active}
    saves = (SavedMember("certificatePem", save_to),)
    return ApiCall(
        "iot",
        "CreateCertificateFromCsr",
        params,
        output_files=saves,
        verification=CertificateIssued.to(csr, known),
    )


@frozen
class CertificateIssued(Verification):
    """A certificate for the request's key (`key` is its SHA-256) is among the newest; asking twice would issue two.

    `known` is an older one of the same key. Where a `thing` should have it too, it does.
    """

    key: str | None
    known: str | None = None
    thing: str | None = None

    @classmethod
    def to(cls, csr: str, known: str | None = None, thing: str | None = None) -> CertificateIssued:
        """For a certificate signing request in PEM."""
        return cls(x509.signing_request_key_digest(csr), known, thing)

    def verify(self, sent: ApiCall) -> VerificationReads:
        """AWS lists no keys, so the certificates are asked for one by one. Raises LookupError for half of it."""
        listed = yield ApiCall("iot", "ListCertificates", {"ascendingOrder": False}, max_items=PAGE_SIZE)
        newest = sorted(listed["certificates"], key=lambda item: item["creationDate"], reverse=True)
        for item in newest:
            question = {"certificateId": item["certificateId"]}
            answer = yield ApiCall("iot", "DescribeCertificate", question, ignored_errors=NOT_FOUND)
            described = answer.get("certificateDescription", {})
            pem = described.get("certificatePem")
            if (
                not pem
                or item["certificateId"] == self.known
                or x509.public_key_digest(Pem.parse(pem)) != self.key
            ):
                continue
            if self.thing:
                principal = {"principal": described["certificateArn"]}
                users = yield ApiCall("iot", "ListPrincipalThings", principal, ignored_errors=NOT_FOUND)
                if self.thing not in users.get("things", ()):
                    raise LookupError(
                        f"certificate {item['certificateId']}, which {self.thing} does not have,"
                    )
            return {name: described[name] for name in ("certificateArn", "certificateId", "certificatePem")}
        return None


def fetch_certificate(identity: str, save_to: Any) -> Iterator[ApiCall]:
    """What an earlier run had AWS issue and did not come to save."""
    saves = (SavedMember("certificateDescription.certificatePem", save_to),)
    yield ApiCall("iot", "DescribeCertificate", {"certificateId": identity}, output_files=saves)


def find_save_to_errors(save_to: Any) -> Iterator[str]:
    """Why nothing is issued where an issued certificate is saved that the registry does not have (any more)."""
    if isinstance(save_to, OutputFile) and save_to.content:
        yield (
            f"{save_to} is a certificate that AWS issued and that is not registered: it was deleted, or is "
            "another account's; move the file away to have another one issued"
        )


def check_signing_request(spec: Certificate) -> Iterator[ValueProblem]:
    """A request is one, its certificate has somewhere to go, and what is there already is its own."""
    assert isinstance(spec.csr, str)
    key = x509.signing_request_key_digest(spec.csr)
    if key is None:
        yield ValueProblem(
            "invalid-signing-request",
            "not a certificate signing request",
            "one in PEM, signed with its own key",
            path=("csr",),
        )
        return
    if not isinstance(spec.save_to, OutputFile):
        yield ValueProblem(
            "missing-field",
            "the issued certificate has nowhere to go",
            "the path of a new file",
            path=("save_to",),
        )
        return
    try:
        known = _saved(spec.save_to)
    except InvalidValueError as error:
        yield ValueProblem(
            "invalid-output-file",
            f"{spec.save_to}: {error.problems[0].problem}",
            "a file that is not there yet, or the certificate",
            path=("save_to",),
        )
        return
    if known and x509.public_key_digest(known) != key:
        what = "the certificate that was issued for it, or a new path"
        yield ValueProblem(
            "key-mismatch",
            f"{spec.save_to} is a certificate of another key than the request",
            what,
            path=("save_to",),
        )
    if spec.ca or spec.certificate_mode:
        yield ValueProblem(
            "conflicting-fields", "AWS signs what it issues", "neither ca nor certificate_mode", path=("csr",)
        )
    if spec.status == "REVOKED":
        yield ValueProblem(
            "conflicting-fields", "nothing is issued to be revoked", "ACTIVE or INACTIVE", path=("status",)
        )


def read_issued_unsaved(scope: Scope, known: Collection[str]) -> Any:
    """Certificates that were issued for a request of the file and not saved: by id, the name in the file.

    A run that died between the answer and the file leaves them; the public key tells whose they are. AWS lists no keys,
    so each certificate that the file does not know is asked for, and only while a request waits for its certificate.
    """
    waiting = {
        key: found.address.name
        for found in scope.resources_of("certificates")
        if found.spec.csr
        and not known_certificate(found.spec)
        and (key := x509.signing_request_key_digest(found.spec.csr))
    }
    if not waiting:
        return {}
    (listed,) = yield [ApiCall("iot", "ListCertificates")]
    unknown = [item["certificateId"] for item in listed["certificates"] if item["certificateId"] not in known]
    answers = yield [
        ApiCall("iot", "DescribeCertificate", {"certificateId": name}, ignored_errors=NOT_FOUND)
        for name in unknown
    ]
    found: dict[str, str] = {}
    for name, answer in zip(unknown, answers, strict=True):
        pem = answer.get("certificateDescription", {}).get("certificatePem")
        owner = waiting.get(x509.public_key_digest(Pem.parse(pem))) if pem else None
        if owner and owner not in found.values():
            found[name] = owner
    return found
