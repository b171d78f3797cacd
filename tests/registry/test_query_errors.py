"""Invalid queries of fleet indexing: AWS's texts, and the order in which AWS finds errors.

The texts and their order are those that the authors of the emulator floci measured on AWS, except those marked as ours.
"""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.registry import catalog
from reconciler.registry.errors import ApiError
from reconciler.registry.fleet_query import compile_query
from reconciler.registry.search_fields import THING_GROUPS, THINGS, IndexedSources, SqlCondition
from tests.support.direct_client import catch_error
from tests.support.examples import examples

INVALID_QUERY = ("InvalidQueryException", 400)
NO_SOURCES = IndexedSources()
REGISTRY = {"thingIndexingMode": "REGISTRY"}
SYNTAX = "invalid syntax"
PLUS = 'unsupported operator - "+"'
QUESTION_MARK = "invalid value - wildcard character (?) is not allowed at the start of the value"
WILDCARDS = "invalid value - too many wildcards (*). The maximum allowed per term is 2"
TWELVE = " OR ".join(["thingName:a"] * 12)


def catch_query_error(query, index=THINGS, indexed=NO_SOURCES):
    """Compile an invalid query, and return the error's code and its problem, without the query."""
    with pytest.raises(ApiError) as caught:
        compile_query(query, index, indexed)
    code, message = caught.value.code, caught.value.message
    if code != "InvalidQueryException":
        return code, message
    start, end = "Unable to parse query, ", f", query string: {query}"
    assert message.startswith(start)
    assert message.endswith(end)
    return code, message.removeprefix(start).removesuffix(end)


@pytest.mark.parametrize(
    "query",
    [
        *(" ", "()", "AND thingName:a", "thingName:a AND", "thingName:a OR OR thingName:b", "NOT", "!"),
        *("NOT NOT thingName:a", "NOT -thingName:a", "-NOT thingName:a", "thingName:a NOT", "thingName:a -"),
        *("(thingName:a", "thingName:a)", "thingName:", "thingName:()", "thingName:(a OR)", "((("),
        *('thingName:"a', 'thingName:a"', 'thingName:"a"b', "thingName:a\\", "NOT NOT NOT a"),
        *("attributes.power>", "attributes.count:>5", "thingName:<a", "attributes.a[0]:x"),
        # Brackets outside a range, and ranges that are open or have another number of bounds.
        *(
            "thingName:[",
            "thingName:[a",
            "thingName:[a TO",
            "thingName:[a TO b",
            "thingName:[TO b]",
            "[a TO]",
        ),
        *("thingName:[a to b]", "thingName:[a TO b TO c]", "thingName:{", "thingName:]", "thingName:[]"),
        *("thingName:a]", "thingName:[aTOb]", "thingName:[a TO b]]", "thingName:a]b", "thingName:a[b"),
        *("thingName:a}", "thingName:a{b", "thingName:[a TO b)", "thingName:[a\tTO\tb]"),
    ],
)
def test_a_query_with_invalid_syntax_is_rejected(query):
    assert catch_query_error(query) == ("InvalidQueryException", SYNTAX)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("thingName:a~", "unsupported query type - fuzzy"),
        ("thingName:a~2", "unsupported query type - fuzzy"),
        ("a~", "unsupported query type - fuzzy"),
        ("thingName:/a/", "unsupported query type - regular expression"),
        ("thingName:a^2", "unsupported query type - boost"),
        ("+thingName:a", PLUS),
        ("+a", PLUS),
        ("thingName:?a", f"{QUESTION_MARK}, field name: thingName, value: ?a"),
        ("thingName:*a*b*", f"{WILDCARDS}, field name: thingName, value: *a*b*"),
        ("attributes.x:*a*b*c", f"{WILDCARDS}, field name: attributes.x, value: *a*b*c"),
        *(
            (f"{field}:1", f"invalid field name, field name: {field}")
            for field in ("color", "thingname", "*")
        ),
        *(
            (f"{field}:1", f"invalid field name, field name: {field}")
            for field in ("attributes", "attributes.")
        ),
        ("registry.version:(1 OR 2)", "invalid field name, field name: registry.version"),
        # The following texts are ours.
        ("thingName:*a AND thingGroupNames:*b", "a second term begins with a wildcard"),
        ("*a" + "b" * 99, "a query with a leading wildcard is longer than 100 characters"),
        ("(" * 51 + "a" + ")" * 51, "it is nested deeper than 50 levels"),
        ("(" * 900, "it is nested deeper than 50 levels"),
    ],
)
def test_a_query_with_an_unsupported_term_or_field_is_rejected(query, problem):
    assert catch_query_error(query) == ("InvalidQueryException", problem)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"{TWELVE} OR thingName:b", 13),
        (f"* {TWELVE}", 13),
        (f"({TWELVE}) AND NOT thingName:b", 13),
        (f"color:1 OR {TWELVE}", 13),
        (f"thingName:[a TO b] {TWELVE}", 13),
        (f"thingName:({' OR '.join('abcdefghijklm')})", 13),
        (f"deviceDefender.violationCount:1 OR {TWELVE} OR thingName:b", 14),
    ],
)
def test_a_query_with_more_than_twelve_terms_is_rejected(query, count):
    problem = f"number of terms cannot exceed 12, terms found: {count}"
    assert catch_query_error(query) == ("InvalidQueryException", problem)


