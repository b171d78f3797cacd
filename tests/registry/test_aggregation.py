"""What the things that a query matches have in a field: numbers, how many values, percentiles, buckets."""

import math

import pytest

from tests.support.direct_client import error_of, without_metadata

INVALID = ("InvalidAggregationException", 400)
POWERS = ("1", "2", "2", "15", "1_0")


@pytest.fixture
def fleet(iot):
    """Six things, of which five have a power, four of these as a number, and one is on."""
    fields = {"power": "Number", "site": "String", "on": "Boolean"}
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY",
            "customFields": [{"name": f"attributes.{name}", "type": kind} for name, kind in fields.items()],
        }
    )
    for number, power in enumerate(POWERS):
        attributes = {"power": power, "site": "oslo" if number % 2 else "bergen", "on": str(number == 0)}
        iot.create_thing(thingName=f"t{number}", attributePayload={"attributes": attributes})
    iot.create_thing(thingName="bare")
    iot.update_thing(thingName="bare")


def test_numbers_have_statistics(iot, fleet):
    found = iot.get_statistics(queryString="*", aggregationField="attributes.power")["statistics"]

    assert found == {
        "count": 4,
        "average": 5.0,
        "sum": 20.0,
        "minimum": 1.0,
        "maximum": 15.0,
        "sumOfSquares": 234.0,
        "variance": 33.5,
        "stdDeviation": math.sqrt(33.5),
    }


def test_the_version_is_the_field_when_none_is_named(iot, fleet):
    found = iot.get_statistics(queryString="*")["statistics"]

    assert (found["count"], found["sum"], found["maximum"]) == (6, 7.0, 2.0)


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
def test_texts_are_counted_and_so_is_nothing(iot, fleet, query, field, expected):
    assert iot.get_statistics(queryString=query, aggregationField=field)["statistics"] == expected


def test_truth_values_count_as_0_and_1(iot, fleet):
    found = iot.get_statistics(queryString="*", aggregationField="attributes.on")["statistics"]

    assert (found["count"], found["average"], found["minimum"], found["maximum"]) == (5, 0.2, 0.0, 1.0)


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [("*", "attributes.power", 4), ("thingName:t?", "attributes.site", 2), ("thingName:none", "thingId", 0)],
)
def test_different_values_are_counted(iot, fleet, query, field, expected):
    assert iot.get_cardinality(queryString=query, aggregationField=field)["cardinality"] == expected


def test_percentiles_lie_between_the_numbers(iot, fleet):
    given = {"queryString": "*", "aggregationField": "attributes.power"}
    chosen = iot.get_percentiles(**given, percents=[0, 50, 100])["percentiles"]
    usual = iot.get_percentiles(**given)["percentiles"]

    assert chosen == [{"percent": p, "value": v} for p, v in ((0.0, 1.0), (50.0, 2.0), (100.0, 15.0))]
    assert [found["percent"] for found in usual] == [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]
    assert iot.get_percentiles(**{**given, "queryString": "thingName:none"})["percentiles"] == []


def test_buckets_are_the_most_frequent_values(iot, fleet):
    def buckets(most):
        return without_metadata(
            iot.get_buckets_aggregation(
                queryString="*",
                aggregationField="attributes.site",
                bucketsAggregationType={"termsAggregation": {"maxBuckets": most}},
            )
        )

    bergen, oslo = {"keyValue": "bergen", "count": 3}, {"keyValue": "oslo", "count": 2}
    assert [buckets(10), buckets(1)] == [
        {"totalCount": 6, "buckets": [bergen, oslo]},
        {"totalCount": 6, "buckets": [bergen]},
    ]


def test_what_is_no_field_or_has_no_numbers_is_refused(iot, fleet):
    given = {"queryString": "*"}

    assert error_of(iot.get_statistics, **given, aggregationField="attributes.none") == INVALID
    assert error_of(iot.get_cardinality, **given, aggregationField="site") == INVALID
    assert error_of(iot.get_percentiles, **given, aggregationField="attributes.site") == INVALID
    assert error_of(iot.get_statistics, queryString="(") == ("InvalidQueryException", 400)


def test_without_an_index_there_is_nothing_to_be_counted(iot):
    assert error_of(iot.get_cardinality, queryString="*") == ("ResourceNotFoundException", 404)
