"""Recorders of an apply: they record every call of the steps and the outcome of each step.

A repetition of a call is recorded as another call, except one that the `Call` function makes by itself (`aws.caller`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from reconciler.engine.calls.send import get_request_id
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Outcome


class Recorder(Protocol):
    """A recorder of one run. Thread-safe.

    Its methods never raise: an apply continues even if it cannot be recorded.
    """

    @property
    def problem(self) -> str:
        """Why something was not recorded, or an empty string."""

    def record_request(self, address: Address, call: ApiCall) -> int:
        """Record that a call is about to be sent; return the token to pass to `record_response`."""

    def record_response(self, token: int, status: str, request_id: str = "", code: str = "") -> None:
        """Record how a call ended.

        `status` is "completed", "rejected" or "no response", as in `RunCall.status`. `request_id` is AWS's. `code` is AWS's error code, the
        class name of another error, or empty after a success.
        """

    def record_outcome(self, outcome: Outcome) -> None:
        """Record the outcome of a step."""

    def end(self) -> None:
        """Record the end of the run."""


@frozen
class NullRecorder:
    """A recorder that records nothing; `problem` is the reason if the run should have been recorded."""

    problem: str = ""

    def record_request(self, address: Address, call: ApiCall) -> int:  # noqa: ARG002 (the protocol's parameters)
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
    """Return `call`, extended to record each request before it is sent and after its response or error.

    The response to a call whose secret the next call saves is recorded only after that one.
    """
    unsaved: list[tuple[int, str]] = []

    def send(request: ApiCall) -> Mapping[str, Any]:
        token = recorder.record_request(address, request)
        try:
            response = call(request)
        except AwsError as error:
            recorder.record_response(token, _derive_call_status(error, request), error.request_id, error.code)
            raise
        except Exception as error:
            recorder.record_response(token, "no response", code=type(error).__name__)
            raise
        if request.secret_member:
            unsaved.append((token, get_request_id(response)))
            return response
        recorder.record_response(token, "completed", get_request_id(response))
        while unsaved:
            earlier_token, request_id = unsaved.pop()
            recorder.record_response(earlier_token, "completed", request_id)
        return response

    return send


def _derive_call_status(error: AwsError, request: ApiCall) -> str:
    """Return `RunCall.status` of a call that ended with an error; expected errors count as "completed"."""
    if error.outcome_unknown:
        return "no response"
    is_expected = error.code in request.ignored_errors | request.repeat_until
    return "completed" if is_expected else "rejected"
