"""What the things that a query matches have in a field: GetStatistics, GetCardinality, GetPercentiles, GetBucketsAggregation.

Law: a field is one of the registry's own, or an attribute that the indexing configuration names as a custom field, which
also says whether its values are numbers. A value that is none of its field's type counts for nothing. AWS's answers are
approximations of the same numbers; how it interpolates between two values is UNCONFIRMED.
"""

import math
import re
from collections import Counter
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.fleet_query import compile_query
from reconciler.registry.operations.indexing import INDEX, custom_fields, require_index
from reconciler.registry.operations.search import require_query_version
from reconciler.registry.store import Value

DEFAULT_FIELD = "registry.version"
DEFAULT_PERCENTS = (1, 5, 25, 50, 75, 95, 99)
DEFAULT_BUCKETS = 10

_ATTRIBUTE = "attributes."
_OWN = {
    "thingName": ("t.name", "String"),
    "thingId": ("t.id", "String"),
    "thingTypeName": ("t.type", "String"),
    "registry.thingTypeName": ("t.type", "String"),
    "registry.version": ("t.version", "Number"),
}
# No longer than what any double has digits for, so that none is infinite.
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]+)?")
_TRUTH = {"true": 1.0, "false": 0.0}


@operation("iot", "GetStatistics", writes=False)
def get_statistics(context: Context, params: Params) -> Output | None:
    """Give the count of values and, where they are numbers or truth values, their average, extremes and spread.

    That the variance is the population's is UNCONFIRMED.

    Raises ResourceNotFound while there is no index, InvalidQuery, InvalidAggregation for a field that is none.
    """
    values, kind = _values(context, params)
    if kind == "String":
        return {"statistics": {"count": len(values)}}
    numbers = _numbers(values, kind)
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
    """Give how many different values there are. Raises what GetStatistics raises."""
    return {"cardinality": len(set(_values(context, params)[0]))}


@operation("iot", "GetPercentiles", writes=False)
def get_percentiles(context: Context, params: Params) -> Output | None:
    """Give the value below which each percentage of the numbers lies, in between two of them by their distance.

    Raises what GetStatistics raises, and InvalidAggregation for a field without numbers.
    """
    values, kind = _values(context, params)
    if kind != "Number":
        raise _invalid(f"{_field(params)} is no field of numbers")
    numbers = sorted(_numbers(values, kind))
    percents = params.get("percents") or DEFAULT_PERCENTS
    return {
        "percentiles": [{"percent": percent, "value": _at(numbers, percent)} for percent in percents]
        if numbers
        else []
    }


@operation("iot", "GetBucketsAggregation", writes=False)
def get_buckets_aggregation(context: Context, params: Params) -> Output | None:
    """Give the most frequent values, each with the number of things that have it, and how many things match the query.

    Raises what GetStatistics raises.
    """
    values, _ = _values(context, params)
    most = params["bucketsAggregationType"].get("termsAggregation", {}).get("maxBuckets", DEFAULT_BUCKETS)
    counted = sorted(Counter(str(value) for value in values).items(), key=lambda item: (-item[1], item[0]))
    condition = compile_query(params["queryString"])
    total = context.tx.one(
        f"SELECT count(*) AS number FROM things t WHERE t.scope = ? AND {condition.sql}",  # noqa: S608
        context.scope,
        *condition.values,
    )
    return {
        "totalCount": total["number"],
        "buckets": [{"keyValue": value, "count": count} for value, count in counted[:most]],
    }


def _values(context: Context, params: Params) -> tuple[list[Any], str]:
    """Give what the matching things have in the field, and the field's type."""
    require_query_version(context, params.get("queryVersion"))
    require_index(context, params.get("indexName", INDEX))
    condition = compile_query(params["queryString"])
    source, column, values, kind = _column(context, _field(params))
    rows = context.tx.all(
        f"SELECT {column} AS value FROM things t {source} WHERE t.scope = ? AND {column} IS NOT NULL AND {condition.sql}",  # noqa: S608
        *values,
        context.scope,
        *condition.values,
    )
    return [row["value"] for row in rows], kind


def _column(context: Context, field: str) -> tuple[str, str, tuple[Value, ...], str]:
    """Give what is joined to a thing for a field, the column, the join's parameters, and the field's type."""
    if field in _OWN:
        column, kind = _OWN[field]
        return "", column, (), kind
    kinds = custom_fields(context)
    if field.startswith(_ATTRIBUTE) and field in kinds:
        joined = "JOIN thing_attributes a ON a.seq = t.seq AND a.name = ?"
        return joined, "a.value", (field.removeprefix(_ATTRIBUTE),), kinds[field]
    raise _invalid(f"{field} is neither a managed nor a custom field")


def _field(params: Params) -> str:
    return str(params.get("aggregationField", DEFAULT_FIELD))


def _numbers(values: list[Any], kind: str) -> list[float]:
    """Give the values that are numbers, or truth values as 0 and 1."""
    if kind == "Boolean":
        return [_TRUTH[value.lower()] for value in values if value.lower() in _TRUTH]
    return [float(value) for value in values if _NUMBER.fullmatch(str(value))]


def _at(numbers: list[float], percent: float) -> float:
    place = (len(numbers) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (place - low)


def _invalid(why: str) -> ApiError:
    return ApiError("InvalidAggregationException", f"The aggregation is not valid: {why}.")
