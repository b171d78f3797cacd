"""Queries of dynamic thing groups: mistakes that are found without AWS."""

import pytest

from reconciler.kinds.shared.fleet_query_checks import check_query

NO_FIELD = "fleet indexing does not define the field {!r}"
AN_ATTRIBUTE = "expected a field such as thingName or attributes.{}"


def list_problems(query):
    return [str(problem).removeprefix("query_string: ") for problem in check_query(query)]


@pytest.mark.parametrize(
    "query",
    [
        "attributes.site:oslo AND thingName:pump*",
        "(thingName:(a OR b) OR thingTypeName:pump) AND NOT thingGroupNames:oslo",
        'attributes.note:"(x" AND attributes.b:\\)',
        "shadow.reported.temp>20 AND connectivity.connected:true",
        "thingName:pump:1 attributes.url:http://a.example/x:y attributes.m:aa:bb-cc:dd",
        "shadow.name.s.desired.hasDelta:true registry.version:[1 TO 3] deviceDefender.p.inViolation:true",
        "*",
        "oslo",
    ],
)
def test_a_valid_query_has_no_problem(query):
    assert list_problems(query) == []


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ("attributes.a:b AND (", ["the query has a parenthesis without its partner; expected as many ( as )"]),
        (")thingName:a(", ["the query has a parenthesis without its partner; expected as many ( as )"]),
        ('attributes.a:"b', ['the query has a quote without its partner; expected a quote at the end of each text, or \\"']),
        ("atributes.site:oslo", [f"{NO_FIELD.format('atributes.site')}; did you mean 'attributes.site'?"]),
        ("thingname:a OR thingname:b", [f"{NO_FIELD.format('thingname')}; did you mean 'thingName'?"]),
        ("site:oslo AND floor>3", [f"{NO_FIELD.format(name)}; {AN_ATTRIBUTE.format(name)}" for name in ("site", "floor")]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_query_is_found(query, problems):
    assert list_problems(query) == problems
