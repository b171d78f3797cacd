"""Every member of AWS's requests that create or change something is a field, is filled in, or is refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind

WITHOUT = {"provisioned_things"}
"""What is made of resources of other kinds: there the kinds themselves say it."""

KINDS = [kind for table, kind in sorted(all_kinds().items()) if table not in WITHOUT]


def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def leaves(shape: Any, path: str) -> Iterator[str]:
    """The members of a request down to what is no structure any more."""
    for name, member in shape.members.items():
        if member.type_name == "structure" and member.members:
            yield from leaves(member, f"{path}.{name}")
        else:
            yield f"{path}.{name}"


def written(kind: Kind) -> set[str]:
    found = model(kind.service)
    return {
        leaf
        for name in kind.write_operations
        for leaf in leaves(found.operation_model(name).input_shape, name)
    }


def said(kind: Kind) -> set[str]:
    """What fields and the name become, whatever the operation."""
    apis = [kind.name_api, *(member.api for member in kind.members.values())]
    return {api.partition(".")[2] for api in apis if api}


def is_said(leaf: str, tails: set[str]) -> bool:
    tail = leaf.partition(".")[2]
    return any(tail == known or tail.startswith(f"{known}.") for known in tails)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_every_member_of_a_request_is_accounted_for(kind):
    tails, other = said(kind), {**kind.derived_members, **kind.unsupported_members}
    assert {leaf for leaf in written(kind) if not is_said(leaf, tails)} == set(other)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_nothing_is_both_filled_in_and_unsupported_and_every_reason_is_a_sentence(kind):
    assert kind.derived_members.keys().isdisjoint(kind.unsupported_members)
    assert all(len(reason.split()) > 1 or reason in kind.members for reason in kind.derived_members.values())
    assert all(len(reason.split()) > 3 for reason in kind.unsupported_members.values())
