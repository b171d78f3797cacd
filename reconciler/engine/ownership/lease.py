"""One writer at a time: a lease on the workspace, kept in the attributes of its group in the registry itself.

It is taken, renewed and given back with `expectedVersion`, so that of two who reach for it one gets it (AWS IoT API
reference, UpdateThingGroup). All its times are the registry's, read off the `Date` of its answers, so that clocks that
differ do no harm. Whoever cannot renew it in time stops before the next write, and it ends by itself.
"""

from __future__ import annotations

import datetime
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import evolve, field, frozen

from reconciler.engine.calls.send import send
from reconciler.engine.ownership.process import at_work, this_machine
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.kinds.base.verification import verify_thing_group
from reconciler.kinds.shared.group_membership import workspace_group_name
from reconciler.kinds.shared.ownership_markers import build_group_call
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError, LeaseLostError, LockedError, ReconcilerError, TargetError
from reconciler.model.run import ProcessIdentity

SECONDS = 60.0
"""How long a lease lasts that is not renewed."""

_HOLDER, _PROCESS, _SINCE, _UNTIL = (
    f"{TAG_PREFIX}lease-{part}" for part in ("holder", "process", "since", "until")
)
_CONFLICT = "VersionConflictException"
_EXISTS = "ResourceAlreadyExistsException"
_TRIES = 5
_UNFIT = re.compile(r"[^a-zA-Z0-9_.,@/:#-]")
"""What AWS admits in no attribute's value (service model, AttributeValue)."""

Clock = Callable[[], float]


def _awake_or_asleep() -> float:
    """Seconds that go on while the computer sleeps, as the lease does. `time.monotonic` stands still then (clock_gettime(2))."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux alone has it
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@frozen
class Held:
    """A lease as the registry has it; times are in UTC, of the registry's clock.

    `machine` tells the processes that can see each other from all others.
    """

    holder: ProcessIdentity
    machine: str
    token: str
    since: datetime.datetime
    until: datetime.datetime

    def locked(self) -> LockedError:
        """Why somebody else may not write."""
        return LockedError(str(self), _text(self.since), _text(self.until))

    def halfway(self) -> str:
        """What that means for who reads meanwhile."""
        return (
            f"{self} is applying this workspace since {_text(self.since)}, and what was read may be half of its work; "
            "plan again when it is done"
        )

    def __str__(self) -> str:
        return f"{self.holder} (process {self.holder.pid})"


@frozen
class _Group:
    """The workspace's group: its version, its attributes, and the registry's time when it was read."""

    version: int
    attributes: Mapping[str, str]
    now: datetime.datetime

    def held(self) -> Held | None:
        """The lease that somebody has and that has not run out; that of a process of this host that has died is nobody's."""
        found = _parse(self.attributes)
        if found is None or found.until <= self.now or _has_died(found):
            return None
        return found


def holder(workspace: str, call: Call) -> Held | None:
    """Who has the lease of a workspace, None where nobody has. Raises AwsError and TargetError."""
    group = _read(workspace, call)
    return group.held() if group else None


def unlock(workspace: str, call: Call) -> Held | None:
    """Break the lease, whoever has it, and say who had it. Raises AwsError and TargetError."""
    group, held = _look(workspace, call)
    if group and held:
        _write(workspace, call, group, {})
    return held


def clear(workspace: str, call: Call) -> None:
    """Take away the lease of one who has died, or whose time is over, where any is left. Raises AwsError and TargetError."""
    group = _read(workspace, call)
    if group and _parse(group.attributes) and not group.held():
        _write(workspace, call, group, {})


@contextmanager
def leased(  # noqa: PLR0913 (the last three are this process's own unless a test says otherwise)
    workspace: str,
    call: Call,
    who: ProcessIdentity,
    *,
    machine: str | None = None,
    seconds: float = SECONDS,
    clock: Clock = _awake_or_asleep,
) -> Iterator[Callable[[], None]]:
    """Hold the lease, renewing it in the background, and give it back on every way out.

    `machine` is this one unless something else is said. Gives what to ask before each write: it raises LeaseLostError once
    the lease is no longer ours. Raises LockedError where somebody else has it, AwsError and TargetError.
    """
    lease = _Lease(workspace, call, who, machine or this_machine(), seconds, clock)
    over = threading.Event()
    renewing = threading.Thread(target=lease.keep, args=(over,), name="lease", daemon=True)
    try:
        lease.acquire()
        renewing.start()
        yield lease.check
    finally:  # even where it seems not to have been acquired: the answer may have been lost, and only that
        over.set()
        if renewing.ident is not None:
            renewing.join()
        lease.release()