@pytest.mark.parametrize(
    "start", ["color:1", "thingName:a~", "thingName:*a*b*c*", "+thingName:a", "thingName:?a", "shadow.x:1"]
)
def test_invalid_syntax_anywhere_comes_before_other_errors(start):
    assert catch_query_error(f"{start} OR thingName:") == ("InvalidQueryException", SYNTAX)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("color:1 OR thingName:a~", ("InvalidQueryException", "invalid field name, field name: color")),
        ("thingName:a~ OR color:1", ("InvalidQueryException", "unsupported query type - fuzzy")),
        ("color:(a OR b) OR shadow.x:1", ("InvalidQueryException", "invalid field name, field name: color")),
        (
            "shadow.x:1 OR color:1",
            (
                "InvalidRequestException",
                (
                    "Query includes one or more constraints for Shadow attribute,"
                    " but Shadow indexing is not enabled for AWS_Things index"
                ),
            ),
        ),
    ],
)
def test_the_first_wrong_field_or_value_of_a_query_is_reported(query, error):
    assert catch_query_error(query) == error


def test_fields_of_named_shadows_need_their_name_in_the_filter():
    indexed = IndexedSources(named_shadows=frozenset({"building"}))
    compile_query("shadow.name.building.reported.type:x", THINGS, indexed)

    for field in ("shadow.name.other.reported.a", "shadow.name.building", "shadow.name.building."):
        problem = f"invalid field name, field name: {field}"
        assert catch_query_error(f"{field}:1", THINGS, indexed) == ("InvalidQueryException", problem)
    assert catch_query_error("shadow.reported.x:1", THINGS, indexed)[0] == "InvalidRequestException"
    classic_only = IndexedSources(names=frozenset({"Shadow"}))
    assert catch_query_error("shadow.name.a.reported.x:1", THINGS, classic_only)[0] == "InvalidQueryException"


def test_searches_dynamic_groups_and_aggregations_reject_the_same_queries(iot):
    iot.update_indexing_configuration(thingIndexingConfiguration=REGISTRY)
    for query, error in (
        ("thingName:a~", INVALID_QUERY),
        ("connectivity.connected:true", ("InvalidRequestException", 400)),
        ("a" * 1001, ("InvalidRequestException", 400)),
    ):
        assert catch_error(iot.search_index, queryString=query) == error
        group = {"thingGroupName": "some", "queryString": query}
        assert catch_error(iot.create_dynamic_thing_group, **group) == error
        assert catch_error(iot.get_statistics, queryString=query) == error
        assert catch_error(iot.get_cardinality, queryString=query) == error


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"queryString": "*", "indexName": "Nope", "queryVersion": "bogus"},
            "Invalid queryVersion. Expected one of: [2017-09-30]",
        ),
        ({"queryString": "*", "indexName": "Nope"}, "Unrecognized indexName Nope"),
        (
            {"queryString": "color:1", "indexName": "AWS_ThingGroups"},
            "Index AWS_ThingGroups does not exist. Please enable index by calling UpdateIndexingConfiguration",
        ),
        (
            {"queryString": "color:1", "nextToken": "bogus"},
            "Unable to parse query, invalid field name, field name: color, query string: color:1",
        ),
        ({"queryString": "*", "nextToken": "bogus"}, "Invalid nextToken"),
        (
            {"queryString": "é" * 1001, "indexName": "Nope"},
            (
                f"1 validation error detected: Value '{'é' * 1001}' at 'queryString' failed to satisfy constraint:"
                " Member must have length less than or equal to 1000"
            ),
        ),
    ],
)
def test_a_search_is_checked_in_awss_order(iot, params, text):
    iot.update_indexing_configuration(thingIndexingConfiguration=REGISTRY)
    with pytest.raises(iot.exceptions.ClientError) as caught:
        iot.search_index(**params)

    assert caught.value.response["Error"]["Message"] == text


def test_a_token_of_a_search_with_other_parameters_is_rejected_with_awss_text(iot):
    iot.update_indexing_configuration(thingIndexingConfiguration=REGISTRY)
    for name in ("a", "b"):
        iot.create_thing(thingName=name)
    token = iot.search_index(queryString="*", maxResults=1)["nextToken"]

    rest = iot.search_index(queryString="*", maxResults=5, nextToken=token)
    assert [thing["thingName"] for thing in rest["things"]] == ["b"]
    for params in ({"queryString": "* "}, {"queryString": "*", "indexName": "AWS_Things"}):
        with pytest.raises(iot.exceptions.InvalidRequestException) as caught:
            iot.search_index(**params, nextToken=token)
        text = caught.value.response["Error"]["Message"]
        assert text == "nextToken was from a request with different parameters"


PARTS = st.sampled_from(
    [
        *'()[]{}"\\*?~^+-!:<>= a',
        "AND ",
        "OR ",
        "NOT ",
        " TO ",
        "thingName:",
        "attributes.a>",
        "shadow.x:",
        "&&",
    ]
)


@pytest.fixture(scope="module")
def database():
    """An empty database with all tables of the registry."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statements in catalog.load_schemas().values():
            for statement in statements:
                connection.execute(statement)
        yield connection


@pytest.mark.hypothesis
@examples(40)
@given(
    query=st.lists(PARTS, min_size=1, max_size=14).map("".join), index=st.sampled_from((THINGS, THING_GROUPS))
)
def test_every_text_is_valid_sql_or_an_error_of_aws(database, query, index):
    code, condition = None, SqlCondition("0")
    try:
        condition = compile_query(query, index, NO_SOURCES)
    except ApiError as error:
        code = error.code

    assert code in (None, "InvalidQueryException", "InvalidRequestException")
    database.execute(f"SELECT 1 FROM {index.table} t WHERE {condition.sql}", condition.values)
