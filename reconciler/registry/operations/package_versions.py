"""Package versions: the operations that create, describe, list, update and delete them.

Source for the states: developer guide, "Package version lifecycle". UNCONFIRMED: the errors for changes that a state does not allow, for a
version of a package that does not exist, and for the deletion of a default version; ValidationException is in the service model of all.
UNCONFIRMED, too: that an action succeeds if the version has its state already.
"""

from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.shared.named_resources import NamedResource
from reconciler.registry.shared.packages import (
    DEPRECATED,
    DRAFT,
    PACKAGE_VERSIONS,
    PACKAGES,
    PUBLISHED,
    SBOM_RESULTS,
    build_version_name,
    require_version,
)

_MAX_ATTRIBUTE_BYTES = 3 * 1024
_DRAFT_MEMBERS = ("attributes", "artifact", "recipe")
_MEMBERS = ("description", *_DRAFT_MEMBERS)
_SUMMARY_MEMBERS = ("packageName", "versionName", "status", "creationDate", "lastModifiedDate")
_TRANSITIONS = {
    "PUBLISH": (PUBLISHED, (DRAFT, PUBLISHED, DEPRECATED)),
    "DEPRECATE": (DEPRECATED, (PUBLISHED, DEPRECATED)),
}
"""By action: the new state, and the states that it can follow."""


@operation("iot", "CreatePackageVersion")
def create_package_version(context: Context, params: Params) -> Output | None:
    """Create a draft of a version. Repeating the call succeeds only with the same client token.

    Raises Conflict (409) if it exists, Validation for a package that does not exist, for too large attributes and for invalid tags.
    """
    package, name = params["packageName"], params["versionName"]
    if PACKAGES.find(context, package) is None:
        raise context.invalid(f"The package {package} does not exist.")
    _check_attributes(context, params)
    members = {**params, "id": build_version_name(package, name), "status": DRAFT}
    version = PACKAGE_VERSIONS.create(context, members)
    names = ("packageVersionArn", "packageName", "versionName", "description", "attributes", "status")
    return {key: value for key, value in _describe(version).items() if key in names}


@operation("iot", "GetPackageVersion")
def get_package_version(context: Context, params: Params) -> Output | None:
    """Return everything about a version except its tags. Raises ResourceNotFound."""
    return _describe(require_version(context, params))


@operation("iot", "ListPackageVersions")
def list_package_versions(context: Context, params: Params) -> Output | None:
    """Return the versions of a package, in creation order; none for a package that does not exist."""

    def summarize(version: NamedResource) -> Output:
        return {key: value for key, value in _describe(version).items() if key in _SUMMARY_MEMBERS}

    filters = ("packageName", "status")
    return PACKAGE_VERSIONS.list_page(context, params, "packageVersionSummaries", summarize, filters=filters)


@operation("iot", "UpdatePackageVersion")
def update_package_version(context: Context, params: Params) -> Output | None:
    """Change members of a version, and its state; absent members stay.

    Raises ResourceNotFound, Validation for too large attributes and for what the state of the version does not allow.
    """
    version = require_version(context, params)
    _check_attributes(context, params)
    changes: dict[str, Any] = {key: params[key] for key in _MEMBERS if key in params}
    status = version.members["status"]
    locked = [key for key in changes if key in _DRAFT_MEMBERS]
    if locked and status != DRAFT:
        raise context.invalid(f"The version is {status}, so its {', '.join(locked)} cannot be changed.")
    if "action" in params:
        new_status, allowed = _TRANSITIONS[params["action"]]
        if status not in allowed:
            raise context.invalid(f"A version that is {status} cannot become {new_status}.")
        changes["status"] = new_status
    PACKAGE_VERSIONS.update(context, version, changes)
    return {}


@operation("iot", "DeletePackageVersion")
def delete_package_version(context: Context, params: Params) -> Output | None:
    """Delete a version; a missing one is not an error. Raises Validation for a default version."""
    package = PACKAGES.find(context, params["packageName"])
    if package and package.members.get("defaultVersionName") == params["versionName"]:
        raise context.invalid("The version is the default version of its package.")
    name = build_version_name(params["packageName"], params["versionName"])
    PACKAGE_VERSIONS.delete(context, {"id": name})
    return {}


def _describe(version: NamedResource) -> Output:
    description = version.describe("id", "packageVersionArn")
    del description["id"]
    description.pop(SBOM_RESULTS, None)
    return description


def _check_attributes(context: Context, params: Params) -> None:
    """Raise Validation if the names and values of the attributes are too large together."""
    attributes = params.get("attributes", {})
    size = sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
    if size > _MAX_ATTRIBUTE_BYTES:
        raise context.invalid(
            f"The attributes have {size} bytes, and at most {_MAX_ATTRIBUTE_BYTES} are allowed."
        )
