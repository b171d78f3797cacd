"""The embedded registry gets the requests that boto3 would send to AWS, without a signature."""

from __future__ import annotations

import boto3
from botocore.session import Session

from reconciler.aws.embedded import bind
from reconciler.registry import HttpResponse


class RequestRecorder:
    """A registry that answers every request with an empty page of things and records it."""

    def __init__(self) -> None:
        self.requests = []

    def handle(self, request):
        self.requests.append(request)
        return HttpResponse(200, {}, b'{"things": []}')


def test_a_request_to_the_embedded_registry_is_not_signed():
    core_session, recorder = Session(), RequestRecorder()
    bind(core_session, recorder)
    boto3.Session("key", "secret", region_name="eu-west-1", botocore_session=core_session).client(
        "iot"
    ).list_things()
    (request,) = recorder.requests
    assert (request.method, request.url) == ("GET", "https://iot.eu-west-1.amazonaws.com/things")
    assert not request.headers.keys() & {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}
