"""Event log configurations: how much AWS IoT managed integrations logs about its resources.

Source: managed integrations API reference, CreateEventLogConfiguration and related operations. AWS assigns the ID, and a configuration has
neither a name nor tags. Only its level can be changed. UNCONFIRMED: AWS has at most one configuration for a resource, and describes one
for all resources of a type without ResourceId or with `*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.plain_kind import PlainApi
from reconciler.kinds.base.schema import get_members, member
from reconciler.kinds.shared.managed_integrations import SERVICE
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Replace
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, Live, Resource

_RESOURCE_ID = "CreateEventLogConfiguration.ResourceId"
_ALL = "*"
_FIELDS = {
    "managed-thing": "managed_thing",
    "credential-locker": "credential_locker",
    "provisioning-profile": "provisioning_profile",
}
"""By type of resource: the field that refers to one of them."""
_DERIVED_MEMBERS = {
    "CreateEventLogConfiguration.ClientToken": "derived from the request, so that sending it twice creates one configuration",
    "UpdateEventLogConfiguration.Id": "the ID that AWS assigned",
}


@frozen
class EventLogConfiguration:
    """`[event_log_configurations.*]`."""

    resource_type: str = member(
        "The type of the resources, such as `managed-thing`; `*` for all types.",
        api="CreateEventLogConfiguration.ResourceType",
        on_change="replaces",
    )
    event_log_level: str = member(
        "The lowest level that is logged.", api="CreateEventLogConfiguration.EventLogLevel"
    )
    managed_thing: str | External | None = member(
        "The managed thing; by default all of them.",
        api=_RESOURCE_ID,
        references="managed_things",
        on_change="replaces",
        default=None,
    )
    credential_locker: str | External | None = member(
        "The credential locker; by default all of them.",
        api=_RESOURCE_ID,
        references="credential_lockers",
        on_change="replaces",
        default=None,
    )
    provisioning_profile: str | External | None = member(
        "The provisioning profile; by default all of them.",
        api=_RESOURCE_ID,
        references="provisioning_profiles",
        on_change="replaces",
        default=None,
    )
    resource_id: str | None = member(
        "The ID of a resource of another type; by default all of them.",
        api=_RESOURCE_ID,
        on_change="replaces",
        default=None,
    )


class EventLogConfigurations(MarkedKind):
    """Event log configurations: found by ID, owned by a thing group that is named after it.

    A resource in the file without one is matched with a configuration that has no owner and is for the same resource.
    """

    table = "event_log_configurations"
    noun = "event log configuration"
    service = SERVICE
    spec_class = EventLogConfiguration
    api = PlainApi(
        "EventLogConfiguration",
        name="",
        arn="",
        listing=Listing("ListEventLogConfigurations", "EventLogConfigurationList", "Id"),
        describe="GetEventLogConfiguration",
        id="Id",
        id_param="Id",
    )
    creates_after_deletes = True
    reads_after = frozenset({"managed_things", "credential_lockers", "provisioning_profiles"})
    derived_members = _DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with references to resources of other types than `resource_type`."""
        yield from super().check(resource, desired)
        resource_type = resource.spec.resource_type
        expected = _FIELDS.get(resource_type, "resource_id")
        for name in (*_FIELDS.values(), "resource_id"):
            if name != expected and getattr(resource.spec, name):
                problem = f"the resource type is {resource_type}"
                yield ValueProblem("conflicting-keys", problem, f"{expected}, or no {name}", path=(name,))

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> EventLogConfiguration:
        """Return the spec without the ID that means all resources."""
        spec: EventLogConfiguration = resource.spec
        return evolve(spec, resource_id=None) if spec.resource_id == _ALL else spec

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> EventLogConfiguration:
        """Return the spec of a description, with the resource as a reference if its type has a table."""
        resource_type, resource_id = description["ResourceType"], description.get("ResourceId", _ALL)
        spec = EventLogConfiguration(resource_type, description["EventLogLevel"])
        if resource_id == _ALL:
            return spec
        field = _FIELDS.get(resource_type)
        return evolve(spec, **({field: External(resource_id)} if field else {"resource_id": resource_id}))

    def find_candidate(self, resource: Resource, unmanaged: Sequence[Live], scope: Scope) -> Live | None:
        """Return the configuration without an owner for the same resource."""
        target = _find_target(resource.spec, scope)
        return next((live for live in unmanaged if _find_target(live.spec, scope) == target), None)

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the configuration that is still for the resource of a new one.

        Configurations that exchange their resources do not wait for each other: their creations are retried.
        """
        if not isinstance(change, Create | Replace):
            return []
        holder = current = _find_holder(change.resource.spec, context)
        visited = {change.address}
        while current is not None and current not in visited:
            visited.add(current)
            other = context.changes.get(current)
            current = _find_holder(other.resource.spec, context) if isinstance(other, Replace) else None
        return [holder] if holder and current != change.address else []

    def _create(self, resource: Resource, context: PlanContext, replaced_id: str = "") -> ApiCall:
        """Return the creation; another configuration that is replaced may still be for the same resource."""
        is_taken = self.table in context.replaced_kinds
        retried_errors = frozenset({"ConflictException"} if is_taken else ())
        return evolve(super()._create(resource, context, replaced_id), retried_errors=retried_errors)

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:
        """Return the type and the resource: AWS has one configuration for each."""
        resource_type, target = _get_target(self.compute_effective_spec(resource, Scope("", desired)))
        return [(self.table, f"{resource_type} {target}")]


def _find_holder(spec: EventLogConfiguration, context: PlanContext) -> Address | None:
    """Return the live configuration for the resource of a desired one."""
    target = _get_target(spec)
    return next(
        (
            address
            for address, live in context.live.items()
            if address.kind == EventLogConfigurations.table and _get_target(live.spec) == target
        ),
        None,
    )


def _get_target(spec: EventLogConfiguration) -> tuple[str, str | External]:
    """Return the type of a configuration's resources, and the resource, which is `*` for all."""
    targets = (getattr(spec, name) for name in (*_FIELDS.values(), "resource_id"))
    return spec.resource_type, next((target for target in targets if target), _ALL)


def _find_target(spec: EventLogConfiguration, scope: Scope) -> tuple[str, str | None]:
    """Return the type and AWS's ID of a configuration's resource; the ID is None for all resources."""
    field = _FIELDS.get(spec.resource_type, "resource_id")
    reference = getattr(spec, field)
    table = get_members(EventLogConfiguration)[field].references
    if isinstance(reference, External):
        return spec.resource_type, reference.name
    if table and reference:
        ids = {
            scope.find_current_name(table, live.declared_name): live.identity
            for live in scope.get_live(table)
        }
        return spec.resource_type, ids.get(reference, "")
    return spec.resource_type, reference


KIND = EventLogConfigurations()
