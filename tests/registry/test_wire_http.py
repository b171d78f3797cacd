"""HTTP changes nothing: whatever botocore writes is answered over the wire as it is answered in the process."""

import http.client
import json

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from reconciler.registry import HttpRequest, Registry, catalog
from reconciler.registry.wire.service import service
from tests.support.examples import examples
from tests.support.registry_server import served
from tests.support.shape_strategies import values

FEW = examples(4)
NAMES = {"iot": "iot", "iot-managed-integrations": "iotmanagedintegrations"}


@pytest.fixture(scope="module")
def server():
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def registry():
    made = Registry(":memory:")
    yield made
    made.close()


@pytest.fixture(scope="module")
def connection(server):
    opened = http.client.HTTPConnection(*server.address, timeout=10)
    yield opened
    opened.close()


def written(name, model, params, url):
    """The HTTP request that botocore makes of the parameters, signed for the service in name only."""
    request = create_serializer("rest-json", include_validation=False).serialize_to_request(params, model)
    prepare_request_dict(request, endpoint_url=url, context={})
    made = create_request_object(request).prepare()
    scope = f"Credential=test/20260101/eu-west-1/{NAMES[name]}/aws4_request"
    headers = {
        key: text if isinstance(text, str) else text.decode("latin-1") for key, text in made.headers.items()
    }
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
    body = made.body or b""
    return made.method, made.url, headers, body.encode() if isinstance(body, str) else bytes(body)


def told(status, headers, body):
    """What has to be the same: status, error, its words, and the members of an answer."""
    named = {key.lower(): value for key, value in headers.items()}
    document = json.loads(body or b"{}")
    error = named.get("x-amzn-errortype")
    return status, error, document if error else sorted(document), named.get("content-type")


@pytest.mark.hypothesis
@pytest.mark.parametrize(("name", "operation"), sorted(catalog.served_operations()))
def test_over_http_as_in_the_process(server, registry, connection, name, operation):
    model = service(name).model.operation_model(operation)

    @FEW
    @given(values(model.input_shape) if model.input_shape is not None else st.just({}))
    def check(params):
        method, url, headers, body = written(name, model, params, server.url)
        connection.request(method, url.removeprefix(server.url), body, headers)
        answer = connection.getresponse()
        over = told(answer.status, dict(answer.headers), answer.read())
        within = registry.handle(HttpRequest(method, url, headers, body))
        assert over == told(within.status, within.headers, within.body)

    check()
