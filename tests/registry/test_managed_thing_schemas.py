"""The schemas of a managed thing's capabilities."""

import pytest

from tests.support.direct_client import catch_error

from .test_managed_things import build_device_params

MISSING = ("ResourceNotFoundException", 404)


def build_capability(identifier):
    return {
        "id": identifier,
        "name": "capability",
        "version": "1",
        "properties": [],
        "actions": [],
        "events": [],
    }


def build_schema(identifier, **document):
    return {
        "Format": "AWS",
        "CapabilityId": identifier,
        "ExtrinsicId": "1",
        "ExtrinsicVersion": 1,
        "Schema": document,
    }


REPORT = {
    "version": "1.0.0",
    "endpoints": [
        {"id": "2", "deviceTypes": ["Light"], "capabilities": [build_capability("aws.OnOff@1.0")]},
        {
            "id": "1",
            "deviceTypes": ["Light"],
            "capabilities": [build_capability("aws.OnOff@1.0"), build_capability("aws.Level@1.0")],
        },
    ],
}
SCHEMAS = [
    build_schema("aws.OnOff@1.0", title="on"),
    build_schema("aws.Level@1.0", n=1),
    build_schema("aws.Spare@1.0"),
]
# Items of the listing; no endpoint has the capability Spare.
ON = {"CapabilityId": "aws.OnOff@1.0", "Schema": {"title": "on"}}
LEVEL = {"CapabilityId": "aws.Level@1.0", "Schema": {"n": 1}}
SPARE = {"CapabilityId": "aws.Spare@1.0", "Schema": {}}


@pytest.fixture
def thing(managed):
    params = build_device_params(CapabilityReport=REPORT, CapabilitySchemas=SCHEMAS)
    return {"Identifier": managed.create_managed_thing(**params)["Id"]}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [SPARE, {"EndpointId": "1", **LEVEL}, {"EndpointId": "1", **ON}, {"EndpointId": "2", **ON}]),
        ({"EndpointIdFilter": "2"}, [{"EndpointId": "2", **ON}]),
        ({"CapabilityIdFilter": "aws.Level@1.0"}, [{"EndpointId": "1", **LEVEL}]),
        ({"EndpointIdFilter": "2", "CapabilityIdFilter": "aws.Level@1.0"}, []),
    ],
)
def test_schemas_are_sorted_and_filtered_by_endpoint_and_capability(managed, thing, filters, expected):
    assert managed.list_managed_thing_schemas(**thing, **filters)["Items"] == expected


def test_schemas_are_listed_in_pages(managed, thing):
    first = managed.list_managed_thing_schemas(**thing, MaxResults=3)
    second = managed.list_managed_thing_schemas(**thing, MaxResults=3, NextToken=first["NextToken"])

    assert first["Items"] + second["Items"] == managed.list_managed_thing_schemas(**thing)["Items"]
    assert (len(first["Items"]), "NextToken" in second) == (3, False)


def test_schemas_can_be_removed_by_an_update_or_missing_from_the_start(managed, thing):
    managed.update_managed_thing(**thing, CapabilitySchemas=[])

    assert managed.list_managed_thing_schemas(**thing)["Items"] == []
    without_schemas = managed.create_managed_thing(**build_device_params("9"))["Id"]
    assert managed.list_managed_thing_schemas(Identifier=without_schemas)["Items"] == []
    assert catch_error(managed.list_managed_thing_schemas, Identifier="none") == MISSING


def test_the_capability_report_is_returned_unchanged(managed, thing):
    assert managed.get_managed_thing_capabilities(**thing)["CapabilityReport"] == REPORT
