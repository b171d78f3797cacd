"""Find the unmanaged resources that the globs and kinds of `--adopt` match."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping

from attrs import evolve

from reconciler.engine.plan.address_patterns import find_closest, match_addresses, match_all
from reconciler.engine.plan.compare import Comparison
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Replace, Update
from reconciler.model.plan_options import PlanOptions
from reconciler.model.text import format_suggestion, join_some, quote


def resolve_adopt_patterns(options: PlanOptions, comparison: Comparison, workspace: str) -> PlanOptions:
    """Return the options with the addresses that the patterns match instead of the patterns.

    Resources that the workspace manages already, and those of other workspaces, are skipped. Raises SelectionError with every
    pattern that matches no unmanaged resource.
    """
    if not options.adopt_patterns:
        return options
    markers = list_reserved_addresses(workspace)
    owners = {address: live.owner for address, live in comparison.live.items() if address not in markers}
    declared = comparison.declared.keys() - markers
    unmanaged = {
        address
        for address, change in comparison.changes.items()
        if isinstance(change, Update | Replace) and change.live.owner is None and address in declared
    }
    matches = match_all(
        options.adopt_patterns,
        unmanaged,
        lambda pattern: _explain_no_match(pattern, declared, owners, workspace),
        "cannot adopt; nothing was sent",
    )
    return evolve(options, adopt=options.adopt | matches, adopt_patterns=())


def describe_managed(
    pattern: str, matches: Collection[Address], owners: Mapping[Address, str | None], workspace: str
) -> str:
    """Return why a pattern that matches these resources, none of them unmanaged, imports nothing.

    `owners` has the owner of each live resource.
    """
    missing = sum(1 for address in matches if address not in owners)
    other_owners = [owner for address in matches if (owner := owners.get(address)) not in {None, workspace}]
    managed = len(matches) - missing - len(other_owners)
    names = join_some([quote(str(owner)) for owner in sorted(set(map(str, other_owners)))])
    parts = (
        f"{managed:,} that need no import" if managed else "",
        f"{len(other_owners):,} that belong to {names}" if other_owners else "",
        f"{missing:,} that do not exist yet" if missing else "",
    )
    advice = (
        "remove these from the file, or forget them there with [[removed]] first"
        if other_owners
        else "leave it out"
    )
    description = " and ".join(filter(None, parts))
    return f"{quote(pattern)}: matches no unmanaged resource, only {description}; {advice}"


def _explain_no_match(
    pattern: str, declared: Collection[Address], owners: Mapping[Address, str | None], workspace: str
) -> str:
    """Return why a pattern matches no unmanaged resource that the file declares."""
    matches = match_addresses(pattern, declared)
    if matches:
        return describe_managed(pattern, matches, owners, workspace)
    subject = f"{quote(pattern)}: matches no resource in the file"
    suggestion = format_suggestion(find_closest(pattern, declared))
    return f"{subject}{suggestion or _format_adopt_advice(pattern)}"


def _format_adopt_advice(pattern: str) -> str:
    command = f"reconciler adopt {shlex.quote(pattern)}"
    return f"; `{command}` adds matching resources of the account to the file, too"
