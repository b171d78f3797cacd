"""Check setup codes, and hash setup codes and capabilities for storage in tags.

Source: managed integrations developer guide, the setup pages for simple setup, hubs and Wi-Fi (formats of the codes); API
reference, CreateManagedThing (`ClientToken`). AWS never returns authentication material; a tag stores a salted hash of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.shared.managed_integrations import compute_sha256
from reconciler.model.call import Deferred, Responses
from reconciler.model.document import Document
from reconciler.model.secret import Secret

_WIFI = re.compile(r"SN:(?P<serial>[^;]+);(UPC:\d{12}|EAN:\d{8,13});?")

_FORMATS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "WIFI_SETUP_QR_BAR_CODE": (_WIFI, "SN:<serial number>;UPC:<12 digits>, or EAN in place of UPC"),
    "ZWAVE_QR_BAR_CODE": (re.compile(r"90\d+"), "digits that begin with 90"),
    "ZIGBEE_QR_BAR_CODE": (re.compile(r"Z:[^$]+\$I:.+"), "Z:<key>$I:<code>"),
}
"""The documented formats, by type of authentication material. Codes of other types are not checked: no format is documented."""


def find_setup_code_errors(material: Secret, material_type: str) -> Iterator[str]:
    """Yield an error for authentication material that is not set or not in the format of its type.

    The errors do not contain its value.
    """
    pattern, expected = _FORMATS.get(material_type, (None, ""))
    if material.value is None:
        yield f"authentication_material {material.explain_absence()}"
    elif pattern and not pattern.fullmatch(material.value):
        subject = f"authentication_material (from {material.reference})"
        yield f"{subject} is not a valid {material_type}; expected {expected}"


def parse_serial_number(material: object, material_type: str) -> str | None:
    """Return the serial number in a setup code, or None if there is none."""
    if material_type != "WIFI_SETUP_QR_BAR_CODE":
        return None
    if not isinstance(material, Secret) or material.value is None:
        return None
    match = _WIFI.fullmatch(material.value)
    return match["serial"] if match else None


@frozen
class HashedText:
    """A text, or JSON as text, and its SHA-256; only the hash is stored, in a tag.

    The hash of JSON does not depend on white space or the order of keys. `text` is None if the hash was read from the tag.
    `stored_name` is the name of this type in plan files and digests.
    """

    stored_name: ClassVar[str] = "remembered"

    digest: str
    text: str | None = field(default=None, eq=False, repr=False)

    @classmethod
    def from_value(cls, value: str | Document | tuple[Document, ...]) -> HashedText:
        """Return a text, a JSON object or an array of JSON objects with its hash."""
        match value:
            case str():
                return cls(compute_sha256(value), value)
            case Document():
                return cls(compute_sha256(value.canonical), value.text)
        canonical = ",".join(document.canonical for document in value)
        text = ",".join(document.text for document in value)
        return cls(compute_sha256(canonical), f"[{text}]")

    def __str__(self) -> str:
        return f"sha256:{self.digest[:12]}…"


@frozen
class MaterialHash(Deferred):
    """The salted hash of authentication material; a tag stores the hash.

    It is computed only when a call is sent, so that plans for many devices stay fast: each hash takes milliseconds.
    `stored_name` is the name of this type in plan files and digests.
    """

    stored_name: ClassVar[str] = "remembered_material"

    material: Secret
    salt: str

    def resolve(self, responses: Responses) -> str:
        """Return the hash as it is stored in the tag."""
        return str(self.material.hash_with_salt(self.salt))

    def __str__(self) -> str:
        return "(salted hash of the authentication material)"  # part of `ClientToken.request`, so it must not change


@frozen
class ClientToken(Deferred):
    """A token that is equal for equal requests, so that sending a request twice creates one managed thing.

    It is derived from the request and the salted hash, never from the material itself: tokens are written to logs.
    """

    request: str
    material: MaterialHash

    def resolve(self, responses: Responses) -> str:
        """Return the token: 64 hexadecimal digits."""
        return compute_sha256(self.request + self.material.resolve(responses))

    def __str__(self) -> str:
        return "(derived from this request)"
