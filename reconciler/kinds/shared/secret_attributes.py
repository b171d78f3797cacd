"""Thing attributes that have secret values."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.model.secret import Secret


def find_secret_names(attributes: Mapping[str, str | Secret]) -> frozenset[str]:
    """Return the names of the attributes that have secret values."""
    return frozenset(name for name, value in attributes.items() if isinstance(value, Secret))


def hide_secrets(
    attributes: Mapping[str, str], secret_names: Collection[str], owner: object
) -> Mapping[str, str | Secret]:
    """Return live attributes, with a `Secret` as the value of each attribute in `secret_names`.

    The file has secrets for these attributes, or had them when the plan was made. `owner` is a thing's name or an address, and
    becomes part of each secret's `reference`.
    """
    if attributes.keys().isdisjoint(secret_names):
        return attributes
    return {
        name: Secret(f"attribute {name} of {owner}", value) if name in secret_names else value
        for name, value in attributes.items()
    }
