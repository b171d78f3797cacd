"""Responses that are not AWS's.

Each is an error of one kind, or becomes values of the types that the service model states.
"""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from attrs import Factory, define
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.model import ShapeResolver, StructureShape
from botocore.parsers import ResponseParserFactory
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.caller import Caller
from reconciler.aws.clients import Clients
from reconciler.aws.response_parsers import InvalidResponseError, ResponseParsers, _parse_time
from reconciler.aws.retries import Retries
from reconciler.aws.session import create_core_session
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, TargetError
from reconciler.service_models.loader import load_service_model
from tests.support.registry_client import DECLARED_OPERATIONS, REGION, TARGET
from tests.support.shape_strategies import JSON

TYPES = {
    "string": str,
    "structure": dict,
    "map": dict,
    "list": list,
    "timestamp": datetime,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": bool,
    "blob": bytes,
}
ODD_JSON = (
    JSON | st.none() | st.sampled_from([1e18, -1e18, 10**400, "2024-13-45", "a,b", "AAA", float("nan")])
)
DESCRIBE = ApiCall("iot", "DescribeThing", {"thingName": "a"})
CREATE = ApiCall("iot", "CreateThing", {"thingName": "a"})
SHAPES = {
    f"{service}:{operation}": (model.resolved_protocol, model.operation_model(operation).output_shape)
    for service, operation in sorted(DECLARED_OPERATIONS)
    for model in [load_service_model(service)]
    if model.resolved_protocol in {"json", "rest-json"} and model.operation_model(operation).output_shape
}


@define
class Server:
    """A server that answers every request with the same response, after the `failures`."""

    body: bytes = b"{}"
    status: int = 200
    failures: list[Exception] = Factory(list)
    request_count: int = 0

    def respond(self, request: Any, **_: object) -> AWSResponse:
        self.request_count += 1
        if self.failures:
            raise self.failures.pop(0)
        raw = SimpleNamespace(stream=lambda **_: [self.body])
        return AWSResponse(request.url, self.status, {}, raw)


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


@pytest.fixture(scope="module")
def call(server) -> Caller:
    """A caller of the server that repeats a call once."""
    core = create_core_session()
    core.set_default_client_config(Config(signature_version=UNSIGNED))
    core.register("before-send", server.respond)
    session = boto3.Session("test", "test", region_name=REGION, botocore_session=core)
    retries = Retries(lambda: 0.0, lambda _: None, lambda _, maximum: maximum, timeout_seconds=0.15)
    return Caller(Clients(session, TARGET, None), retries)


@pytest.fixture(autouse=True)
def _reset_server(server):
    server.__init__()


