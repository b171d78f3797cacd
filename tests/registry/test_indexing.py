"""The configuration of fleet indexing."""

import pytest

from tests.support.direct_client import remove_metadata

REGISTRY = {"thingIndexingMode": "REGISTRY"}
NO_TYPE = "Invalid field type: null. Expecting one of [String, Number, Boolean, Geopoint]"
RESERVED = "Defined field is a reserved field for MULTI_INDEXING_MODE. Field: thingName"
OFF = {
    "thingIndexingMode": "OFF",
    "thingConnectivityIndexingMode": "OFF",
    "deviceDefenderIndexingMode": "OFF",
    "namedShadowIndexingMode": "OFF",
}


def test_indexing_is_off_by_default_and_an_update_keeps_the_part_that_it_does_not_name(iot):
    configuration_before = remove_metadata(iot.get_indexing_configuration())
    things = {
        **REGISTRY,
        "namedShadowIndexingMode": "ON",
        "filter": {"namedShadowNames": ["settings"]},
        "customFields": [{"name": "attributes.power", "type": "Number"}],
    }
    iot.update_indexing_configuration(thingIndexingConfiguration=things)
    iot.update_indexing_configuration(
        thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"},
    )
    configuration_after = remove_metadata(iot.get_indexing_configuration())
    for part in configuration_after.values():
        del part["managedFields"]

    assert configuration_before == {
        "thingIndexingConfiguration": OFF,
        "thingGroupIndexingConfiguration": {"thingGroupIndexingMode": "OFF"},
    }
    assert configuration_after == {
        "thingIndexingConfiguration": {**OFF, **things},
        "thingGroupIndexingConfiguration": {"thingGroupIndexingMode": "ON"},
    }


@pytest.mark.parametrize(
    ("modes", "expected_count", "expected_field"),
    [
        ({}, 5, ("thingName", "String")),
        ({"thingIndexingMode": "REGISTRY_AND_SHADOW"}, 7, ("shadow.hasDelta", "Boolean")),
        ({"thingConnectivityIndexingMode": "STATUS"}, 13, ("connectivity.timestamp", "Number")),
        ({"deviceDefenderIndexingMode": "VIOLATIONS"}, 10, ("deviceDefender.violationCount", "Number")),
        (
            {"namedShadowIndexingMode": "ON", "filter": {"namedShadowNames": ["settings"]}},
            7,
            ("shadow.name.*.version", "Number"),
        ),
    ],
)
def test_each_indexing_mode_has_managed_fields(iot, modes, expected_count, expected_field):
    iot.update_indexing_configuration(thingIndexingConfiguration={**REGISTRY, **modes})

    configuration = iot.get_indexing_configuration()["thingIndexingConfiguration"]
    assert len(configuration["managedFields"]) == expected_count
    assert expected_field in {(field["name"], field["type"]) for field in configuration["managedFields"]}


def test_a_returned_configuration_can_be_written_back(iot):
    modes = {**REGISTRY, "thingConnectivityIndexingMode": "STATUS"}
    groups = {"thingGroupIndexingMode": "ON"}
    iot.update_indexing_configuration(
        thingIndexingConfiguration=modes, thingGroupIndexingConfiguration=groups
    )
    configuration_before = remove_metadata(iot.get_indexing_configuration())
    iot.update_indexing_configuration(**configuration_before)

    assert remove_metadata(iot.get_indexing_configuration()) == configuration_before
    assert configuration_before["thingIndexingConfiguration"]["filter"] == {"namedShadowNames": []}


def test_turning_indexing_off_removes_the_custom_fields(iot):
    iot.update_indexing_configuration(
        thingIndexingConfiguration={**REGISTRY, "customFields": [{"name": "attributes.a", "type": "String"}]}
    )
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "OFF"})

    assert iot.get_indexing_configuration()["thingIndexingConfiguration"] == OFF


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        (
            {},
            (
                "At least one configuration to update (thingIndexingConfiguration"
                " / thingGroupIndexingConfiguration) is required"
            ),
        ),
        (
            {"thingIndexingConfiguration": {**OFF, "thingConnectivityIndexingMode": "STATUS"}},
            "ThingIndexingMode must be turned ON for enabling ThingConnectivityIndexingMode",
        ),
        (
            {"thingIndexingConfiguration": {**REGISTRY, "namedShadowIndexingMode": "ON"}},
            "NamedShadowNames Filter must not be empty for enabling NamedShadowIndexingMode",
        ),
        (
            {
                "thingIndexingConfiguration": {
                    **REGISTRY,
                    "managedFields": [
                        {"name": "thingId", "type": "String"},
                        {"name": "site", "type": "String"},
                        {"name": "thingName", "type": "Number"},
                    ],
                }
            },
            (
                "Only managed fields with expected types are allowed in thingIndexingConfiguration.managedFields."
                " Invalid field(s): [name:site, type:String, name:thingName, type:Number]"
            ),
        ),
        *(
            ({"thingIndexingConfiguration": {**REGISTRY, "customFields": fields}}, text)
            for fields, text in (
                ([{}], "Custom field name cannot be nullFieldName: null, FieldType: null"),
                ([{"type": "String"}], "Custom field name cannot be nullFieldName: null, FieldType: String"),
                ([{"name": "attributes.a"}, {"type": "Number"}], NO_TYPE),
                (
                    [{"name": "attributes.a", "type": "String"}, {"name": "thingName", "type": "Number"}],
                    RESERVED,
                ),
            )
        ),
        (
            {
                "thingIndexingConfiguration": {
                    "thingIndexingMode": "OFF",
                    "customFields": [{"name": "attributes.a"}],
                    "managedFields": [{"name": "site", "type": "String"}],
                }
            },
            NO_TYPE,
        ),
        (
            {"thingIndexingConfiguration": {**REGISTRY, "filter": {"geoLocations": [{"order": "LonLat"}]}}},
            "Geolocation field name must not be null",
        ),
        (
            # Things have this field, groups have not.
            {
                "thingGroupIndexingConfiguration": {
                    "thingGroupIndexingMode": "OFF",
                    "managedFields": [
                        {"name": "version", "type": "Number"},
                        {"name": "thingId", "type": "String"},
                    ],
                }
            },
            (
                "Only managed fields with expected types are allowed in thingGroupIndexingConfiguration.managedFields."
                " Invalid field(s): [name:thingId, type:String]"
            ),
        ),
    ],
)
def test_an_invalid_configuration_is_rejected_with_awss_text(iot, configuration, text):
    with pytest.raises(iot.exceptions.InvalidRequestException) as caught:
        iot.update_indexing_configuration(**configuration)

    assert caught.value.response["Error"]["Message"] == text
    assert iot.get_indexing_configuration()["thingIndexingConfiguration"] == OFF


def test_a_geolocation_without_an_order_has_latlon(iot):
    locations = [{"name": "shadow.reported.home"}, {"name": "shadow.reported.now", "order": "LonLat"}]
    configuration = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "filter": {"geoLocations": locations}}
    iot.update_indexing_configuration(thingIndexingConfiguration=configuration)

    returned = iot.get_indexing_configuration()["thingIndexingConfiguration"]
    assert returned["filter"]["geoLocations"] == [{"order": "LatLon", **location} for location in locations]
