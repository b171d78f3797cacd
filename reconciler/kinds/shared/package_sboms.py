"""SBOMs, the software bills of materials of package versions.

Source: AWS IoT API reference, AssociateSbomWithPackageVersion and related operations. AWS validates an SBOM after it has responded, so a
step waits for the result at its end. UNCONFIRMED: an SBOM can be set and removed for every status of the version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Read
from reconciler.kinds.base.members import to_structure
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.model.call import ApiCall, Wait
from reconciler.model.resource import Live

GET_VERSION = "GetPackageVersion"
ASSOCIATE = "AssociateSbomWithPackageVersion"
DISASSOCIATE = "DisassociateSbomFromPackageVersion"
LIST_RESULTS = "ListSbomValidationResults"

_VALIDATION_SECONDS = 300.0
_ADVICE = (
    "`reconciler show` prints why; upload a valid archive under another key or version, and change sbom to it"
)


@frozen
class S3Location:
    """An object in S3."""

    bucket: str = member("The bucket.", api="CreatePackageVersion.artifact.s3Location.bucket")
    key: str = member("The key of the object.", api="CreatePackageVersion.artifact.s3Location.key")
    version: str | None = member(
        "The version of the object.", api="CreatePackageVersion.artifact.s3Location.version", default=None
    )


@frozen
class Sbom:
    """The software bill of materials of a version."""

    s3_location: S3Location = member(
        "Where it is: a zip archive of files in the format SPDX or CycloneDX.",
        api="AssociateSbomWithPackageVersion.sbom.s3Location",
    )


@frozen
class PackageVersionFacts:
    """The status of the validation of a version's SBOM, or None without one."""

    sbom_status: str | None = None


def set_sbom(names: Mapping[str, str], sbom: Sbom | None) -> ApiCall:
    """Return the call that sets the SBOM of a version, or removes it."""
    if sbom is None:
        return ApiCall("iot", DISASSOCIATE, names, idempotent=True)
    return ApiCall("iot", ASSOCIATE, {**names, "sbom": to_structure(sbom)}, idempotent=True)


def wait_for_sbom(names: Mapping[str, str]) -> ApiCall:
    """Return the call that waits until the SBOM of a version is validated."""
    wait = Wait(
        "sbomValidationStatus",
        until={"SUCCEEDED"},
        failures={"FAILED"},
        reason_path="errorReason",
        advice=_ADVICE,
    )
    return ApiCall("iot", GET_VERSION, names, wait=wait, timeout_seconds=_VALIDATION_SECONDS)


def describe_sbom_failure(live: Live) -> Iterator[str]:
    """Yield that the SBOM of a version is not valid, if so."""
    if live.get_facts(PackageVersionFacts).sbom_status == "FAILED":
        yield f"the validation of its SBOM failed; {_ADVICE}"


def read_sbom_status(live: Live, names: Mapping[str, str]) -> Read[Mapping[str, Any]]:
    """Return the status of the validation of a version's SBOM, and why files in it are not valid."""
    status = live.get_facts(PackageVersionFacts).sbom_status
    if status is None:
        return {}
    params = {**names, "validationResult": "FAILED"}
    (response,) = yield [ApiCall("iot", LIST_RESULTS, params, ignored_errors=NOT_FOUND)]
    failures = [
        f"{item.get('fileName', 'the archive')}: {item.get('errorMessage', 'without a reason')}"
        for item in response.get("validationResultSummaries", ())
    ]
    return {"sbom_validation_status": status, **({"sbom_failures": failures} if failures else {})}
