"""A kind on the desk: its reading driven by hand with literal answers, its changes turned into calls, nothing sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.engine.plan.diff import compare_specs
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext, Scope
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.resource import Live, Resource
from tests.support.registry_client import TARGET

MARKS = {"reconciler:name": "a", "reconciler:workspace": "ws"}
MISSING = frozenset({"ResourceNotFoundException"})


def arn(path: str) -> str:
    return f"arn:aws:iot:eu-west-1:123456789012:{path}"


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As iot lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def iot(
    operation: str, /, *, ignored_errors=(), retried_errors=(), timeout_seconds=None, **params: Any
) -> ApiCall:
    return ApiCall(
        "iot",
        operation,
        params,
        ignored_errors=ignored_errors,
        retried_errors=retried_errors,
        timeout_seconds=timeout_seconds,
    )


def mi(operation: str, /, *, ignored_errors=(), repeat_until=(), output_files=(), **params: Any) -> ApiCall:
    service = "iot-managed-integrations"
    return ApiCall(
        service,
        operation,
        params,
        ignored_errors=ignored_errors,
        repeat_until=repeat_until,
        output_files=output_files,
    )


def read(
    table: str, answers: Mapping[str, Any], *wanted: Resource, **before: Sequence[Live]
) -> tuple[list[Live], list[str]]:
    """What a kind reads, and the operations it asks for, in order.

    `answers` are by operation; one that depends on what is asked is a function of the parameters. `before` is what was
    read of other kinds.
    """
    reading = all_kinds()[table].read(scope(*wanted, **before))
    asked: list[str] = []
    batch = next(reading)
    while True:
        asked += [call.operation for call in batch]
        try:
            batch = reading.send([_answer(answers, call) for call in batch])
        except StopIteration as stop:
            return list(stop.value), asked


def _answer(answers: Mapping[str, Any], call: ApiCall) -> Mapping[str, Any]:
    found = answers[call.operation]
    return found(call.params) if callable(found) else found


def scope(*wanted: Resource, **before: Sequence[Live]) -> Scope:
    return Scope("ws", {found.address: found for found in wanted}, before)


def world(
    *desired: Resource, live: Mapping[str, Live] | None = None, changes: Sequence[Change] = ()
) -> PlanContext:
    """The file's resources, what is there by address (`things.a`), and the plan's changes."""
    kinds = all_kinds()
    there = {Address.parse(text): found for text, found in (live or {}).items()}
    wanted = {found.address: found for found in desired}
    identities = {
        address: identity
        for address, found in wanted.items()
        if (identity := kinds[address.kind].identity(found))
    }
    changed = {change.address: change for change in changes}
    for address, found in there.items():
        if not isinstance(changed.get(address), Replace):
            identities.setdefault(address, found.identity)
    id_members = {table: kind.id_member for table, kind in kinds.items() if kind.id_member}
    return PlanContext("ws", TARGET, wanted, there, identities, changed, id_members=id_members)


def create(wanted: Resource, around: PlanContext | None = None) -> list[ApiCall]:
    kind = all_kinds()[wanted.address.kind]
    return list(kind.create(Create(effective(wanted)), around or world(wanted)))


def change(wanted: Resource, live: Live) -> Update | Replace:
    """The change that brings what is there to what is wanted."""
    kind, after = all_kinds()[wanted.address.kind], effective(wanted)
    fields = tuple(compare_specs(kind, after.spec, live.spec))
    replaces = any(field.forces_replacement for field in fields)
    return Replace(after, live, fields) if replaces else Update(after, live, fields)


def calls(found: Change, around: PlanContext | None = None) -> list[ApiCall]:
    kind = all_kinds()[found.address.kind]
    wanted = () if isinstance(found, Delete) else (found.resource,)
    around = around or world(*wanted, changes=[found])
    match found:
        case Update():
            return list(kind.update(found, around))
        case Replace():
            return list(kind.replace(found, around))
        case Delete():
            return list(kind.delete(found, around))
        case Create():
            return list(kind.create(found, around))


def delete(table: str, live: Live, around: PlanContext | None = None) -> list[ApiCall]:
    return calls(Delete(Address(table, "a"), live), around)


def objections(found: Change, around: PlanContext | None = None) -> list[str]:
    return list(all_kinds()[found.address.kind].plan_errors(found, around or world(changes=[found])))


def complaints(wanted: Resource, *others: Resource) -> list[str]:
    desired = {found.address: found for found in (wanted, *others)}
    problems = all_kinds()[wanted.address.kind].check(wanted, desired)
    return list(map(str, problems))


def effective(wanted: Resource) -> Resource:
    from attrs import evolve

    kind = all_kinds()[wanted.address.kind]
    return evolve(wanted, spec=kind.effective(wanted, scope(wanted)))
