"""Check what the caller may read, by sending calls, such as the first one of each kind's read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from attrs import evolve

from reconciler.engine.change_feed.feed import DELIVERY_OVERLAP, read_window
from reconciler.engine.stored_secrets import read_stored_secrets
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.call import ApiCall, Call
from reconciler.model.check_result import CheckResult
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, TargetError
from reconciler.model.resource import Live
from reconciler.model.settings import DesiredState

_ADVICE = "`reconciler permissions --for plan` prints the permissions that reading needs"


def check_read_access(state: DesiredState, call: Call) -> Iterator[CheckResult]:
    """Yield a result for each kind that cannot be read, or one result if all kinds can.

    Raises TargetError, and AwsError for errors other than missing permissions.
    """
    workspace = state.settings.name
    scope = Scope(workspace, add_ownership_markers(workspace, state.resources))
    kinds = all_kinds()
    all_readable = True
    for table, kind in kinds.items():
        request = _find_first_call(kind.read(scope))
        if request is None:
            continue
        try:
            call(evolve(request, max_items=1))
        except AwsError as error:
            if error.code in request.ignored_errors:  # there is nothing to read, which the caller may know
                continue
            if error.code not in NO_ACCESS_CODES:
                raise
            all_readable = False
            if any(scope.iterate_resources(table)):
                message = f"{table}: {error}; the file has resources of this kind"
                yield CheckResult("error", "reading", message, _ADVICE)
            else:
                message = f"{table}: {error}; the file has none of this kind, so plans skip it"
                yield CheckResult("warning", "reading", message, _ADVICE)
    if all_readable:
        yield CheckResult("ok", "reading", f"all {len(kinds)} kinds can be listed")


def check_stored_secrets(state: DesiredState, call: Call) -> Iterator[CheckResult]:
    """Yield a result for each secret in AWS that cannot be read, or one result if all can.

    Without such secrets, yield nothing. Raises AwsError and TargetError.
    """
    secrets = read_stored_secrets(state.stored_secrets, call)
    problems = sorted({secret.problem for secret in secrets.values() if secret.problem})
    for problem in problems:
        text, _, advice = problem.partition("; ")
        yield CheckResult("error", "secrets", text, advice)
    if secrets and not problems:
        noun = "secret" if len(secrets) == 1 else "secrets"
        yield CheckResult("ok", "secrets", f"the file's {len(secrets):,} {noun} in AWS can be read")


def check_change_feed(state: DesiredState, call: Call) -> Iterator[CheckResult]:
    """Yield a result on reading CloudTrail, if plans of this file do; they also work without it."""
    if state.settings.read != "changed":
        return
    try:
        read_window(call, "iot", datetime.now(UTC) - DELIVERY_OVERLAP, max_events=1)
    except (AwsError, TargetError) as error:
        message = f"{error}; plans find edges that others changed only in their turn"
        is_denied = isinstance(error, AwsError) and error.code in NO_ACCESS_CODES
        advice = f"allow cloudtrail:LookupEvents; {_ADVICE}" if is_denied else ""
        yield CheckResult("warning", "change feed", message, advice)
    else:
        yield CheckResult("ok", "change feed", "CloudTrail can be read")


def _find_first_call(read: Read[Sequence[Live]]) -> ApiCall | None:
    """Return the first call of a read, after any empty batches, or None if it sends no call."""
    try:
        batch = next(read)
        while not batch:
            batch = read.send([])
    except StopIteration:
        return None
    return batch[0]
