"""Aggregations of a query: GetStatistics, GetCardinality, GetPercentiles, GetBucketsAggregation.

Invariant: a field is one of the index's own, or an attribute that the indexing configuration declares as a custom field
with its type. GetStatistics and GetPercentiles ignore values that are not of the field's type. The results here are exact,
where AWS may return approximations; how AWS interpolates percentiles between two values is UNCONFIRMED.
"""

import math
import re
from collections import Counter
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.operations.indexing import read_custom_fields
from reconciler.registry.operations.search import PreparedQuery, prepare_query
from reconciler.registry.search_fields import THING_GROUPS
from reconciler.registry.store import Value

DEFAULT_FIELD = "registry.version"
DEFAULT_GROUP_FIELD = "version"  # UNCONFIRMED: AWS documents only the default for things
DEFAULT_PERCENTS = (1, 5, 25, 50, 75, 95, 99)
DEFAULT_MAX_BUCKETS = 10

_ATTRIBUTE_PREFIX = "attributes."
# The column and the type of each field, by index.
_THING_FIELDS = {
    "thingName": ("t.name", "String"),
    "thingId": ("t.id", "String"),
    "thingTypeName": ("t.type", "String"),
    "registry.thingTypeName": ("t.type", "String"),
    "registry.version": ("t.version", "Number"),
}
_GROUP_FIELDS = {
    "thingGroupName": ("t.name", "String"),
    "thingGroupId": ("t.id", "String"),
    "description": ("t.description", "String"),
    "version": ("t.version", "Number"),
}
# Short enough that no number is infinite as a double.
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]+)?")
_BOOLEANS = {"true": 1.0, "false": 0.0}


@operation("iot", "GetStatistics", writes=False)
def get_statistics(context: Context, params: Params) -> Output | None:
    """Return the count of values and, for numbers and booleans, their average, extremes and variance.

    UNCONFIRMED: the variance is the population variance.

    Raises ResourceNotFound while indexing is off, InvalidRequest for an unknown index or query version, InvalidQuery, and
    InvalidAggregation for an unknown field.
    """
    values, field_type = _read_values(context, params, _prepare(context, params))
    if field_type == "String":
        return {"statistics": {"count": len(values)}}
    numbers = _parse_numbers(values, field_type)
    if not numbers:
        return {"statistics": {"count": 0}}
    total, squares = math.fsum(numbers), math.fsum(number * number for number in numbers)
    average = total / len(numbers)
    variance = math.fsum((number - average) ** 2 for number in numbers) / len(numbers)
    return {
        "statistics": {
            "count": len(numbers),
            "average": average,
            "sum": total,
            "minimum": min(numbers),
            "maximum": max(numbers),
            "sumOfSquares": squares,
            "variance": variance,
            "stdDeviation": math.sqrt(variance),
        }
    }


@operation("iot", "GetCardinality", writes=False)
def get_cardinality(context: Context, params: Params) -> Output | None:
    """Return the number of distinct values of the field. Raises what GetStatistics raises."""
    values, _ = _read_values(context, params, _prepare(context, params))
    return {"cardinality": len(set(values))}


@operation("iot", "GetPercentiles", writes=False)
def get_percentiles(context: Context, params: Params) -> Output | None:
    """Return the percentiles of the numbers, linearly interpolated between two values.

    Raises what GetStatistics raises, and InvalidAggregation for a field that is not numeric.
    """
    query = _prepare(context, params)
    values, field_type = _read_values(context, params, query)
    if field_type != "Number":
        raise _invalid(f"{_get_field(params, query)} is not a numeric field")
    numbers = sorted(_parse_numbers(values, field_type))
    if not numbers:
        return {"percentiles": []}
    percents = params.get("percents") or DEFAULT_PERCENTS
    return {
        "percentiles": [
            {"percent": percent, "value": _compute_percentile(numbers, percent)} for percent in percents
        ]
    }


@operation("iot", "GetBucketsAggregation", writes=False)
def get_buckets_aggregation(context: Context, params: Params) -> Output | None:
    """Return the field's most frequent values with their counts, and the number of matches.

    Raises what GetStatistics raises.
    """
    query = _prepare(context, params)
    values, _ = _read_values(context, params, query)
    terms = params["bucketsAggregationType"].get("termsAggregation", {})
    max_buckets = terms.get("maxBuckets", DEFAULT_MAX_BUCKETS)
    counts = Counter(str(value) for value in values)
    most_frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:max_buckets]
    total = context.tx.fetch_one(
        f"SELECT count(*) AS number FROM {query.index.table} t WHERE t.scope = ? AND {query.condition.sql}",  # noqa: S608
        context.scope,
        *query.condition.values,
    )
    return {
        "totalCount": total["number"],
        "buckets": [{"keyValue": value, "count": count} for value, count in most_frequent],
    }


def _prepare(context: Context, params: Params) -> PreparedQuery:
    return prepare_query(context, params, params["queryString"])


def _read_values(context: Context, params: Params, query: PreparedQuery) -> tuple[list[Any], str]:
    """Return the field's values in everything that matches the query, and the field's type."""
    join, column, join_values, field_type = _find_column(context, query, _get_field(params, query))
    rows = context.tx.fetch_all(
        f"SELECT {column} AS value FROM {query.index.table} t {join}"  # noqa: S608
        f" WHERE t.scope = ? AND {column} IS NOT NULL AND {query.condition.sql}",
        *join_values,
        context.scope,
        *query.condition.values,
    )
    return [row["value"] for row in rows], field_type


def _find_column(
    context: Context, query: PreparedQuery, field: str
) -> tuple[str, str, tuple[Value, ...], str]:
    """Return the join that a field needs, its column, the join's parameters, and the field's type."""
    own_fields = _GROUP_FIELDS if query.index is THING_GROUPS else _THING_FIELDS
    if field in own_fields:
        column, field_type = own_fields[field]
        return "", column, (), field_type
    field_types = read_custom_fields(context, query.index.name)
    if field.startswith(_ATTRIBUTE_PREFIX) and field in field_types:
        name = field.removeprefix(_ATTRIBUTE_PREFIX)
        if query.index is THING_GROUPS:
            return "JOIN json_each(t.attributes) a ON a.key = ?", "a.value", (name,), field_types[field]
        join = "JOIN thing_attributes a ON a.seq = t.seq AND a.name = ?"
        return join, "a.value", (name,), field_types[field]
    raise _invalid(f"{field} is neither a managed field nor an attribute that is a custom field")


def _get_field(params: Params, query: PreparedQuery) -> str:
    default = DEFAULT_GROUP_FIELD if query.index is THING_GROUPS else DEFAULT_FIELD
    return str(params.get("aggregationField", default))


def _parse_numbers(values: list[Any], field_type: str) -> list[float]:
    """Return the values of a field as numbers, without those that are not of its type.

    `field_type` is Number or Boolean; true is 1, and false is 0.
    """
    if field_type == "Boolean":
        return [_BOOLEANS[value.lower()] for value in values if value.lower() in _BOOLEANS]
    return [float(value) for value in values if _NUMBER.fullmatch(str(value))]


def _compute_percentile(numbers: list[float], percent: float) -> float:
    """Return a percentile of sorted numbers."""
    position = (len(numbers) - 1) * percent / 100
    low = math.floor(position)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (position - low)


def _invalid(problem: str) -> ApiError:
    return ApiError("InvalidAggregationException", f"The aggregation is not valid: {problem}.")
