"""The addresses that a spec refers to, and the resources that refer to an address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.schema import get_members
from reconciler.model.address import Address
from reconciler.model.resource import Desired, Inventory


def find_references(spec: Any) -> Iterator[Address]:
    """Yield the addresses that a spec refers to."""
    for member in get_members(type(spec)).values():
        if member.references:
            value = getattr(spec, member.name)
            for reference in value if isinstance(value, tuple) else (value,):
                if isinstance(reference, str):
                    yield Address(member.references, reference)


def find_users(resources: Desired | Inventory) -> Mapping[Address, Sequence[Address]]:
    """Return the addresses of the resources that refer to an address, by that address."""
    users: defaultdict[Address, list[Address]] = defaultdict(list)
    for address, resource in resources.items():
        for reference in find_references(resource.spec):
            users[reference].append(address)
    return users
