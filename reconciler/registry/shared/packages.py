"""Packages and their versions: how they are stored, and their ARNs."""

from collections.abc import Mapping
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType
from reconciler.registry.shared.tagging import allow_tags

DRAFT, PUBLISHED, DEPRECATED = "DRAFT", "PUBLISHED", "DEPRECATED"
SBOM, SBOM_STATUS, SBOM_RESULTS = "sbom", "sbomValidationStatus", "sbomValidationResults"
"""Members of a version; a description of it has no results."""


@frozen
class _PackageVersionType(NamedResourceType):
    """The type of package versions, whose ARNs begin with those of their packages."""

    def build_arn(self, context: Context, name: str) -> str:
        """Return the ARN of a version, given the name under which it is stored."""
        return PACKAGES.build_arn(context, name)


PACKAGES = NamedResourceType(
    "package", "package", "packageName", already_exists_code="ConflictException", is_taggable=False
)
PACKAGE_VERSIONS = _PackageVersionType(
    "package version",
    "packageversion",
    "id",
    already_exists_code="ConflictException",
    is_taggable=False,
)


def build_version_name(package: str, version: str) -> str:
    """Return the name under which a version is stored: the end of its ARN."""
    return f"{package}/version/{version}"


def find_version(context: Context, package: str, version: str) -> NamedResource | None:
    """Return a version of a package, or None."""
    return PACKAGE_VERSIONS.find(context, build_version_name(package, version))


def require_version(context: Context, params: Mapping[str, Any]) -> NamedResource:
    """Return the version that a request names. Raises ResourceNotFound."""
    version = find_version(context, params["packageName"], params["versionName"])
    if version is None:
        raise not_found(f"The package {params['packageName']} has no version {params['versionName']}.")
    return version


@allow_tags("iot", "package")
def package_or_version_exists(context: Context, path: str) -> bool:
    """Return whether a package or a version exists; `path` is what its ARN has after the type."""
    stored_type = PACKAGE_VERSIONS if "/" in path else PACKAGES
    return stored_type.find(context, path) is not None
