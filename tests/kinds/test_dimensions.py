"""Dimensions: found by name, updated in place."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.dimensions import Dimension
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("dimension/a")
SPEC = Dimension(("plants/+/alarms",))
MEMBERS = {"stringValues": ["plants/+/alarms"], "type": "TOPIC_FILTER"}
LIVE = Live("a", SPEC, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)


def make_dimension(spec: Dimension):
    return make_resource("dimensions", "a", spec)


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_dimension(SPEC)) == [
        make_iot_call("CreateDimension", name="a", **MEMBERS, tags=make_tag_list(OWNERSHIP_TAGS))
    ]


def test_all_dimensions_are_described_as_the_listing_has_only_names():
    responses = {
        "ListDimensions": {"dimensionNames": ["a", "foreign"]},
        "DescribeDimension": lambda params: {
            **MEMBERS,
            "name": params["name"],
            "arn": build_arn(f"dimension/{params['name']}"),
        },
        "ListTagsForResource": lambda params: {
            "tags": make_tag_list(OWNERSHIP_TAGS) if params["resourceArn"] == ARN else []
        },
    }
    live_resources, operations = read_kind("dimensions", responses)
    assert live_resources == [LIVE]
    assert operations.count("DescribeDimension") == 2


def test_an_update_replaces_all_values():
    after = make_dimension(evolve(SPEC, string_values=("a/#", "b/#")))
    assert list_calls(make_change(after, LIVE)) == [
        make_iot_call("UpdateDimension", name="a", stringValues=["a/#", "b/#"])
    ]


def test_a_deletion_is_one_call():
    assert list_delete_calls("dimensions", LIVE) == [
        make_iot_call("DeleteDimension", name="a", ignored_errors=NOT_FOUND)
    ]
