"""Versions of policies and provisioning templates: only the default one is declared in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def describe_other_versions(versions: Sequence[object]) -> Mapping[str, str]:
    """Return a description of the versions other than the default one, as a part that no file can declare."""
    if not versions:
        return {}
    numbers = ", ".join(map(str, versions))
    return {"versions": f"the file has only the default version; AWS also keeps {numbers}"}