@frozen
class _Lease:
    """Ours. `_renewed` is when, by our own clock, the registry was last asked for it; None once it is lost."""

    workspace: str
    call: Call
    who: ProcessIdentity
    machine: str
    seconds: float
    clock: Clock
    token: str = field(factory=lambda: secrets.token_hex(8))
    _renewed: list[float | None] = field(factory=lambda: [None])

    def acquire(self) -> None:
        for _ in range(_TRIES):
            asked = self.clock()
            group = _read(self.workspace, self.call)
            held = group.held() if group else None
            if held and held.token != self.token:
                raise held.locked()
            if self._take(group):
                self._renewed[0] = asked
                return
        raise ReconcilerError(
            "the workspace's group changes all the time, so no lease could be taken; try again"
        )

    def _take(self, group: _Group | None) -> bool:
        """Whether the group, as it was read, now bears our lease."""
        if group is not None:
            return _write(self.workspace, self.call, group, self._attributes(group.now, group.now))
        now = datetime.datetime.now(datetime.UTC)  # there is no answer yet that tells the registry's time
        try:
            self.call(build_group_call(self.workspace, self._attributes(now, now)))
        except AwsError as error:
            if error.code != _EXISTS:
                raise
        return False  # read again: somebody else may have made it in this very moment, and the times are to be the registry's

    def _attributes(self, since: datetime.datetime, now: datetime.datetime) -> dict[str, str]:
        return {
            _HOLDER: _UNFIT.sub("_", str(self.who)),
            _PROCESS: f"{self.who.pid}/{self.who.started_at}/{self.machine}/{self.token}",
            _SINCE: _text(since),
            _UNTIL: _text(now + datetime.timedelta(seconds=self.seconds)),
        }

    def keep(self, over: threading.Event) -> None:
        """Renew it until it is over or lost; a registry that does not answer is asked again."""
        while not over.wait(self.seconds / 4):
            try:
                self.renew()
            except (AwsError, TargetError):
                continue
            except LeaseLostError:
                return

    def renew(self) -> None:
        """One renewal. Raises LeaseLostError, AwsError and TargetError."""
        for _ in range(_TRIES):
            asked = self.clock()
            group, found = _look(self.workspace, self.call)
            if group is None or found is None or found.token != self.token:
                self._renewed[0] = None
                raise _lost(found)
            if _write(self.workspace, self.call, group, self._attributes(found.since, group.now)):
                self._renewed[0] = asked
                return

    def check(self) -> None:
        """Before each write. A fifth of the lease is left for the write itself."""
        renewed = self._renewed[0]
        if renewed is None:
            raise _lost(None)
        if self.clock() - renewed > self.seconds * 0.8:
            raise LeaseLostError(
                "the workspace's lease could not be renewed in time, so nothing more is written"
            )

    def release(self) -> None:
        """Given back if it is still ours. What cannot be given back ends by itself."""
        try:
            for _ in range(_TRIES):
                group, found = _look(self.workspace, self.call)
                if group is None or found is None or found.token != self.token:
                    return
                if _write(self.workspace, self.call, group, {}):
                    return
        except (AwsError, TargetError):
            return


def _lost(found: Held | None) -> LeaseLostError:
    taker = f"{found} has it now" if found else "somebody broke it"
    return LeaseLostError(f"the workspace's lease is no longer ours ({taker}), so nothing more is written")


def _read(workspace: str, call: Call) -> _Group | None:
    asked = {"thingGroupName": workspace_group_name(workspace)}
    try:
        answer = call(ApiCall("iot", "DescribeThingGroup", asked))
    except AwsError as error:
        if error.code not in NOT_FOUND:
            raise
        return None
    attributes = answer.get("thingGroupProperties", {}).get("attributePayload", {}).get("attributes", {})
    return _Group(answer["version"], attributes, _registry_time(answer))


def _look(workspace: str, call: Call) -> tuple[_Group | None, Held | None]:
    """The group, and the lease that it bears, run out or not."""
    group = _read(workspace, call)
    return group, _parse(group.attributes) if group else None


def _write(workspace: str, call: Call, group: _Group, lease: Mapping[str, str]) -> bool:
    """Put a lease in place of the one that is there, unless the group has changed since it was read."""
    ours = {_HOLDER, _PROCESS, _SINCE, _UNTIL}
    kept = {key: value for key, value in group.attributes.items() if key not in ours}
    params: dict[str, Any] = {
        "thingGroupName": workspace_group_name(workspace),
        "thingGroupProperties": {"attributePayload": {"attributes": {**kept, **lease}, "merge": False}},
        "expectedVersion": group.version,
    }
    try:
        # Our token is in it, so that a write whose answer was lost is found again.
        proof = verify_thing_group(params["thingGroupName"])
        send(call, ApiCall("iot", "UpdateThingGroup", params, verification=proof), {})
    except AwsError as error:
        if error.code not in {_CONFLICT, *NOT_FOUND}:
            raise
        return False
    return True


def _registry_time(answer: Mapping[str, Any]) -> datetime.datetime:
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(said) if said else datetime.datetime.now(datetime.UTC)


def _parse(attributes: Mapping[str, str]) -> Held | None:
    """The lease that a group's attributes tell of, whether or not it has run out. What nobody can read holds nobody up."""
    try:
        pid, born, machine, token = attributes[_PROCESS].split("/")
        user, _, host = attributes[_HOLDER].rpartition("@")  # a directory's users may have one in their names
        since, until = (datetime.datetime.fromisoformat(attributes[key]) for key in (_SINCE, _UNTIL))
        return Held(
            ProcessIdentity(user, host, int(pid), started_at=float(born)), machine, token, since, until
        )
    except (KeyError, ValueError):
        return None


def _has_died(held: Held) -> bool:
    """Whether the process was one of this machine's and is no more."""
    here = evolve(held.holder, host=socket.gethostname())  # which AWS may not admit in an attribute as it is
    return held.machine == this_machine() and not at_work(here)


def _text(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
