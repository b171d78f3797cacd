"""Hypothesis strategies for job templates, packages and their versions."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.package_versions import Artifact, PackageVersion
from reconciler.kinds.packages import Package
from reconciler.kinds.shared.job_template_configs import (
    AbortConfig,
    AbortCriteria,
    ExponentialRate,
    MaintenanceWindow,
    PresignedUrlConfig,
    RateIncreaseCriteria,
    RetryConfig,
    RetryCriteria,
    RolloutConfig,
    TimeoutConfig,
)
from reconciler.kinds.shared.package_sboms import S3Location, Sbom
from reconciler.model.document import Document
from reconciler.model.resource import Resource
from tests.support.desired_states import make_resource

ROLE_ARN = "arn:aws:iam::123456789012:role/jobs"
_tags = st.dictionaries(st.just("line"), st.sampled_from(["oslo", "bergen"]))
_descriptions = st.sampled_from(["Pumps", "All pumps"])
_documents = st.sampled_from(
    [
        {"document": Document.from_value({"operation": "reboot"})},
        {"document": Document.from_value({"operation": "install", "files": ["a"]})},
        {"document_source": "https://s3.eu-west-1.amazonaws.com/jobs/reboot.json"},
    ]
)
_rate = ExponentialRate(10, 1.5, RateIncreaseCriteria(number_of_succeeded_things=50))
_rollouts = st.sampled_from([None, RolloutConfig(100), RolloutConfig(exponential_rate=_rate)])
_aborts = st.sampled_from([None, AbortConfig((AbortCriteria("FAILED", 10.5, 20),))])


def draw_software_resources(draw: st.DrawFn) -> list[Resource]:
    """Return at most one job template and one package, and at most two versions of the package."""
    packages = _draw_packages(draw)
    versions = [item.address.name for item in packages if item.address.kind == "package_versions"]
    return [*packages, *_draw_job_templates(draw, versions)]


def _draw_packages(draw: st.DrawFn) -> list[Resource]:
    """Return a package and versions of it; all have descriptions, as AWS cannot remove one."""
    if not draw(st.booleans()):
        return []
    package = make_resource("packages", "firmware", Package(draw(_descriptions), draw(_tags)))
    names = sorted(draw(st.sets(st.sampled_from(["1.0.0", "2.0.0"]))))
    default = draw(st.sampled_from([None, *names]))
    return [package, *(_draw_version(draw, name, is_default=name == default) for name in names)]


def _draw_version(draw: st.DrawFn, name: str, *, is_default: bool) -> Resource:
    statuses = ["PUBLISHED", "DEPRECATED"] if is_default else ["DRAFT", "PUBLISHED", "DEPRECATED"]
    spec = PackageVersion(
        "firmware",
        name,
        status=draw(st.sampled_from(statuses)),
        default=is_default,
        description=draw(_descriptions),
        attributes=draw(st.sampled_from([{}, {"platform": "arm"}, {"platform": "x86", "channel": "beta"}])),
        artifact=draw(st.sampled_from([None, Artifact(S3Location("firmware", "a.bin"))])),
        recipe=draw(st.sampled_from([None, Document.from_value({"operation": "install"})])),
        sbom=draw(st.sampled_from([None, Sbom(S3Location("firmware", "a.zip"))])),
        tags=draw(_tags),
    )
    return make_resource("package_versions", f"v{name[0]}", spec)


def _draw_job_templates(draw: st.DrawFn, versions: list[str]) -> list[Resource]:
    """Return at most one job template, which may refer to versions."""
    return [
        make_resource(
            "job_templates",
            name,
            JobTemplate(
                draw(st.sampled_from(["Reboot", "Restart"])),
                **draw(_documents),
                presigned_url_config=draw(st.sampled_from([None, PresignedUrlConfig(ROLE_ARN)])),
                job_executions_rollout_config=draw(_rollouts),
                abort_config=draw(_aborts),
                timeout_config=draw(st.sampled_from([None, TimeoutConfig(15)])),
                job_executions_retry_config=draw(
                    st.sampled_from([None, RetryConfig((RetryCriteria("ALL", 2),))])
                ),
                maintenance_windows=draw(
                    st.sampled_from([(), (MaintenanceWindow("cron(0 2 ? * SUN *)", 120),)])
                ),
                destination_package_versions=tuple(versions) if draw(st.booleans()) else (),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.just("reboot"))))
    ]