def json_of(shape: Any, depth: int = 4) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON like that of a shape, in which some values are any JSON."""
    if shape.type_name == "structure" and depth:
        members = {
            member.serialization.get("name", name): st.deferred(
                lambda member=member: json_of(member, depth - 1)
            )
            for name, member in shape.members.items()
        }
        return st.fixed_dictionaries({}, optional=members) | ODD_JSON
    if shape.type_name == "list" and depth:
        return st.lists(json_of(shape.member, depth - 1), max_size=2) | ODD_JSON
    if shape.type_name == "map" and depth:
        return st.dictionaries(st.text(max_size=3), json_of(shape.value, depth - 1), max_size=2) | ODD_JSON
    return ODD_JSON


def find_wrong_types(shape: Any, value: Any) -> list[tuple[str, Any]]:
    """Return the values that are not of their shape's type, with its name.

    Null has every type, but is in no list.
    """
    if value is None or getattr(shape, "is_document_type", False):
        return []
    if not isinstance(value, TYPES[shape.type_name]):
        return [(shape.name, value)]
    pairs = []
    if shape.type_name == "structure":
        pairs = [(shape.members[name], item) for name, item in value.items() if name in shape.members]
    elif shape.type_name == "map":
        pairs = [(shape.value, item) for item in value.values()]
    elif shape.type_name == "list":
        if None in value:
            return [(shape.name, value)]
        pairs = [(shape.member, item) for item in value]
    return [problem for member, item in pairs for problem in find_wrong_types(member, item)]


@given(st.sampled_from(list(SHAPES)), st.data())
def test_a_response_is_parsed_to_the_types_of_its_shape_or_is_invalid(name, data):
    protocol, shape = SHAPES[name]
    body = json.dumps(data.draw(json_of(shape))).encode()
    response = {"status_code": 200, "headers": {}, "body": body, "context": {}}
    try:
        members = ResponseParsers().create_parser(protocol).parse(response, shape)
    except InvalidResponseError:
        return
    assert find_wrong_types(shape, members) == []


@given(st.sampled_from(list(SHAPES)), st.data())
def test_a_valid_response_has_the_members_that_botocore_parses(name, data):
    protocol, shape = SHAPES[name]
    body = json.dumps(data.draw(json_of(shape))).encode()
    response = {"status_code": 200, "headers": {}, "body": body, "context": {}}
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=_parse_time)
    try:
        members = ResponseParsers().create_parser(protocol).parse(response, shape)
    except InvalidResponseError:
        return
    assert repr(members) == repr(factory.create_parser(protocol).parse(response, shape))


def test_a_member_with_another_name_in_json_is_returned_under_its_own():
    members = {"thingName": {"shape": "Name", "locationName": "name"}}
    resolver = ShapeResolver({"Name": {"type": "string"}})
    shape = StructureShape("Thing", {"type": "structure", "members": members}, resolver)
    response = {"status_code": 200, "headers": {}, "body": b'{"name": "pump-1"}', "context": {}}
    parsed = ResponseParsers().create_parser("rest-json").parse(response, shape)
    assert parsed["thingName"] == "pump-1"


@given(
    st.sampled_from([301, 400, 404, 429, 503]),
    ODD_JSON
    | st.fixed_dictionaries({}, optional=dict.fromkeys(["__type", "code", "Code", "message"], ODD_JSON)),
)
def test_an_error_response_in_any_json_is_an_error_of_the_call(server, call, status, body):
    server.__init__(json.dumps(body).encode(), status)
    with pytest.raises((AwsError, TargetError)):
        call(DESCRIBE)


@given(st.sampled_from([200, 400, 503]), st.binary(max_size=20))
def test_a_response_of_any_bytes_raises_no_other_error(server, call, status, body):
    server.__init__(body, status)
    try:
        response = call(DESCRIBE)
    except (AwsError, TargetError):
        return
    assert (status, response.keys()) == (200, {"ResponseMetadata"})


@pytest.mark.parametrize(
    "body",
    [
        b'{"thingGroupMetadata": {"creationDate": 1e18}}',
        b'{"thingGroupMetadata": {"creationDate": "next week"}}',
        b'{"thingGroupMetadata": []}',
        b'{"thingGroupMetadata": {"rootToParentThingGroups": [null]}}',
        b'{"thingGroupName": 7}',
        b'{"version": "one"}',
        b'["thingGroupName"]',
        b"[" * 100_000,
        b'{"thingGroupName": "\xff"}',
        b'{"thingGroupName": "a',
    ],
    ids=[
        "a late time",
        "no time",
        "a list",
        "null in a list",
        "a number",
        "no number",
        "no object",
        "deep",
        "no UTF-8",
        "cut off",
    ],
)
def test_a_response_with_an_impossible_value_is_an_error_that_names_the_call(server, call, body):
    server.body = body
    with pytest.raises(TargetError) as caught:
        call(ApiCall("iot", "DescribeThingGroup", {"thingGroupName": "a"}))
    error = caught.value
    assert (str(error), error.outcome_unknown, error.__cause__, error.__context__, server.request_count) == (
        "iot:DescribeThingGroup got a response that is not AWS's; check the endpoint and the proxy",
        False,
        None,
        None,
        1,
    )


def test_a_write_whose_response_is_invalid_may_have_taken_effect_and_is_sent_once(server, call):
    server.body = b'{"thingName": []}'
    with pytest.raises(TargetError) as caught:
        call(CREATE)
    assert (caught.value.outcome_unknown, server.request_count) == (True, 1)


def test_a_read_whose_response_was_lost_is_repeated_before_an_invalid_one(server, call):
    server.body, server.failures = b"[]", [ReadTimeoutError(endpoint_url="x")]
    with pytest.raises(TargetError) as caught:
        call(DESCRIBE)
    assert (caught.value.outcome_unknown, server.request_count) == (False, 2)


def test_all_responses_of_a_protocol_have_one_parser():
    parsers = ResponseParsers()
    assert parsers.create_parser("query") is parsers.create_parser("query")
