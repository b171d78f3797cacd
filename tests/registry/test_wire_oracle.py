"""The wire layer against botocore's own serializer and parser, both ways, for every operation that is served."""

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
from reconciler.registry.wire.faults import error_response
from reconciler.registry.wire.service import SERVICES, service
from tests.support.examples import examples
from tests.support.shape_strategies import values

SERVED = sorted(catalog.served_operations())
FEW = examples(40)


def model_of(name, operation):
    return service(name).model.operation_model(operation)


def as_http(model, params):
    """Let botocore make the HTTP request."""
    request = create_serializer("rest-json", include_validation=False).serialize_to_request(params, model)
    prepare_request_dict(request, endpoint_url="https://example.amazonaws.com", context={})
    return create_request_object(request).prepare()


def as_bytes(body):
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def as_output(model, status, headers, body, shape):
    """Let botocore read an HTTP response."""
    parsed = create_parser("rest-json").parse(
        {
            "status_code": status,
            "headers": {name.lower(): text for name, text in headers.items()},
            "body": body,
        },
        shape,
    )
    return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}


@pytest.mark.hypothesis
@pytest.mark.parametrize(("name", "operation"), SERVED)
def test_what_botocore_serializes_we_parse(name, operation):
    model = model_of(name, operation)

    @FEW
    @given(values(model.input_shape) if model.input_shape is not None else st.just({}))
    def check(params):
        request = as_http(model, params)
        target = parse_target(request.url)
        wire, labels = service(name).routes.find(request.method, target.segments)
        headers = {
            key.lower(): text if isinstance(text, str) else text.decode()
            for key, text in request.headers.items()
        }
        parsed, errors = wire.parser.parse(labels, target.query, headers, as_bytes(request.body))
        assert (wire.name, parsed, errors.messages) == (operation, params, [])

    check()


@pytest.mark.hypothesis
@pytest.mark.parametrize(("name", "operation"), SERVED)
def test_what_we_serialize_botocore_parses(name, operation):
    model = model_of(name, operation)
    wire = next_wire(name, operation)

    @FEW
    @given(values(model.output_shape) if model.output_shape is not None else st.just({}))
    def check(output):
        status, headers, body = wire.serializer.serialize(output)
        assert status == model.http.get("responseCode", 200)
        assert as_output(model, status, headers, body, model.output_shape) == output

    check()


def next_wire(name, operation):
    http = model_of(name, operation).http
    segments = urlsplit(http["requestUri"]).path.removeprefix("/").split("/")
    return service(name).routes.find(http["method"], segments)[0]


@pytest.mark.parametrize(("name", "operation"), SERVED)
def test_errors_reach_botocore_with_code_status_message_and_members(name, operation):
    model = model_of(name, operation)
    for shape in model.error_shapes:
        members = {member: f"the {member}" for member in shape.members if member.lower() != "message"}
        status, headers, body = error_response(
            service(name), ApiError(shape.name, "what is wrong", **members)
        )

        parsed = as_output(model, status, headers, body, model.output_shape)
        modelled = as_output(
            model, status, headers, body, service(name).model.shape_for_error_code(shape.name)
        )

        assert status == shape.metadata["error"]["httpStatusCode"]
        assert headers["x-amzn-ErrorType"] == shape.name
        assert parsed["Error"] == {"Code": shape.name, "Message": "what is wrong"}
        assert {member: modelled[member] for member in members} == members


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_of_the_model_can_be_worked_out(name):
    """So that an operation that is served later needs nothing here."""
    for operation in service(name).model.operation_names:
        wire = next_wire(name, operation)
        assert (wire.name, wire.parser is not None, wire.serializer is not None) == (operation, True, True)


def test_every_served_operation_is_in_its_model():
    assert [key for key in SERVED if key[1] not in service(key[0]).model.operation_names] == []


# Neither has parameters, nor an error for wrong ones.
NEVER_INVALID = {"DeleteRegistrationCode", "DescribeEventConfigurations"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_bad_request_and_a_fault_of_ours_have_codes_that_the_model_has(name):
    for operation in service(name).model.operation_names:
        wire = next_wire(name, operation)
        if (name, operation) in catalog.served_operations():
            assert wire.invalid_code in wire.error_codes or operation in NEVER_INVALID
        assert service(name).error_format(wire.fault_code) is not None


def test_error_bodies_are_json_with_the_models_own_message_member():
    bodies = {
        name: json.loads(error_response(service(name), ApiError("ConflictException", "x"))[2])
        for name in SERVICES
    }

    assert bodies == {"iot": {"message": "x"}, "iot-managed-integrations": {"Message": "x"}}
