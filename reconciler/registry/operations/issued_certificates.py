"""Certificates that AWS issues: CreateKeysAndCertificate, CreateCertificateFromCsr.

Each account and Region has its own signing key, created on first use. The key's CA certificate is not registered: it is
neither listed nor described, and no certificate can be registered with it.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.certificate_registration import insert_certificate
from reconciler.registry.x509 import read_certificate

SCHEMA = (
    """
    CREATE TABLE issuing_authorities (
      scope INTEGER PRIMARY KEY,
      private_key TEXT NOT NULL
    )
    """,
)


@operation("iot", "CreateKeysAndCertificate")
def create_keys_and_certificate(context: Context, params: Params) -> Output | None:
    """Create a key pair and its certificate, INACTIVE unless `setAsActive`; the private key is not stored."""
    from reconciler.registry.certificate_authority import generate_key_pair, issue_certificate

    pair = generate_key_pair()
    pem = issue_certificate(ensure_signing_key(context), pair, context.now)
    keys = {"PublicKey": pair.public, "PrivateKey": pair.private}
    return {**_insert(context, params, pem), "keyPair": keys}


@operation("iot", "CreateCertificateFromCsr")
def create_certificate_from_csr(context: Context, params: Params) -> Output | None:
    """Issue a certificate for a signing request, INACTIVE unless `setAsActive`.

    Repeating the call issues another certificate.

    Raises InvalidRequest for an invalid signing request, or one with a key that AWS does not support.
    """
    from reconciler.registry.certificate_authority import InvalidCsrError, issue_from_csr

    try:
        pem = issue_from_csr(ensure_signing_key(context), params["certificateSigningRequest"], context.now)
    except InvalidCsrError as error:
        raise context.invalid(f"The certificate signing request is not valid: {error}.") from error
    return _insert(context, params, pem)


def ensure_signing_key(context: Context) -> str:
    """Return the private key, in PEM, that signs for this account and Region, created on first use."""
    row = context.tx.fetch_one("SELECT private_key FROM issuing_authorities WHERE scope = ?", context.scope)
    if row is not None:
        return str(row["private_key"])
    from reconciler.registry.certificate_authority import generate_signing_key

    signing_key = generate_signing_key()
    context.tx.run(
        "INSERT INTO issuing_authorities (scope, private_key) VALUES (?, ?)", context.scope, signing_key
    )
    return signing_key


def _insert(context: Context, params: Params, pem: str) -> dict[str, object]:
    status = "ACTIVE" if params.get("setAsActive") else "INACTIVE"
    certificate = read_certificate(pem, "certificate")
    return {**insert_certificate(context, certificate, status, "DEFAULT", None), "certificatePem": pem}
