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
    """Return live attributes, with the values of the attributes in `secret_names` as secrets.

    The file has secrets for these attributes, or had them when the plan was made. The references of the secrets name
    `owner`, which is a thing's name or an address.
    """
    if attributes.keys().isdisjoint(secret_names):
        return attributes
    return {
        name: Secret(f"attribute {name} of {owner}", value) if name in secret_names else value
        for name, value in attributes.items()
    }
