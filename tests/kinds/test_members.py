"""Specs become request members, and responses become specs, as the fields declare it."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.members import from_members, to_members
from reconciler.kinds.base.schema import member
from reconciler.model.document import Document
from reconciler.model.resource import External, Reference


@frozen
class Part:
    """A nested structure."""

    name: str = member("Name.", api="CreateX.properties.parts.partName")
    count: int | None = member("Count.", api="CreateX.properties.parts.count", default=None)


@frozen
class Device:
    """A spec that has values of all types."""

    group: Reference = member("Group.", api="CreateX.groupName", references="thing_groups")
    parts: tuple[Part, ...] = member("Parts.", api="CreateX.properties.parts", factory=tuple)
    parts_by_name: Mapping[str, Part] = member(
        "Parts by name.", api="CreateX.properties.byName", factory=dict
    )
    document: Document | None = member("Document.", api="CreateX.document", default=None)
    enabled: bool = member("Enabled.", api="CreateX.enabled", default=False)
    remark: str | None = member("Note.", api="CreateX.note", default=None)
    path: str = member("A path on this machine.", default="keys")


DEVICE = Device(
    External("arn:aws:iot:eu-west-1:123456789012:thinggroup/g"),
    (Part("a", 0), Part("b")),
    {"z": Part("c", 2)},
    Document.parse('{"b": 1}'),
)
MEMBERS = {
    "groupName": "g",
    "properties": {
        "parts": [{"partName": "a", "count": 0}, {"partName": "b"}],
        "byName": {"z": {"partName": "c", "count": 2}},
    },
    "document": '{"b": 1}',
    "enabled": False,
}


def test_a_spec_becomes_the_members_that_its_fields_name():
    assert to_members(DEVICE) == MEMBERS


def test_only_named_fields_become_members():
    assert to_members(DEVICE, ["enabled", "path"]) == {"enabled": False}


def test_a_response_becomes_the_spec_that_was_sent():
    response = {**MEMBERS["properties"], **MEMBERS, "note": ""}
    spec = from_members(Device, response)
    assert spec == Device(External("g"), DEVICE.parts, DEVICE.parts_by_name, DEVICE.document)


def test_a_field_without_a_default_gets_an_empty_value_from_a_response():
    assert from_members(Part, {"partName": ""}) == Part("")
