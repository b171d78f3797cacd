"""The public catalog of schemas of managed integrations."""

import pytest

from tests.support.direct_client import catch_error, remove_metadata

INVALID = ("ValidationException", 400)
MISSING = ("ResourceNotFoundException", 404)
COLOR_CONTROL = {
    "SchemaId": "matter.ColorControl",
    "Type": "capability",
    "Description": "The Color Control cluster defined as Harmony Capability.",
    "Namespace": "matter",
    "SemanticVersion": "1.4",
    "Visibility": "PUBLIC",
}


def list_ids(managed, **params):
    return [item["SchemaId"] for item in managed.list_schema_versions(**params)["Items"]]


def test_list_schema_versions_of_capabilities_returns_the_public_catalog(managed):
    items = managed.list_schema_versions(Type="capability")["Items"]

    assert COLOR_CONTROL in items
    assert {"matter.OnOff", "matter.LevelControl", "matter.DoorLock"} <= {item["SchemaId"] for item in items}
    assert {(item["Namespace"], item["Visibility"]) for item in items} == {("matter", "PUBLIC")}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Type": "capability", "SchemaId": "matter.OnOff"}, ["matter.OnOff"]),
        ({"Type": "capability", "SchemaId": "matter.OnOff", "SemanticVersion": "1.4"}, ["matter.OnOff"]),
        ({"Type": "capability", "SchemaId": "matter.OnOff", "SemanticVersion": "$latest"}, ["matter.OnOff"]),
        ({"Type": "capability", "SemanticVersion": "34.56"}, []),
        ({"Type": "capability", "Visibility": "PRIVATE"}, []),
        ({"Type": "capability", "Namespace": "aws"}, []),
        ({"Type": "definition"}, ["aws.bitmap", "aws.capability", "aws.integer", "aws.name"]),
    ],
)
def test_schema_versions_are_filtered(managed, params, expected):
    assert list_ids(managed, **params) == expected


def test_schema_versions_are_listed_in_pages(managed):
    first = managed.list_schema_versions(Type="definition", MaxResults=3)
    second = managed.list_schema_versions(Type="definition", MaxResults=3, NextToken=first["NextToken"])

    ids = [item["SchemaId"] for item in first["Items"] + second["Items"]]
    assert (ids, "NextToken" in second) == (list_ids(managed, Type="definition"), False)


def test_every_listed_schema_has_a_document(managed):
    for item in managed.list_schema_versions(Type="capability")["Items"]:
        versioned_id = f"{item['SchemaId']}@{item['SemanticVersion']}"
        schema = remove_metadata(
            managed.get_schema_version(Type="capability", SchemaVersionedId=versioned_id)
        )
        document = schema.pop("Schema")

        assert schema == item
        assert document["$id"] == f"/schema-versions/capability/{versioned_id}"
    color = {"Type": "capability", "SchemaVersionedId": "matter.ColorControl@1.4"}
    assert managed.get_schema_version(**color)["Schema"]["extrinsicId"] == "0x0300"
    assert managed.get_schema_version(**color, Format="ZCL")["Schema"] == {}


def test_invalid_requests_and_missing_schemas_are_rejected(managed):
    both = {"Type": "capability", "SchemaId": "matter.ColorControl", "Namespace": "matter"}
    assert catch_error(managed.list_schema_versions, **both) == INVALID
    assert catch_error(managed.list_schema_versions, Type="capability", NextToken="x") == INVALID
    for versioned_id in ("matter.ColorControl@1.3", "matter.ColorControl@$latest", "aws.OnOff@1.4"):
        error = catch_error(managed.get_schema_version, Type="capability", SchemaVersionedId=versioned_id)
        assert error == MISSING
