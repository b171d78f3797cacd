"""Changes → a plan: complete calls, in an order that the graph allows, with what they cost."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import evolve, frozen

from reconciler.engine.advice import advice
from reconciler.engine.diff import diff
from reconciler.engine.fuses import blown
from reconciler.engine.graph import graph_of, order
from reconciler.engine.observe import Progress, observe, refer
from reconciler.engine.ownership import MARKED, is_mark, with_marks
from reconciler.kinds import all_kinds
from reconciler.kinds.fields import members
from reconciler.kinds.kind import Scope, World
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.errors import Mistake, RefusedError
from reconciler.model.plan import Note, Plan, Step, Target
from reconciler.model.quotas import Quotas
from reconciler.model.resource import Desired, Inventory, Resource
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState
from reconciler.model.wording import closest


@frozen
class Request:
    """What a plan is asked for.

    `destroy` plans the removal of all that the workspace owns; `adopt` names unmarked resources that it may take over.
    """

    destroy: bool = False
    adopt: frozenset[Address] = frozenset()


@frozen
class Comparison:
    """What is wanted, what is there, and how they differ: everything that a plan is made of.

    `declared` is what the file says and the workspace's marks, `desired` the same as AWS would report it.
    """

    declared: Desired
    desired: Desired
    live: Inventory
    changes: Mapping[Address, Change]


def survey(state: DesiredState, call: Call, progress: Progress, *, destroy: bool = False) -> Comparison:
    """Read the registry and compare. Raises AwsError and TargetError."""
    workspace = state.settings.name
    marked = with_marks(workspace, state.resources)
    kept = {a: found for a, found in marked.items() if not (destroy and all_kinds()[a.kind].composite)}
    live = observe(workspace, kept, call, progress)
    desired = {} if destroy else effective(workspace, marked)
    _stretch_secrets(desired, live, progress)
    return Comparison(
        marked, desired, live, {change.address: change for change in diff(workspace, desired, live)}
    )


def effective(workspace: str, desired: Desired) -> Desired:
    """The resources as AWS would report them: defaults filled in, references by name where the file has the name."""
    scope = Scope(workspace, desired)
    kinds = all_kinds()
    names = {
        (address.kind, identity): address.name
        for address, resource in desired.items()
        if (identity := kinds[address.kind].identity(resource))
    }
    found = {}
    for address, resource in desired.items():
        spec = refer(kinds[address.kind].effective(resource, scope), names)
        # What only the evaluated spec refers to has to exist before it just as well.
        needs = resource.needs | {need for need in _references(spec) if need in desired}
        found[address] = evolve(resource, spec=spec, needs=needs)
    return found


def make_plan(  # noqa: PLR0913 (each is one thing that a plan depends on)
    state: DesiredState,
    request: Request,
    *,
    target: Target,
    call: Call,
    quotas: Quotas,
    progress: Progress,
) -> Plan:
    """Read, compare, and say exactly what would be sent.

    Raises RefusedError with every reason why the plan must not be applied, AwsError and TargetError.
    """
    found = survey(state, call, progress, destroy=request.destroy)
    world = _world(state.settings.name, target, found)
    reasons = [*_reasons(state, request, found, world)]
    if not request.destroy:  # then all of it is meant
        reasons += blown(state.settings, found.live, found.changes)
    if reasons:
        raise RefusedError(reasons)
    steps = _steps(found.changes, world, state.resources)
    calls = Counter((call.service, call.operation) for step in steps for call in step.calls)
    return Plan(
        workspace=state.settings.name,
        target=target,
        steps=steps,
        digest=_digest(target, steps),
        estimate=quotas.estimate(dict(sorted(calls.items()))),
        unchanged=len(found.desired.keys() - found.changes.keys()),
        notes=(*map(_warning, state.warnings), *_remarks(found), *advice(steps, quotas)),
    )


def _warning(found: Mistake) -> Note:
    if found.address is None:
        return Note("warning", str(found))
    where = f"{found.field}: " if found.field else ""
    return Note(
        "warning", f"{where}{found.problem} ({found.file}:{found.line})", Address.parse(found.address)
    )


def _remarks(found: Comparison) -> Iterator[Note]:
    for address, change in found.changes.items():
        yield from (Note("warning", told, address) for told in all_kinds()[address.kind].forewarnings(change))
    for address, live in found.live.items():
        if address not in found.changes:
            yield from (Note("remark", told, address) for told in all_kinds()[address.kind].remarks(live))


def _world(workspace: str, target: Target, found: Comparison) -> World:
    kinds = all_kinds()
    identities = {
        address: identity
        for address, resource in found.desired.items()
        if (identity := kinds[address.kind].identity(resource))
    }
    for address, live in found.live.items():
        if not isinstance(found.changes.get(address), Replace):  # whose next id AWS has yet to assign
            identities.setdefault(address, live.identity)
    specs = ((address, live.spec) for address, live in found.live.items())
    return World(
        workspace=workspace,
        target=target,
        desired=found.desired,
        live=found.live,
        identities=identities,
        desired_users=_users((address, resource.spec) for address, resource in found.desired.items()),
        live_users=_users(specs),
        changes=found.changes,
        declared=found.declared,
    )


def _users(specs: Iterable[tuple[Address, Any]]) -> Mapping[Address, Sequence[Address]]:
    """Who refers to an address."""
    users: defaultdict[Address, list[Address]] = defaultdict(list)
    for address, spec in specs:
        for used in _references(spec):
            users[used].append(address)
    return users


def _references(spec: Any) -> Iterator[Address]:
    for member in members(type(spec)).values():
        if member.references:
            value = getattr(spec, member.name)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, str):
                    yield Address(member.references, item)


def _steps(changes: Mapping[Address, Change], world: World, in_file: Desired) -> tuple[Step, ...]:
    needed_by: defaultdict[Address, set[Address]] = defaultdict(set)
    for address, resource in in_file.items():
        for need in resource.needs:
            needed_by[need].add(address)
    waits = {address: _waits_for(change, changes, world, needed_by) for address, change in changes.items()}
    late = [kind.table for kind in all_kinds().values() if kind.creates_after_deletes]
    for table in late:
        freed = frozenset(
            a for a, change in changes.items() if a.kind == table and isinstance(change, Delete)
        )
        for address, change in changes.items():
            if freed and address.kind == table and isinstance(change, Create):
                waits[address] |= freed
    return tuple(
        Step(
            change=changes[address],
            calls=tuple(_calls(changes[address], world)),
            waits_for=waits[address],
            precondition=None if isinstance(change := changes[address], Create) else change.live,
        )
        for address in order(graph_of(waits))
    )


def _waits_for(
    change: Change, changes: Mapping[Address, Change], world: World, needed_by: Mapping[Address, set[Address]]
) -> frozenset[Address]:
    """What must have been applied before: for what is to be, its needs; for what goes, everything that had it."""
    if not isinstance(change, Delete):
        needs = {
            need
            for need in change.resource.needs
            if need in changes and not isinstance(changes[need], Delete)
        }
        return frozenset(needs | _rid_of(change, changes, world) if isinstance(change, Replace) else needs)
    users = set(world.live_users.get(change.address, ())) & changes.keys()
    # The marks go last: what bears them would be nobody's without them.
    if is_mark(world.workspace, change.address):
        users |= {address for address in changes if address.kind in MARKED}
    users |= {user for user in needed_by.get(change.address, ()) if isinstance(changes.get(user), Delete)}
    return frozenset(users)


def _rid_of(change: Replace, changes: Mapping[Address, Change], world: World) -> set[Address]:
    """Those that have what is replaced and are to have it no more: deleted, or where that matters, changed."""
    unused = all_kinds()[change.address.kind].replaces_unused
    keep = world.desired_users.get(change.address, ())
    return {
        user
        for user in world.live_users.get(change.address, ())
        if isinstance(changes.get(user), Delete) or (unused and user in changes and user not in keep)
    }


def _calls(change: Change, world: World) -> Sequence[ApiCall]:
    kind = all_kinds()[change.address.kind]
    match change:
        case Create():
            return kind.create(change, world)
        case Update():
            return kind.update(change, world)
        case Replace():
            return kind.replace(change, world)
        case Delete():
            return kind.delete(change, world)


def _reasons(state: DesiredState, request: Request, found: Comparison, world: World) -> Iterator[str]:
    if request.destroy:  # then these are deleted as what they are made of
        for address, resource in state.resources.items():
            if all_kinds()[address.kind].composite and resource.lifecycle.prevent_destroy:
                yield _protected(address, "delete")
    for address, change in found.changes.items():
        kind = all_kinds()[address.kind]
        declared = state.resources.get(address)
        if isinstance(change, Delete | Replace) and declared and declared.lifecycle.prevent_destroy:
            yield _protected(address, change.action)
        if isinstance(change, Update | Replace) and change.live.owner != state.settings.name:
            yield from _claims(change, request.adopt, state.settings.name)
        for objection in kind.objections(change, world):
            yield f"{address}: {objection}"
    yield from _misled(request.adopt, state, found)


def _misled(adopt: Collection[Address], state: DesiredState, found: Comparison) -> Iterator[str]:
    """What was named for adoption and is nothing to take over. Another workspace's has been told already."""
    there = {
        address: change.live.owner
        for address, change in found.changes.items()
        if isinstance(change, Update | Replace)
    }
    unmarked = [address for address, owner in there.items() if owner is None]
    for address in sorted(adopt):
        if address in there and there[address] != state.settings.name:
            continue
        if address not in state.resources:
            nearest = _nearest(address, unmarked) or _nearest(address, state.resources)
            why = "it is not in the file" + (f"; did you mean {nearest}?" if nearest else "")
        elif address in found.live:
            why = "it is this workspace's already"
        else:
            why = "it is not there yet, and the plan creates it"
        yield f"{address}: there is nothing to adopt: {why}"


