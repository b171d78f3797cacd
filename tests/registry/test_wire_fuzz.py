"""Fuzzing: no request makes the registry raise an exception or respond with an internal error."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.registry import HttpRequest, Registry
from reconciler.registry.wire.service import SERVICES
from tests.support.examples import examples
from tests.support.shape_strategies import shape_values

from .test_wire_oracle import SERVED, build_http_request, get_model, to_bytes

MANY_EXAMPLES = examples(400)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "", "get"]
PATHS = [
    "/things/{}",
    "/things",
    "/things/{}/principals",
    "/principals/things",
    "/thing-groups/{}",
    "/thing-groups/addThingToThingGroup",
    "/thing-groups/{}/things",
    "/thing-types/{}",
    "/thing-types",
    "/certificates/{}",
    "/certificates-by-ca/{}",
    "/certificate/register",
    "/cacertificate",
    "/cacertificates",
    "/registrationcode",
    "/tags",
    "/untag",
    "/tags/{}",
    "/managed-things",
    "/managed-things/{}",
    "/endpoint",
    "/policies/{}",
    "/policies/{}/version/{}",
    "/target-policies/{}",
    "/attached-policies/{}",
    "/principal-policies",
    "/billing-groups/{}",
    "/dynamic-thing-groups/{}",
    "/indices/search",
    "/indexing/config",
    "/role-aliases/{}",
    "/provisioning-templates",
    "/provisioning-templates/{}/versions/{}",
    "/certificates",
    "/transfer-certificate/{}",
    "/thing-registration-tasks",
    "/credential-lockers",
    "/provisioning-profiles/{}",
    "/managed-thing-schemas/{}",
    "/{}",
]
MEMBERS = [
    "thingTypeName",
    "attributePayload",
    "attributes",
    "merge",
    "expectedVersion",
    "certificatePem",
    "caCertificate",
    "status",
    "tags",
    "Tags",
    "Key",
    "resourceArn",
    "tagKeys",
    "Role",
    "AuthenticationMaterial",
    "AuthenticationMaterialType",
    "CapabilityReport",
    "CapabilitySchemas",
    "ClientToken",
    "thingGroupProperties",
    "thingName",
    "thingGroupName",
    "parentGroupName",
    "maxResults",
    "nextToken",
    "marker",
    "newStatus",
    "pageSize",
    "recursive",
    "namePrefixFilter",
    "Force",
    "NextToken",
    "policyDocument",
    "target",
    "queryString",
    "templateBody",
    "parameters",
    "certificateSigningRequest",
    "thingIndexingConfiguration",
    "roleArn",
    "templateName",
    "ProvisioningType",
    "CaCertificate",
]
TEXT = st.text(max_size=12) | st.sampled_from(
    ["", "a", "\ud800", "\x00", "%", "%ff", "..", "9" * 400, "true", "-1", "a" * 130]
)
SCALAR = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | TEXT
DOCUMENT = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS) | TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)
BODY = (
    st.binary(max_size=40)
    | DOCUMENT.map(lambda document: json.dumps(document).encode())
    | st.dictionaries(st.sampled_from(MEMBERS), DOCUMENT, max_size=6).map(
        lambda document: json.dumps(document).encode()
    )
)
QUERY = st.lists(st.tuples(st.sampled_from(MEMBERS) | TEXT, TEXT), max_size=3).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "x-amzn-principal", "Content-Type", "Host"]) | TEXT, TEXT, max_size=3
)


@pytest.fixture(scope="module")
def shared_registry():
    registry = Registry(":memory:")
    yield registry
    registry.close()


def send_and_check(registry, request):
    """Handle a request, assert what holds for every response, and return its status."""
    response = registry.handle(request)
    assert response.status < 500
    assert response.body == b"" or isinstance(json.loads(response.body), dict)
    assert all(value.isascii() and "\n" not in value for value in response.headers.values())
    return response.status


def build_local_request(method, path, headers=None, body=b""):
    return HttpRequest(method, "http://127.0.0.1:4566" + path, headers or {}, body)


def build_target(path, label, query):
    """Return the path and the query of a URL; the label replaces each `{}` of the path."""
    return path.replace("{}", label) + (f"?{query}" if query else "")


TARGETS = st.builds(build_target, st.sampled_from(PATHS), TEXT, QUERY)


@MANY_EXAMPLES
@given(st.builds(build_local_request, st.sampled_from(METHODS), TARGETS, HEADERS, BODY))
@example(build_local_request("GET", "/things/%ff"))
@example(build_local_request("GET", "/things?maxResults=" + "9" * 5000))
@example(build_local_request("GET", "/things?nextToken=%00"))
@example(build_local_request("GET", "/principals/things", {"x-amzn-principal": "\ud800"}))
@example(build_local_request("POST", "/things/a", body=b'{"thingTypeName": "\\ud800"}'))
@example(build_local_request("POST", "/things/a", body=b'{"attributePayload":' * 50_000))
@example(build_local_request("POST", "/managed-things", body=b"[" * 100_000))
@example(build_local_request("PATCH", "/things/a", body=b'{"expectedVersion": 99999999999999999999}'))
@example(build_local_request("POST", "/policies/a", body=b'{"policyDocument": "{\\"a\\": \\"\\\\ud800\\"}"}'))
@example(
    build_local_request(
        "POST", "/things", body=b'{"templateBody": "{\\"Resources\\": {\\"\\\\ud800\\": {}}}"}'
    )
)
@example(build_local_request("GET", "/policies/a/version/" + "9" * 5000))
@example(build_local_request("PATCH", "/things/a", body=b'{"expectedVersion": 1e400}'))
@example(build_local_request("PATCH", "/things/a", body=b'{"expectedVersion": ' + b"9" * 5000 + b"}"))
@example(build_local_request("PATCH", "/things/a", body=b'{"expectedVersion": NaN}'))
def test_no_request_causes_an_internal_error(shared_registry, http_request):
    send_and_check(shared_registry, http_request)


@MANY_EXAMPLES
@given(st.text(max_size=30), st.text(max_size=6), st.binary(max_size=20))
@example("http://[", "GET", b"")
@example("", "", b"")
@example("//", "GET", b"")
def test_no_url_causes_an_internal_error(shared_registry, url, method, body):
    send_and_check(shared_registry, HttpRequest(method, url, {}, body))


def test_a_document_that_is_nested_too_deeply_is_rejected(shared_registry):
    schema = {}
    for _ in range(200):
        schema = {"a": schema}
    item = {
        "Format": "AWS",
        "CapabilityId": "aws.OnOff@1.0",
        "ExtrinsicId": "1",
        "ExtrinsicVersion": 1,
        "Schema": schema,
    }
    document = {
        "Role": "DEVICE",
        "AuthenticationMaterial": "1",
        "AuthenticationMaterialType": "ZWAVE_QR_BAR_CODE",
        "CapabilitySchemas": [item],
    }

    assert (
        send_and_check(
            shared_registry,
            HttpRequest("POST", "http://127.0.0.1/managed-things", {}, json.dumps(document).encode()),
        )
        == 400
    )


@pytest.mark.hypothesis
@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_no_valid_input_causes_an_internal_or_unmodeled_error(shared_registry, service, operation):
    model = get_model(service, operation)
    error_codes = {shape.error_code for shape in model.error_shapes}
    if service not in SERVICES:  # AWS's common errors, which their models do not have
        error_codes |= {"ValidationException", "ValidationError"}

    @examples(25)
    @given(shape_values(model.input_shape) if model.input_shape is not None else st.just({}))
    def check(params):
        request = build_http_request(model, params)
        headers = {
            key: value if isinstance(value, str) else value.decode() for key, value in request.headers.items()
        }
        headers["Authorization"] = f"Credential=1/20250101/eu-west-1/{get_signing_name(model)}/aws4_request"
        response = shared_registry.handle(
            HttpRequest(request.method, request.url, headers, to_bytes(request.body))
        )
        assert response.status < 500
        assert response.headers.get("x-amzn-ErrorType") in error_codes | {None}

    check()


def get_signing_name(model):
    return model.service_model.metadata.get("signingName", model.service_model.service_name)
