"""Versions of packages in AWS IoT's software package catalog.

Source: AWS IoT API reference, CreatePackageVersion and related operations; developer guide, "Package version lifecycle" (a new version is a
draft; once it is published, only its description and tags change, and it never becomes a draft again; a draft cannot be the default
version; AWS does not delete a default version). Plans replace a version for changes that its state does not allow. UNCONFIRMED: whether an
update replaces all attributes; plans replace a draft to remove one. The listing has neither ARNs nor tags, so all versions are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.members import from_members, to_members
from reconciler.kinds.base.reads import NOT_FOUND, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.fleet_indexing import TABLE as INDEXING
from reconciler.kinds.shared.package_sboms import (
    ASSOCIATE,
    DISASSOCIATE,
    GET_VERSION,
    LIST_RESULTS,
    PackageVersionFacts,
    S3Location,
    Sbom,
    describe_sbom_failure,
    read_sbom_status,
    set_sbom,
    wait_for_sbom,
)
from reconciler.kinds.shared.package_version_ids import (
    build_version_id,
    find_description_error,
    split_version_id,
)
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import Desired, External, Live, Reference, Resource

MAX_ATTRIBUTE_BYTES = 3 * 1024
"""The names and values of all attributes of a version (API reference, CreatePackageVersion)."""


DERIVED_MEMBERS = {
    "CreatePackageVersion.clientToken": "the AWS SDK makes a new one for each call",
    "UpdatePackageVersion.clientToken": "the AWS SDK makes a new one for each call",
    f"{ASSOCIATE}.clientToken": "the AWS SDK makes a new one for each call",
    "UpdatePackageVersion.action": "follows from the status in the file",
}

_DRAFT = "DRAFT"
_DRAFT_FIELDS = ("attributes", "artifact", "recipe")
"""The fields that AWS changes only in a draft; it has no documented way to remove their values."""
_FIELDS = ("description", *_DRAFT_FIELDS)
_ACTIONS = {"PUBLISHED": ("PUBLISH",), "DEPRECATED": ("PUBLISH", "DEPRECATE")}
"""By status: the actions that lead to it from a draft."""


@frozen
class Artifact:
    """The files of a version."""

    s3_location: S3Location = member("Where they are.", api="CreatePackageVersion.artifact.s3Location")


@frozen
class PackageVersion:
    """`[package_versions.*]`."""

    package: Reference = member(
        "The package.", api="CreatePackageVersion.packageName", references="packages", on_change="replaces"
    )
    version_name: str = member(
        "The name of the version, such as `1.0.0`.",
        api="CreatePackageVersion.versionName",
        on_change="replaces",
    )
    status: Literal["DRAFT", "PUBLISHED", "DEPRECATED"] = member(
        "PUBLISHED lets jobs deploy it; only a replacement makes it a DRAFT again.", default=_DRAFT
    )
    default: bool = member(
        "Whether it is the default version of its package; no draft can be.", default=False
    )
    description: str | None = member(
        "Description of the version; AWS cannot remove one.",
        api="CreatePackageVersion.description",
        default=None,
    )
    attributes: Mapping[str, str] = member(
        "Attributes for job documents, at most 3 KB; a replacement changes them unless it is a DRAFT.",
        api="CreatePackageVersion.attributes",
        factory=dict,
    )
    artifact: Artifact | None = member(
        "The files; a replacement changes them unless it is a DRAFT.",
        api="CreatePackageVersion.artifact",
        default=None,
    )
    recipe: Document | None = member(
        "The job document that installs it; a replacement changes it unless it is a DRAFT.",
        api="CreatePackageVersion.recipe",
        default=None,
    )
    sbom: Sbom | None = member(
        "The software bill of materials, which AWS validates.",
        api="AssociateSbomWithPackageVersion.sbom",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreatePackageVersion.tags", factory=dict)


class PackageVersions(Kind):
    """Package versions: found by package and version name, owned by tag."""

    table = "package_versions"
    noun = "package version"
    arn_type = "package"
    spec_class = PackageVersion
    needs_settings = frozenset({INDEXING})
    operations = Operations(
        read=(
            "ListPackages",
            "GetPackage",
            "ListPackageVersions",
            GET_VERSION,
            "ListTagsForResource",
            "GetIndexingConfiguration",
        ),
        create=("CreatePackageVersion", ASSOCIATE, "UpdatePackageVersion", "UpdatePackage", GET_VERSION),
        update=(
            "UpdatePackageVersion",
            ASSOCIATE,
            DISASSOCIATE,
            "UpdatePackage",
            GET_VERSION,
            "UntagResource",
            "TagResource",
        ),
        replace=(
            "UpdatePackage",
            "DeletePackageVersion",
            "CreatePackageVersion",
            ASSOCIATE,
            "UpdatePackageVersion",
            GET_VERSION,
        ),
        delete=("UpdatePackage", "DeletePackageVersion"),
        forget=("UntagResource", "TagResource"),
        show=(LIST_RESULTS,),
    )
    write_operations = ("CreatePackageVersion", "UpdatePackageVersion", ASSOCIATE)
    derived_members = DERIVED_MEMBERS
    unremovable_fields = frozenset(_DRAFT_FIELDS)
    deletion_blockers = frozenset[str]()

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the size of the attributes, and a draft that is the default version."""
        spec: PackageVersion = resource.spec
        yield from check_room_for_added_entries("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        size = sum(len(key.encode()) + len(value.encode()) for key, value in spec.attributes.items())
        if size > MAX_ATTRIBUTE_BYTES:
            expected = f"at most {MAX_ATTRIBUTE_BYTES:,}"
            yield ValueProblem(
                "too-large", f"{size:,} bytes of names and values", expected, path=("attributes",)
            )
        if spec.default and spec.status == _DRAFT:
            yield ValueProblem(
                "conflicting-fields",
                "a draft cannot be the default version",
                'the status "PUBLISHED" or "DEPRECATED"',
                path=("default",),
            )

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return a problem for each package with several default versions."""
        defaults: dict[str, Address] = {}
        for address, resource in sorted(desired.items()):
            if address.kind == self.table and resource.spec.default:
                package = build_version_id(resource.spec.package, "")
                other = defaults.setdefault(package, address)
                if other != address:
                    problem = f"{other} is the default version of the same package"
                    yield (
                        address,
                        ValueProblem(
                            "conflicting-fields",
                            problem,
                            "one default version of a package",
                            path=("default",),
                        ),
                    )

    def identity(self, resource: Resource) -> str:
        """Return the end of the ARN, which has both names."""
        return build_version_id(resource.spec.package, resource.spec.version_name)

    def find_changed_identity(self, operation: str, members: Mapping[str, Any]) -> str | None:
        """Return the end of the ARN, which has both names."""
        package, version = (members.get(name) for name in ("packageName", "versionName"))
        return build_version_id(External(package), version) if package and version else None

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read all versions of all packages, or those to read again, and return desired and owned ones."""
        if scope.previous_states is None:
            (listing,) = yield [ApiCall("iot", "ListPackages")]
            packages = listing["packageSummaries"]
            names = [package["packageName"] for package in packages]
            listings = yield from request_each("ListPackageVersions", "packageName", names)
            items = [item for response in listings for item in response.get("packageVersionSummaries", ())]
            ids = [build_version_id(item["packageName"], item["versionName"]) for item in items]
        else:
            ids = sorted(scope.previous_states)
            names = sorted({split_version_id(identity)[0] for identity in ids})
            packages = yield from request_each("GetPackage", "packageName", names)
        responses = yield [_build_get_call(identity) for identity in ids]
        versions = {identity: response for identity, response in zip(ids, responses, strict=True) if response}
        arns = {identity: version["packageVersionArn"] for identity, version in versions.items()}
        desired_ids = {self.identity(resource) for resource in scope.iterate_resources(self.table)}
        tags_by_id = yield from read_tags_of_desired_or_owned(scope, desired_ids, arns)
        default_ids = {
            build_version_id(package["packageName"], package["defaultVersionName"])
            for package in packages
            if package.get("defaultVersionName")
        }
        return [
            _to_live(identity, versions[identity], tags, is_default=identity in default_ids)
            for identity, tags in tags_by_id.items()
        ]

    def forces_replacement(self, name: str, after: Any) -> bool:
        """Return whether the field is replaced, or makes the version a draft."""
        return (name, after) == ("status", _DRAFT) or super().forces_replacement(name, after)

    def is_locked(self, name: str, live_spec: PackageVersion) -> bool:
        """Return whether the field changes only in a draft, which the live version is not."""
        return name in _DRAFT_FIELDS and live_spec.status != _DRAFT

    def plan_notes(self, live: Live) -> Iterable[str]:
        """Note that the SBOM of a version is not valid."""
        return describe_sbom_failure(live)

    def read_status(self, live: Live) -> Read[Mapping[str, Any]]:
        """Return the status of the validation of the SBOM, and why files in it are not valid."""
        return read_sbom_status(live, _name_version(live.identity))

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject the removal of a description."""
        return find_description_error(change)

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the live default version of the package of a new default one, which has to release it first."""
        if isinstance(change, Delete | Forget) or not change.resource.spec.default:
            return
        package, _ = split_version_id(self.identity(change.resource))
        for address, live in context.live.items():
            is_holder = address.kind == self.table and live.spec.default and address != change.address
            if is_holder and split_version_id(live.identity)[0] == package:
                yield address

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the draft with its ownership tags, publish it, and make it the default version."""
        return [*self._create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Change the fields, then the status, then the default version, then the tags."""
        spec: PackageVersion = change.resource.spec
        names = _name_version(change.live.identity)
        calls = []
        changed = [name for name in _FIELDS if change.has_changed(name)]
        if changed:
            params = {**names, **to_members(spec, changed)}
            calls.append(ApiCall("iot", "UpdatePackageVersion", params, idempotent=True))
        if change.has_changed("sbom"):
            calls.append(set_sbom(names, spec.sbom))
        if change.has_changed("status"):
            calls += _change_status(names, change.live.spec.status, spec.status)
        if change.has_changed("default"):
            calls.append(_set_default(names) if spec.default else _unset_default(names))
        tags = with_ownership_tags(change.resource, context.workspace)
        calls += retag("iot", change.live.arn, change.live.tags, tags)
        return [*calls, wait_for_sbom(names)] if change.has_changed("sbom") and spec.sbom else calls

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old version before creating the new one, as both can have the same name."""
        return [*_delete(change.live), *self._create(change.resource, context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the version; if it is the default one, its package gets none before that."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]

    def _create(self, resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
        spec: PackageVersion = resource.spec
        identity = self.identity(resource)
        names, members = _name_version(identity), to_members(spec, _FIELDS)
        tags = with_ownership_tags(resource, context.workspace)
        verification = FieldsMatch(_build_get_call(identity), {name: name for name in members})
        params = {**names, **members, "tags": tags}
        yield ApiCall("iot", "CreatePackageVersion", params, verification=verification)
        if spec.sbom:
            yield set_sbom(names, spec.sbom)
        yield from _change_status(names, _DRAFT, spec.status)
        if spec.default:
            yield _set_default(names)
        if spec.sbom:
            yield wait_for_sbom(names)


def _name_version(identity: str) -> dict[str, str]:
    package, version_name = split_version_id(identity)
    return {"packageName": package, "versionName": version_name}


def _build_get_call(identity: str) -> ApiCall:
    return ApiCall("iot", GET_VERSION, _name_version(identity), ignored_errors=NOT_FOUND)


def _change_status(names: Mapping[str, str], before: str, after: str) -> Iterator[ApiCall]:
    """Yield the calls that give a version another status than that of a draft."""
    actions = _ACTIONS.get(after, ())
    for action in actions if before == _DRAFT else actions[-1:]:
        yield ApiCall("iot", "UpdatePackageVersion", {**names, "action": action}, idempotent=True)


def _set_default(names: Mapping[str, str]) -> ApiCall:
    params = {"packageName": names["packageName"], "defaultVersionName": names["versionName"]}
    return ApiCall("iot", "UpdatePackage", params, idempotent=True)


def _unset_default(names: Mapping[str, str]) -> ApiCall:
    params = {"packageName": names["packageName"], "unsetDefaultVersion": True}
    return ApiCall("iot", "UpdatePackage", params, ignored_errors=NOT_FOUND, idempotent=True)


def _delete(live: Live) -> Iterator[ApiCall]:
    names = _name_version(live.identity)
    if live.spec.default:
        yield _unset_default(names)
    yield ApiCall("iot", "DeletePackageVersion", names, ignored_errors=NOT_FOUND)


def _to_live(identity: str, version: Response, tags: Mapping[str, str], *, is_default: bool) -> Live:
    spec = from_members(
        PackageVersion,
        version,
        package=External(version["packageName"]),
        status=version["status"],
        default=is_default,
        tags=select_user_tags(tags),
    )
    return build_tagged_live(
        identity,
        spec,
        tags,
        version["packageVersionArn"],
        declared_name=tags.get(NAME_TAG),
        facts=PackageVersionFacts(version.get("sbomValidationStatus")),
    )


KIND = PackageVersions()
