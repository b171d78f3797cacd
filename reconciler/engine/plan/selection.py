"""Select resources, with the grammar of dbt's model selectors.

A selector is an address (`things.pump-7`), a glob over addresses (`things.pump-*`, `*.pump-7`) or a kind (`things`). A `+` in
front adds all dependencies, a `+` at the end all dependents; a number next to it limits the distance (`1+things.pump-7`).
Selectors separated by spaces are a union, and so are several arguments; selectors separated by a comma without a space are an
intersection.

Source of the grammar: dbt documentation, "Node selector methods", "Graph operators", "Set operators".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import evolve

from reconciler.engine.graph import Dependencies
from reconciler.engine.plan.address_patterns import find_closest, match_addresses, parse_known_address
from reconciler.engine.plan.replaced_references import find_users_to_delete
from reconciler.engine.plan.steps import StepDependencies, find_dependencies
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.references import find_references
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Change, Create, Replace, Update
from reconciler.model.errors import PlanRejectedError, SelectionError
from reconciler.model.plan_options import PlanOptions, UnmatchedSelector
from reconciler.model.resource import Desired, Inventory
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.engine.plan.compare import Comparison

_OPERATORS = re.compile(
    r"(?:(?P<before>\d*)(?P<before_plus>\+))?(?P<base>.*?)(?:(?P<after_plus>\+)(?P<after>\d*))?"
)


@frozen
class Selector:
    """One selector: an address, glob or kind in `base`, and how many dependencies and dependents to add.

    `before` is the maximum distance of dependencies, `after` that of dependents: 0 adds none, None adds all.
    """

    base: str
    before: int | None = 0
    after: int | None = 0

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Parse one selector, without comma or space."""
        match = _OPERATORS.fullmatch(text)
        assert match  # every part may be absent
        before = _parse_distance(match["before_plus"], match["before"])
        return cls(match["base"], before, _parse_distance(match["after_plus"], match["after"]))


def _parse_distance(plus: str | None, number: str | None) -> int | None:
    if not plus:
        return 0
    return int(number) if number else None


class SelectableDependencies(Mapping[Address, AbstractSet[Address]]):
    """All addresses that can be selected, with their dependencies in the file, or else in the registry.

    Dependencies are found whenever they are used, to save memory, and can be outside.
    """

    def __init__(self, desired: Desired, live: Inventory) -> None:
        self._desired = desired
        self._live = live

    def __getitem__(self, address: Address) -> AbstractSet[Address]:
        resource = self._desired.get(address)
        return resource.dependencies if resource else frozenset(find_references(self._live[address].spec))

    def __contains__(self, address: object) -> bool:
        return address in self._desired or address in self._live

    def __iter__(self) -> Iterator[Address]:
        yield from self._desired
        yield from (address for address in self._live if address not in self._desired)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @cached_property
    def dependents(self) -> Dependencies:
        """The dependents of each address that has any."""
        dependents: dict[Address, set[Address]] = {}
        for address, dependencies in self.items():
            for dependency in dependencies:
                dependents.setdefault(dependency, set()).add(address)
        return dependents


def select_addresses(
    dependencies: SelectableDependencies,
    select: Iterable[str],
    exclude: Iterable[str] = (),
    *,
    allow_unmatched: bool = False,
) -> frozenset[Address]:
    """Return the addresses that `select` selects (all if it is empty) and `exclude` does not.

    Raises SelectionError with every selector that selects nothing, unless `allow_unmatched`.
    """
    unmatched: list[UnmatchedSelector] = []
    selected = _select_union(dependencies, select, unmatched)
    excluded = _select_union(dependencies, exclude, unmatched)
    if unmatched and not allow_unmatched:
        raise SelectionError([selector.describe() for selector in unmatched])
    return frozenset(dependencies if selected is None else selected) - (excluded or set())


def select_resources(desired: Desired, select: Collection[str], exclude: Collection[str]) -> Desired:
    """Return the selected resources of a file. Raises SelectionError, see `select_addresses`."""
    if not (select or exclude):
        return desired
    selected = select_addresses(SelectableDependencies(desired, {}), select, exclude)
    return {address: resource for address, resource in desired.items() if address in selected}


def find_unmatched(
    comparison: Comparison, select: Iterable[str], exclude: Iterable[str]
) -> tuple[UnmatchedSelector, ...]:
    """Return the selectors that select nothing."""
    if not (select or exclude):
        return ()
    dependencies = _get_selectable_dependencies(comparison)
    unmatched: list[UnmatchedSelector] = []
    unmatched_excludes: list[UnmatchedSelector] = []
    _select_union(dependencies, select, unmatched)
    _select_union(dependencies, exclude, unmatched_excludes)
    unmatched += (evolve(selector, excludes=True) for selector in unmatched_excludes)
    return tuple(dict.fromkeys(unmatched))


def _get_selectable_dependencies(comparison: Comparison) -> SelectableDependencies:
    return SelectableDependencies(comparison.desired or comparison.declared, comparison.live)


def select_compared(
    comparison: Comparison, select: Sequence[str], exclude: Sequence[str], *, allow_unmatched: bool = False
) -> frozenset[Address]:
    """Return the selected addresses of a comparison. Raises SelectionError, see `select_addresses`."""
    dependencies = _get_selectable_dependencies(comparison)
    return select_addresses(dependencies, select, exclude, allow_unmatched=allow_unmatched)


