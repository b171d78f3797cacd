"""Package versions: found by package and version name; their status decides what changes in place."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.package_versions import KIND, Artifact, PackageVersion
from reconciler.kinds.shared.package_sboms import PackageVersionFacts, S3Location, Sbom, wait_for_sbom
from reconciler.model.document import Document
from reconciler.model.resource import External, Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
)

ID = "fw/version/1.0.0"
ARN = build_arn(f"package/{ID}")
NAMES = {"packageName": "fw", "versionName": "1.0.0"}
RECIPE = Document.from_value({"operation": "install"})
DRAFT = PackageVersion("fw", "1.0.0", description="First", attributes={"platform": "arm"})
PUBLISHED = evolve(DRAFT, status="PUBLISHED", default=True)
DELETE = make_iot_call("DeletePackageVersion", **NAMES, ignored_errors=NOT_FOUND)
PUBLISH = make_iot_call("UpdatePackageVersion", **NAMES, action="PUBLISH")
DEPRECATE = make_iot_call("UpdatePackageVersion", **NAMES, action="DEPRECATE")
SET_DEFAULT = make_iot_call("UpdatePackage", packageName="fw", defaultVersionName="1.0.0")
UNSET_DEFAULT = make_iot_call(
    "UpdatePackage", packageName="fw", unsetDefaultVersion=True, ignored_errors=NOT_FOUND
)


def make_version(spec: PackageVersion, name: str = "a"):
    return make_resource("package_versions", name, spec)


def make_live(spec: PackageVersion) -> Live:
    return Live(ID, spec, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS, facts=PackageVersionFacts())


def make_create_call(**members):
    return make_iot_call("CreatePackageVersion", **NAMES, **members, tags=OWNERSHIP_TAGS)


def list_changes(before: PackageVersion, after: PackageVersion):
    return list_calls(make_change(make_version(after), make_live(before)))


def test_a_draft_is_created_in_one_call():
    spec = evolve(DRAFT, artifact=Artifact(S3Location("b", "k", "3")), recipe=RECIPE)
    assert list_create_calls(make_version(spec)) == [
        make_create_call(
            description="First",
            attributes={"platform": "arm"},
            artifact={"s3Location": {"bucket": "b", "key": "k", "version": "3"}},
            recipe=RECIPE.text,
        )
    ]


def test_a_package_outside_the_file_is_named_by_its_arn():
    spec = PackageVersion(External(build_arn("package/fw")), "1.0.0")
    assert list_create_calls(make_version(spec)) == [make_create_call()]


@pytest.mark.parametrize(
    ("status", "actions"), [("PUBLISHED", [PUBLISH]), ("DEPRECATED", [PUBLISH, DEPRECATE])]
)
def test_a_new_default_version_is_published_before_it_becomes_the_default_one(status, actions):
    spec = PackageVersion("fw", "1.0.0", status=status, default=True)
    assert list_create_calls(make_version(spec)) == [make_create_call(), *actions, SET_DEFAULT]


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [
        ("DRAFT", "PUBLISHED", [PUBLISH]),
        ("DRAFT", "DEPRECATED", [PUBLISH, DEPRECATE]),
        ("PUBLISHED", "DEPRECATED", [DEPRECATE]),
        ("DEPRECATED", "PUBLISHED", [PUBLISH]),
    ],
)
def test_a_status_changes_through_the_actions_that_lead_to_it(before, after, calls):
    assert list_changes(evolve(DRAFT, status=before), evolve(DRAFT, status=after)) == calls


SBOM = Sbom(S3Location("b", "sbom.zip"))
SET_SBOM = make_iot_call(
    "AssociateSbomWithPackageVersion", **NAMES, sbom={"s3Location": {"bucket": "b", "key": "sbom.zip"}}
)
WAIT = wait_for_sbom(NAMES)


def test_a_new_version_gets_its_sbom_before_it_is_published_and_waits_at_the_end():
    spec = PackageVersion("fw", "1.0.0", status="PUBLISHED", default=True, sbom=SBOM)
    assert list_create_calls(make_version(spec)) == [make_create_call(), SET_SBOM, PUBLISH, SET_DEFAULT, WAIT]


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [
        (None, SBOM, [SET_SBOM, WAIT]),
        (Sbom(S3Location("b", "old.zip")), SBOM, [SET_SBOM, WAIT]),
        (SBOM, None, [make_iot_call("DisassociateSbomFromPackageVersion", **NAMES)]),
    ],
)
def test_the_sbom_of_a_published_version_changes_in_place(before, after, calls):
    assert list_changes(evolve(PUBLISHED, sbom=before), evolve(PUBLISHED, sbom=after)) == calls


@pytest.mark.parametrize(
    ("status", "notes"),
    [
        (None, []),
        ("IN_PROGRESS", []),
        ("SUCCEEDED", []),
        (
            "FAILED",
            [
                "the validation of its SBOM failed; `reconciler show` prints why; upload a valid archive under another key or version, and change sbom to it"
            ],
        ),
    ],
)
def test_a_plan_notes_an_sbom_that_is_not_valid(status, notes):
    live = evolve(make_live(evolve(PUBLISHED, sbom=SBOM)), facts=PackageVersionFacts(status))
    assert list(KIND.plan_notes(live)) == notes


def test_a_published_version_becomes_a_draft_only_by_a_replacement():
    assert list_changes(PUBLISHED, DRAFT) == [
        UNSET_DEFAULT,
        DELETE,
        make_create_call(description="First", attributes={"platform": "arm"}),
    ]


def test_the_attributes_of_a_draft_change_in_place_before_it_is_published():
    attributes = {"platform": "x86"}
    assert list_changes(DRAFT, evolve(DRAFT, attributes=attributes, status="PUBLISHED")) == [
        make_iot_call("UpdatePackageVersion", **NAMES, attributes=attributes),
        PUBLISH,
    ]


@pytest.mark.parametrize(
    ("before", "fields"),
    [
        (evolve(DRAFT, status="PUBLISHED"), {"attributes": {"platform": "x86"}}),
        (evolve(DRAFT, status="DEPRECATED"), {"recipe": RECIPE}),
        (evolve(DRAFT, status="PUBLISHED"), {"artifact": Artifact(S3Location("b", "k"))}),
        (DRAFT, {"attributes": {}}),
        (evolve(DRAFT, recipe=RECIPE), {"recipe": None}),
    ],
    ids=["attributes", "recipe", "artifact", "removed attribute", "removed recipe"],
)
def test_a_change_that_the_state_does_not_allow_is_a_replacement(before, fields):
    calls = list_changes(before, evolve(before, **fields))
    assert [call.operation for call in calls[:2]] == ["DeletePackageVersion", "CreatePackageVersion"]


def test_a_default_version_releases_that_before_it_is_another_one():
    assert list_changes(PUBLISHED, evolve(PUBLISHED, default=False)) == [UNSET_DEFAULT]


def test_a_draft_as_the_default_version_and_large_attributes_are_problems():
    assert list_problems(make_version(evolve(DRAFT, default=True, attributes={"a": "x" * 3072}))) == [
        "attributes: 3,073 bytes of names and values; expected at most 3,072",
        'default: a draft cannot be the default version; expected the status "PUBLISHED" or "DEPRECATED"',
    ]


def test_a_second_default_version_of_a_package_is_a_problem():
    versions = [
        make_version(PUBLISHED, "a"),
        make_version(evolve(PUBLISHED, version_name="2.0.0"), "b"),
        make_version(evolve(PUBLISHED, package="other"), "c"),
    ]
    problems = KIND.check_together({version.address: version for version in versions})
    assert [(str(address), problem.problem) for address, problem in problems] == [
        ("package_versions.b", "package_versions.a is the default version of the same package")
    ]
