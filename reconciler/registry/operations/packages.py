"""Packages: the operations that create, describe, list, update and delete them.

UNCONFIRMED: the errors for a default version that does not exist or is a draft, and for the deletion of a package with versions. The
service model has only ValidationException for the latter.
"""

from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.shared.named_resources import NamedResource
from reconciler.registry.shared.packages import DRAFT, PACKAGE_VERSIONS, PACKAGES, find_version


@operation("iot", "CreatePackage")
def create_package(context: Context, params: Params) -> Output | None:
    """Create a package. Repeating the call succeeds only with the same client token.

    Raises Conflict (409) if it exists, Validation for invalid tags.
    """
    package = PACKAGES.create(context, params)
    described = {key: value for key, value in package.members.items() if key == "description"}
    return {"packageName": package.name, "packageArn": package.arn, **described}


@operation("iot", "GetPackage")
def get_package(context: Context, params: Params) -> Output | None:
    """Return everything about a package except its tags. Raises ResourceNotFound."""
    return PACKAGES.require(context, params).describe("packageName", "packageArn")


@operation("iot", "ListPackages")
def list_packages(context: Context, params: Params) -> Output | None:
    """Return the names and default versions of the packages, in creation order."""
    return PACKAGES.list_page(context, params, "packageSummaries", _summarize)


@operation("iot", "UpdatePackage")
def update_package(context: Context, params: Params) -> Output | None:
    """Change the description or the default version; others stay.

    Raises ResourceNotFound for the package and for the version, Validation for a draft and for two values of the default version.
    """
    package = PACKAGES.require(context, params)
    changes: dict[str, Any] = {key: params[key] for key in ("description",) if key in params}
    version_name, is_unset = params.get("defaultVersionName"), params.get("unsetDefaultVersion")
    if version_name and is_unset:
        raise context.invalid("Name a default version or unset it, but not both.")
    if version_name:
        _check_default_version(context, package.name, version_name)
    if version_name or is_unset:
        changes["defaultVersionName"] = version_name
    PACKAGES.update(context, package, changes)
    return {}


@operation("iot", "DeletePackage")
def delete_package(context: Context, params: Params) -> Output | None:
    """Delete a package; a missing one is not an error. Raises Validation if it has versions."""
    name = params["packageName"]
    if any(version.members["packageName"] == name for version in PACKAGE_VERSIONS.read_all(context)):
        raise context.invalid(f"Delete the versions of the package {name} first.")
    PACKAGES.delete(context, params)
    return {}


def _check_default_version(context: Context, package: str, version_name: str) -> None:
    version = find_version(context, package, version_name)
    if version is None:
        raise not_found(f"The package {package} has no version {version_name}.")
    if version.members["status"] == DRAFT:
        raise context.invalid(f"The version {version_name} is a draft; publish it first.")


def _summarize(package: NamedResource) -> Output:
    members = package.describe("packageName", "packageArn")
    return {key: value for key, value in members.items() if key not in ("packageArn", "description")}
