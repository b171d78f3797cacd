"""Packages and their versions."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

PACKAGE = {"packageName": "firmware"}
ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:package/firmware"
VERSION = {**PACKAGE, "versionName": "1.0.0"}
VERSION_ARN = f"{ARN}/version/1.0.0"
TIMES = {"creationDate": START_TIME, "lastModifiedDate": START_TIME}
MEMBERS = {
    "description": "First",
    "attributes": {"platform": "arm"},
    "artifact": {"s3Location": {"bucket": "b", "key": "k"}},
    "recipe": '{"operation": "install"}',
}
INVALID, MISSING = ("ValidationException", 400), ("ResourceNotFoundException", 404)
TOKEN = "t" * 36


@pytest.fixture
def version(iot):
    """Create a package with a draft of a version."""
    iot.create_package(**PACKAGE, description="Pumps")
    iot.create_package_version(**VERSION, **MEMBERS)
    return iot


def get_status(iot):
    return iot.get_package_version(**VERSION)["status"]


def test_a_package_is_described_as_it_was_created(iot):
    created = remove_metadata(iot.create_package(**PACKAGE, description="Pumps", tags={"line": "A"}))
    assert created == {**PACKAGE, "packageArn": ARN, "description": "Pumps"}
    assert remove_metadata(iot.get_package(**PACKAGE)) == {**created, **TIMES}
    assert iot.list_packages()["packageSummaries"] == [{**PACKAGE, **TIMES}]
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == [{"Key": "line", "Value": "A"}]


def test_a_version_is_described_as_it_was_created(iot):
    iot.create_package(**PACKAGE)
    created = remove_metadata(iot.create_package_version(**VERSION, **MEMBERS, tags={"line": "A"}))
    assert created == {
        **VERSION,
        "packageVersionArn": VERSION_ARN,
        "description": "First",
        "attributes": {"platform": "arm"},
        "status": "DRAFT",
    }
    assert remove_metadata(iot.get_package_version(**VERSION)) == {**created, **MEMBERS, **TIMES}
    summaries = iot.list_package_versions(**PACKAGE)["packageVersionSummaries"]
    assert summaries == [{**VERSION, "status": "DRAFT", **TIMES}]
    assert iot.list_package_versions(**PACKAGE, status="PUBLISHED")["packageVersionSummaries"] == []
    assert iot.list_tags_for_resource(resourceArn=VERSION_ARN)["tags"] == [{"Key": "line", "Value": "A"}]


def test_repeating_a_creation_succeeds_only_with_the_same_token(iot):
    conflict = ("ConflictException", 409)
    created = remove_metadata(iot.create_package(**PACKAGE, clientToken=TOKEN))
    assert remove_metadata(iot.create_package(**PACKAGE, clientToken=TOKEN)) == created
    assert catch_error(iot.create_package, **PACKAGE) == conflict
    iot.create_package_version(**VERSION)
    assert catch_error(iot.create_package_version, **VERSION) == conflict


def test_a_version_needs_its_package_and_small_attributes(iot):
    assert catch_error(iot.create_package_version, **VERSION) == INVALID
    iot.create_package(**PACKAGE)
    attributes = {"a": "x" * 3072}
    assert catch_error(iot.create_package_version, **VERSION, attributes=attributes) == INVALID
    assert iot.list_package_versions(**PACKAGE)["packageVersionSummaries"] == []


def test_a_version_is_published_deprecated_and_published_again(version):
    statuses = []
    for action in ("PUBLISH", "PUBLISH", "DEPRECATE", "DEPRECATE", "PUBLISH"):
        version.update_package_version(**VERSION, action=action)
        statuses.append(get_status(version))
    assert statuses == ["PUBLISHED", "PUBLISHED", "DEPRECATED", "DEPRECATED", "PUBLISHED"]


def test_a_draft_cannot_be_deprecated(version):
    assert catch_error(version.update_package_version, **VERSION, action="DEPRECATE") == INVALID
    assert get_status(version) == "DRAFT"


@pytest.mark.parametrize("member", ["attributes", "artifact", "recipe"])
def test_a_member_of_a_draft_changes_until_it_is_published(version, member):
    changes = {
        "attributes": {"channel": "beta"},
        "artifact": {"s3Location": {"bucket": "b", "key": "l"}},
        "recipe": "{}",
    }
    version.update_package_version(**VERSION, **{member: changes[member]})
    assert version.get_package_version(**VERSION)[member] == changes[member]
    version.update_package_version(**VERSION, action="PUBLISH")
    error = catch_error(version.update_package_version, **VERSION, **{member: MEMBERS[member]})
    assert error == INVALID
    version.update_package_version(**VERSION, description="Still the first")
    assert version.get_package_version(**VERSION)["description"] == "Still the first"


def test_a_draft_cannot_be_the_default_version(version):
    params = {**PACKAGE, "defaultVersionName": "1.0.0"}
    assert catch_error(version.update_package, **PACKAGE, defaultVersionName="2.0.0") == MISSING
    assert catch_error(version.update_package, **params) == INVALID
    version.update_package_version(**VERSION, action="PUBLISH")
    assert catch_error(version.update_package, **params, unsetDefaultVersion=True) == INVALID
    version.update_package(**params)
    assert version.get_package(**PACKAGE)["defaultVersionName"] == "1.0.0"
    assert version.list_packages()["packageSummaries"][0]["defaultVersionName"] == "1.0.0"
    version.update_package(**PACKAGE, unsetDefaultVersion=True)
    assert "defaultVersionName" not in version.get_package(**PACKAGE)


def test_a_default_version_and_a_package_with_versions_are_not_deleted(version):
    version.update_package_version(**VERSION, action="PUBLISH")
    version.update_package(**PACKAGE, defaultVersionName="1.0.0")
    assert catch_error(version.delete_package_version, **VERSION) == INVALID
    assert catch_error(version.delete_package, **PACKAGE) == INVALID
    version.update_package(**PACKAGE, unsetDefaultVersion=True)
    for _ in range(2):
        version.delete_package_version(**VERSION)
    for _ in range(2):
        version.delete_package(**PACKAGE)
    assert catch_error(version.get_package_version, **VERSION) == MISSING
    assert catch_error(version.get_package, **PACKAGE) == MISSING
    assert catch_error(version.update_package, **PACKAGE) == MISSING
    assert catch_error(version.update_package_version, **VERSION) == MISSING
