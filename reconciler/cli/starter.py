"""What `init` writes: a desired state, a development CA, two devices, and nothing over what is there."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

IGNORED = ("*.key", "pki/*.setup-code", ".reconciler/")
"""What git must not see."""

DEVICES = ("pump-1", "pump-2")
_YEARS = 10

_HEAD = """\
# The desired state of one workspace: what must exist in AWS IoT, and nothing about how it gets there.
#
#   reconciler validate    is everything in here right?
#   reconciler plan        what would be done?
#   reconciler apply       do it
#
# `target` says where: "embedded" is a registry in a file beside this one, "aws" is the real one, with the
# credentials that boto3 finds; a URL is anything that speaks AWS's protocol.

"""
_CA = """
# Who may sign the devices' certificates. AWS wants proof that the CA's key is yours: a signature made when it is applied.

"""
_DEVICES = """
# The devices: a certificate each, and the thing that it belongs to.

"""
_MANAGED = """
# A device as AWS IoT managed integrations knows it. Its setup code is referred to, never written in here, and never shown.

"""


@frozen
class Written:
    """A file to write, relative to the folder; private ones are for the owner's eyes alone."""

    path: str
    content: str
    private: bool = False


def starter(workspace: str) -> Sequence[Written]:
    """Every file, in the order in which they are told."""
    ca, ca_key = _authority(f"{workspace} development CA")
    files = [
        Written("desired_state.toml", desired_state(workspace)),
        Written("pki/development-ca.pem", _pem(ca)),
        Written("pki/development-ca.key", _key_pem(ca_key), private=True),
    ]
    for device in DEVICES:
        certificate, key = _device(device, ca, ca_key)
        files += [
            Written(f"pki/{device}.pem", _pem(certificate)),
            Written(f"pki/{device}.key", _key_pem(key), private=True),
        ]
    return [
        *files,
        Written(f"pki/{DEVICES[0]}.setup-code", "90000000000000000000000000000000000001", private=True),
    ]


def desired_state(workspace: str) -> str:
    """The starter file."""
    first = DEVICES[0]
    authority = {
        "pem": _from_file("pki/development-ca.pem"),
        "certificate_mode": "DEFAULT",
        "verification": _inline(key=_from_file("pki/development-ca.key")),
    }
    managed = {
        "thing": first,
        "role": "DEVICE",
        "serial_number": "SN-0001",
        "authentication_material": _from_file(f"pki/{first}.setup-code"),
        "authentication_material_type": "ZWAVE_QR_BAR_CODE",
    }
    devices = []
    for device, site in zip(DEVICES, ("oslo", "bergen"), strict=True):
        certificate = {"pem": _from_file(f"pki/{device}.pem"), "ca": "development"}
        thing = {"certificates": [device], "attributes": _inline(site=site)}
        devices.append(_toml({"certificates": {device: certificate}, "things": {device: thing}}))
    return "".join(
        (
            _HEAD,
            _toml({"workspace": {"name": workspace, "target": "embedded", "region": "eu-west-1"}}),
            _CA,
            _toml({"ca_certificates": {"development": authority}}),
            _DEVICES,
            "\n".join(devices),
            _MANAGED,
            _toml({"managed_things": {first: managed}}),
        )
    )


def write(folder: Path, files: Sequence[Written]) -> None:
    """Write them; one that has appeared meanwhile is not overwritten. Private ones are never readable by others."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if file.private else 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(file.content)


def ignore(folder: Path) -> bool:
    """Add to `.gitignore` what is missing there, and say whether anything was."""
    path = folder / ".gitignore"
    said = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in IGNORED if line not in said.splitlines()]
    if missing:
        start = said if not said or said.endswith("\n") else f"{said}\n"
        path.write_text(start + "".join(f"{line}\n" for line in missing), encoding="utf-8")
    return bool(missing)


def _inline(**values: Any) -> dict[str, Any]:
    """A table that is written in one line."""
    from toml.decoder import InlineTableDict

    class Inline(dict[str, Any], InlineTableDict):
        pass

    return Inline(values)


def _from_file(path: str) -> dict[str, Any]:
    return _inline(file=path)


def _toml(values: dict[str, Any]) -> str:
    """As people write it: no empty lines but between tables, no space inside brackets, tables within tables in one line."""
    import toml

    encoder = toml.TomlPreserveInlineDictEncoder()
    encoder.dump_funcs[list] = lambda items: f"[{', '.join(map(encoder.dump_value, items))}]"
    lines = (
        line for line in toml.dumps(values, encoder=encoder).replace("}\n }", "} }").splitlines() if line
    )
    return "\n".join(lines).replace("\n[", "\n\n[") + "\n"


def _authority(name: str) -> tuple[Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return _sign(subject, subject, key, key, ca=True), key


def _device(
    name: str, ca: Certificate, ca_key: EllipticCurvePrivateKey
) -> tuple[Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return _sign(subject, ca.subject, key, ca_key, ca=False), key


def _sign(
    subject: Any, issuer: Any, key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey, *, ca: bool
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
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
