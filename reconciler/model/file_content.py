"""Recognize what a file contains, for errors about a file that contains something else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import evolve

from reconciler.frozen_classes import frozen

_HEAD_BYTES = 4096
"""The number of bytes at the beginning of a file that are examined."""


@frozen
class FileContent:
    """The content of a file: what it is, as a noun phrase, and how to convert it, or an empty string."""

    name: str
    conversion: str = ""

    def __str__(self) -> str:
        return f"{self.name}; {self.conversion}" if self.conversion else self.name


_UTF16 = FileContent("UTF-16 text, not UTF-8", "save it as UTF-8")
_ZIP = FileContent("a ZIP archive or an Excel workbook", "save it as CSV")
_DER_CERTIFICATE = FileContent(
    "a certificate in DER, not in PEM", "convert it with `openssl x509 -inform DER -outform PEM`"
)
_DER_REQUEST = FileContent(
    "a signing request in DER, not in PEM", "convert it with `openssl req -inform DER -outform PEM`"
)
_DER_KEY = FileContent(
    "a private key in DER, not in PEM", "convert it with `openssl pkey -inform DER -outform PEM`"
)
_PKCS12 = FileContent(
    "PKCS #12 (.p12 or .pfx), not PEM", "take the certificate out with `openssl pkcs12 -nokeys -clcerts`"
)
_PKCS7 = FileContent("PKCS #7 (.p7b), not PEM", "take the certificates out with `openssl pkcs7 -print_certs`")

_MAGIC_NUMBERS: Sequence[tuple[bytes, FileContent]] = (
    (b"\xff\xfe", _UTF16),
    (b"\xfe\xff", _UTF16),
    (b"PK\x03\x04", _ZIP),
    (b"\xd0\xcf\x11\xe0", FileContent("an old Excel workbook", "save it as CSV")),
    (
        b"\xfe\xed\xfe\xed",
        FileContent("a Java keystore", "export the certificate with `keytool -exportcert -rfc`"),
    ),
    (b"\x1f\x8b", FileContent("gzip", "decompress it")),
    (b"%PDF", FileContent("a PDF document")),
    (b"SQLite format 3", FileContent("a SQLite database")),
)

# The first bytes inside DER's outer SEQUENCE (RFC 5280, 2986, 5208, 8017, 5915, 7292, 5652).
_DER: Sequence[tuple[re.Pattern[bytes], FileContent]] = (
    (re.compile(rb"\x02\x01\x03\x30", re.DOTALL), _PKCS12),
    (re.compile(rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", re.DOTALL), _PKCS7),
    (re.compile(rb"\x02\x01[\x00\x01]", re.DOTALL), _DER_KEY),
    (re.compile(rb"\x30(?:\x81.|\x82..|[\x00-\x7f])\x02\x01\x00\x30", re.DOTALL), _DER_REQUEST),
    (re.compile(rb"\x30(?:\x81.|\x82..|[\x00-\x7f])(?:\xa0\x03\x02\x01|\x02)", re.DOTALL), _DER_CERTIFICATE),
)
_DER_START = re.compile(rb"\x30(?:\x81.|\x82..|\x83...|[\x10-\x7f])", re.DOTALL)

_PEM_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 #]+)-----")
_PEM_CONTENTS: Sequence[tuple[str, FileContent]] = (  # what a label ends with; the first match is right
    ("PRIVATE KEY", FileContent("a private key, not a certificate")),
    ("PUBLIC KEY", FileContent("a public key, not a certificate")),
    (
        "CERTIFICATE REQUEST",
        FileContent(
            "a certificate signing request, not a certificate", "declare it as csr, or have a CA sign it"
        ),
    ),
    ("TRUSTED CERTIFICATE", FileContent("OpenSSL's trusted certificate", "convert it with `openssl x509`")),
    ("PKCS7", _PKCS7),
    ("CRL", FileContent("a certificate revocation list, not a certificate")),
    ("EC PARAMETERS", FileContent("parameters of a key, not a certificate")),
)
_BARE_BASE64 = re.compile(r"MI[A-Za-z0-9+/]{2}[A-Za-z0-9+/=\s]{60,}")


def recognize_bytes(raw: bytes) -> FileContent | None:
    """Return what a file contains that is not UTF-8 text; None if that is not known."""
    for magic, content in _MAGIC_NUMBERS:
        if raw.startswith(magic):
            return content
    start = _DER_START.match(raw)
    if start:
        body = raw[start.end() : start.end() + 64]
        return next((content for pattern, content in _DER if pattern.match(body)), None)
    return _UTF16 if _looks_like_utf16(raw[:_HEAD_BYTES]) else None


def _looks_like_utf16(head: bytes) -> bool:
    """Return whether every second byte is zero, as in UTF-16 text of Western letters."""
    few, many = sorted((head[::2].count(0), head[1::2].count(0)))
    return len(head) >= 4 and few == 0 and many > len(head) * 0.4  # noqa: PLR2004 (two letters; nearly a half)


def recognize_text(text: str) -> FileContent | None:
    """Return what a text contains instead of a certificate in PEM; None if that is not known."""
    labels = _PEM_LABEL.findall(text)
    for label in labels:
        for suffix, content in _PEM_CONTENTS:
            if label.endswith(suffix):
                return content
    if "CERTIFICATE" in labels:
        if "-----END CERTIFICATE-----" not in text:
            return FileContent("a truncated PEM certificate", "its END line is missing")
        return FileContent("a damaged PEM certificate", "it has characters that are not base64")
    if not text.strip():
        return FileContent("empty")
    if _BARE_BASE64.match(text.lstrip()):
        return FileContent("base64 without PEM's BEGIN and END lines", "add them")
    if text.lstrip()[:1] in {"{", "["}:
        return FileContent("JSON, not PEM")
    if text.lstrip()[:1] == "<":
        return FileContent("HTML or XML, not PEM")
    return None


def recognize_instead_of_request(text: str) -> FileContent | None:
    """Return what a text contains instead of a signing request in PEM; None if that is not known."""
    labels = _PEM_LABEL.findall(text)
    if any(label.endswith("CERTIFICATE REQUEST") for label in labels):
        return None
    if "CERTIFICATE" in labels:
        return FileContent("a certificate, not a signing request", "declare it as pem")
    content = recognize_text(text)
    return content and evolve(
        content, name=content.name.replace("not a certificate", "not a signing request")
    )


def find_der_problem(der: bytes) -> str | None:
    """Return why the content of a PEM block is not one whole DER value, or None."""
    start = _DER_START.match(der)
    if not start:
        return "it is not DER"
    length_bytes = der[2 : start.end()]
    length = int.from_bytes(length_bytes, "big") if length_bytes else der[1]
    expected = start.end() + length
    if len(der) < expected:
        return f"it is truncated: {len(der)} of {expected} bytes"
    return "it has bytes after the end" if len(der) > expected else None
