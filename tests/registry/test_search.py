"""Fleet indexing: its configuration, the search, and the language of queries."""

import pytest

from .conftest import error_of, without_metadata

INVALID = ("InvalidRequestException", 400)
INVALID_QUERY = ("InvalidQueryException", 400)
MISSING = ("ResourceNotFoundException", 404)
REGISTRY = {"thingIndexingMode": "REGISTRY"}
OFF = {
    "thingIndexingMode": "OFF",
    "thingConnectivityIndexingMode": "OFF",
    "deviceDefenderIndexingMode": "OFF",
    "namedShadowIndexingMode": "OFF",
}


@pytest.fixture
def fleet(iot):
    """Four things, and the index turned on."""
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
        more = {} if thing_type is None else {"thingTypeName": thing_type}
        iot.create_thing(thingName=thing, attributePayload={"attributes": attributes}, **more)
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")
    iot.add_thing_to_billing_group(billingGroupName="acme", thingName="fan_1")


def names(iot, query):
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
        ("thingGroupNames:acme", ["fan_1"]),
        ("thingGroupNames:(hall OR acme)", ["pump-7", "fan_1"]),
        ("oslo", ["pump-7"]),
        ("acme", ["fan_1"]),
        ("pump", ["pump-7", "pump-8"]),
        ("shadow.reported.x:1", []),
        ("NOT connectivity.connected:true", ["pump-7", "pump-8", "fan_1", "bare"]),
        ("thingTypeName:pump AND attributes.site:oslo", ["pump-7"]),
        ("thingTypeName:pump attributes.site:oslo", ["pump-7"]),
        ("thingTypeName:fan OR attributes.site:oslo", ["pump-7", "fan_1"]),
        ("thingName:bare OR thingTypeName:pump AND attributes.site:oslo", ["pump-7", "bare"]),
        ("(thingName:bare OR thingTypeName:pump) AND NOT attributes.site:oslo", ["pump-8", "bare"]),
        ("NOT thingTypeName:pump", ["fan_1", "bare"]),
        ("-thingTypeName:pump -thingName:bare", ["fan_1"]),
        ("NOT (thingTypeName:pump OR thingTypeName:fan)", ["bare"]),
        ("thingName:(pump* AND -pump-8)", ["pump-7"]),
        ("attributes.power:[7.5 TO 80]", ["pump-7", "pump-8"]),
        ("attributes.power:{7.5 TO 80]", ["pump-8"]),
        ("attributes.power:[* TO 80}", ["pump-7"]),
        ("attributes.power>10", ["pump-8"]),
        ("attributes.power:<=10", ["pump-7"]),
        ("attributes.site:[a TO p]", ["pump-7", "pump-8", "fan_1"]),
        ("attributes.site>0", []),
        ('attributes.site:["BERGEN" TO "oslo"]', ["pump-7", "pump-8"]),
        ('attributes.site:{"bergen" TO *}', ["pump-7", "fan_1"]),
        ('attributes.power:["7" TO "8"]', ["pump-7"]),
        ('attributes.power>="8"', ["pump-8"]),
        ("attributes.site:*north", ["fan_1"]),
        ("attributes.site:* AND thingName:*8", ["pump-8"]),
    ],
)
def test_a_query_finds_what_it_means(iot, fleet, query, expected):
    assert names(iot, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        " ",
        "()",
        "AND thingName:a",
        "thingName:a AND",
        "thingName:a OR OR thingName:b",
        "NOT",
        "(thingName:a",
        "thingName:a)",
        "thingName:",
        'thingName:"a',
        "attributes.power>",
        " ".join(["a"] * 13),
        "a" * 1001,
        "thingName:*a AND thingGroupNames:*b",
        "thingName:?a ?b",
        "*a" + "b" * 99,
        "(" * 51 + "a" + ")" * 51,
        "(" * 900,
        "NOT " * 200 + "a",
    ],
)
def test_what_is_no_query_is_an_invalid_query(iot, fleet, query):
    assert error_of(iot.search_index, queryString=query) == INVALID_QUERY
    code = error_of(iot.create_dynamic_thing_group, thingGroupName="some", queryString=query)
    assert code == INVALID_QUERY


def test_a_thing_is_found_with_everything_that_is_indexed(iot, fleet):
    iot.add_thing_to_billing_group(billingGroupName="acme", thingName="pump-7")
    both = iot.search_index(queryString="thingName:pump-7 OR thingName:bare")["things"]

    assert both == [
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


def test_connectivity_is_told_when_it_is_indexed(iot, fleet):
    mode = {**REGISTRY, "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=mode)

    found = iot.search_index(queryString="thingName:bare")["things"]

    assert [thing["connectivity"] for thing in found] == [{"connected": False}]
    assert without_metadata(iot.describe_index(indexName="AWS_Things")) == {
        "indexName": "AWS_Things",
        "indexStatus": "ACTIVE",
        "schema": "REGISTRY_AND_CONNECTIVITY_STATUS",
    }


def test_indexing_is_off_until_it_is_turned_on_and_each_part_is_replaced_as_a_whole(iot):
    before = without_metadata(iot.get_indexing_configuration())
    fields = {**REGISTRY, "customFields": [{"name": "attributes.power", "type": "Number"}]}
    iot.update_indexing_configuration(thingIndexingConfiguration=fields)
    iot.update_indexing_configuration(
        thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"},
    )
    after = without_metadata(iot.get_indexing_configuration())

    assert before == {
        "thingIndexingConfiguration": OFF,
        "thingGroupIndexingConfiguration": {"thingGroupIndexingMode": "OFF"},
    }
    assert after == {
        "thingIndexingConfiguration": {**OFF, **fields},
        "thingGroupIndexingConfiguration": {"thingGroupIndexingMode": "ON"},
    }


def test_nothing_is_indexed_of_things_while_things_are_not(iot):
    mode = {"thingIndexingMode": "OFF", "thingConnectivityIndexingMode": "STATUS"}

    assert error_of(iot.update_indexing_configuration, thingIndexingConfiguration=mode) == INVALID


def test_without_an_index_nothing_is_found_and_no_dynamic_group_made(iot):
    assert iot.list_indices()["indexNames"] == []
    assert error_of(iot.describe_index, indexName="AWS_Things") == MISSING
    assert error_of(iot.search_index, queryString="*") == MISSING
    assert error_of(iot.create_dynamic_thing_group, thingGroupName="some", queryString="*") == MISSING

    iot.update_indexing_configuration(thingIndexingConfiguration=REGISTRY)
    assert iot.list_indices()["indexNames"] == ["AWS_Things"]
    assert iot.search_index(queryString="*")["things"] == []
    assert error_of(iot.search_index, queryString="*", indexName="AWS_Other") == MISSING
    assert error_of(iot.search_index, queryString="*", queryVersion="2018-01-01") == INVALID
