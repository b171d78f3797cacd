"""The edges of one thing as the cache has them: its principals, with marks of their certificates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from sys import intern
from typing import Any, NamedTuple, TypeAlias

import msgspec

from reconciler.model.resource import extract_name_from_arn

Marks: TypeAlias = Mapping[str, str]
"""The mark of each certificate that was listed, by ID: its status and when it was registered."""


class Principal(NamedTuple):
    """A principal of a thing: its ARN, the type of the attachment, and the mark of its certificate.

    The mark of another principal is empty.
    """

    arn: str
    type: str
    mark: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Principal]).decode


def find_marks(certificates: Iterable[Mapping[str, Any]]) -> Marks:
    """Return the marks of certificates, given the items of a listing."""
    return {
        item["certificateId"]: intern(f"{item['status']}@{item['creationDate'].timestamp():.0f}")
        for item in certificates
    }


def encode_principals(response: Mapping[str, Any], marks: Marks) -> bytes | None:
    """Return the edges in a response of ListThingPrincipalsV2, or None.

    They are not remembered if one of the certificates is not among the marks.
    """
    principals = []
    for item in response.get("thingPrincipalObjects", ()):
        arn = item["principal"]
        mark = _find_mark(arn, marks)
        if mark is None:
            return None
        principals.append((arn, item.get("thingPrincipalType", ""), mark))
    return _encode(principals)


def have_same_marks(encoded: bytes, marks: Marks) -> bool:
    """Return whether the certificates of encoded edges still have their marks.

    Edges that cannot be decoded have not.
    """
    try:
        return all(_find_mark(principal.arn, marks) == principal.mark for principal in _decode(encoded))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def is_same_as(encoded: bytes, response: Mapping[str, Any]) -> bool:
    """Return whether encoded edges are those in a response of ListThingPrincipalsV2, in any order."""
    items = response.get("thingPrincipalObjects", ())
    edges = sorted((item["principal"], item.get("thingPrincipalType", "")) for item in items)
    return edges == sorted((principal.arn, principal.type) for principal in _decode(encoded))


def has_principal(encoded: bytes, arn: str) -> bool:
    """Return whether a principal is among encoded edges; false if they cannot be decoded."""
    try:
        return any(principal.arn == arn for principal in _decode(encoded))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


class RememberedResponse(Mapping[str, Any]):
    """The response of ListThingPrincipalsV2 that encoded edges were read from.

    It is decoded whenever it is used, because a large fleet has very many.
    """

    __slots__ = ("_encoded",)

    def __init__(self, encoded: bytes) -> None:
        self._encoded = encoded

    def __getitem__(self, member: str) -> Any:
        return self._decode()[member]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decode())

    def __len__(self) -> int:
        return len(self._decode())

    def _decode(self) -> Mapping[str, Any]:
        return {
            "thingPrincipalObjects": [
                {
                    "principal": principal.arn,
                    **({"thingPrincipalType": principal.type} if principal.type else {}),
                }
                for principal in _decode(self._encoded)
            ]
        }


def _find_mark(arn: str, marks: Marks) -> str | None:
    """Return the mark of a certificate, None if it was not listed; empty for another principal."""
    return marks.get(extract_name_from_arn(arn)) if _is_certificate(arn) else ""


def _is_certificate(arn: str) -> bool:
    return ":cert/" in arn
