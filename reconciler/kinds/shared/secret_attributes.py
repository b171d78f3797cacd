"""Attributes of things whose values are secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.model.secret import Secret


def find_secret_names(attributes: Mapping[str, str | Secret]) -> frozenset[str]:
    """Return the names of the attributes that are secret."""
    return frozenset(name for name, value in attributes.items() if isinstance(value, Secret))


def hide_secrets(
    attributes: Mapping[str, str], secret_names: Collection[str], owner: object
) -> Mapping[str, str | Secret]:
    """Return live attributes with the values of `secret_names` as secrets.

    They are current or previous secrets of the file. `owner` is the thing or the address that the secrets' references name.
    """
    if attributes.keys().isdisjoint(secret_names):
        return attributes
    return {
        name: Secret(f"attribute {name} of {owner}", value) if name in secret_names else value
        for name, value in attributes.items()
    }
