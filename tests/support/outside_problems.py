"""Resources on line 7 of a file, and the problems that a plan reports of what they need outside it."""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.model.resource import Origin, Resource

UNKNOWN_CA = (
    "no CA certificate that is registered in this account and Region signed the certificate; declare its CA in "
    "ca_certificates, or register the certificate without a CA (SNI_ONLY) (fleet.toml:7)"
)


def place(resource: Resource, line: int = 7) -> Resource:
    """Return the resource as it would be loaded from a line of a file."""
    return replace(resource, origin=Origin("fleet.toml", line))


def describe_missing(noun: str, name: str) -> str:
    return f"there is no {noun} {name!r} in this account and Region; create it first, or correct the reference (fleet.toml:7)"
