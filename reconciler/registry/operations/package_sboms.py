"""SBOMs of package versions: the operations that set, validate and remove them.

Without a folder that replaces S3, every SBOM is valid. UNCONFIRMED: AWS rejects an object that does not exist at once, sets an SBOM for every
status of the version, accepts the removal of one that is not set, and validates each JSON file of a zip archive.
"""

import json
import zipfile
from collections.abc import Iterator
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.buckets import require_object
from reconciler.registry.shared.packages import (
    PACKAGE_VERSIONS,
    SBOM,
    SBOM_RESULTS,
    SBOM_STATUS,
    require_version,
)

_SUCCEEDED, _FAILED = "SUCCEEDED", "FAILED"


@operation("iot", "AssociateSbomWithPackageVersion")
def associate_sbom_with_package_version(context: Context, params: Params) -> Output | None:
    """Set the SBOM of a version, and validate it; the response always has the status IN_PROGRESS.

    Raises ResourceNotFound, Validation for an object that does not exist.
    """
    version = require_version(context, params)
    results = [*_validate(context, params["sbom"].get("s3Location", {}))]
    is_valid = all(result["validationResult"] == _SUCCEEDED for result in results)
    changes = {
        SBOM: params["sbom"],
        SBOM_STATUS: _SUCCEEDED if is_valid else _FAILED,
        SBOM_RESULTS: results,
    }
    PACKAGE_VERSIONS.update(context, version, changes)
    names = {name: params[name] for name in ("packageName", "versionName")}
    return {**names, SBOM: params["sbom"], SBOM_STATUS: "IN_PROGRESS"}


@operation("iot", "DisassociateSbomFromPackageVersion")
def disassociate_sbom_from_package_version(context: Context, params: Params) -> Output | None:
    """Remove the SBOM of a version. Raises ResourceNotFound."""
    version = require_version(context, params)
    PACKAGE_VERSIONS.update(context, version, dict.fromkeys((SBOM, SBOM_STATUS, SBOM_RESULTS)))
    return {}


@operation("iot", "ListSbomValidationResults")
def list_sbom_validation_results(context: Context, params: Params) -> Output | None:
    """Return the result of each file of a version's SBOM. Raises ResourceNotFound."""
    page = REGISTRY_PAGER.start_page(context, params)
    results = require_version(context, params).members.get(SBOM_RESULTS, [])
    wanted = params.get("validationResult")
    first = page.after[0] if page.after else 0
    rows = [
        (number, result)
        for number, result in enumerate(results, 1)
        if number > first and wanted in (None, result["validationResult"])
    ]
    return page.build_output(
        "validationResultSummaries", rows[: page.limit], key=lambda row: (row[0],), item=lambda row: row[1]
    )


def _validate(context: Context, location: Params) -> Iterator[dict[str, Any]]:
    """Yield the result of each file in the archive."""
    key = location.get("key", "")
    if context.settings.buckets is None:
        yield {"fileName": key, "validationResult": _SUCCEEDED}
        return
    path = require_object(context, location.get("bucket", ""), key)
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        yield _fail(key, "The file is not a zip archive.")
        return
    for name, content in files.items():
        if _has_known_format(content):
            yield {"fileName": name, "validationResult": _SUCCEEDED}
        else:
            yield _fail(name, "The file has neither the format SPDX nor CycloneDX.")


def _has_known_format(content: bytes) -> bool:
    try:
        document = json.loads(content)
    except ValueError:
        return False
    return isinstance(document, dict) and (
        "spdxVersion" in document or document.get("bomFormat") == "CycloneDX"
    )


def _fail(name: str, message: str) -> dict[str, Any]:
    return {
        "fileName": name,
        "validationResult": _FAILED,
        "errorCode": "INCOMPATIBLE_FORMAT",
        "errorMessage": message,
    }
