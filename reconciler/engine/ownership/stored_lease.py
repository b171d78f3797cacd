"""The lease as it is stored: in the attributes of the workspace's thing group.

The group is written with `expectedVersion`, so that only one of two concurrent writers succeeds (AWS IoT API reference,
UpdateThingGroup). The stored times of a lease that is held are the registry's, read from the `Date` header of responses, so that
differences between the computers' clocks do not matter.
"""

from __future__ import annotations

import datetime
import re
import socket
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import evolve

from reconciler.engine.calls.send import send
from reconciler.engine.ownership.process import identify_machine, is_running
from reconciler.frozen_classes import frozen
from reconciler.kinds.base.reads import NOT_FOUND, VERSION_CONFLICT
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.kinds.base.verification import build_thing_group_verification
from reconciler.kinds.shared.group_membership import build_workspace_group_name
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError, LockedError
from reconciler.model.run import ProcessIdentity
from reconciler.model.text import format_time

_HOLDER = f"{TAG_PREFIX}lease-holder"
_PROCESS = f"{TAG_PREFIX}lease-process"
_SINCE = f"{TAG_PREFIX}lease-since"
_UNTIL = f"{TAG_PREFIX}lease-until"
_PLAN = f"{TAG_PREFIX}lease-plan"
_LEASE_ATTRIBUTES = frozenset({_HOLDER, _PROCESS, _SINCE, _UNTIL, _PLAN})

_INVALID_IN_ATTRIBUTE = re.compile(r"[^a-zA-Z0-9_.,@/:#-]")
"""Characters that AWS does not allow in an attribute's value (service model, AttributeValue)."""


@frozen
class LeaseHolder:
    """A lease as it is stored in the registry: its holder and its time.

    `machine` is equal for processes of the same machine and container; `token` is different for every lease. `since` and `until`
    are the start and the end of the lease in UTC, by the registry's clock. `approved_digest` is the digest of the plan that the holder was
    started with, or empty.
    """

    process: ProcessIdentity
    machine: str
    token: str
    since: datetime.datetime
    until: datetime.datetime
    approved_digest: str = ""

    def build_locked_error(self) -> LockedError:
        """Return the error for another process that tries to acquire the lease."""
        return LockedError(str(self), format_time(self.since), format_time(self.until))

    def format_partial_apply_warning(self) -> str:
        """Return the warning for a plan that is made while the holder is applying another one."""
        return (
            f"an apply by {self} has been running since {format_time(self.since)}; this plan may show a partial apply; "
            "plan again when it is done"
        )

    def __str__(self) -> str:
        return f"{self.process} (process {self.process.pid})"


@frozen
class LeaseGroup:
    """The workspace's group: its version, its attributes, and the registry's time when it was read."""

    version: int
    attributes: Mapping[str, str]
    now: datetime.datetime

    def parse_stored_lease(self) -> LeaseHolder | None:
        """Return the lease in the attributes, even an expired one, or None if there is none that can be read."""
        try:
            pid, started_at, machine, token = self.attributes[_PROCESS].split("/")
            # Users of a directory service may have an @ in their names.
            user, _, host = self.attributes[_HOLDER].rpartition("@")
            since, until = (datetime.datetime.fromisoformat(self.attributes[key]) for key in (_SINCE, _UNTIL))
            process = ProcessIdentity(user, host, int(pid), started_at=float(started_at))
            # An older version may have left the digest of an earlier lease, so the digest has its lease's token.
            digest_token, _, digest = self.attributes.get(_PLAN, "").partition("/")
            return LeaseHolder(process, machine, token, since, until, digest if digest_token == token else "")
        except (KeyError, ValueError):
            return None

    def find_active_lease(self) -> LeaseHolder | None:
        """Return the lease if it has not expired and its process is not known to have died."""
        lease = self.parse_stored_lease()
        if lease is None or lease.until <= self.now or _has_died(lease):
            return None
        return lease


def format_lease(lease: LeaseHolder) -> Mapping[str, str]:
    """Return the attributes that store a lease."""
    attributes = {
        _HOLDER: _INVALID_IN_ATTRIBUTE.sub("_", str(lease.process)),
        _PROCESS: f"{lease.process.pid}/{lease.process.started_at}/{lease.machine}/{lease.token}",
        _SINCE: _to_iso_time(lease.since),
        _UNTIL: _to_iso_time(lease.until),
    }
    if lease.approved_digest:
        attributes[_PLAN] = f"{lease.token}/{lease.approved_digest}"
    return attributes


def read_group(workspace: str, call: Call) -> LeaseGroup | None:
    """Read the workspace's group; return None if it does not exist. Raises AwsError and TargetError."""
    params = {"thingGroupName": build_workspace_group_name(workspace)}
    try:
        response = call(ApiCall("iot", "DescribeThingGroup", params))
    except AwsError as error:
        if error.code not in NOT_FOUND:
            raise
        return None
    attributes = response.get("thingGroupProperties", {}).get("attributePayload", {}).get("attributes", {})
    return LeaseGroup(response["version"], attributes, _read_registry_time(response))


def write_lease(workspace: str, call: Call, group: LeaseGroup, lease_attributes: Mapping[str, str]) -> bool:
    """Replace the lease's attributes; return False if the group has changed since it was read.

    Empty `lease_attributes` release the lease. Raises AwsError and TargetError.
    """
    other_attributes = {key: value for key, value in group.attributes.items() if key not in _LEASE_ATTRIBUTES}
    attributes = {**other_attributes, **lease_attributes}
    params: dict[str, Any] = {
        "thingGroupName": build_workspace_group_name(workspace),
        "thingGroupProperties": {"attributePayload": {"attributes": attributes, "merge": False}},
        "expectedVersion": group.version,
    }
    # The attributes contain this lease's token, or no lease, so reading shows whether a write with a lost response took effect.
    verification = build_thing_group_verification(params["thingGroupName"])
    try:
        send(call, ApiCall("iot", "UpdateThingGroup", params, verification=verification), {})
    except AwsError as error:
        if error.code not in {VERSION_CONFLICT, *NOT_FOUND}:
            raise
        return False
    return True


def _read_registry_time(response: Mapping[str, Any]) -> datetime.datetime:
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else datetime.datetime.now(datetime.UTC)


def _has_died(lease: LeaseHolder) -> bool:
    """Return whether the holder was a process of this machine that no longer runs."""
    # The stored host name may have replaced characters, so `machine` identifies the host instead.
    process = evolve(lease.process, host=socket.gethostname())
    return lease.machine == identify_machine() and not is_running(process)


def _to_iso_time(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
