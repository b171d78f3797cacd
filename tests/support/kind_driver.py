"""Use one kind without a registry: read with predefined responses, and turn changes into calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from reconciler.engine.plan.diff import compare_specs
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext, Scope
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.resource import Live, Resource
from tests.support.desired_states import evaluate_resources
from tests.support.registry_client import TARGET

__all__ = [
    "NOT_FOUND",
    "OWNERSHIP_TAGS",
    "build_arn",
    "compute_effective_resource",
    "list_calls",
    "list_create_calls",
    "list_delete_calls",
    "list_plan_errors",
    "list_problems",
    "make_change",
    "make_iot_call",
    "make_managed_integrations_call",
    "make_plan_context",
    "make_scope",
    "make_tag_list",
    "read_kind",
]

OWNERSHIP_TAGS = {"reconciler:name": "a", "reconciler:workspace": "ws"}
"""The ownership tags of a resource named `a` in the workspace `ws`."""


def build_arn(path: str) -> str:
    return f"arn:aws:iot:eu-west-1:123456789012:{path}"


def make_tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS IoT Core lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def make_iot_call(
    operation: str,
    /,
    *,
    ignored_errors=frozenset(),
    retried_errors=frozenset(),
    timeout_seconds=None,
    **params: Any,
) -> ApiCall:
    """Return a call of AWS IoT Core."""
    return ApiCall(
        "iot",
        operation,
        params,
        ignored_errors=ignored_errors,
        retried_errors=retried_errors,
        timeout_seconds=timeout_seconds,
    )


def make_managed_integrations_call(
    operation: str, /, *, ignored_errors=frozenset(), repeat_until=frozenset(), output_files=(), **params: Any
) -> ApiCall:
    """Return a call of AWS IoT managed integrations."""
    return ApiCall(
        "iot-managed-integrations",
        operation,
        params,
        ignored_errors=ignored_errors,
        repeat_until=repeat_until,
        output_files=output_files,
    )


def read_kind(
    table: str, responses: Mapping[str, Any], *desired: Resource, **live_by_kind: Sequence[Live]
) -> tuple[list[Live], list[str]]:
    """Return the live resources that a kind reads, and the operations that it calls, in order.

    `table` is the kind's name. `responses` are by operation; a response that depends on the request is a function that gets the
    request's parameters. `live_by_kind` has the live resources of other kinds, which were read before.
    """
    reading = all_kinds()[table].read(make_scope(*desired, **live_by_kind))
    operations: list[str] = []
    batch = next(reading)
    while True:
        operations += [call.operation for call in batch]
        try:
            batch = reading.send([_respond(responses, call) for call in batch])
        except StopIteration as stop:
            return list(stop.value), operations


def _respond(responses: Mapping[str, Any], call: ApiCall) -> Mapping[str, Any]:
    response = responses[call.operation]
    return response(call.params) if callable(response) else response


def make_scope(*desired: Resource, **live_by_kind: Sequence[Live]) -> Scope:
    """Return what a kind can use while it reads: the desired resources, and live resources of other kinds."""
    return Scope("ws", evaluate_resources(*desired), live_by_kind)


def make_plan_context(
    *desired: Resource, live: Mapping[str, Live] | None = None, changes: Sequence[Change] = ()
) -> PlanContext:
    """Return a context with desired resources, live resources and changes.

    `live` has the live resources by address, as text (`things.a`). The identity of an address is what its kind derives from
    the desired resource. If that is nothing, it is the live resource's identity, unless a change replaces this resource.
    """
    kinds = all_kinds()
    inventory = {Address.parse(text): live_resource for text, live_resource in (live or {}).items()}
    resources = evaluate_resources(*desired)
    identities = {}
    for address, resource in resources.items():
        identity = kinds[address.kind].identity(resource)
        if identity:
            identities[address] = identity
    changes_by_address = {change.address: change for change in changes}
    for address, live_resource in inventory.items():
        if not isinstance(changes_by_address.get(address), Replace):
            identities.setdefault(address, live_resource.identity)
    id_members = {table: kind.id_member for table, kind in kinds.items() if kind.id_member}
    return PlanContext(
        "ws",
        TARGET,
        resources,
        inventory,
        identities,
        changes_by_address,
        declared=resources,
        id_members=id_members,
    )


def list_create_calls(desired: Resource, context: PlanContext | None = None) -> list[ApiCall]:
    """Return the calls that create a resource, by default in a context that has only this resource."""
    kind = all_kinds()[desired.address.kind]
    return list(
        kind.create(Create(compute_effective_resource(desired)), context or make_plan_context(desired))
    )


def make_change(desired: Resource, live: Live) -> Update | Replace:
    """Return the change that brings a live resource to its desired state."""
    kind, resource = all_kinds()[desired.address.kind], compute_effective_resource(desired)
    fields = tuple(compare_specs(kind, resource.spec, live.spec))
    must_replace = any(field.forces_replacement for field in fields)
    return Replace(resource, live, fields) if must_replace else Update(resource, live, fields)


def list_calls(change: Change, context: PlanContext | None = None) -> list[ApiCall]:
    """Return the calls of a change, by default in a context that has only this change and its resource."""
    kind = all_kinds()[change.address.kind]
    desired = () if isinstance(change, Delete) else (change.resource,)
    context = context or make_plan_context(*desired, changes=[change])
    match change:
        case Update():
            return list(kind.update(change, context))
        case Replace():
            return list(kind.replace(change, context))
        case Delete():
            return list(kind.delete(change, context))
        case Create():
            return list(kind.create(change, context))


def list_delete_calls(table: str, live: Live, context: PlanContext | None = None) -> list[ApiCall]:
    """Return the calls that delete a live resource, whose name in the file was `a`."""
    return list_calls(Delete(Address(table, "a"), live), context)


def list_plan_errors(change: Change, context: PlanContext | None = None) -> list[str]:
    """Return the reasons for which the kind of a changed resource rejects the plan."""
    kind = all_kinds()[change.address.kind]
    return list(kind.plan_errors(change, context or make_plan_context(changes=[change])))


def list_problems(desired: Resource, *other_resources: Resource) -> list[str]:
    """Return the problems that a kind's check finds in a resource of a file that also has other resources."""
    resources = evaluate_resources(desired, *other_resources)
    kind = all_kinds()[desired.address.kind]
    return [str(problem) for problem in kind.check(resources[desired.address], resources)]


def compute_effective_resource(desired: Resource) -> Resource:
    """Return the resource with its effective spec: the spec as AWS would report it after an apply."""
    scope = make_scope(desired)
    resource = scope.desired[desired.address]
    return replace(resource, spec=all_kinds()[desired.address.kind].compute_effective_spec(resource, scope))
