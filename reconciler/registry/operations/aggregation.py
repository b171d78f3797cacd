"""Aggregations of a query: GetStatistics, GetCardinality, GetPercentiles, GetBucketsAggregation.

Invariant: a field is one of the registry's own, or an attribute that the indexing configuration declares as a custom field
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
from reconciler.registry.fleet_query import compile_query
from reconciler.registry.operations.indexing import THING_INDEX, read_custom_fields, require_index
from reconciler.registry.operations.search import require_query_version
from reconciler.registry.store import Value

DEFAULT_FIELD = "registry.version"
DEFAULT_PERCENTS = (1, 5, 25, 50, 75, 95, 99)
DEFAULT_MAX_BUCKETS = 10

_ATTRIBUTE_PREFIX = "attributes."
# The column and the type of each field.
_REGISTRY_FIELDS = {
    "thingName": ("t.name", "String"),
    "thingId": ("t.id", "String"),
    "thingTypeName": ("t.type", "String"),
    "registry.thingTypeName": ("t.type", "String"),
    "registry.version": ("t.version", "Number"),
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
    values, field_type = _read_values(context, params)
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
    return {"cardinality": len(set(_read_values(context, params)[0]))}


@operation("iot", "GetPercentiles", writes=False)
def get_percentiles(context: Context, params: Params) -> Output | None:
    """Return the percentiles of the numbers, linearly interpolated between two values.

    Raises what GetStatistics raises, and InvalidAggregation for a field that is not numeric.
    """
    values, field_type = _read_values(context, params)
    if field_type != "Number":
        raise _invalid(f"{_get_field(params)} is not a numeric field")
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
    """Return the field's most frequent values with their counts, and how many things match the query.

    Raises what GetStatistics raises.
    """
    values, _ = _read_values(context, params)
    terms = params["bucketsAggregationType"].get("termsAggregation", {})
    max_buckets = terms.get("maxBuckets", DEFAULT_MAX_BUCKETS)
    counts = Counter(str(value) for value in values)
    most_frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:max_buckets]
    condition = compile_query(params["queryString"])
    total = context.tx.fetch_one(
        f"SELECT count(*) AS number FROM things t WHERE t.scope = ? AND {condition.sql}",  # noqa: S608
        context.scope,
        *condition.values,
    )
    return {
        "totalCount": total["number"],
        "buckets": [{"keyValue": value, "count": count} for value, count in most_frequent],
    }


def _read_values(context: Context, params: Params) -> tuple[list[Any], str]:
    """Return the matching things' values of the field, and the field's type."""
    require_query_version(context, params.get("queryVersion"))
    require_index(context, params.get("indexName", THING_INDEX))
    condition = compile_query(params["queryString"])
    join, column, join_values, field_type = _find_column(context, _get_field(params))
    rows = context.tx.fetch_all(
        f"SELECT {column} AS value FROM things t {join}"  # noqa: S608
        f" WHERE t.scope = ? AND {column} IS NOT NULL AND {condition.sql}",
        *join_values,
        context.scope,
        *condition.values,
    )
    return [row["value"] for row in rows], field_type


def _find_column(context: Context, field: str) -> tuple[str, str, tuple[Value, ...], str]:
    """Return the join that a field needs, its column, the join's parameters, and the field's type."""
    if field in _REGISTRY_FIELDS:
        column, field_type = _REGISTRY_FIELDS[field]
        return "", column, (), field_type
    field_types = read_custom_fields(context)
    if field.startswith(_ATTRIBUTE_PREFIX) and field in field_types:
        join = "JOIN thing_attributes a ON a.seq = t.seq AND a.name = ?"
        return join, "a.value", (field.removeprefix(_ATTRIBUTE_PREFIX),), field_types[field]
    raise _invalid(f"{field} is neither a managed field nor an attribute that is a custom field")


def _get_field(params: Params) -> str:
    return str(params.get("aggregationField", DEFAULT_FIELD))


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
