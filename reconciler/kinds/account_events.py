"""The events of the registry and of jobs that AWS IoT publishes as MQTT messages.

Source: AWS IoT API reference, UpdateEventConfigurations; developer guide, "Event messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.schema import member
from reconciler.model.resource import NOT_COMPARED, NotCompared

_API = "UpdateEventConfigurations.eventConfigurations"


def _event(doc: str) -> Any:
    return member(f"Whether {doc} are published.", api=_API, default=NOT_COMPARED)


@frozen
class Events:
    """`[account.events]`."""

    thing: bool | NotCompared = _event("creations, changes and deletions of things")
    thing_group: bool | NotCompared = _event("creations, changes and deletions of thing groups")
    thing_type: bool | NotCompared = _event("creations, changes and deletions of thing types")
    thing_group_membership: bool | NotCompared = _event("additions of things to groups, and removals,")
    thing_group_hierarchy: bool | NotCompared = _event("additions of thing groups to groups, and removals,")
    thing_type_association: bool | NotCompared = _event("changes of the type of a thing")
    job: bool | NotCompared = _event("the ends and deletions of jobs")
    job_execution: bool | NotCompared = _event("the ends of job executions")
    policy: bool | NotCompared = _event("creations, changes and deletions of policies")
    certificate: bool | NotCompared = _event("registrations, changes and deletions of certificates")
    ca_certificate: bool | NotCompared = _event("registrations, changes and deletions of CA certificates")


class AccountEvents(AccountSettings):
    """Events: found by account and Region, owned by the thing group `reconciler:account-events`."""

    table = "account.events"
    noun = "event configuration"
    spec_class = Events
    api = SettingsApi("DescribeEventConfigurations", "UpdateEventConfigurations")
    defaults = Events(*[False] * 11)

    def to_spec(self, response: Response) -> Events:
        """Return the spec that AWS's configurations mean."""
        configurations = response.get("eventConfigurations", {})
        states = {name: configurations.get(name.upper(), {}).get("Enabled", False) for name in self.members}
        return evolve(self.defaults, **states)

    def to_params(self, spec: Events, changed_fields: frozenset[str]) -> Mapping[str, Any]:
        """Return the types of events that change; AWS leaves the others as they are."""
        return {
            "eventConfigurations": {
                name.upper(): {"Enabled": getattr(spec, name)} for name in sorted(changed_fields)
            }
        }


KIND = AccountEvents()
