"""Some of the resources, named as dbt users name models.

A selector is an address (`things.pump-7`), a glob over addresses (`things.pump-*`, `*.pump-7`) or a kind (`things`). `+` in
front adds all that these need, `+` behind all that needs them, and a number at it how far (`1+things.pump-7`). Words are a
union, whether in one text or several; a comma between two, without a space, is their intersection.

Source of the grammar: dbt documentation, "Node selector methods", "Graph operators", "Set operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from reconciler.engine.graph import build_graph
from reconciler.engine.plan.steps import find_dependencies
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.references import find_references
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError, SelectionError
from reconciler.model.plan_options import PlanOptions
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match, quote

if TYPE_CHECKING:
    from reconciler.engine.graph import Graph
    from reconciler.engine.plan.compare import Comparison

_OPERATORS = re.compile(r"(?:(?P<up>\d*)(?P<before>\+))?(?P<base>.*?)(?:(?P<after>\+)(?P<down>\d*))?")
_GLOB = re.compile(r"[*?\[]")

_Found: TypeAlias = AbstractSet[Address]


@frozen
class Selector:
    """One word. `before` and `after` are how many steps away what it needs, and what needs it, may be; None is any."""

    base: str
    before: int | None = 0
    after: int | None = 0

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read one word, without comma or space."""
        found = _OPERATORS.fullmatch(text)
        assert found  # every part of it may be absent
        return cls(found["base"], _depth(found["before"], found["up"]), _depth(found["after"], found["down"]))


def _depth(plus: str | None, number: str | None) -> int | None:
    if not plus:
        return 0
    return int(number) if number else None


def select_addresses(made: Graph, wanted: Iterable[str], unwanted: Iterable[str] = ()) -> frozenset[Address]:
    """The addresses that `wanted` names (all, where it names none) and `unwanted` does not.

    Edges lead from the needed to the needing. Raises SelectionError for every selector that names nothing.
    """
    nothing: list[str] = []
    chosen = _union(made, wanted, nothing.append)
    left = _union(made, unwanted, nothing.append)
    if nothing:
        raise SelectionError(nothing)
    return frozenset((made.nodes if chosen is None else chosen) - (left or set()))


def selectable_dependencies(found: Comparison) -> Mapping[Address, AbstractSet[Address]]:
    """Everything that a selector may name, with what it needs: in the file, or else as it is there."""
    there = {address: frozenset(find_references(live.spec)) for address, live in found.live.items()}
    return there | {
        address: resource.dependencies for address, resource in (found.desired or found.declared).items()
    }


def select_compared(found: Comparison, wanted: Sequence[str], unwanted: Sequence[str]) -> frozenset[Address]:
    """Those of a comparison that are selected. Raises SelectionError."""
    if not (wanted or unwanted):
        return frozenset(found.live.keys() | (found.desired or found.declared).keys())
    return select_addresses(build_graph(selectable_dependencies(found)), wanted, unwanted)


def select_changes(
    request: PlanOptions, found: Comparison, world: PlanContext, state: DesiredState
) -> frozenset[Address]:
    """What a plan is about.

    Raises SelectionError, and PlanRejectedError where a selected change waits for one that is not.
    """
    selected = select_compared(found, request.select, request.exclude)
    if not request.is_partial:
        return selected
    waits = find_dependencies(found.changes, world, state.resources, state.moved)
    selected = _with_marks(
        selected - reserved_addresses(world.workspace), waits, reserved_addresses(world.workspace)
    )
    if reasons := [*_left_behind(selected, waits)]:
        raise PlanRejectedError(reasons)
    return selected


def _with_marks(
    selected: frozenset[Address], waits: Mapping[Address, AbstractSet[Address]], marks: _Found
) -> frozenset[Address]:
    """The workspace's own marks come along: when all that they wait for is selected, and with what waits for them."""
    selected |= {mark for mark in marks & waits.keys() if waits[mark] and waits[mark] - marks <= selected}
    return selected | {need for address in selected & waits.keys() for need in waits[address] & marks}


def _left_behind(selected: _Found, waits: Mapping[Address, AbstractSet[Address]]) -> Iterator[str]:
    """Which selected changes wait for one that is not selected, and the selector that would bring it along."""
    for address in sorted(selected & waits.keys()):
        for before in sorted(waits[address] - selected):
            yield (
                f"{address}: it waits for the change of {before}, which is not selected; "
                f"select {before} as well, or leave {address} out"
            )


def _union(made: Graph, texts: Iterable[str], nothing: Callable[[str], None]) -> set[Address] | None:
    """None where nothing was said."""
    words = [word for text in texts for word in text.split()]
    found: set[Address] = set()
    for word in words:
        parts = _parts(word, made)
        sets = [_named(made, part) for part in parts]
        for part, names in zip(parts, sets, strict=True):
            if not names:
                nothing(_unknown(part, made))
        found |= set.intersection(*sets)
    return found if words else None


def _parts(word: str, made: Graph) -> list[str]:
    """What an intersection is of. Names may have commas and plusses: what is an address is that address."""
    whole = _address(word, made) or _address(Selector.parse(word).base, made)
    return [word] if whole else [part for part in word.split(",") if part] or [word]


def _named(made: Graph, word: str) -> set[Address]:
    if exact := _address(word, made):
        return {exact}
    selector = Selector.parse(word)
    found = _matching(selector.base, made)
    reached = set(found)
    if selector.before != 0:
        reached |= _reach(made.predecessors, found, selector.before)
    if selector.after != 0:
        reached |= _reach(made.successors, found, selector.after)
    return reached


def _matching(base: str, made: Graph) -> set[Address]:
    if exact := _address(base, made):
        return {exact}
    if base in all_kinds():
        return {address for address in made if address.kind == base}
    if _GLOB.search(base):
        return {address for address in made if fnmatchcase(str(address), base)}
    return set()


def _address(text: str, made: Graph) -> Address | None:
    try:
        address = Address.parse(text)
    except ValueError:
        return None
    return address if address in made else None


def _reach(step: Callable[[Address], Iterable[Address]], start: _Found, depth: int | None) -> set[Address]:
    """All that is at most so many steps away."""
    reached, edge = set(start), set(start)
    while edge and (depth is None or depth > 0):
        edge = {after for address in edge for after in step(address)} - reached
        reached |= edge
        depth = None if depth is None else depth - 1
    return reached


def _unknown(word: str, made: Graph) -> str:
    base = Selector.parse(word).base
    if base in all_kinds():
        return f"{quote(word)}: there are no {base.replace('_', ' ')}"
    names = [*map(str, made), *all_kinds()]
    near = closest_match(base, names)
    if near is None and "." in base:
        kind, _, name = base.partition(".")
        same = closest_match(name, [address.name for address in made if address.kind == kind])
        near = f"{kind}.{same}" if same else None
    return f"{quote(word)} names nothing" + (f"; did you mean {near!r}?" if near else "")