def select_changes(
    state: DesiredState, options: PlanOptions, comparison: Comparison, context: PlanContext
) -> frozenset[Address]:
    """Return the addresses that a plan covers.

    Raises SelectionError, and PlanRejectedError if a selected change depends on one that is not selected.
    """
    selected = select_compared(
        comparison, options.select, options.exclude, allow_unmatched=options.allow_unmatched
    )
    if options.only_adopted:
        selected &= options.adopt
    if not options.is_partial or (options.allow_unmatched and not selected):
        return selected
    dependencies = find_dependencies(comparison, context, state.resources)
    markers = list_reserved_addresses(context.workspace)
    selected = _add_markers(selected - markers, dependencies, markers)
    errors = [
        *_find_missing_dependencies(selected, dependencies, comparison, options),
        *_find_missing_users(selected, comparison, context),
    ]
    if errors:
        raise PlanRejectedError(errors)
    return selected


def _add_markers(
    selected: frozenset[Address], dependencies: StepDependencies, markers: frozenset[Address]
) -> frozenset[Address]:
    """Return the selection, with the changes of ownership markers that belong to it.

    These are the markers that selected changes depend on, and the markers that depend only on selected changes and on other markers.
    """
    markers_after_selected = {
        marker
        for marker in markers & dependencies.keys()
        if dependencies[marker] and dependencies[marker] - markers <= selected
    }
    selected |= markers_after_selected
    needed_markers = {
        dependency
        for address in selected & dependencies.keys()
        for dependency in dependencies[address] & markers
    }
    return selected | needed_markers


def _find_missing_dependencies(
    selected: AbstractSet[Address],
    dependencies: StepDependencies,
    comparison: Comparison,
    options: PlanOptions,
) -> Iterator[str]:
    """Yield an error for each selected change that depends on one that is not selected."""
    for address in sorted(selected & dependencies.keys()):
        for dependency in sorted(dependencies[address] - selected):
            if options.only_adopted:
                yield f"{address}: {_explain_missing_import(comparison.changes[dependency])}"
            else:
                yield (
                    f"{address}: depends on the change of {dependency}, which is not selected; "
                    f"select {dependency} too, or exclude {address}"
                )


def _find_missing_users(
    selected: AbstractSet[Address], comparison: Comparison, context: PlanContext
) -> Iterator[str]:
    """Yield an error for each user that a selected replacement deletes and that is not selected."""
    for address in sorted(selected & comparison.changes.keys()):
        for user in find_users_to_delete(comparison.changes[address], context):
            if user not in selected:
                yield (
                    f"{address}: its replacement also replaces {user}, which is not selected; "
                    f"select {user} too, or exclude {address}"
                )


def _explain_missing_import(change: Change) -> str:
    """Return why a resource cannot be imported without this change of another, and what to do."""
    address = change.address
    if isinstance(change, Create):
        return (
            f"depends on {address}, which does not exist yet; "
            f"create it first with `reconciler apply --select {shlex.quote(f'+{address}')}`"
        )
    if isinstance(change, Update | Replace) and change.live.owner is None:
        return f"depends on {address}, which is not managed by this workspace either; adopt {address} too"
    return (
        f"depends on the change of {address}, which this plan does not make; "
        f"apply it first with `reconciler apply --select {shlex.quote(f'+{address}')}`"
    )


def _select_union(
    dependencies: SelectableDependencies, texts: Iterable[str], unmatched: list[UnmatchedSelector]
) -> set[Address] | None:
    """Return the addresses that at least one of the selectors selects, or None if there are no selectors.

    Add to `unmatched` each selector that selects nothing.
    """
    words = [word for text in texts for word in text.split()]
    selected: set[Address] = set()
    for word in words:
        selectors = _split_intersection(word, dependencies)
        matches = [_select_one(dependencies, selector) for selector in selectors]
        for selector, addresses in zip(selectors, matches, strict=True):
            if not addresses:
                unmatched.append(_build_unmatched(selector, dependencies))
        selected |= set.intersection(*matches)
    return selected if words else None


def _split_intersection(word: str, dependencies: SelectableDependencies) -> list[str]:
    """Return the selectors of an intersection; an address is not split at the commas in its name."""
    address = parse_known_address(word, dependencies) or parse_known_address(
        Selector.parse(word).base, dependencies
    )
    if address:
        return [word]
    return [part for part in word.split(",") if part] or [word]


def _select_one(dependencies: SelectableDependencies, text: str) -> set[Address]:
    address = parse_known_address(text, dependencies)
    if address:
        return {address}
    selector = Selector.parse(text)
    matches = match_addresses(selector.base, dependencies)
    selected = set(matches)
    if selector.before != 0:
        selected |= _find_within_distance(dependencies, matches, selector.before)
    if selector.after != 0:
        selected |= _find_within_distance(dependencies.dependents, matches, selector.after)
    return selected & dependencies.keys()


def _find_within_distance(
    neighbors: Dependencies, start: Collection[Address], distance: int | None
) -> set[Address]:
    """Return all addresses within a distance in edges, including `start`; None is any distance."""
    reached, frontier = set(start), set(start)
    while frontier and (distance is None or distance > 0):
        frontier = {neighbor for address in frontier for neighbor in neighbors.get(address, ())} - reached
        reached |= frontier
        distance = None if distance is None else distance - 1
    return reached


def _build_unmatched(text: str, dependencies: SelectableDependencies) -> UnmatchedSelector:
    """Return a selector that selects nothing, with its kind, or else with the closest address or kind."""
    base = Selector.parse(text).base
    if base in all_kinds():
        return UnmatchedSelector(text, kind=base)
    return UnmatchedSelector(text, closest=find_closest(base, dependencies))
