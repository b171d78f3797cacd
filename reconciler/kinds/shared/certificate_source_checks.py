"""Check the source of a certificate: a PEM, a signing request, or a key that AWS creates."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.shared import x509
from reconciler.kinds.shared.certificate_issuance import read_saved
from reconciler.kinds.shared.certificate_spec import Certificate, PrivateKey
from reconciler.model.address import Address
from reconciler.model.diagnostic import InvalidValueError, ValuePath, ValueProblem
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired
from reconciler.model.secret import KeySecret
from reconciler.model.text import quote, suggest_file_table


def check_source(spec: Certificate, desired: Desired) -> Iterator[ValueProblem]:
    """Check that a certificate has one source, that the source is valid, and the fields that depend on it."""
    if (spec.pem, spec.csr, spec.private_key).count(None) != 2:  # noqa: PLR2004 (all but one)
        problem = "a certificate needs exactly one source"
        yield ValueProblem("conflicting-fields", problem, "one of pem, csr and private_key", path=("pem",))
    elif spec.private_key is not None:
        yield from _check_private_key(spec)
    elif spec.csr is not None:
        yield from _check_signing_request(spec)
    elif isinstance(spec.pem, Pem):
        yield from _check_pem(spec, spec.pem, desired)
    if spec.ca and spec.certificate_mode:
        problem, expected = "the CA determines the mode", "either ca or certificate_mode"
        yield ValueProblem("conflicting-fields", problem, expected, path=("certificate_mode",))


def _check_pem(spec: Certificate, pem: Pem, desired: Desired) -> Iterator[ValueProblem]:
    yield from x509.check_certificate(pem, "pem", ca=False)
    ca = desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
    is_signed = ca is None or x509.is_signed_by(pem, ca.spec.pem)
    if ca and not is_signed and x509.is_readable(pem) and x509.is_readable(ca.spec.pem):
        problem = f"{ca.address} did not sign this certificate"
        expected = f"a certificate signed by {quote(ca.address.name)}"
        yield ValueProblem("unsigned-certificate", problem, expected, path=("pem",))
    if spec.save_to:
        problem = "only a certificate that AWS issues for a csr can be saved, and this one is set with pem"
        yield ValueProblem(
            "conflicting-fields", problem, "no save_to, or csr instead of pem", path=("save_to",)
        )


def _check_signing_request(spec: Certificate) -> Iterator[ValueProblem]:
    """Check a certificate that AWS issues for a request: the request and the other fields."""
    assert isinstance(spec.csr, str)
    key_digest = x509.compute_signing_request_key_digest(spec.csr)
    if key_digest is None:
        from reconciler.model.file_content import recognize_instead_of_request

        content = recognize_instead_of_request(spec.csr)
        problem = f"this is {content}" if content else "not a certificate signing request"
        expected = "a signing request in PEM, signed with its own key"
        nearest = suggest_file_table(spec.csr)
        yield ValueProblem("invalid-signing-request", problem, expected, nearest, path=("csr",))
        return
    yield from x509.check_request_key(spec.csr, "csr")
    if spec.output_file is None:
        problem, expected = "there is no file for the issued certificate", "the path of a new file"
        yield ValueProblem("missing-field", problem, expected, path=("save_to",))
        return
    yield from _check_issued(spec, key_digest, "csr", "the request")


def _check_private_key(spec: Certificate) -> Iterator[ValueProblem]:
    """Check a certificate whose key AWS creates: the files for both, and its other fields."""
    assert isinstance(spec.private_key, PrivateKey)
    key_file, secret = spec.private_key.save_to, spec.private_key.secretsmanager
    path: ValuePath = ("private_key", "save_to")
    if (key_file is None) == (secret is None):
        problem = "a private key needs exactly one place"
        yield ValueProblem(
            "conflicting-fields", problem, "either save_to or secretsmanager", path=("private_key",)
        )
        return
    if secret:
        yield from _check_key_secret(spec, secret)
        return
    assert key_file
    assert spec.output_file
    if key_file.path == spec.output_file.path:
        problem, expected = f"{key_file} is also the file for the certificate", "another path for the key"
        yield ValueProblem("conflicting-fields", problem, expected, path=path)
    elif key_file.exists and key_file.public_key is None:
        problem = f"{key_file} exists and is not a private key in PEM"
        expected = "a file that does not exist yet, or the key of the certificate"
        yield ValueProblem("invalid-output-file", problem, expected, path=path)
    else:
        yield from _check_issued(spec, key_file.public_key, "private_key", "the private key")


def _check_key_secret(spec: Certificate, secret: KeySecret) -> Iterator[ValueProblem]:
    """Check a certificate whose key is stored in a secret."""
    problems = [*_check_issued(spec, None, "private_key", "the private key")]
    yield from problems
    saved = None if problems else read_saved(spec.output_file)
    if saved and secret.certificate_id not in {"", saved.fingerprint}:
        problem = f"{spec.output_file} has another certificate than {secret}"
        expected = "the certificate of the private key in the secret, or a new path"
        yield ValueProblem("key-mismatch", problem, expected, path=("save_to",))


def _check_issued(
    spec: Certificate, key_digest: str | None, source: str, key_owner: str
) -> Iterator[ValueProblem]:
    """Check the output file and the other fields of a certificate that AWS issues.

    `key_digest` is the SHA-256 of the public key, or None if it is not known; `source` is the field that it comes from.
    """
    output = spec.output_file
    try:
        saved = read_saved(output)
    except InvalidValueError as error:
        problem = f"{output}: {error.problems[0].problem}"
        expected = "a file that does not exist yet, or the certificate"
        yield ValueProblem("invalid-output-file", problem, expected, path=("save_to",))
        return
    if saved and not x509.is_readable(saved):
        problem = f"{output} is not a valid X.509 certificate"
        expected = "a file that does not exist yet, or the certificate"
        yield ValueProblem("invalid-output-file", problem, expected, path=("save_to",))
        return
    if saved and key_digest and x509.compute_public_key_digest(saved) != key_digest:
        problem = f"{output} has a certificate of another key than {key_owner}"
        expected = f"the certificate that was issued for {key_owner}, or a new path"
        yield ValueProblem("key-mismatch", problem, expected, path=("save_to",))
    if spec.ca or spec.certificate_mode:
        problem, expected = "AWS signs what it issues", "neither ca nor certificate_mode"
        yield ValueProblem("conflicting-fields", problem, expected, path=(source,))
    # A saved certificate may have been revoked since; a plan finds out whether that of a secret exists.
    if spec.status == "REVOKED" and not (saved or spec.key_secret):
        problem = "AWS issues no revoked certificate"
        yield ValueProblem("conflicting-fields", problem, "ACTIVE or INACTIVE", path=("status",))
