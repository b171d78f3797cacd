"""Every field that names a resource of another service declares it, so that plans check it."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from reconciler.kinds import all_kinds
from reconciler.kinds.base.outside_services import (
    OUTSIDE_TYPES,
    find_service_needs,
)
from reconciler.kinds.base.schema import find_nested_classes, get_members, get_types
from reconciler.model.address import Address
from reconciler.model.change import Create
from reconciler.model.resource import Resource
from tests.support.registry_client import TARGET
from tests.support.service_models import create_session

TEXTS = {
    "role": ("arn:aws:iam::123456789012:role/path/name", {"RoleName": "name"}),
    "function": (
        "arn:aws:lambda:eu-west-1:123456789012:function:name:live",
        {"FunctionName": "name", "Qualifier": "live"},
    ),
    "kinesis_stream": ("arn:aws:kinesis:eu-west-1:123456789012:stream/name", {"StreamName": "name"}),
    "delivery_stream": ("name", {"DeliveryStreamName": "name"}),
}
"""A text of a field of each type, and the parameters of the call that reads what it names."""

NAMES = {
    "role": re.compile("rolearn"),
    "function": re.compile("(lambda|function).*arn|lambda.arn|callbackarn|hook.targetarn"),
    "kinesis_stream": re.compile("kinesis.streamname|deliverydestinationarn"),
    "delivery_stream": re.compile("deliverystreamname"),
}
"""The names of AWS's request members for each type, in lower case."""


def iterate_fields(spec_class, classes=()):
    """Yield the classes and names on the path to each field of a spec class, and its declaration."""
    nested_classes = find_nested_classes(spec_class)
    for name, member in get_members(spec_class).items():
        path = (*classes, (spec_class, name))
        if not nested_classes[name]:
            yield path, member
        for nested in nested_classes[name]:
            yield from iterate_fields(nested, path)


FIELDS = {
    f"{table}.{'.'.join(name for _, name in path)}": (path, member)
    for table, kind in all_kinds().items()
    for path, member in iterate_fields(kind.spec_class)
}
OUTSIDE_FIELDS = {field: pair for field, pair in FIELDS.items() if pair[1].outside}


def find_type(member):
    """Return the type of resource that a field must declare, by the name of its request member."""
    name = ".".join((member.api or "").split(".")[-2:]).lower()
    return next((outside_type for outside_type, pattern in NAMES.items() if pattern.search(name)), None)


def test_every_request_member_that_names_a_resource_of_another_service_is_declared():
    declared = {field: member.outside for field, (_, member) in OUTSIDE_FIELDS.items()}
    expected = {field: find_type(member) for field, (_, member) in FIELDS.items() if find_type(member)}
    assert declared == expected
    assert {*declared.values()} == OUTSIDE_TYPES.keys()


def build_spec(path, text) -> Any:
    """Return an instance of the first class of a path with the text in the last field."""
    (spec_class, name), *inner_path = path
    value = build_spec(inner_path, text) if inner_path else text
    annotation = str(get_types(spec_class)[name])
    if "Mapping[" in annotation:
        value = {"key": value}
    elif "tuple[" in annotation:
        value = (value,)
    dummies = {
        attribute.name: None for attribute in attrs.fields(spec_class) if attribute.default is attrs.NOTHING
    }
    return spec_class(**{**dummies, name: value})


@pytest.mark.parametrize("field", OUTSIDE_FIELDS)
def test_every_declared_field_leads_to_one_check(field):
    path, member = OUTSIDE_FIELDS[field]
    text, params = TEXTS[member.outside]
    table = next(table for table, kind in all_kinds().items() if kind.spec_class is path[0][0])
    resource = Resource(Address(table, "a"), build_spec(path, text))
    (need,) = find_service_needs(Create(resource), TARGET)
    outside_type = OUTSIDE_TYPES[member.outside]
    (call,) = next(need.read())
    assert (call.service, call.operation, call.params) == (
        outside_type.service,
        outside_type.operation,
        params,
    )
    field_path = re.sub(r"\[0\]|\.key\b", "", need.path)
    assert f"{table}.{field_path}" == field


@pytest.mark.parametrize("outside_type", OUTSIDE_TYPES.values(), ids=lambda item: item.service)
def test_the_operation_and_the_parameter_of_every_type_are_aws(outside_type):
    model = create_session().get_service_model(outside_type.service).operation_model(outside_type.operation)
    assert outside_type.name_param in model.input_shape.members
