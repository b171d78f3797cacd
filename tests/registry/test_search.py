"""Searches of the fleet index, and the query language."""

import pytest

from tests.support.direct_client import catch_error, remove_metadata

INVALID = ("InvalidRequestException", 400)
INVALID_QUERY = ("InvalidQueryException", 400)
MISSING = ("ResourceNotFoundException", 404)
REGISTRY = {"thingIndexingMode": "REGISTRY"}


@pytest.fixture
def fleet(iot):
    """Four things, in a registry that indexes things."""
    iot.update_indexing_configuration(thingIndexingConfiguration=REGISTRY)
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    iot.create_billing_group(billingGroupName="acme")
    iot.create_thing_group(thingGroupName="hall")
    for thing, thing_type, attributes in (
        ("pump-7", "pump", {"site": "oslo", "power": "7.5"}),
        ("pump-8", "pump", {"site": "Bergen", "power": "80"}),
        ("fan_1", "fan", {"site": "oslo:north"}),
        ("bare", None, {"note": "50_1"}),
    ):
        extra = {} if thing_type is None else {"thingTypeName": thing_type}
        iot.create_thing(thingName=thing, attributePayload={"attributes": attributes}, **extra)
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")
    iot.add_thing_to_billing_group(billingGroupName="acme", thingName="fan_1")


def search_thing_names(iot, query):
    return [thing["thingName"] for thing in iot.search_index(queryString=query)["things"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("*", ["pump-7", "pump-8", "fan_1", "bare"]),
        ("thingName:pump-7", ["pump-7"]),
        ("thingName:PUMP-*", ["pump-7", "pump-8"]),
        ("thingName:*-?", ["pump-7", "pump-8"]),
        ("thingName:fan?1", ["fan_1"]),
        ('thingName:"pump-*"', []),
        # Unlike in SQL, % and _ are not wildcards.
        ("thingName:fan%", []),
        ("attributes.note:50_1", ["bare"]),
        ("attributes.note:5\\0\\_1", ["bare"]),
        ("attributes.note:50_*", ["bare"]),
        ("attributes.note:500*", []),
        ("thingTypeName:pump", ["pump-7", "pump-8"]),
        ("attributes.site:bergen", ["pump-8"]),
        ("attributes.site:oslo\\:north", ["fan_1"]),
        ("attributes.site:oslo:north", ["fan_1"]),
        ('attributes.site:"oslo:north"', ["fan_1"]),
        ("attributes.site:*", ["pump-7", "pump-8", "fan_1"]),
        ("attributes.none:x", []),
        ("thingGroupNames:hall", ["pump-7"]),
        ("thingGroupNames:acme", ["fan_1"]),  # a billing group is searched as a thing group
        ("thingGroupNames:(hall OR acme)", ["pump-7", "fan_1"]),
        ("oslo", ["pump-7"]),
        ("acme", ["fan_1"]),
        ("pump", ["pump-7", "pump-8"]),
        ("thingTypeName:pump AND attributes.site:oslo", ["pump-7"]),
        ("thingTypeName:pump attributes.site:oslo", ["pump-7"]),
        ("thingTypeName:fan OR attributes.site:oslo", ["pump-7", "fan_1"]),
        ("thingName:bare OR thingTypeName:pump AND attributes.site:oslo", ["pump-7", "bare"]),
        ("(thingName:bare OR thingTypeName:pump) AND NOT attributes.site:oslo", ["pump-8", "bare"]),
        # A space means AND, but binds less tightly than OR.
        ("thingName:bare OR thingTypeName:pump attributes.site:oslo", ["pump-7"]),
        ("thingName:bare || thingTypeName:pump && attributes.site:oslo", ["pump-7", "bare"]),
        ("!thingTypeName:pump", ["fan_1", "bare"]),
        ("thingName:* - thingTypeName:pump", ["fan_1", "bare"]),
        ("NOT thingTypeName:pump AND thingName:bare", ["bare"]),
        ("NOT thingTypeName:pump", ["fan_1", "bare"]),
        ("-thingTypeName:pump -thingName:bare", ["fan_1"]),
        ("NOT (thingTypeName:pump OR thingTypeName:fan)", ["bare"]),
        ("thingName:(pump* AND -pump-8)", ["pump-7"]),
        ("attributes.power:[7.5 TO 80]", ["pump-7", "pump-8"]),
        ("attributes.power:{7.5 TO 80]", ["pump-8"]),
        ("attributes.power:[* TO 80}", ["pump-7"]),
        ("attributes.power>10", ["pump-8"]),
        ("attributes.power<=10", ["pump-7"]),
        ("attributes.site:[a TO p]", ["pump-7", "pump-8", "fan_1"]),
        ("attributes.site:[ a  p ]", ["pump-7", "pump-8", "fan_1"]),  # TO is optional
        ("attributes.site:[a TO p](thingTypeName:fan)", ["fan_1"]),
        ('["osl" TO "oslo"]', ["pump-7"]),  # the values of every field
        ("thingName:([a TO c] OR fan_1)", ["fan_1", "bare"]),
        ("attributes.site>0", []),
        ('attributes.site:["BERGEN" TO "oslo"]', ["pump-7", "pump-8"]),
        ('attributes.site:{"bergen" TO *}', ["pump-7", "fan_1"]),
        ('attributes.power:["7" TO "8"]', ["pump-7"]),
        ('attributes.power>="8"', ["pump-8"]),
        ("attributes.site:*north", ["fan_1"]),
        ("attributes.site:* AND thingName:*8", ["pump-8"]),
        ("attributes.site:a\\]", []),
        ("attributes.site:a\\~b\\^2", []),
        ('attributes.site:"a]~b^2"', []),
        ("thingName:*-*", ["pump-7", "pump-8"]),
        ("thingName:*a\\*b*", []),  # an escaped wildcard does not count
    ],
)
def test_a_query_finds_the_matching_things(iot, fleet, query, expected):
    assert search_thing_names(iot, query) == expected


