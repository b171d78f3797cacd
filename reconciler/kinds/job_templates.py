"""Job templates: prepared jobs, from which jobs for fleets of devices are created.

Source: AWS IoT API reference, CreateJobTemplate and related operations; developer guide, "Job templates". AWS has no operation that
changes a template: every change but one of tags is a replacement. Jobs keep a copy of their template, so a replacement and a
deletion change no job. UNCONFIRMED: whether descriptions have the default of `expires_in_sec`, which plans treat as equal to none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve
from msgspec.structs import replace

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Response
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.members import from_members
from reconciler.kinds.base.outside import (
    CheckedNeed,
    Need,
    ProblemRead,
    ResourceNeed,
    find_reference_needs,
)
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.job_template_configs import (
    AbortConfig,
    MaintenanceWindow,
    PresignedUrlConfig,
    RetryConfig,
    RolloutConfig,
    TimeoutConfig,
    check_configs,
)
from reconciler.kinds.shared.package_version_ids import split_version_id
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.call import ApiCall
from reconciler.model.change import Change
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import Desired, External, Reference, Resource
from reconciler.model.text import quote

MAX_DESTINATION_PACKAGE_VERSIONS = 25
"""The package versions of a template (API reference, CreateJobTemplate)."""

_VERSIONS = "package_versions"

UNSUPPORTED_MEMBERS = {
    "CreateJobTemplate.jobArn": "a template has the fields in the file, not those of a job",
}


@frozen
class JobTemplate:
    """`[job_templates.*]`."""

    description: str = member(
        "Description of the template.", api="CreateJobTemplate.description", on_change="replaces"
    )
    document: Document | None = member(
        "The instructions for the devices, as JSON.",
        api="CreateJobTemplate.document",
        on_change="replaces",
        default=None,
    )
    document_source: str | None = member(
        "The URL of the document in S3, in place of `document`.",
        api="CreateJobTemplate.documentSource",
        on_change="replaces",
        default=None,
    )
    presigned_url_config: PresignedUrlConfig | None = member(
        "The URLs of S3 that AWS puts into the document.",
        api="CreateJobTemplate.presignedUrlConfig",
        on_change="replaces",
        default=None,
    )
    job_executions_rollout_config: RolloutConfig | None = member(
        "How many devices get the job, and when.",
        api="CreateJobTemplate.jobExecutionsRolloutConfig",
        on_change="replaces",
        default=None,
    )
    abort_config: AbortConfig | None = member(
        "When AWS cancels the job.",
        api="CreateJobTemplate.abortConfig",
        on_change="replaces",
        default=None,
    )
    timeout_config: TimeoutConfig | None = member(
        "How long a device may take.",
        api="CreateJobTemplate.timeoutConfig",
        on_change="replaces",
        default=None,
    )
    job_executions_retry_config: RetryConfig | None = member(
        "How often a device tries again.",
        api="CreateJobTemplate.jobExecutionsRetryConfig",
        on_change="replaces",
        default=None,
    )
    maintenance_windows: tuple[MaintenanceWindow, ...] = member(
        "When the job may run; at any time by default.",
        api="CreateJobTemplate.maintenanceWindows",
        on_change="replaces",
        factory=tuple,
    )
    destination_package_versions: tuple[Reference, ...] = member(
        "The package versions that a device has after the job.",
        api="CreateJobTemplate.destinationPackageVersions",
        references=_VERSIONS,
        on_change="replaces",
        factory=tuple,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateJobTemplate.tags", factory=dict)


class JobTemplates(PlainKind):
    """Job templates: found by name, owned by tag."""

    table = "job_templates"
    noun = "job template"
    spec_class = JobTemplate
    api = PlainApi(
        "JobTemplate",
        name="jobTemplateId",
        arn="jobTemplateArn",
        listing=Listing("ListJobTemplates", "jobTemplates", "jobTemplateId", "jobTemplateArn"),
        update="",
        other_reads=("GetPackageVersion",),
    )
    unsupported_members = UNSUPPORTED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the role and the configurations, and without exactly one document."""
        yield from super().check(resource, desired)
        spec: JobTemplate = resource.spec
        yield from _check_document(spec)
        if spec.presigned_url_config:
            yield from check_role_arn("presigned_url_config", spec.presigned_url_config.role_arn)
        yield from check_configs(spec.job_executions_rollout_config, spec.abort_config, spec.timeout_config)
        yield from _check_versions(spec.destination_package_versions)
        count = len(spec.destination_package_versions)
        if count > MAX_DESTINATION_PACKAGE_VERSIONS:
            expected = f"at most {MAX_DESTINATION_PACKAGE_VERSIONS}"
            yield ValueProblem(
                "too-many-items",
                f"{count} package versions",
                expected,
                path=("destination_package_versions",),
            )

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> JobTemplate:
        """Return the spec of a description, with references to package versions in place of their ARNs."""
        arns = description.get("destinationPackageVersions", ())
        versions = tuple(External(arn) for arn in arns)
        return from_members(JobTemplate, description, tags=tags, destination_package_versions=versions)

    def resolve_references(self, resource: Resource, context: PlanContext) -> Resource:
        """Return the resource with the ARNs of package versions."""
        references = resource.spec.destination_package_versions
        identities = [context.resolve_identity(_VERSIONS, reference) for reference in references]
        arns = tuple(context.build_arn(f"package/{identity}") for identity in identities)
        return replace(resource, spec=evolve(resource.spec, destination_package_versions=arns))

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the package versions outside the file that a new or replaced template refers to."""
        for need in find_reference_needs(change):
            yield need
            yield _build_version_need(need)


def _build_version_need(need: ResourceNeed) -> CheckedNeed:
    """Return the need that a package version exists."""
    package, version_name = split_version_id(need.identity)
    params = {"packageName": package, "versionName": version_name}

    def read() -> ProblemRead:
        ignored_errors = NOT_FOUND | {"ValidationException", "ParameterValidation"}  # no name that AWS allows
        (response,) = yield [ApiCall("iot", "GetPackageVersion", params, ignored_errors=ignored_errors)]
        if response:
            return None
        return f"there is no package version {quote(need.identity)} in this account and Region; create it first, or correct the reference"

    return CheckedNeed(("package-version", need.identity), need.path, read)


def _check_versions(references: Iterable[Reference]) -> Iterator[ValueProblem]:
    for index, reference in enumerate(references):
        if isinstance(reference, External) and not all(split_version_id(reference.name)):
            yield ValueProblem(
                "invalid-id",
                f"{quote(reference.id)} is not the ID of a package version",
                "an ID such as 'firmware/version/1.0.0', or an ARN that ends in one",
                path=("destination_package_versions", index),
            )


def _check_document(spec: JobTemplate) -> Iterator[ValueProblem]:
    if spec.document is None and spec.document_source is None:
        yield ValueProblem("missing-key", "there is no document", "the key document or document_source")
    if spec.document is not None and spec.document_source is not None:
        yield ValueProblem(
            "conflicting-keys",
            "a job template has one document",
            "either document or document_source",
            path=("document_source",),
        )


KIND = JobTemplates()
