"""The lease that allows one writer at a time, stored in the attributes of the workspace's thing group.

A holder that cannot renew the lease in time writes nothing more, and the lease expires. `stored_lease` reads and writes the group.
"""

from __future__ import annotations

import datetime
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from attrs import define, field

from reconciler.engine.ownership.process import identify_machine
from reconciler.engine.ownership.stored_lease import (
    LeaseGroup,
    LeaseHolder,
    format_lease,
    read_group,
    write_lease,
)
from reconciler.kinds.shared.ownership_markers import build_group_call
from reconciler.model.call import Call
from reconciler.model.errors import AwsError, LeaseLostError, LockedError, ReconcilerError, TargetError
from reconciler.model.run import ProcessIdentity

LEASE_SECONDS = 60.0
"""Seconds after which a lease expires if it is not renewed."""

_ALREADY_EXISTS = "ResourceAlreadyExistsException"
_MAX_ATTEMPTS = 5
"""The maximum number of attempts to write the lease while other callers change the group at the same time."""

_WRITE_UNTIL_SHARE = 0.8
"""The share of the lease's time in which its holder may begin a write; in the rest, the write has to end."""

_POLL_SECONDS = 2.0
"""Seconds between two attempts to acquire a lease that another process holds."""

_RENEWALS_PER_LEASE = 4
"""The lease's time divided by this is the time between two renewals."""

Clock = Callable[[], float]
"""Returns seconds from an arbitrary start."""


def _read_boot_clock() -> float:
    """Return the time of a clock that, on Linux, does not stop while the computer sleeps.

    The lease can expire during sleep. `time.monotonic` stops during sleep (clock_gettime(2)), but only Linux has `CLOCK_BOOTTIME`.
    """
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


def find_lease_holder(workspace: str, call: Call) -> LeaseHolder | None:
    """Return the active lease of a workspace, or None. Raises AwsError and TargetError."""
    group = read_group(workspace, call)
    return group.find_active_lease() if group else None


def wait_until_free(workspace: str, call: Call, timeout_seconds: float, stop: threading.Event) -> None:
    """Wait until no other process holds the lease, or until `stop` is set.

    Raises LockedError at the end of the time, AwsError and TargetError.
    """
    started_at = time.monotonic()
    while holder := find_lease_holder(workspace, call):
        seconds_left = timeout_seconds - (time.monotonic() - started_at)
        if seconds_left <= 0 or stop.wait(min(_POLL_SECONDS, seconds_left)):
            raise holder.build_locked_error()


def find_interrupted_digest(workspace: str, call: Call) -> str | None:
    """Return the digest of the approved plan whose apply was interrupted; None without one.

    Its process died while it held the lease. Raises AwsError and TargetError.
    """
    group = read_group(workspace, call)
    if group is None or group.find_active_lease():
        return None
    lease = group.parse_stored_lease()
    return lease.approved_digest or None if lease else None


def force_unlock(workspace: str, call: Call) -> LeaseHolder | None:
    """Release the lease of any holder and return that lease. Raises AwsError and TargetError.

    If another caller changes the group at the same time, such as to renew the lease, the lease is returned but not released.
    """
    group = read_group(workspace, call)
    lease = group.parse_stored_lease() if group else None
    if group and lease:
        write_lease(workspace, call, group, {})
    return lease


def release_stale_lease(workspace: str, call: Call) -> None:
    """Release a lease that has expired or whose process has died. Raises AwsError and TargetError.

    If another caller changes the group at the same time, the lease is not released.
    """
    group = read_group(workspace, call)
    if group and group.parse_stored_lease() and not group.find_active_lease():
        write_lease(workspace, call, group, {})


@contextmanager
def hold_lease(  # noqa: PLR0913 (the last four have defaults that only tests replace)
    workspace: str,
    call: Call,
    process: ProcessIdentity,
    *,
    approved_digest: str = "",
    timeout_seconds: float = 0.0,
    machine: str | None = None,
    seconds: float = LEASE_SECONDS,
    clock: Clock = _read_boot_clock,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Callable[[], None]]:
    """Hold the lease, renew it in the background, and release it at the end.

    The lease records `approved_digest`, so that another process can continue that plan if this one dies. If another process
    holds the lease, wait for it for at most `timeout_seconds`. `machine` defaults to this machine. Yields a function to call before each write: it raises LeaseLostError if the lease was lost
    or not renewed in time. Raises LockedError if another process holds the lease, and ReconcilerError, AwsError and TargetError.
    """
    lease = _Lease(workspace, call, process, machine or identify_machine(), seconds, clock, approved_digest)
    stop = threading.Event()
    renewal_thread = threading.Thread(target=lease.keep_renewing, args=(stop,), name="lease", daemon=True)
    try:
        _acquire_within(lease, timeout_seconds, pause)
        renewal_thread.start()
        yield lease.check
    finally:  # also if `acquire` failed: it may have taken effect although its response was lost
        stop.set()
        if renewal_thread.ident is not None:
            renewal_thread.join()
        lease.release()


