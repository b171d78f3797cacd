"""Packages of AWS IoT's software package catalog, which have versions.

Source: AWS IoT API reference, CreatePackage and related operations (all versions must be deleted before their package; creating and
changing packages needs permission for GetIndexingConfiguration); developer guide, "Software Package Catalog". UNCONFIRMED: whether AWS
rejects packages while fleet indexing is off. The pattern of descriptions excludes an empty one, so AWS cannot remove a description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import CheckedNeed, Need, ProblemRead
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.fleet_indexing import TABLE as INDEXING
from reconciler.kinds.shared.package_version_ids import build_version_id, find_description_error
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete
from reconciler.model.text import join_some

_VERSIONS = "package_versions"

DERIVED_MEMBERS = {
    "UpdatePackage.defaultVersionName": "set by the package version with default = true",
    "UpdatePackage.unsetDefaultVersion": "set by the package version that is no longer the default one",
}


@frozen
class Package:
    """`[packages.*]`."""

    description: str | None = member(
        "Description of the package; AWS cannot remove one.", api="CreatePackage.description", default=None
    )
    tags: Mapping[str, str] = member("Tags.", api="CreatePackage.tags", factory=dict)


class Packages(PlainKind):
    """Packages: found by name, owned by tag."""

    table = "packages"
    noun = "package"
    spec_class = Package
    needs_settings = frozenset({INDEXING})
    api = PlainApi(
        "Package",
        name="packageName",
        arn="packageArn",
        listing=Listing("ListPackages", "packageSummaries", "packageName"),
        describe="GetPackage",
        tokens=("CreatePackage.clientToken", "UpdatePackage.clientToken"),
        has_tag_map=True,
        other_reads=("ListPackageVersions", "GetIndexingConfiguration"),
    )
    derived_members = DERIVED_MEMBERS

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject the removal of a description."""
        return find_description_error(change)

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the need that a deleted package has no versions that the plan does not delete."""
        if isinstance(change, Delete):
            yield _build_versions_need(change, context)


def _build_versions_need(change: Delete, context: PlanContext) -> CheckedNeed:
    name = change.live.identity
    deleted = {identity for table, identity in context.deleted_resources if table == _VERSIONS}

    def read() -> ProblemRead:
        (listing,) = yield [
            ApiCall("iot", "ListPackageVersions", {"packageName": name}, ignored_errors=NOT_FOUND)
        ]
        names = [item["versionName"] for item in listing.get("packageVersionSummaries", ())]
        remaining = [version for version in names if build_version_id(name, version) not in deleted]
        if not remaining:
            return None
        return (
            f"cannot delete: it has versions that this plan does not delete ({join_some(remaining)}); "
            "delete them first, or keep it"
        )

    return CheckedNeed(("package-versions", name), "", read)


KIND = Packages()
