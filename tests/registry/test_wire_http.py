"""A registry behind HTTP responds like one in this process, to requests that botocore writes."""

import http.client
import json
import re

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from reconciler.registry import HttpRequest, Registry, catalog
from reconciler.registry.wire.service import load_service
from tests.support.examples import examples
from tests.support.registry_server import serve_registry
from tests.support.shape_strategies import shape_values

FEW_EXAMPLES = examples(4)
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SIGNING_NAMES = {
    "iot": "iot",
    "iot-managed-integrations": "iotmanagedintegrations",
    "ssm": "ssm",
    "secretsmanager": "secretsmanager",
    "iam": "iam",
    "sts": "sts",
    "lambda": "lambda",
    "kinesis": "kinesis",
    "firehose": "firehose",
    "cloudtrail": "cloudtrail",
}


@pytest.fixture(scope="module")
def server():
    with serve_registry() as server:
        yield server


@pytest.fixture(scope="module")
def registry():
    registry = Registry(":memory:")
    yield registry
    registry.close()


@pytest.fixture(scope="module")
def connection(server):
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    yield connection
    connection.close()


def build_request(service, model, params, url):
    """Return the method, URL, headers and body of the HTTP request that botocore builds.

    It has a credential scope but no valid signature.
    """
    request = create_serializer(
        model.service_model.metadata["protocol"], include_validation=False
    ).serialize_to_request(params, model)
    prepare_request_dict(request, endpoint_url=url, context={})
    prepared = create_request_object(request).prepare()
    scope = f"Credential=test/20260101/eu-west-1/{SIGNING_NAMES[service]}/aws4_request"
    headers = {
        key: text if isinstance(text, str) else text.decode("latin-1")
        for key, text in prepared.headers.items()
    }
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
    body = prepared.body or b""
    return prepared.method, prepared.url, headers, body.encode() if isinstance(body, str) else bytes(body)


def get_comparable_parts(status, headers, body):
    """Return the parts of a response that must be equal.

    They are the status, the error code, the content type, and either the whole document of an error or the names of an
    output's members; or a whole document in XML. Each registry generates its own UUIDs, so they are masked.
    """
    lower_headers = {key.lower(): value for key, value in headers.items()}
    if lower_headers.get("content-type") == "text/xml":
        return status, UUID.sub(b"<id>", body)
    document = json.loads(UUID.sub(b"<id>", body) or b"{}")
    error_code = lower_headers.get("x-amzn-errortype")
    return status, error_code, document if error_code else sorted(document), lower_headers.get("content-type")


@pytest.mark.hypothesis
@pytest.mark.parametrize(("service", "operation"), sorted(catalog.load_served_operations()))
def test_responses_over_http_equal_responses_in_process(server, registry, connection, service, operation):
    model = load_service(service).model.operation_model(operation)

    @FEW_EXAMPLES
    @given(shape_values(model.input_shape) if model.input_shape is not None else st.just({}))
    def check(params):
        method, url, headers, body = build_request(service, model, params, server.url)
        connection.request(method, url.removeprefix(server.url), body, headers)
        response = connection.getresponse()
        over_http = get_comparable_parts(response.status, dict(response.headers), response.read())
        in_process = registry.handle(HttpRequest(method, url, headers, body))
        assert over_http == get_comparable_parts(in_process.status, in_process.headers, in_process.body)

    check()
