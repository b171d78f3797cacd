"""Software bills of materials of package versions, which are validated if a folder replaces S3."""

import json
import zipfile

import pytest
from attrs import evolve

from tests.support.direct_client import catch_error, remove_metadata

VERSION = {"packageName": "firmware", "versionName": "1.0.0"}
SBOM = {"s3Location": {"bucket": "b", "key": "sbom.zip"}}
INVALID, MISSING = ("ValidationException", 400), ("ResourceNotFoundException", 404)
SPDX, CYCLONE_DX = {"spdxVersion": "SPDX-2.3"}, {"bomFormat": "CycloneDX"}


@pytest.fixture
def settings(settings, tmp_path):
    (tmp_path / "b").mkdir()
    return evolve(settings, buckets=tmp_path)


@pytest.fixture
def version(iot):
    """Create a package with a draft of a version."""
    iot.create_package(packageName="firmware")
    iot.create_package_version(**VERSION)
    return iot


def write_archive(folder, files):
    with zipfile.ZipFile(folder / "b" / "sbom.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))


def read_sbom(iot):
    description = iot.get_package_version(**VERSION)
    return description.get("sbom"), description.get("sbomValidationStatus")


def list_results(iot, **params):
    response = iot.list_sbom_validation_results(**VERSION, **params)
    return [(item["fileName"], item["validationResult"]) for item in response["validationResultSummaries"]]


def test_an_sbom_is_validated_after_it_was_set_and_can_be_removed(version, tmp_path):
    write_archive(tmp_path, {"a.json": SPDX, "b.json": CYCLONE_DX})
    response = remove_metadata(version.associate_sbom_with_package_version(**VERSION, sbom=SBOM))
    assert response == {**VERSION, "sbom": SBOM, "sbomValidationStatus": "IN_PROGRESS"}
    assert read_sbom(version) == (SBOM, "SUCCEEDED")
    assert list_results(version) == [("a.json", "SUCCEEDED"), ("b.json", "SUCCEEDED")]
    version.disassociate_sbom_from_package_version(**VERSION)
    version.disassociate_sbom_from_package_version(**VERSION)
    assert (read_sbom(version), list_results(version)) == ((None, None), [])


def test_an_sbom_fails_for_the_files_that_have_no_known_format(version, tmp_path):
    write_archive(tmp_path, {"a.json": SPDX, "b.json": {}, "c.json": "text", "d.json": []})
    version.associate_sbom_with_package_version(**VERSION, sbom=SBOM)
    assert read_sbom(version) == (SBOM, "FAILED")
    assert list_results(version, validationResult="SUCCEEDED") == [("a.json", "SUCCEEDED")]
    pages = version.get_paginator("list_sbom_validation_results").paginate(
        **VERSION, validationResult="FAILED", PaginationConfig={"PageSize": 2}
    )
    assert [[item["fileName"] for item in page["validationResultSummaries"]] for page in pages] == [
        ["b.json", "c.json"],
        ["d.json"],
    ]


def test_an_sbom_that_is_not_an_archive_is_invalid_as_a_whole(version, tmp_path):
    (tmp_path / "b" / "sbom.zip").write_text("text")
    version.associate_sbom_with_package_version(**VERSION, sbom=SBOM)
    (result,) = version.list_sbom_validation_results(**VERSION)["validationResultSummaries"]
    assert result == {
        "fileName": "sbom.zip",
        "validationResult": "FAILED",
        "errorCode": "INCOMPATIBLE_FORMAT",
        "errorMessage": "The file is not a zip archive.",
    }


def test_an_sbom_needs_an_object_and_a_version(version):
    assert catch_error(version.associate_sbom_with_package_version, **VERSION, sbom=SBOM) == INVALID
    missing = {**VERSION, "versionName": "2.0.0"}
    assert catch_error(version.associate_sbom_with_package_version, **missing, sbom=SBOM) == MISSING
    assert catch_error(version.disassociate_sbom_from_package_version, **missing) == MISSING
    assert catch_error(version.list_sbom_validation_results, **missing) == MISSING
