"""The files that `init` writes: a desired state, a development CA, two devices and a setup code."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.frozen_classes import frozen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

GITIGNORE_PATTERNS = ("*.key", "pki/*.setup-code", ".reconciler/", ".venv/")
"""Files that must not be committed: private keys, setup codes, the embedded registry and the journal."""

DEVICES = ("pump-1", "pump-2")
_SETUP_CODE = "90000000000000000000000000000000000001"
"""A made-up Z-Wave QR code; such codes begin with 90."""
_VALID_DAYS = 3650

_DESIRED_STATE = """\
# The desired state of one workspace: what must exist in AWS IoT.
#
#   reconciler validate    check this file
#   reconciler plan        show what an apply would change
#   reconciler apply       make the changes
#
# `target` is "embedded" (a registry in a local file), "aws" (the real one, with the credentials that boto3 finds), or the URL
# of an endpoint that speaks AWS's protocol.

[workspace]
name = "{workspace}"
target = "embedded"
region = "eu-west-1"

# The CA that signs the devices' certificates. AWS requires proof that you have its private key: a signature, made on apply.

[ca_certificates.development]
pem = {{ file = "pki/development-ca.pem" }}
certificate_mode = "DEFAULT"
verification = {{ key = {{ file = "pki/development-ca.key" }} }}

# Each device has a certificate and a thing.

[certificates.pump-1]
pem = {{ file = "pki/pump-1.pem" }}
ca = "development"

[things.pump-1]
certificates = ["pump-1"]
attributes = {{ site = "oslo" }}

[certificates.pump-2]
pem = {{ file = "pki/pump-2.pem" }}
ca = "development"

[things.pump-2]
certificates = ["pump-2"]
attributes = {{ site = "bergen" }}

# A device in AWS IoT managed integrations. Its setup code is a secret: read from a file and never shown.

[managed_things.pump-1]
thing = "pump-1"
role = "DEVICE"
serial_number = "SN-0001"
authentication_material = {{ file = "pki/pump-1.setup-code" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""


@frozen
class StarterFile:
    """A file to write, with its path relative to the folder of the desired state.

    A private file can be read by its owner only.
    """

    path: str
    content: str
    is_private: bool = False


def build_starter_files(workspace_name: str) -> Sequence[StarterFile]:
    """Return all files, in the order in which `init` lists them."""
    ca, ca_key = _create_ca(f"{workspace_name} development CA")
    files = [
        StarterFile("desired_state.toml", _DESIRED_STATE.format(workspace=workspace_name)),
        StarterFile("pki/development-ca.pem", _to_pem(ca)),
        StarterFile("pki/development-ca.key", _to_key_pem(ca_key), is_private=True),
    ]
    for device in DEVICES:
        certificate, key = _create_device_certificate(device, ca, ca_key)
        files += [
            StarterFile(f"pki/{device}.pem", _to_pem(certificate)),
            StarterFile(f"pki/{device}.key", _to_key_pem(key), is_private=True),
        ]
    return [*files, StarterFile(f"pki/{DEVICES[0]}.setup-code", _SETUP_CODE, is_private=True)]


def write_files(folder: Path, files: Sequence[StarterFile]) -> None:
    """Write the files and overwrite none; private files are never readable by others, not even briefly."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if file.is_private else 0o644
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(file.content)


def update_gitignore(folder: Path) -> bool:
    """Add the patterns that `.gitignore` lacks, and return whether any were added."""
    path = folder / ".gitignore"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [pattern for pattern in GITIGNORE_PATTERNS if pattern not in text.splitlines()]
    if missing:
        separator = "" if not text or text.endswith("\n") else "\n"
        path.write_text(text + separator + "".join(f"{pattern}\n" for pattern in missing), encoding="utf-8")
    return bool(missing)


def _create_ca(name: str) -> tuple[Certificate, EllipticCurvePrivateKey]:
    """Create a CA certificate, signed by its own key, and that key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return _sign(subject, key, issuer=subject, issuer_key=key, is_ca=True), key


def _create_device_certificate(
    name: str, ca: Certificate, ca_key: EllipticCurvePrivateKey
) -> tuple[Certificate, EllipticCurvePrivateKey]:
    """Create a certificate, signed by the CA, and its private key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return _sign(subject, key, issuer=ca.subject, issuer_key=ca_key, is_ca=False), key


def _sign(
    subject: Any,
    subject_key: EllipticCurvePrivateKey,
    *,
    issuer: Any,
    issuer_key: EllipticCurvePrivateKey,
    is_ca: bool,
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(subject_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )


def _to_pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _to_key_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