def _nearest(address: Address, valid: Iterable[Address]) -> str | None:
    """The nearest name of its kind; where nothing is of that kind, the nearest address."""
    addresses = list(valid)
    names = [found.name for found in addresses if found.kind == address.kind]
    if not names:
        return closest(str(address), [*map(str, addresses)])
    name = closest(address.name, names)
    return f"{address.kind}.{name}" if name else None


def _protected(address: Address, action: str) -> str:
    return f"{address}: the plan would {action} it, and its lifecycle.prevent_destroy forbids that"


def _claims(change: Update | Replace, adopt: Collection[Address], workspace: str) -> Iterator[str]:
    """An unmarked resource is taken over when asked for, or when we left it so ourselves."""
    owner = change.live.owner
    if owner is not None:
        yield f"{change.address}: it belongs to the workspace {owner!r}, not to {workspace!r}"
    elif change.address not in adopt and not all_kinds()[change.address.kind].half_made(change):
        yield (
            f"{change.address}: it exists and does not bear this workspace's mark; "
            f"adopt it with --adopt {change.address} to let the plan take it over"
        )


def _stretch_secrets(desired: Desired, live: Inventory, progress: Progress) -> None:
    """Compare all secrets with what is remembered of them, on every processor: each takes some milliseconds.

    The results are kept with the hash function, where the diff finds them.
    """
    pairs = [
        (getattr(live[address].spec, name), secret)
        for address, resource in desired.items()
        if address in live
        for name, secret in _secrets(resource)
        if isinstance(getattr(live[address].spec, name), SecretDigest)
    ]
    if not pairs:
        return
    with ThreadPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(lambda pair: pair[0].matches(pair[1]), pairs), start=1):
            progress("comparing secrets", done, len(pairs))


def _secrets(resource: Resource) -> Iterator[tuple[str, Secret]]:
    for name in members(type(resource.spec)):
        value = getattr(resource.spec, name)
        if isinstance(value, Secret):
            yield name, value


def _digest(target: Target, steps: Sequence[Step]) -> str:
    """The SHA-256 of what would be sent and where; secrets stand as their references."""
    said = [
        str(target),
        [
            [step.change.action, str(step.address), [[str(call), _plain(call.params)] for call in step.calls]]
            for step in steps
        ],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return value.reference
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
