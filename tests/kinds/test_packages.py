"""Packages: found by name; their descriptions cannot be removed."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.packages import Package
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    make_change,
    make_iot_call,
    make_tag_list,
)

ARN = build_arn("package/a")
SPEC = Package("Pumps")
LIVE = Live("a", SPEC, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)


def make_package(spec: Package):
    return make_resource("packages", "a", spec)


def test_a_creation_takes_the_ownership_tags_as_a_map():
    assert list_create_calls(make_package(SPEC)) == [
        make_iot_call("CreatePackage", packageName="a", description="Pumps", tags=OWNERSHIP_TAGS)
    ]


def test_a_description_and_a_tag_change_in_place():
    after = make_package(evolve(SPEC, description="All pumps", tags={"line": "A"}))
    assert list_calls(make_change(after, LIVE)) == [
        make_iot_call("UpdatePackage", packageName="a", description="All pumps"),
        make_iot_call("TagResource", resourceArn=ARN, tags=make_tag_list({"line": "A"})),
    ]
