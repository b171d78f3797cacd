"""Aggregations of the things that match a query: statistics, cardinality, percentiles, buckets."""

import math

import pytest

from tests.support.direct_client import catch_error, remove_metadata

INVALID = ("InvalidAggregationException", 400)
POWERS = ("1", "2", "2", "15", "1_0")  # the last is not a number, although Python parses it as one


@pytest.fixture
def fleet(iot):
    """Six things: t0 to t4, and `bare`, which has no attributes and version 2.

    Four of the five powers are numbers. Only t0 has `on` = True.
    """
    field_types = {"power": "Number", "site": "String", "on": "Boolean"}
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY",
            "customFields": [
                {"name": f"attributes.{name}", "type": field_type} for name, field_type in field_types.items()
            ],
        }
    )
    for number, power in enumerate(POWERS):
        attributes = {"power": power, "site": "oslo" if number % 2 else "bergen", "on": str(number == 0)}
        iot.create_thing(thingName=f"t{number}", attributePayload={"attributes": attributes})
    iot.create_thing(thingName="bare")
    iot.update_thing(thingName="bare")


def test_numeric_values_have_full_statistics(iot, fleet):
    statistics = iot.get_statistics(queryString="*", aggregationField="attributes.power")["statistics"]

    assert statistics == {
        "count": 4,
        "average": 5.0,
        "sum": 20.0,
        "minimum": 1.0,
        "maximum": 15.0,
        "sumOfSquares": 234.0,
        "variance": 33.5,
        "stdDeviation": math.sqrt(33.5),
    }


def test_the_default_aggregation_field_is_the_version(iot, fleet):
    statistics = iot.get_statistics(queryString="*")["statistics"]

    assert (statistics["count"], statistics["sum"], statistics["maximum"]) == (6, 7.0, 2.0)


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ("*", "attributes.site", {"count": 5}),
        ("attributes.site:oslo", "attributes.site", {"count": 2}),
        ("*", "thingName", {"count": 6}),
        ("*", "thingTypeName", {"count": 0}),
        ("thingName:bare", "attributes.power", {"count": 0}),
    ],
)
def test_statistics_of_strings_and_of_no_values_have_only_a_count(iot, fleet, query, field, expected):
    assert iot.get_statistics(queryString=query, aggregationField=field)["statistics"] == expected


def test_booleans_are_aggregated_as_0_and_1(iot, fleet):
    statistics = iot.get_statistics(queryString="*", aggregationField="attributes.on")["statistics"]

    assert (statistics["count"], statistics["average"], statistics["minimum"], statistics["maximum"]) == (
        5,
        0.2,
        0.0,
        1.0,
    )


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [("*", "attributes.power", 4), ("thingName:t?", "attributes.site", 2), ("thingName:none", "thingId", 0)],
)
def test_cardinality_is_the_number_of_distinct_values(iot, fleet, query, field, expected):
    assert iot.get_cardinality(queryString=query, aggregationField=field)["cardinality"] == expected


def test_percentiles_are_interpolated_and_have_default_percents(iot, fleet):
    params = {"queryString": "*", "aggregationField": "attributes.power"}
    custom = iot.get_percentiles(**params, percents=[0, 50, 75, 100])["percentiles"]
    default = iot.get_percentiles(**params)["percentiles"]

    assert custom == [
        {"percent": 0.0, "value": 1.0},
        {"percent": 50.0, "value": 2.0},
        {"percent": 75.0, "value": 5.25},  # a quarter of the way from 2 to 15
        {"percent": 100.0, "value": 15.0},
    ]
    assert [percentile["percent"] for percentile in default] == [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]
    assert iot.get_percentiles(**{**params, "queryString": "thingName:none"})["percentiles"] == []


def test_buckets_are_the_most_frequent_values(iot, fleet):
    def get_buckets(max_buckets):
        return remove_metadata(
            iot.get_buckets_aggregation(
                queryString="*",
                aggregationField="attributes.site",
                bucketsAggregationType={"termsAggregation": {"maxBuckets": max_buckets}},
            )
        )

    bergen, oslo = {"keyValue": "bergen", "count": 3}, {"keyValue": "oslo", "count": 2}
    assert [get_buckets(10), get_buckets(1)] == [
        {"totalCount": 6, "buckets": [bergen, oslo]},
        {"totalCount": 6, "buckets": [bergen]},
    ]


def test_unknown_fields_invalid_queries_and_percentiles_of_texts_are_rejected(iot, fleet):
    params = {"queryString": "*"}

    assert catch_error(iot.get_statistics, **params, aggregationField="attributes.none") == INVALID
    assert catch_error(iot.get_cardinality, **params, aggregationField="site") == INVALID
    assert catch_error(iot.get_percentiles, **params, aggregationField="attributes.site") == INVALID
    assert catch_error(iot.get_statistics, queryString="(") == ("InvalidQueryException", 400)


def test_aggregations_of_the_index_of_groups_count_groups(iot, fleet):
    configuration = {
        "thingGroupIndexingMode": "ON",
        "customFields": [{"name": "attributes.floor", "type": "Number"}],
    }
    iot.update_indexing_configuration(thingGroupIndexingConfiguration=configuration)
    for name, floor in (("hall", "1"), ("wing", "3")):
        properties = {"attributePayload": {"attributes": {"floor": floor}}}
        iot.create_thing_group(thingGroupName=name, thingGroupProperties=properties)
    groups = {"indexName": "AWS_ThingGroups", "queryString": "*"}

    def get_statistics(**params):
        statistics = iot.get_statistics(**groups, **params)["statistics"]
        return statistics["count"], statistics.get("sum")

    assert get_statistics() == (2, 2.0)  # the versions
    assert get_statistics(aggregationField="attributes.floor") == (2, 4.0)
    assert get_statistics(aggregationField="thingGroupName") == (2, None)
    assert iot.get_cardinality(**groups, aggregationField="thingGroupName")["cardinality"] == 2
    kind = {"termsAggregation": {}}
    buckets = iot.get_buckets_aggregation(
        **groups, aggregationField="thingGroupName", bucketsAggregationType=kind
    )
    assert (buckets["totalCount"], [bucket["keyValue"] for bucket in buckets["buckets"]]) == (
        2,
        ["hall", "wing"],
    )
    assert catch_error(iot.get_statistics, **groups, aggregationField="thingName") == INVALID


def test_aggregation_without_an_index_raises_resource_not_found(iot):
    assert catch_error(iot.get_cardinality, queryString="*") == ("ResourceNotFoundException", 404)