def _acquire_within(lease: _Lease, timeout_seconds: float, pause: Callable[[float], None]) -> None:
    """Acquire the lease, trying again while another process holds it.

    Raises LockedError at the end of the time.
    """
    started_at = lease.clock()
    while True:
        try:
            lease.acquire()
        except LockedError:
            seconds_left = timeout_seconds - (lease.clock() - started_at)
            if seconds_left <= 0:
                raise
            pause(min(_POLL_SECONDS, seconds_left))
        else:
            return


@define
class _Lease:
    """This process's lease.

    `_renewed_at` is when, by this process's `clock`, the last successful attempt to acquire or renew the lease began; None before
    the lease is acquired and after it was lost. Only one thread at a time writes this attribute, and others read it; this needs no
    lock, because Python reads and writes an attribute atomically.
    """

    workspace: str
    call: Call
    process: ProcessIdentity
    machine: str
    seconds: float
    clock: Clock
    approved_digest: str = ""
    token: str = field(factory=lambda: secrets.token_hex(8))
    _renewed_at: float | None = field(default=None, init=False)

    def acquire(self) -> None:
        """Acquire the lease. Raises LockedError, ReconcilerError, AwsError and TargetError."""
        for _ in range(_MAX_ATTEMPTS):
            requested_at = self.clock()
            group = read_group(self.workspace, self.call)
            lease = group.find_active_lease() if group else None
            # If an earlier attempt created the group, the lease in it is this one.
            if lease and lease.token != self.token:
                raise lease.build_locked_error()
            if self._try_acquire(group):
                self._renewed_at = requested_at
                return
        raise ReconcilerError(
            "cannot acquire the lease: the workspace's group keeps changing; try again in a moment"
        )

    def _try_acquire(self, group: LeaseGroup | None) -> bool:
        """Write the lease into the group that was read; return whether the lease is held now.

        If there was no group, create it with the lease and return False: then the group must be read and written once more.
        """
        if group is not None:
            return write_lease(
                self.workspace, self.call, group, self._format_attributes(group.now, group.now)
            )
        now = datetime.datetime.now(datetime.UTC)  # no response with the registry's time yet
        try:
            self.call(build_group_call(self.workspace, self._format_attributes(now, now)))
        except AwsError as error:
            if error.code != _ALREADY_EXISTS:
                raise
        # The lease is not held yet: another process may have created the group, and the stored times must be the registry's.
        return False

    def _format_attributes(self, since: datetime.datetime, now: datetime.datetime) -> Mapping[str, str]:
        until = now + datetime.timedelta(seconds=self.seconds)
        return format_lease(
            LeaseHolder(self.process, self.machine, self.token, since, until, self.approved_digest)
        )

    def keep_renewing(self, stop: threading.Event) -> None:
        """Renew the lease until it is lost or `stop` is set; after an error, try again."""
        while not stop.wait(self.seconds / _RENEWALS_PER_LEASE):
            try:
                self.renew()
            except (AwsError, TargetError):
                continue
            except LeaseLostError:
                return

    def renew(self) -> None:
        """Renew the lease once. Raises LeaseLostError, AwsError and TargetError.

        If other callers keep changing the group, return without having renewed the lease.
        """
        for _ in range(_MAX_ATTEMPTS):
            requested_at = self.clock()
            group = read_group(self.workspace, self.call)
            lease = group.parse_stored_lease() if group else None
            if group is None or lease is None or lease.token != self.token:
                self._renewed_at = None
                cause = f"{lease} holds it now" if lease else "it was released by force"
                raise _build_lost_error(cause)
            if write_lease(self.workspace, self.call, group, self._format_attributes(lease.since, group.now)):
                self._renewed_at = requested_at
                return

    def check(self) -> None:
        """Check, before each write, that the lease was renewed in time and not lost. Raises LeaseLostError."""
        renewed_at = self._renewed_at
        if renewed_at is None:
            raise _build_lost_error("another process holds it now, or it was released by force")
        if self.clock() - renewed_at > self.seconds * _WRITE_UNTIL_SHARE:
            raise LeaseLostError(
                "the workspace's lease could not be renewed in time, so nothing more is written"
            )

    def release(self) -> None:
        """Release the lease if it is still held. If that fails, the lease expires by itself."""
        try:
            for _ in range(_MAX_ATTEMPTS):
                group = read_group(self.workspace, self.call)
                lease = group.parse_stored_lease() if group else None
                if group is None or lease is None or lease.token != self.token:
                    return
                if write_lease(self.workspace, self.call, group, {}):
                    return
        except (AwsError, TargetError):
            return


def _build_lost_error(cause: str) -> LeaseLostError:
    return LeaseLostError(f"the workspace's lease was lost ({cause}), so nothing more is written")