def test_search_returns_all_indexed_fields_of_a_thing(iot, fleet):
    iot.add_thing_to_billing_group(billingGroupName="acme", thingName="pump-7")
    things = iot.search_index(queryString="thingName:pump-7 OR thingName:bare")["things"]

    assert things == [
        {
            "thingName": "pump-7",
            "thingId": iot.describe_thing(thingName="pump-7")["thingId"],
            "thingTypeName": "pump",
            "thingGroupNames": ["hall", "acme"],
            "attributes": {"site": "oslo", "power": "7.5"},
        },
        {
            "thingName": "bare",
            "thingId": iot.describe_thing(thingName="bare")["thingId"],
            "attributes": {"note": "50_1"},
        },
    ]


def test_search_returns_connectivity_if_it_is_indexed(iot, fleet):
    configuration = {**REGISTRY, "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=configuration)

    things = iot.search_index(queryString="thingName:bare")["things"]

    connectivity = {"connected": False, "timestamp": 0, "clientId": "bare"}
    assert [thing["connectivity"] for thing in things] == [connectivity]
    assert search_thing_names(iot, "connectivity.connected:false AND connectivity.clientId:fan*") == ["fan_1"]
    assert search_thing_names(iot, "connectivity.connected:true") == []
    assert remove_metadata(iot.describe_index(indexName="AWS_Things")) == {
        "indexName": "AWS_Things",
        "indexStatus": "ACTIVE",
        "schema": "REGISTRY_AND_CONNECTIVITY_STATUS",
    }


@pytest.mark.parametrize(
    ("query", "source", "count_when_indexed"),
    [
        ("thingName:a OR connectivity.connected:true", "Connectivity", 0),
        ("NOT shadow.reported.x:1", "Shadow", 4),
        ("deviceDefender.violationCount>0", "Devicedefender", 0),
    ],
)
def test_a_query_that_uses_a_data_source_is_rejected_unless_the_source_is_indexed(
    *, iot, fleet, query, source, count_when_indexed
):
    text = (
        f"Query includes one or more constraints for {source} attribute,"
        f" but {source} indexing is not enabled for AWS_Things index"
    )
    with pytest.raises(iot.exceptions.InvalidRequestException) as caught:
        iot.search_index(queryString=query)

    assert caught.value.response["Error"]["Message"] == text
    assert catch_error(iot.create_dynamic_thing_group, thingGroupName="some", queryString=query) == INVALID
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
            "deviceDefenderIndexingMode": "VIOLATIONS",
        }
    )
    assert len(search_thing_names(iot, query)) == count_when_indexed


