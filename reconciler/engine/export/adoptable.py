"""Find the resources that `reconciler adopt` imports: addresses, and what globs and kinds match."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.engine.plan.address_patterns import find_closest, is_pattern, match_addresses, match_all
from reconciler.engine.plan.adoption import describe_managed
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.resource import Inventory
from reconciler.model.settings import DesiredState
from reconciler.model.text import format_suggestion, quote


@frozen
class Adoptable:
    """The resources to import, in the order of their addresses.

    - `declared`: those that the file declares;
    - `undeclared`: those that need a table;
    - `named`: those that were named by their address, so each of them must be importable.
    """

    declared: tuple[Address, ...]
    undeclared: tuple[Address, ...]
    named: frozenset[Address]


def find_adoptable(state: DesiredState, inventory: Inventory, texts: Iterable[str]) -> Adoptable:
    """Return the resources that addresses, globs and kinds mean.

    Globs and kinds match unmanaged resources only. Raises SelectionError with every glob or kind that matches no unmanaged resource.
    """
    owners = {address: live.owner for address, live in inventory.items()}
    unmanaged = [address for address, owner in owners.items() if owner is None]
    texts = list(dict.fromkeys(texts))
    named = frozenset(Address.parse(text) for text in texts if not is_pattern(text))
    adopted = named | match_all(
        filter(is_pattern, texts),
        unmanaged,
        lambda pattern: _explain_no_match(pattern, state, owners),
        "nothing was adopted",
    )
    declared = sorted(adopted & state.resources.keys())
    return Adoptable(tuple(declared), tuple(sorted(adopted - state.resources.keys())), named)


def _explain_no_match(pattern: str, state: DesiredState, owners: dict[Address, Any]) -> str:
    known_addresses = state.resources.keys() | owners.keys()
    matches = match_addresses(pattern, known_addresses)
    if matches:
        return describe_managed(pattern, matches, owners, state.settings.name)
    subject = f"{quote(pattern)}: matches no resource in the account or in the file"
    return f"{subject}{format_suggestion(find_closest(pattern, known_addresses))}"
