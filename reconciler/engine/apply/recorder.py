"""The recorder of an apply: every attempt at a call, before and after, and each step's outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import frozen

from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Outcome


class Recorder(Protocol):
    """Records one run, from any thread. It never raises, because an apply does not depend on it.

    `problem` states why something was not recorded, or is empty.
    """

    @property
    def problem(self) -> str:
        """Why something was not recorded, or an empty string."""

    def record_request(self, address: Address, call: ApiCall) -> int:
        """Record that a call is about to be sent; return the token to pass to `record_response`."""

    def record_response(self, token: int, status: str, request_id: str = "", code: str = "") -> None:
        """Record how a call ended: a status of `RunCall`, and AWS's request ID and error code, if any."""

    def record_outcome(self, outcome: Outcome) -> None:
        """Record the outcome of a step."""

    def end(self) -> None:
        """Record the end of the run."""


@frozen
class NullRecorder:
    """Records nothing; `problem` states why, if that was not intended."""

    problem: str = ""

    def record_request(self, address: Address, call: ApiCall) -> int:  # noqa: ARG002 (the protocol's)
        """Record nothing."""
        return 0

    def record_response(self, token: int, status: str, request_id: str = "", code: str = "") -> None:
        """Record nothing."""

    def record_outcome(self, outcome: Outcome) -> None:
        """Record nothing."""

    def end(self) -> None:
        """Record nothing."""


NULL_RECORDER = NullRecorder()


def record_calls(call: Call, recorder: Recorder, address: Address) -> Call:
    """Return the call with each attempt recorded before it is sent and after its response."""

    def send(request: ApiCall) -> Mapping[str, Any]:
        token = recorder.record_request(address, request)
        try:
            response = call(request)
        except AwsError as error:
            recorder.record_response(token, _derive_call_status(error, request), error.request_id, error.code)
            raise
        except Exception as error:
            recorder.record_response(token, "lost", code=type(error).__name__)
            raise
        request_id = str(response.get("ResponseMetadata", {}).get("RequestId", ""))
        recorder.record_response(token, "answered", request_id)
        return response

    return send


def _derive_call_status(error: AwsError, request: ApiCall) -> str:
    """Return the state of a call that ended with an error; expected errors count as "answered"."""
    if error.outcome_unknown:
        return "lost"
    is_expected = error.code in request.ignored_errors | request.repeat_until
    return "answered" if is_expected else "refused"
