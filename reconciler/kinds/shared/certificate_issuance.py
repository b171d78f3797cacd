"""Have AWS issue a certificate, only once even if an apply is interrupted.

AWS issues it for a signing request or, with a key that it creates, without one. In both cases, sending the request twice issues two
certificates. The public key identifies a certificate that no apply has saved: that of the request, or of the private key in a file. The
key is saved before the certificate, so a saved certificate shows that its key was saved. A secret with a private key has the ID of its certificate as a tag.

Source: AWS IoT API reference, CreateCertificateFromCsr and CreateKeysAndCertificate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.base.reads import NOT_FOUND, PAGE_SIZE, request_each
from reconciler.kinds.base.tags import CERTIFICATE_TAG, NAME_TAG, OWNER_TAG
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.certificate_spec import Certificate, PrivateKey
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref, Verification, VerificationReads
from reconciler.model.change import Change, Replace
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, NotCompared
from reconciler.model.secret import KeySecret

SaveTo = OutputFile | NotCompared | None

_CREATE_INACTIVE = {"setAsActive": False}


def find_known_certificate(spec: Certificate) -> Pem | None:
    """Return the certificate if it is known: set in the file, or saved by an earlier apply.

    An apply that stored its key in a secret may have saved only its ID.
    """
    if isinstance(spec.pem, Pem):
        return spec.pem
    try:
        saved = read_saved(spec.output_file)
    except InvalidValueError:
        return None  # the checks of the file report it
    if saved is None and spec.key_secret and spec.key_secret.certificate_id:
        return Pem(spec.key_secret.certificate_id)
    return saved


def read_saved(save_to: SaveTo) -> Pem | None:
    """Return the certificate in an output file, or None without one. Raises InvalidValueError."""
    if not isinstance(save_to, OutputFile) or save_to.content is None:
        return None
    return Pem.parse(save_to.content, save_to.name)


def compute_effective_key(spec: Certificate, pem: Pem | None) -> PrivateKey | NotCompared | None:
    """Return `private_key`; it is not compared if the certificate is known or the key is saved."""
    is_saved = isinstance(spec.private_key, PrivateKey) and spec.private_key.is_saved
    return NOT_COMPARED if spec.private_key and (pem or is_saved) else spec.private_key


def compute_effective_output(spec: Certificate, pem: Pem | None) -> SaveTo:
    """Return the file for the certificate; it is not compared if the whole certificate is known."""
    is_only_id_known = pem is not None and pem.der is None
    return spec.output_file if pem is None or is_only_id_known else NOT_COMPARED


def find_save_to_errors(save_to: SaveTo, private_key: object = None) -> Iterator[str]:
    """Yield an error if the file `save_to` has content; called for a certificate that AWS does not have."""
    if isinstance(save_to, OutputFile) and save_to.content:
        key_file = private_key.save_to if isinstance(private_key, PrivateKey) else None
        files = f"it and {key_file}" if key_file and key_file.exists else "the file"
        yield (
            f"{save_to} has a certificate that AWS issued and that is not registered: it was deleted, or belongs to "
            f"another account; move {files} away to have a new one issued"
        )


def find_key_file_errors(spec: Certificate) -> Iterator[str]:
    """Yield an error if the file or the secret for the key exists, and AWS does not have the certificate."""
    if not isinstance(spec.private_key, PrivateKey):
        return
    secret, key_file = spec.private_key.secretsmanager, spec.private_key.save_to
    if secret and secret.problem:
        yield f"private_key.secretsmanager: {secret.problem}"
    elif secret and secret.exists:
        owner = (
            "has a private key of which AWS has no certificate"
            if secret.certificate_id
            else "was not created by this workspace"
        )
        yield f"{secret} {owner}, and it is never overwritten; delete it, or choose another name"
    if key_file and key_file.exists and not find_known_certificate(spec):
        yield (
            f"{key_file} has a private key of which AWS has no certificate, and it is never overwritten; "
            "move it away to have a new key and certificate created"
        )


def find_issued_status_errors(spec: Certificate) -> Iterator[str]:
    """Yield an error if AWS would have to issue a REVOKED certificate."""
    if (spec.csr or spec.private_key) and spec.status == "REVOKED":
        yield "AWS issues no revoked certificate; set status to ACTIVE or INACTIVE"


def warn_of_missing_key(change: Change) -> Iterator[str]:
    """Yield a warning for the replacement of a certificate whose key and own file are missing.

    A new clone of a repository often lacks both.
    """
    if not isinstance(change, Replace) or change.live.spec.status == "REVOKED":
        return
    spec: Certificate = change.resource.spec
    if not isinstance(spec.private_key, PrivateKey):
        return
    if spec.key_secret:
        problem, advice = f"{spec.key_secret} does not exist", "name the secret that has its key"
    else:
        problem = f"neither {spec.private_key.save_to} nor {spec.output_file} exists here"
        advice = f"copy {spec.output_file} here first"
    end = "when the grace period ends" if spec.rotation else "as soon as this is applied"
    yield (
        f"{problem}, so AWS creates a new key and certificate, and the device with the old key is cut off {end}; "
        f"to keep the old one, {advice}"
    )


def create_key_and_certificate(address: Address, spec: Certificate, workspace: str) -> Iterator[ApiCall]:
    """Yield the calls that create a key and its certificate, save both, and activate the certificate.

    It is INACTIVE until its key is saved, so no certificate can be used whose key is lost.
    """
    assert isinstance(spec.private_key, PrivateKey)
    if spec.private_key.secretsmanager:
        yield from _create_key_in_secret(address, spec, spec.private_key.secretsmanager, workspace)
        return
    assert spec.private_key.save_to
    assert spec.output_file
    output_files = (
        SavedMember("keyPair.PrivateKey", spec.private_key.save_to, secret=True),
        SavedMember("certificatePem", spec.output_file),
    )
    yield ApiCall("iot", "CreateKeysAndCertificate", _CREATE_INACTIVE, output_files=output_files)
    yield from _activate(address, spec)


def _create_key_in_secret(
    address: Address, spec: Certificate, secret: KeySecret, workspace: str
) -> Iterator[ApiCall]:
    """Yield the calls that create a key and its certificate, and store the key in a new secret.

    CreateSecret overwrites nothing, and can be repeated with the same token: the ID of the certificate.
    """
    identity = Ref(address, "certificateId")
    member = "keyPair.PrivateKey"
    yield ApiCall("iot", "CreateKeysAndCertificate", _CREATE_INACTIVE, secret_member=member)
    tags = {OWNER_TAG: workspace, NAME_TAG: address.name, CERTIFICATE_TAG: identity}
    params = {
        "Name": secret.name,
        "ClientRequestToken": identity,
        "SecretString": Ref(address, member),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    yield ApiCall("secretsmanager", "CreateSecret", params, idempotent=True)
    if spec.output_file:
        yield fetch_certificate(identity, spec.output_file)
    yield from _activate(address, spec)


def _activate(address: Address, spec: Certificate) -> Iterator[ApiCall]:
    if spec.status == "ACTIVE":
        params = {"certificateId": Ref(address, "certificateId"), "newStatus": "ACTIVE"}
        yield ApiCall("iot", "UpdateCertificate", params)


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


def fetch_certificate(identity: str | Ref, save_to: OutputFile) -> ApiCall:
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
    its public key, which is that of its request, or of the private key that was saved. AWS lists no keys, so if any of these has no
    known certificate, every certificate with an ID that is not in `known_ids` is described. Only the first of several certificates
    with one key is returned.
    """
    names_by_key_digest: dict[str, str] = {}
    for resource in scope.iterate_resources("certificates"):
        key_digest = None if find_known_certificate(resource.spec) else _find_key_digest(resource.spec)
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


def _find_key_digest(spec: Certificate) -> str | None:
    """Return the SHA-256 of the public key of an issued certificate, or None if it is not known yet."""
    if isinstance(spec.csr, str):
        return x509.compute_signing_request_key_digest(spec.csr)
    key_file = spec.private_key.save_to if isinstance(spec.private_key, PrivateKey) else None
    return key_file.public_key if key_file else None
