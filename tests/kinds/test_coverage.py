"""Every member of AWS's write requests is a field, is derived, or is unsupported for a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind

COMPOSITE_TABLES = {"provisioned_things"}
"""The kinds that consist of resources of other kinds. The members of these resources are tested with the other kinds."""

KINDS = [kind for table, kind in sorted(all_kinds().items()) if table not in COMPOSITE_TABLES]


def load_service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def walk_leaf_members(shape: Any, path: str) -> Iterator[str]:
    """Return the paths of a request's members that are not structures themselves."""
    for name, member in shape.members.items():
        if member.type_name == "structure" and member.members:
            yield from walk_leaf_members(member, f"{path}.{name}")
        else:
            yield f"{path}.{name}"


def list_request_members(kind: Kind) -> set[str]:
    model = load_service_model(kind.service)
    return {
        leaf
        for operation in kind.write_operations
        for leaf in walk_leaf_members(model.operation_model(operation).input_shape, operation)
    }


def list_field_members(kind: Kind) -> set[str]:
    """Return the paths of the members that are set from fields or the name.

    The paths do not begin with the operation: `thingName`, and not `CreateThing.thingName`.
    """
    members = kind.members.values()
    apis = [
        kind.name_api,
        *(member.api for member in members),
        *(member.document_api for member in members),
    ]
    return {api.partition(".")[2] for api in apis if api}


def is_covered(leaf: str, members: set[str]) -> bool:
    """Return whether the members include this member of a request, or a structure that contains it."""
    path = leaf.partition(".")[2]
    return any(path == member or path.startswith(f"{member}.") for member in members)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_every_member_of_a_request_is_a_field_derived_or_unsupported(kind):
    field_members = list_field_members(kind)
    other_members = {leaf for leaf in list_request_members(kind) if not is_covered(leaf, field_members)}
    assert other_members == {*kind.derived_members, *kind.unsupported_members}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_derived_and_unsupported_members_are_disjoint_and_explained(kind):
    assert kind.derived_members.keys().isdisjoint(kind.unsupported_members)
    # A derived member is explained by a sentence, or by the field from which it is derived.
    assert all(len(reason.split()) > 1 or reason in kind.members for reason in kind.derived_members.values())
    assert all(len(reason.split()) > 3 for reason in kind.unsupported_members.values())
