"""The wire layer against botocore's serializer and parser, for every served operation."""

import json
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from reconciler.registry import catalog
from reconciler.registry.addressing import parse_target
from reconciler.registry.errors import ApiError
from reconciler.registry.wire.faults import build_error_response
from reconciler.registry.wire.service import (
    JSON_SERVICES,
    QUERY_SERVICES,
    REST_SERVICES,
    SERVICES,
    load_service,
)
from tests.support.examples import examples
from tests.support.shape_strategies import shape_values

SERVED = sorted(catalog.load_served_operations())
FEW_EXAMPLES = examples(25)


def get_model(service, operation):
    return load_service(service).model.operation_model(operation)


def build_http_request(model, params):
    """Return the HTTP request that botocore builds."""
    protocol = model.service_model.metadata["protocol"]
    request = create_serializer(protocol, include_validation=False).serialize_to_request(params, model)
    prepare_request_dict(request, endpoint_url="https://example.amazonaws.com", context={})
    return create_request_object(request).prepare()


def to_bytes(body):
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def parse_output(model, status, headers, body, shape):
    """Return the output that botocore reads from an HTTP response."""
    parsed = create_parser(model.service_model.metadata["protocol"]).parse(
        {
            "status_code": status,
            "headers": {name.lower(): text for name, text in headers.items()},
            "body": body,
        },
        shape,
    )
    return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}


@pytest.mark.hypothesis
@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_requests_that_botocore_serializes_are_parsed(service, operation):
    model = get_model(service, operation)

    @FEW_EXAMPLES
    @given(shape_values(model.input_shape) if model.input_shape is not None else st.just({}))
    def check(params):
        request = build_http_request(model, params)
        target = parse_target(request.url)
        headers = {
            key.lower(): text if isinstance(text, str) else text.decode()
            for key, text in request.headers.items()
        }
        wire_operation, labels = load_service(service).find_operation(
            request.method, target.segments, headers, to_bytes(request.body)
        )
        parsed, errors = wire_operation.parser.parse(labels, target.query, headers, to_bytes(request.body))
        assert (wire_operation.name, parsed, errors.messages) == (operation, params, [])

    check()


@pytest.mark.hypothesis
@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_responses_are_parsed_by_botocore(service, operation):
    model = get_model(service, operation)
    wire_operation = find_operation(service, operation)

    @FEW_EXAMPLES
    @given(shape_values(model.output_shape) if model.output_shape is not None else st.just({}))
    def check(output):
        status, headers, body = wire_operation.serializer.serialize(output)
        assert status == model.http.get("responseCode", 200)
        assert parse_output(model, status, headers, body, model.output_shape) == output

    check()


def find_operation(service, operation):
    model = get_model(service, operation)
    segments = urlsplit(model.http["requestUri"]).path.removeprefix("/").split("/")
    headers = {"x-amz-target": f"{model.service_model.metadata.get('targetPrefix')}.{operation}"}
    form = f"Action={operation}&Version={model.service_model.api_version}".encode()
    return load_service(service).find_operation(model.http["method"], segments, headers, form)[0]


def get_status(shape):
    """Return the HTTP status of an error; the models of the json protocol do not have it."""
    if "error" in shape.metadata:
        return shape.metadata["error"]["httpStatusCode"]
    return 500 if shape.name.startswith(("InternalServ", "InternalFailure")) else 400


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_errors_are_parsed_by_botocore_with_all_members(service, operation):
    model = get_model(service, operation)
    for shape in model.error_shapes:
        members = {member: f"the {member}" for member in shape.members if member.lower() != "message"}
        status, headers, body = build_error_response(
            load_service(service), ApiError(shape.error_code, "the message", **members)
        )

        parsed = parse_output(model, status, headers, body, model.output_shape)
        parsed_members = parse_output(
            model, status, headers, body, load_service(service).model.shape_for_error_code(shape.error_code)
        )

        assert status == get_status(shape)
        assert headers["x-amzn-ErrorType"] == shape.error_code
        assert {key: parsed["Error"][key] for key in ("Code", "Message")} == {
            "Code": shape.error_code,
            "Message": "the message",
        }
        assert {member: parsed_members[member] for member in members} == members


@pytest.mark.parametrize("service", [*SERVICES, *JSON_SERVICES])
def test_every_operation_of_the_models_can_be_compiled(service):
    """An operation that will be served later needs no change of the wire layer."""
    for operation in load_service(service).model.operation_names:
        wire_operation = find_operation(service, operation)
        assert (
            wire_operation.name,
            wire_operation.parser is not None,
            wire_operation.serializer is not None,
        ) == (operation, True, True)


def test_every_served_operation_is_in_its_model():
    assert [key for key in SERVED if key[1] not in load_service(key[0]).model.operation_names] == []


# These operations have neither parameters nor an error for invalid parameters.
NEVER_INVALID = {
    "DeleteRegistrationCode",
    "DescribeAccountAuditConfiguration",
    "DescribeEventConfigurations",
    "GetV2LoggingOptions",
}


@pytest.mark.parametrize("service", [*REST_SERVICES, *JSON_SERVICES, *QUERY_SERVICES])
def test_the_error_codes_for_invalid_requests_and_faults_are_in_the_model(service):
    for operation in load_service(service).model.operation_names:
        wire_operation = load_service(service).get_operation(operation)
        if (service, operation) in catalog.load_served_operations() and service in SERVICES:
            assert wire_operation.invalid_code in wire_operation.error_codes or operation in NEVER_INVALID
        throttling = build_error_response(
            load_service(service), ApiError(wire_operation.throttling_code, "x")
        )
        assert throttling[0] in {400, 429}
        fault = build_error_response(load_service(service), ApiError(wire_operation.fault_code, "x"))
        assert fault[0] == 500
        is_modeled = load_service(service).find_error_format(wire_operation.fault_code) is not None
        assert is_modeled or wire_operation.fault_code == "InternalFailure"  # AWS's common error


def test_the_targets_versions_and_signing_names_of_services_are_those_of_the_models():
    metadata = {service: load_service(service).model.metadata for service in JSON_SERVICES}
    assert {service: values["targetPrefix"] for service, values in metadata.items()} == JSON_SERVICES
    versions = {name: load_service(name).model.api_version for name in QUERY_SERVICES}
    assert versions == QUERY_SERVICES
    others = {"lambda", *JSON_SERVICES, *QUERY_SERVICES}
    names = {load_service(service).model.metadata.get("signingName", service) for service in others}
    assert names == others


def test_error_bodies_have_the_models_message_member():
    bodies = {
        service: json.loads(
            build_error_response(load_service(service), ApiError("ConflictException", "x"))[2]
        )
        for service in SERVICES
    }

    assert bodies == {"iot": {"message": "x"}, "iot-managed-integrations": {"Message": "x"}}
