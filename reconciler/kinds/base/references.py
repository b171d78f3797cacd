"""Who refers to what: the addresses that a spec names, and who names an address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.schema import members
from reconciler.model.address import Address
from reconciler.model.resource import Desired, Inventory


def find_references(spec: Any) -> Iterator[Address]:
    """The addresses that a spec names."""
    for member in members(type(spec)).values():
        if member.references:
            value = getattr(spec, member.name)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, str):
                    yield Address(member.references, item)


def find_users(resources: Desired | Inventory) -> Mapping[Address, Sequence[Address]]:
    """Who refers to an address."""
    found: defaultdict[Address, list[Address]] = defaultdict(list)
    for address, resource in resources.items():
        for used in find_references(resource.spec):
            found[used].append(address)
    return found
