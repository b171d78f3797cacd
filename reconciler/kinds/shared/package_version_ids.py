"""IDs of package versions, and descriptions of packages and versions that AWS cannot remove."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.change import Change, Update
from reconciler.model.resource import External, Reference

_SEPARATOR = "/version/"


def build_version_id(package: Reference, version_name: str) -> str:
    """Return the ID of a package version, which is the end of its ARN: `firmware/version/1.0.0`."""
    name = package.name if isinstance(package, External) else package
    return f"{name}{_SEPARATOR}{version_name}"


def split_version_id(identity: str) -> tuple[str, str]:
    """Return the name of the package and the name of the version."""
    package, _, version_name = identity.partition(_SEPARATOR)
    return package, version_name


def find_description_error(change: Change) -> Iterator[str]:
    """Yield an error if an update removes the description, which AWS cannot do."""
    if (
        isinstance(change, Update)
        and change.has_changed("description")
        and not change.resource.spec.description
    ):
        yield "cannot update: AWS cannot remove a description; set another one"
