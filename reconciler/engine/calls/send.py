"""Send one call, and repeat it while needed; the `ApiCall` itself states what each error code means.

If a response is lost, it is unknown whether the call took effect. An idempotent call has then already been repeated by the `Call`
function (`aws.caller`). A call with a `verification` is verified by reading, and sent again only if it did not take effect; any other
call fails. So an "already exists" error after a lost response does not count as success by itself; a read must show that the call took
effect.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, evolve

from reconciler.engine.calls import output_files
from reconciler.model.call import ApiCall, Call, Responses, Verification, Wait, get_by_path, resolve
from reconciler.model.errors import AwsError, ReconcilerError, TargetError, UnknownOutcomeError, WaitError

CATCH_UP_SECONDS = 300.0
"""Seconds for which a call is repeated while AWS still processes an earlier one, unless the call sets its own timeout.

AWS's documentation mentions delays of seconds, and of minutes for managed things.
"""

VERIFY_SECONDS = 30.0
"""Seconds for which a call is verified and repeated after its response was lost."""

Pause = Callable[[float], None]
"""Waits for a number of seconds. It may raise ReconcilerError to stop waiting."""


def send(call: Call, request: ApiCall, responses: Responses, pause: Pause = time.sleep) -> Mapping[str, Any]:
    """Return AWS's response, or an empty one after an error that counts as success for this call.

    Raises AwsError and TargetError; UnknownOutcomeError if a response was lost and it cannot be determined whether the call took
    effect; ReconcilerError if an output file cannot be written, or if a call with `repeat_until` still succeeds at its timeout; and
    WaitError if what a call waits for fails, or does not happen before its timeout.
    """
    output_files.check_writable(request)
    timeout = CATCH_UP_SECONDS if request.timeout_seconds is None else request.timeout_seconds
    pauses = generate_growing_pauses(timeout)
    sender = _Sender(call, _resolve_params(request, responses), pause)
    while True:
        try:
            response = sender.send()
        except AwsError as error:
            if error.code in request.ignored_errors | request.repeat_until:
                return {}
            if error.code not in request.retried_errors:
                raise
            seconds = next(pauses, None)
            if seconds is None:
                raise
        else:
            if not request.repeat_until and (request.wait is None or _has_ended(request.wait, response)):
                output_files.write_output_files(request, response)
                return response
            # A call with `repeat_until` is repeated until AWS returns one of these errors; this attempt succeeded.
            seconds = next(pauses, None)
            if seconds is None:
                raise _build_timeout_error(request, response, timeout)
        pause(seconds)


def _resolve_params(request: ApiCall, responses: Responses) -> ApiCall:
    """Return the call as it is sent; most have only texts, which stay as they are."""
    if all(type(value) is str for value in request.params.values()):
        return request
    return evolve(request, params=resolve(request.params, responses))


def _has_ended(wait: Wait, response: Mapping[str, Any]) -> bool:
    """Return whether a call waits for this response. Raises WaitError if it shows a failure."""
    value = get_by_path(response, wait.path)
    if value in wait.failures:
        reason = get_by_path(response, wait.reason_path) or "AWS gives no reason"
        raise WaitError(f"AWS reports {value}: {reason.rstrip('.')}", wait.advice)
    return value in wait.until


def _build_timeout_error(request: ApiCall, response: Mapping[str, Any], timeout: float) -> ReconcilerError:
    if request.wait is None:
        return ReconcilerError(
            f"{request} still finds the resource after {timeout:.0f} s; plan again to continue"
        )
    value = get_by_path(response, request.wait.path)
    return WaitError(f"AWS still reports {value} after {timeout:.0f} s", request.wait.advice)


@define
class _Sender:
    """A sender of one call with resolved parameters.

    `lost_response_error` is the latest error that left it unknown whether the call took effect, or None.
    """

    call: Call
    request: ApiCall
    pause: Pause
    lost_response_error: ReconcilerError | None = None

    def send(self) -> Mapping[str, Any]:
        """Return AWS's response, or the verified content of a lost one."""
        pauses = generate_growing_pauses(VERIFY_SECONDS)
        while True:
            try:
                return self.call(self.request)
            except (AwsError, TargetError) as error:
                if error.outcome_unknown:
                    self.lost_response_error = error
                if self.lost_response_error is None:
                    raise
                verification = self.request.verification
                if verification is None:
                    raise self._build_unknown_outcome_error() from error
                # After a lost response, wait before reading: the request may still be on its way.
                # `seconds` is None once VERIFY_SECONDS are over: then this verification is the last one.
                seconds = next(pauses, None) if error.outcome_unknown else 0.0
                if seconds:
                    self.pause(seconds)
                response = self._verify(verification)
                if response is not None:
                    return response
                if seconds is None:
                    raise self._build_unknown_outcome_error() from error
                if not error.outcome_unknown:
                    raise

    def _verify(self, verification: Verification) -> Mapping[str, Any] | None:
        """Return the content of the lost response if the call took effect, or None if it did not."""
        reads = verification.verify(self.request)
        try:
            read = next(reads)
            while True:
                read_response = send(self.call, read, {}, self.pause)
                read = reads.send(read_response)
        except StopIteration as end:
            response: Mapping[str, Any] | None = end.value
            return response
        except LookupError as error:  # the call took effect only in part
            resource_to_check = str(error)
            raise self._build_unknown_outcome_error(resource_to_check) from error
        except (AwsError, TargetError) as error:
            raise self._build_unknown_outcome_error() from error

    def _build_unknown_outcome_error(self, resource_to_check: str = "") -> UnknownOutcomeError:
        assert self.lost_response_error
        return UnknownOutcomeError(self.request, self.lost_response_error, resource_to_check)


def generate_growing_pauses(total_seconds: float = CATCH_UP_SECONDS) -> Iterator[float]:
    """Yield random pauses in seconds until their sum reaches `total_seconds`.

    The maximum of a pause doubles each time, from 0.05 to 5.
    """
    max_pause, elapsed = 0.05, 0.0
    while elapsed < total_seconds:
        seconds = random.uniform(max_pause / 2, max_pause)  # noqa: S311 (spreads load, protects no secret)
        elapsed += seconds
        max_pause = min(max_pause * 2, 5.0)
        yield seconds


def get_request_id(response: Mapping[str, Any]) -> str:
    """Return the ID by which AWS identifies a request, or "" if the response has none."""
    return str(response.get("ResponseMetadata", {}).get("RequestId", ""))
