"""`Caller`, which joins all pages of a listing and raises none of boto3's exceptions."""

from __future__ import annotations

import string
from types import SimpleNamespace

import boto3
import botocore.exceptions
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
    SSLError,
    WaiterError,
)

from reconciler.aws.caller import Caller, translate_error
from reconciler.aws.session import create_core_session
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, NoConnectionError, ReconcilerError, TargetError
from tests.support.registry_client import Cloud

CALL = ApiCall("iot", "CreateThing", {"thingName": "a"})
LOCAL_URL = "http://127.0.0.1:4714"
TEST_KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
UNTRUSTED = "[SSL: CERTIFICATE_VERIFY_FAILED]"
WARNINGS = {"UnsupportedTLSVersionWarning", "ImminentRemovalWarning"}
MODEL_ERRORS = {"UndefinedModelAttributeError", "MissingServiceIdError"}
"""Raised for an incomplete service model; none that ships with botocore is incomplete."""


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    """A registry with 300 things; a page has at most 250."""
    cloud_with_things = Cloud()
    for number in range(300):
        cloud_with_things.iot.create_thing(thingName=f"t{number:03}")
    return cloud_with_things


@pytest.fixture(autouse=True)
def _reset_request_count(cloud):
    cloud.request_count = 0


def get_thing_names(response):
    return [item["thingName"] for item in response["things"]]


def test_a_listing_requests_the_largest_pages_and_joins_them(cloud):
    response = cloud.call(ApiCall("iot", "ListThings"))
    assert get_thing_names(response) == [f"t{number:03}" for number in range(300)]
    assert ("nextToken" in response, cloud.request_count) == (False, 2)


@pytest.mark.parametrize(("max_items", "requests"), [(10, 1), (250, 1), (260, 2)])
def test_a_listing_truncated_at_max_items_has_a_token(cloud, max_items, requests):
    response = cloud.call(ApiCall("iot", "ListThings", max_items=max_items))
    assert get_thing_names(response) == [f"t{number:03}" for number in range(max_items)]
    assert ("nextToken" in response, cloud.request_count) == (True, requests)


def test_a_complete_listing_has_no_token(cloud):
    response = cloud.call(ApiCall("iot", "ListThings", max_items=300))
    assert (len(get_thing_names(response)), "nextToken" in response) == (300, False)


def test_an_empty_listing_contains_an_empty_list(cloud):
    assert cloud.call(ApiCall("iot", "ListCertificates"))["certificates"] == []


def test_a_listing_sends_the_parameters_of_its_call(cloud):
    response = cloud.call(ApiCall("iot", "ListThings", {"attributeName": "site", "attributeValue": "oslo"}))
    assert get_thing_names(response) == []


def test_an_unpaged_response_is_returned_unchanged(cloud):
    response = cloud.call(ApiCall("iot", "DescribeThing", {"thingName": "t007"}))
    assert (response["thingName"], response["version"], cloud.request_count) == ("t007", 1, 1)


def test_an_aws_error_has_the_code_status_message_and_request_id(cloud):
    with pytest.raises(AwsError) as caught:
        cloud.call(ApiCall("iot", "DescribeThing", {"thingName": "none"}))
    error = caught.value
    fields = (error.service, error.operation, error.code, error.status)
    assert fields == ("iot", "DescribeThing", "ResourceNotFoundException", 404)
    assert str(error) == (
        f"iot:DescribeThing failed with ResourceNotFoundException: {error.message} (request {error.request_id})"
    )
    assert (error.message != "", error.request_id != "") == (True, True)


def test_a_parameter_that_botocore_rejects_is_an_aws_error_and_nothing_is_sent(cloud):
    with pytest.raises(AwsError) as caught:
        cloud.call(ApiCall("iot", "DescribeThing", {"thingName": 7}))
    assert str(caught.value) == (
        "iot:DescribeThing failed with ParameterValidation: "
        "Invalid type for parameter thingName, value: 7, type: <class 'int'>, valid types: <class 'str'>"
    )
    assert cloud.request_count == 0


def find_botocore_exceptions() -> dict[str, type[Exception]]:
    return {
        name: exception
        for name, exception in vars(botocore.exceptions).items()
        if isinstance(exception, type) and issubclass(exception, Exception) and name not in WARNINGS
        and exception.__module__ == "botocore.exceptions"
    }  # fmt: skip


