"""The shapes of requests are those of botocore."""

from __future__ import annotations

import gzip
import json
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from reconciler.aws import request_shapes
from reconciler.aws.clients import SERVICES
from reconciler.aws.request_shapes import Shape, find_shape, list_operations
from reconciler.service_models.loader import load_service_model


def describe_botocore(shape: Any) -> dict[str, Any]:
    limits = [shape.metadata.get(name) for name in ("min", "max", "pattern")]
    description = {"name": shape.name, "type": shape.type_name, "limits": limits}
    match shape.type_name:
        case "string":
            return {**description, "enum": list(shape.enum)}
        case "structure":
            return {
                **description,
                "required": list(shape.required_members),
                "is_document": shape.is_document_type,
                "members": {name: member.name for name, member in shape.members.items()},
            }
        case "list":
            return {**description, "member": shape.member.name}
        case "map":
            return {**description, "key": shape.key.name, "value": shape.value.name}
        case _:
            return description


def describe(shape: Shape) -> dict[str, Any]:
    description = {
        "name": shape.name,
        "type": shape.type_name,
        "limits": [shape.min, shape.max, shape.pattern],
    }
    match shape.type_name:
        case "string":
            return {**description, "enum": list(shape.enum)}
        case "structure":
            return {
                **description,
                "required": list(shape.required_members),
                "is_document": shape.is_document,
                "members": {name: member.name for name, member in shape.members.items()},
            }
        case "list":
            return {**description, "member": shape.member.name}
        case "map":
            return {**description, "key": shape.key.name, "value": shape.value.name}
        case _:
            return description


def list_shapes(shape: Any, shapes: dict[str, Any]) -> dict[str, Any]:
    """Add a shape and those in it to `shapes`, by name."""
    if shape.name not in shapes:
        shapes[shape.name] = shape
        children = {
            "structure": lambda: [*shape.members.values()],
            "list": lambda: [shape.member],
            "map": lambda: [shape.key, shape.value],
        }
        for child in children.get(shape.type_name, list)():
            list_shapes(child, shapes)
    return shapes


@pytest.mark.parametrize("service", SERVICES)
def test_every_shape_of_a_request_is_the_one_of_botocore(service):
    model = load_service_model(service)
    assert list_operations(service) == set(model.operation_names)
    requests = [model.operation_model(name).input_shape for name in model.operation_names]
    expected: dict[str, Any] = {}
    actual: dict[str, Any] = {}
    for operation, request in zip(model.operation_names, requests, strict=True):
        for name, member in request.members.items() if request else ():
            list_shapes(member, expected)
            list_shapes(find_shape(service, f"{operation}.{name}"), actual)
    assert len(expected) > 100
    assert {name: describe(shape) for name, shape in actual.items()} == {
        name: describe_botocore(shape) for name, shape in expected.items()
    }


def test_a_path_continues_in_the_items_of_lists():
    assert find_shape("iot", "CreateTopicRule.topicRulePayload.actions.sqs.queueUrl").name == "QueueUrl"


def test_a_service_without_a_model_raises_lookup_error():
    with pytest.raises(LookupError, match=r"^botocore has no model of iot-nothing$"):
        list_operations("iot-nothing")


def test_a_model_that_is_not_compressed_is_read_too(tmp_path, monkeypatch):
    model = {"operations": {"Ping": {"input": {"shape": "PingRequest"}}}, "shapes": {}}
    for version, name, content in (
        ("2020-01-01", "service-2.json.gz", gzip.compress(json.dumps({**model, "operations": {}}).encode())),
        ("2024-01-01", "service-2.json", json.dumps(model).encode()),
    ):
        file = Path(tmp_path, "botocore", "data", "ping", version, name)
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    package = ModuleSpec("botocore", loader=None, is_package=True)
    package.submodule_search_locations = [str(tmp_path / "botocore")]
    monkeypatch.setattr(request_shapes, "find_spec", lambda _name: package)
    assert list_operations("ping") == {"Ping"}
