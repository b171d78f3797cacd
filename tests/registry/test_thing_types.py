"""Thing types."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:thingtype/"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


def test_a_type_can_be_deleted_only_5_minutes_after_its_deprecation(iot, clock):
    """Tested over HTTP too, by test_14 in facts/test_things.py."""
    iot.create_thing_type(thingTypeName="pump")
    assert catch_error(iot.delete_thing_type, thingTypeName="pump") == INVALID
    iot.deprecate_thing_type(thingTypeName="pump")
    clock.advance(299)
    # A repeated deprecation does not start the 5 minutes again.
    iot.deprecate_thing_type(thingTypeName="pump")

    assert catch_error(iot.delete_thing_type, thingTypeName="pump") == INVALID
    assert catch_error(iot.create_thing, thingName="pump-7", thingTypeName="pump") == INVALID
    clock.advance(1)
    iot.delete_thing_type(thingTypeName="pump")
    assert catch_error(iot.describe_thing_type, thingTypeName="pump") == MISSING


def test_a_deprecation_can_be_undone(iot, clock):
    iot.create_thing_type(thingTypeName="pump")
    iot.deprecate_thing_type(thingTypeName="pump")
    deprecated = iot.describe_thing_type(thingTypeName="pump")["thingTypeMetadata"]
    iot.deprecate_thing_type(thingTypeName="pump", undoDeprecate=True)
    restored = iot.describe_thing_type(thingTypeName="pump")["thingTypeMetadata"]
    assert deprecated == {"deprecated": True, "deprecationDate": START_TIME, "creationDate": START_TIME}
    assert restored == {"deprecated": False, "creationDate": START_TIME}


def test_a_type_with_things_cannot_be_deleted(iot, clock):
    iot.create_thing_type(thingTypeName="pump")
    iot.create_thing(thingName="pump-7", thingTypeName="pump")
    iot.deprecate_thing_type(thingTypeName="pump")
    clock.advance(300)

    assert catch_error(iot.delete_thing_type, thingTypeName="pump") == INVALID
    # An update may set the type that the thing already has, even a deprecated one.
    iot.update_thing(thingName="pump-7", thingTypeName="pump")
    iot.delete_thing(thingName="pump-7")
    iot.delete_thing_type(thingTypeName="pump")


def test_repeating_a_creation_succeeds_but_other_parameters_raise_409(iot):
    properties = {"thingTypeDescription": "pumps", "searchableAttributes": ["site"]}
    tags = [{"Key": "line", "Value": "A"}]
    params = {"thingTypeName": "pump", "thingTypeProperties": properties, "tags": tags}
    first = remove_metadata(iot.create_thing_type(**params))

    assert remove_metadata(iot.create_thing_type(**params)) == first
    assert catch_error(iot.create_thing_type, thingTypeName="pump") == ("ResourceAlreadyExistsException", 409)
    described = remove_metadata(iot.describe_thing_type(thingTypeName="pump"))
    assert described == {
        "thingTypeName": "pump",
        "thingTypeId": first["thingTypeId"],
        "thingTypeArn": ARN + "pump",
        "thingTypeProperties": properties,
        "thingTypeMetadata": {"deprecated": False, "creationDate": START_TIME},
    }
    assert iot.list_tags_for_resource(resourceArn=first["thingTypeArn"])["tags"] == tags


def test_an_update_can_change_only_the_mqtt5_configuration(iot):
    mqtt5 = {"propagatingAttributes": [{"userPropertyKey": "where", "thingAttribute": "site"}]}
    iot.create_thing_type(thingTypeName="pump", thingTypeProperties={"thingTypeDescription": "pumps"})
    iot.update_thing_type(thingTypeName="pump", thingTypeProperties={"mqtt5Configuration": mqtt5})

    for properties in ({"searchableAttributes": ["site"]}, {"thingTypeDescription": "Pumps"}):
        with pytest.raises(iot.exceptions.InvalidRequestException) as caught:
            iot.update_thing_type(thingTypeName="pump", thingTypeProperties=properties)
        assert caught.value.response["Error"]["Message"] == "Can only update mqtt5Configuration."
    assert iot.describe_thing_type(thingTypeName="pump")["thingTypeProperties"] == {
        "thingTypeDescription": "pumps",
        "mqtt5Configuration": mqtt5,
    }


def test_types_are_listed_in_creation_order_and_filtered_by_name_prefix(iot):
    for name in ("pump", "fan", "pump-small"):
        iot.create_thing_type(thingTypeName=name)

    def list_names(**filters):
        return [thing_type["thingTypeName"] for thing_type in iot.list_thing_types(**filters)["thingTypes"]]

    assert list_names() == ["pump", "fan", "pump-small"]
    assert list_names(thingTypeName="pump") == ["pump", "pump-small"]


def test_a_type_has_at_most_three_searchable_attributes(iot):
    properties = {"searchableAttributes": ["a", "b", "c", "d"]}

    error = catch_error(iot.create_thing_type, thingTypeName="pump", thingTypeProperties=properties)

    assert error == INVALID


def test_operations_on_a_missing_type_raise_resource_not_found(iot):
    for operation in (
        iot.describe_thing_type,
        iot.update_thing_type,
        iot.deprecate_thing_type,
        iot.delete_thing_type,
    ):
        assert catch_error(operation, thingTypeName="none") == MISSING
