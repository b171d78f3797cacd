"""Encryption settings: `encryption_type` decides whether a customer's key is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import fields

from reconciler.kinds.base.members import to_members

_TYPE = "encryption_type"


def to_encryption_params(spec: Any, service_key_type: str) -> Mapping[str, Any]:
    """Return the parameters; those of the customer's key only if it is used."""
    return to_members(spec, [_TYPE] if spec.encryption_type == service_key_type else None)


def find_key_problems(spec: Any, declared: Any, service_key_type: str) -> Iterator[str]:
    """Yield what is missing for a customer's key, and what the service's own key does not take.

    `spec` has a value for every field, `declared` only those of the file.
    """
    if not spec.encryption_type:
        yield f"has no {_TYPE}; set it"
        return
    is_service_key = spec.encryption_type == service_key_type
    for name in (field.name for field in fields(type(spec)) if field.name != _TYPE):
        if not is_service_key and not getattr(spec, name):
            yield f"a customer's key needs {name}; set it"
        if is_service_key and isinstance(getattr(declared, name), str):
            yield f"{name} is only for a customer's key; remove it, or set {_TYPE}"