@pytest.fixture
def plant_groups(iot):
    """The group plant, its child wing and its grandchild line, in a registry that indexes thing groups."""
    iot.update_indexing_configuration(thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"})
    for name, parent, properties in (
        ("plant", {}, {"thingGroupDescription": "All of it"}),
        ("wing", {"parentGroupName": "plant"}, {}),
        ("line", {"parentGroupName": "wing"}, {"attributePayload": {"attributes": {"site": "oslo"}}}),
    ):
        iot.create_thing_group(thingGroupName=name, thingGroupProperties=properties, **parent)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("*", ["plant", "wing", "line"]),
        ("thingGroupName:WI*", ["wing"]),
        ('description:"all of it"', ["plant"]),
        ("parentGroupNames:plant", ["wing", "line"]),
        ("parentGroupNames:plant AND NOT parentGroupNames:wing", ["wing"]),
        ("attributes.site:oslo", ["line"]),
        ("attributes.site:*", ["line"]),
        ("oslo OR thingGroupName:plant", ["plant", "line"]),
    ],
)
def test_thing_groups_are_searched_in_their_own_index(iot, plant_groups, query, expected):
    groups = iot.search_index(indexName="AWS_ThingGroups", queryString=query)["thingGroups"]

    assert [group["thingGroupName"] for group in groups] == expected


def test_search_returns_all_indexed_fields_of_a_thing_group(iot, plant_groups):
    query = {"indexName": "AWS_ThingGroups", "queryString": "thingGroupName:plant OR thingGroupName:line"}
    groups = iot.search_index(**query)["thingGroups"]

    def get_group_id(name):
        return iot.describe_thing_group(thingGroupName=name)["thingGroupId"]

    assert groups == [
        {
            "thingGroupName": "plant",
            "thingGroupId": get_group_id("plant"),
            "thingGroupDescription": "All of it",
        },
        {
            "thingGroupName": "line",
            "thingGroupId": get_group_id("line"),
            "attributes": {"site": "oslo"},
            "parentGroupNames": ["plant", "wing"],
        },
    ]
    assert remove_metadata(iot.describe_index(indexName="AWS_ThingGroups")) == {
        "indexName": "AWS_ThingGroups",
        "indexStatus": "ACTIVE",
        "schema": "REGISTRY",
    }
    fields = iot.get_indexing_configuration()["thingGroupIndexingConfiguration"]["managedFields"]
    assert {field["name"] for field in fields} == {
        "thingGroupName",
        "thingGroupId",
        "description",
        "parentGroupNames",
        "version",
    }


def test_a_query_can_only_use_the_fields_of_its_index(iot, plant_groups, fleet):
    assert iot.list_indices()["indexNames"] == ["AWS_Things", "AWS_ThingGroups"]
    assert catch_error(iot.search_index, queryString="thingGroupName:wing") == INVALID_QUERY
    query = {"indexName": "AWS_ThingGroups", "queryString": "thingName:pump-7"}
    assert catch_error(iot.search_index, **query) == INVALID_QUERY
    assert catch_error(iot.create_dynamic_thing_group, thingGroupName="some", **query) == INVALID


def test_searches_and_dynamic_groups_require_an_index(iot):
    assert iot.list_indices()["indexNames"] == []
    assert catch_error(iot.describe_index, indexName="AWS_Things") == MISSING
    assert catch_error(iot.search_index, queryString="*") == MISSING
    assert catch_error(iot.create_dynamic_thing_group, thingGroupName="some", queryString="*") == MISSING

    iot.update_indexing_configuration(thingIndexingConfiguration=REGISTRY)
    assert iot.list_indices()["indexNames"] == ["AWS_Things"]
    assert iot.search_index(queryString="*")["things"] == []
    assert catch_error(iot.search_index, queryString="*", indexName="AWS_ThingGroups") == MISSING
    assert catch_error(iot.search_index, queryString="*", indexName="AWS_Other") == INVALID
    assert catch_error(iot.describe_index, indexName="AWS_Other") == INVALID
    assert catch_error(iot.search_index, queryString="*", queryVersion="2018-01-01") == INVALID