def build_exception(exception_class: type[Exception]) -> Exception:
    """Return an exception of a class.

    The values of the fields in its text are the names of these fields, except in a ClientError.
    """
    if issubclass(exception_class, ClientError):
        response = {"Error": {"Code": "Some", "Message": "text"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return exception_class(response, "CreateThing")
    if issubclass(exception_class, WaiterError):
        return exception_class("name", "reason", {})
    fields = {field: field for _, field, _, _ in string.Formatter().parse(exception_class.fmt) if field}
    if issubclass(exception_class, HTTPClientError):
        return exception_class(request=None, response=None, **fields)
    return exception_class(**fields)


def test_all_exceptions_but_model_errors_derive_from_the_two_classes_that_the_caller_catches():
    caught_classes = (ClientError, BotoCoreError)
    assert {
        name
        for name, exception_class in find_botocore_exceptions().items()
        if not issubclass(exception_class, caught_classes)
    } == MODEL_ERRORS


@pytest.mark.parametrize("name", sorted(find_botocore_exceptions().keys() - MODEL_ERRORS))
def test_every_exception_that_the_caller_catches_becomes_a_reconciler_error(name):
    error = build_exception(find_botocore_exceptions()[name])
    translated = translate_error(error, CALL)
    if isinstance(error, ClientError):
        expected = AwsError, "iot:CreateThing failed with Some: text"
    elif isinstance(error, ParamValidationError):
        expected = AwsError, "iot:CreateThing failed with ParameterValidation: report"
    elif name == "EndpointConnectionError":
        expected = NoConnectionError, "cannot connect to ://; is it running?"  # its URL is "endpoint_url"
    elif name == "NoRegionError":
        expected = TargetError, "no AWS Region; set region in [workspace], or AWS_REGION"
    elif name in {
        "NoCredentialsError",
        "PartialCredentialsError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }:
        expected = TargetError, f"no AWS credentials: {error}; sign in, or name a profile in [workspace]"
    else:
        expected = TargetError, f"iot:CreateThing got no response: {error}"
    assert (type(translated), str(translated)) == expected
    assert isinstance(translated, ReconcilerError)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com/"),
            "cannot connect to https://sts.eu-west-1.amazonaws.com; check the network, the proxy and the Region",
        ),
        (
            SSLError(endpoint_url="https://127.0.0.1:4577/things", error="[SSL: WRONG_VERSION_NUMBER] wrong"),
            "https://127.0.0.1:4577 does not use TLS; write http:// in its URL",
        ),
        (
            SSLError(endpoint_url="https://a.example/things", error=UNTRUSTED),
            f"the certificate of https://a.example is not trusted; name the file with its CA in AWS_CA_BUNDLE ({UNTRUSTED})",
        ),
        (
            SSLError(endpoint_url="https://a.example/things", error="EOF"),
            "SSL validation failed for https://a.example/things EOF",
        ),
    ],
)
def test_a_failed_connection_names_the_server_and_what_to_check(error, cause):
    assert str(translate_error(error, CALL)) == f"iot:CreateThing got no response: {cause}"


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({}, "iot:CreateThing failed with Unknown: no message"),
        ({"Error": {}}, "iot:CreateThing failed with Unknown: no message"),
        ({"Error": {"Code": "C", "message": "m"}}, "iot:CreateThing failed with C: m"),
        ({"Error": {"Code": "C", "Message": ""}, "message": "m"}, "iot:CreateThing failed with C: m"),
        (
            {"Error": {"Code": "C", "Message": "m"}, "ResponseMetadata": {"RequestId": "r", "HTTPStatusCode": 409}},
            "iot:CreateThing failed with C: m (request r)",
        ),
    ],
)  # fmt: skip
def test_an_error_response_is_translated_even_if_parts_are_missing(response, text):
    assert str(translate_error(ClientError(response, "CreateThing"), CALL)) == text


@pytest.mark.parametrize(("operation", "is_write"), [("DescribeThing", False), ("CreateThing", True)])
def test_a_server_that_responds_in_html_is_reported_as_another_server(operation, is_write):
    def respond(request, **_):
        raw = SimpleNamespace(stream=lambda **_: [b"<html>hello</html>"])
        return AWSResponse(request.url, 200, {}, raw)

    client = boto3.client("iot", "eu-west-1", endpoint_url=LOCAL_URL, **TEST_KEYS)
    client.meta.events.register("before-send", respond)
    with pytest.raises(TargetError) as caught:
        Caller({"iot": client})(ApiCall("iot", operation, {"thingName": "a"}))
    problem = f"{LOCAL_URL} does not respond like AWS IoT, in JSON"
    message = f"{problem}; correct `target` in [workspace], or the server's port"
    assert (str(caught.value), caught.value.outcome_unknown) == (message, is_write)


@pytest.mark.parametrize(
    ("status", "body"), [(404, b'{"message": "not found"}'), (200, b"<html><p/></html>")]
)
def test_a_response_that_is_not_xml_of_aws_is_a_target_error(status, body):
    def respond(request, **_):
        raw = SimpleNamespace(stream=lambda **_: [body])
        return AWSResponse(request.url, status, {}, raw)

    session = boto3.Session("test", "test", region_name="eu-west-1", botocore_session=create_core_session())
    client = session.client("iam", endpoint_url=LOCAL_URL)
    client.meta.events.register("before-send", respond)
    with pytest.raises(TargetError) as caught:
        Caller({"iam": client})(ApiCall("iam", "GetRole", {"RoleName": "a"}))
    assert str(caught.value) == (
        "iam:GetRole got a response that is not AWS's; check the endpoint and the proxy"
    )
