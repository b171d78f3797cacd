"""What is known of a managed thing's setup code and of its capabilities without keeping them.

Source: managed integrations developer guide, the set-up pages for simple set-up, hubs and Wi-Fi (formats of the codes);
API reference, CreateManagedThing (`ClientToken`). AWS never gives a code back; a tag remembers a salted hash of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from attrs import field, frozen

from reconciler.model.call import Deferred, Responses
from reconciler.model.document import Document
from reconciler.model.secret import Secret

_WIFI = re.compile(r"SN:(?P<serial>[^;]+);(UPC:\d{12}|EAN:\d{8,13});?")

_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "WIFI_SETUP_QR_BAR_CODE": (_WIFI, "SN:<serial number>;UPC:<12 digits>, or EAN in place of UPC"),
    "ZWAVE_QR_BAR_CODE": (re.compile(r"90\d+"), "digits that begin with 90"),
    "ZIGBEE_QR_BAR_CODE": (re.compile(r"Z:[^$]+\$I:.+"), "Z:<key>$I:<code>"),
}
"""The documented forms by type. What other types hold is documented nowhere, and so not checked."""


def find_setup_code_errors(material: Secret, kind: str) -> Iterator[str]:
    """Why a code cannot be sent: there is none, or it does not have the form of its type. Nothing of it is told."""
    pattern, form = _FORMS.get(kind, (None, ""))
    if material.value is None:
        yield f"its authentication_material from {material.reference} is not set"
    elif pattern and not pattern.fullmatch(material.value):
        yield f"its authentication_material from {material.reference} is no {kind}, which has the form {form}"


def parse_serial_number(material: object, kind: str) -> str | None:
    """The serial number that stands in a code, where one does."""
    if kind != "WIFI_SETUP_QR_BAR_CODE" or not isinstance(material, Secret) or material.value is None:
        return None
    found = _WIFI.fullmatch(material.value)
    return found["serial"] if found else None


@frozen
class RememberedText:
    """A text that the registry remembers by its SHA-256 alone; `text` is None for what is read from there."""

    stored_name: ClassVar[str] = "remembered"

    digest: str
    text: str | None = field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, value: str | Document | tuple[Document, ...]) -> RememberedText:
        """A text as it is; JSON by what it means."""
        match value:
            case str():
                return cls(sha256_hex(value), value)
            case Document():
                return cls(sha256_hex(value.canonical), value.text)
        together = ",".join(item.text for item in value)
        return cls(sha256_hex(",".join(item.canonical for item in value)), f"[{together}]")

    def __str__(self) -> str:
        return f"sha256:{self.digest[:12]}…"


@frozen
class RememberedMaterial(Deferred):
    """The salted hash that the tag keeps of the setup code. It costs some milliseconds, so it is made when it is sent."""

    material: Secret
    salt: str

    def resolve(self, responses: Responses) -> str:
        """The stored form of the hash."""
        return str(self.material.digest(self.salt))

    def __str__(self) -> str:
        return "(salted hash of the authentication material)"


@frozen
class ClientToken(Deferred):
    """The same request has the same token, so sending it twice makes one managed thing.

    It is made of the salted hash, never of the setup code itself: tokens are written to logs.
    """

    request: str
    material: RememberedMaterial

    def resolve(self, responses: Responses) -> str:
        """64 hexadecimal digits."""
        return sha256_hex(self.request + self.material.resolve(responses))

    def __str__(self) -> str:
        return "(made of this request)"


def sha256_hex(text: str) -> str:
    """The SHA-256 as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
