"""The clients of a target: when they are created, for which endpoints, and with which timeouts."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from reconciler.aws.caller import Caller
from reconciler.aws.clients import Clients, _remove_environment
from reconciler.cli.wire_log import start_wire_log
from reconciler.model.call import ApiCall
from reconciler.model.plan import Target
from reconciler.workspace import Workspace
from tests.support.service_models import create_session

REMOTE_URL, LOCAL_URL = "https://registry.example:4566", "http://127.0.0.1:4566"
AWS_URL = "https://vpce-0a1b.iot.eu-west-1.vpce.amazonaws.com"
ENDPOINTS = {
    "iam": "https://iam.amazonaws.com",
    "lambda": "https://lambda.eu-west-1.amazonaws.com",
    "kinesis": "https://kinesis.eu-west-1.amazonaws.com",
    "firehose": "https://firehose.eu-west-1.amazonaws.com",
}


@pytest.fixture
def session():
    """A session whose requests get the responses in `session.bodies`, by operation, without the network.

    `session.headers` has the headers of each request.
    """
    core = create_session()
    session = boto3.Session("test", "test", region_name="eu-west-1", botocore_session=core)
    session.bodies, session.headers = {}, []

    def respond(request, event_name, **_):
        session.headers.append(dict(request.headers.items()))
        body = json.dumps(session.bodies[event_name.rpartition(".")[2]]).encode()
        return AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda **_: [body]))

    core.register("before-send", respond)
    return session


def find_urls(session, target_endpoint, endpoint):
    clients = Clients(session, Target(target_endpoint, "eu-west-1", "123456789012"), endpoint)
    return {service: clients[service].meta.endpoint_url for service in ENDPOINTS}


def send_and_get_headers(session):
    session.bodies["DescribeThing"] = {"thingName": "pump-1"}
    clients = Clients(session, Target("aws", "eu-west-1", "123456789012"), None)
    clients["iot"].describe_thing(thingName="pump-1")
    return session.headers[-1]


@pytest.mark.parametrize(("target_endpoint", "endpoint"), [("aws", None), (AWS_URL, AWS_URL)])
def test_roles_functions_and_streams_are_read_at_aws_if_the_target_is_aws(session, target_endpoint, endpoint):
    assert find_urls(session, target_endpoint, endpoint) == ENDPOINTS


@pytest.mark.parametrize(
    ("target_endpoint", "endpoint"), [(REMOTE_URL, REMOTE_URL), (LOCAL_URL, LOCAL_URL), (LOCAL_URL, None)]
)
def test_another_server_is_asked_for_roles_functions_and_streams_itself(session, target_endpoint, endpoint):
    urls = find_urls(session, target_endpoint, endpoint)
    assert urls == dict.fromkeys(ENDPOINTS, target_endpoint)


@pytest.mark.parametrize(("target_endpoint", "seconds"), [("aws", 3.0), (LOCAL_URL, 1.0)])
def test_a_service_that_a_plan_can_do_without_has_short_timeouts(session, target_endpoint, seconds):
    clients = Clients(session, Target(target_endpoint, "eu-west-1", "123456789012"), None)
    config = clients["iam"].meta.config
    assert (config.connect_timeout, config.read_timeout, config.user_agent_extra) == (
        seconds,
        10.0,
        "reconciler",
    )


def test_a_request_names_the_program_and_has_no_headers_for_retries(session):
    headers = send_and_get_headers(session)
    assert headers.keys() == {"User-Agent", "X-Amz-Date", "Authorization"}
    pattern = rf"Boto3/{boto3.__version__} Python/\S+ \S+ Botocore/\S+ reconciler"
    assert re.fullmatch(pattern, headers["User-Agent"].decode())


def test_a_request_has_the_application_id_that_the_user_has_chosen(session, monkeypatch):
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "fleet-team")
    headers = send_and_get_headers(session)
    names = headers["User-Agent"].decode().split()
    assert (names[0], "app/fleet-team" in names, names[-1]) == (
        f"Boto3/{boto3.__version__}",
        True,
        "reconciler",
    )


def test_the_environment_variables_of_a_function_are_neither_returned_nor_logged(session, capsys):
    members = {"FunctionName": "check", "Version": "$LATEST"}
    session.bodies["GetFunctionConfiguration"] = {**members, "Environment": {"Variables": {"KEY": "canary"}}}
    clients = Clients(session, Target("aws", "eu-west-1", "123456789012"), None)
    stop = start_wire_log()
    try:
        response = Caller(clients)(ApiCall("lambda", "GetFunctionConfiguration", {"FunctionName": "check"}))
    finally:
        stop()
    log = capsys.readouterr().err
    del response["ResponseMetadata"]
    assert response == members
    assert ("check" in log, "canary" in log) == (True, False)


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"[]"])
def test_a_response_about_a_function_that_has_no_members_is_not_changed(body):
    response = {"body": body}
    _remove_environment(response)
    assert response == {"body": body}


ROLE_ALIAS = """
[workspace]
name = "ws"
target = "embedded"

[role_aliases.a]
role_arn = "arn:aws:iam::123456789012:role/devices"
"""


def test_a_client_of_another_service_is_created_only_for_a_check(tmp_path):
    path = tmp_path / "fleet.toml"
    path.write_text(ROLE_ALIAS)
    workspace = Workspace(path)
    workspace.apply(workspace.plan())
    clients = Workspace(path)
    clients.plan()
    assert [sorted(item.connection.clients._clients) for item in (workspace, clients)] == [
        ["iam", "iot", "iot-managed-integrations"],
        ["iot", "iot-managed-integrations"],
    ]
