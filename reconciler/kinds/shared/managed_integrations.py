"""Helpers for the kinds of AWS IoT managed integrations."""

from __future__ import annotations

import hashlib
from typing import Any

from attrs import evolve

from reconciler.model.resource import Resource

SERVICE = "iot-managed-integrations"


def compute_sha256(text: str) -> str:
    """Return the SHA-256 of a text as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def with_default_name(resource: Resource) -> Any:
    """Return the spec of a resource; its default `name` is the name in the file."""
    spec = resource.spec
    return evolve(spec, name=spec.name or resource.address.name)
