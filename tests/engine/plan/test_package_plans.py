"""Plans with packages: default versions, descriptions, and versions that block a deletion."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.package_versions import PackageVersion
from reconciler.kinds.packages import Package
from reconciler.model.address import Address
from reconciler.model.resource import External
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import build_arn

PACKAGE = make_resource("packages", "fw", Package("Pumps"))
PUBLISHED = PackageVersion("fw", "1.0.0", status="PUBLISHED", default=True, description="First")


def make_version(name: str, spec: PackageVersion):
    return make_resource("package_versions", name, spec)


def make_versions(**defaults: bool):
    """Return published versions: whether each is the default one, by name."""
    return [
        make_version(name, evolve(PUBLISHED, version_name=name, default=is_default))
        for name, is_default in defaults.items()
    ]


def get_default(cloud):
    return cloud.iot.get_package(packageName="fw").get("defaultVersionName")


def test_a_new_default_version_takes_the_place_of_another_one_in_one_apply(cloud):
    defaults = []
    for versions in (
        make_versions(a=True, b=False),
        make_versions(a=False, b=True),
        make_versions(a=True, b=False),
        make_versions(c=True),
        make_versions(a=True, c=False),
        make_versions(a=False, c=False),
    ):
        state = make_state(PACKAGE, *versions)
        converge(state, cloud)
        defaults.append(get_default(cloud))
        assert plan_state(state, cloud).steps == ()
    assert defaults == ["a", "b", "a", "c", "a", None]


def test_a_version_waits_for_the_step_of_the_live_default_version(cloud):
    converge(make_state(PACKAGE, *make_versions(b=True)), cloud)
    plan = plan_state(make_state(PACKAGE, *make_versions(a=True)), cloud)
    dependencies = {step.change.address: step.dependencies for step in plan.steps}
    released = Address("package_versions", "b")
    assert dependencies == {released: frozenset(), Address("package_versions", "a"): frozenset({released})}


def test_a_package_with_versions_of_others_is_not_deleted(cloud):
    converge(make_state(PACKAGE), cloud)
    for name in ("1.0.0", "2.0.0"):
        cloud.iot.create_package_version(packageName="fw", versionName=name)
    assert get_rejection_reasons(make_state(), cloud) == [
        (
            "packages.fw: cannot delete: it has versions that this plan does not delete (1.0.0, 2.0.0); "
            "delete them first, or keep it"
        )
    ]


def test_a_package_is_deleted_after_all_of_its_versions(cloud):
    converge(make_state(PACKAGE, *make_versions(a=True, b=False)), cloud)
    converge(make_state(), cloud)
    content = cloud.read_content()
    assert (content["packages"], content["package_versions"]) == ({}, {})


def test_a_job_template_refers_to_package_versions_by_name_and_by_arn(cloud):
    cloud.iot.create_package(packageName="other")
    cloud.iot.create_package_version(packageName="other", versionName="3.0.0")
    references = ("a", External(build_arn("package/other/version/3.0.0")))
    template = make_resource(
        "job_templates",
        "install",
        JobTemplate("Install", document_source="https://s3/b/k", destination_package_versions=references),
    )
    state = make_state(PACKAGE, *make_versions(a=True), template)
    converge(state, cloud)
    assert cloud.iot.describe_job_template(jobTemplateId="install")["destinationPackageVersions"] == [
        build_arn("package/fw/version/a"),
        build_arn("package/other/version/3.0.0"),
    ]
    assert plan_state(state, cloud).steps == ()


def test_a_package_version_that_does_not_exist_rejects_the_plan(cloud):
    reference = External(build_arn("package/other/version/3.0.0"))
    spec = JobTemplate("Install", document_source="https://s3/b/k", destination_package_versions=(reference,))
    assert get_rejection_reasons(make_state(make_resource("job_templates", "install", spec)), cloud) == [
        (
            "job_templates.install: destination_package_versions: there is no package version 'other/version/3.0.0' in this "
            "account and Region; create it first, or correct the reference (<memory>:1)"
        )
    ]


def test_the_removal_of_a_description_rejects_the_plan(cloud):
    version = make_version("a", PUBLISHED)
    converge(make_state(PACKAGE, version), cloud)
    after = make_state(
        make_resource("packages", "fw", Package()), make_version("a", evolve(PUBLISHED, description=None))
    )
    assert get_rejection_reasons(after, cloud) == [
        "package_versions.a: cannot update: AWS cannot remove a description; set another one (<memory>:1)",
        "packages.fw: cannot update: AWS cannot remove a description; set another one (<memory>:1)",
    ]
