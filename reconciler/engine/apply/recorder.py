"""What an apply tells a journal: every attempt at a call before and after it is made, and what becomes of each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import frozen

from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Outcome


class Recorder(Protocol):
    """Hears what is done, from any thread. It never raises: nothing that is done depends on it.

    `trouble` says why not everything was noted; it is empty while all is well.
    """

    @property
    def problem(self) -> str:
        """Why, in words."""

    def record_request(self, address: Address, call: ApiCall) -> int:
        """A call is about to be sent; gives the number to answer it by."""

    def record_response(self, token: int, state: str, request_id: str = "", code: str = "") -> None:
        """What came of it: a state of `RunCall`, with AWS's id of the request and its error code, where there are any."""

    def record_outcome(self, outcome: Outcome) -> None:
        """What becomes of a step."""

    def end(self) -> None:
        """Nothing more will come."""


@frozen
class NullRecorder:
    """For who keeps no journal; `trouble` says why, where that was not meant."""

    problem: str = ""

    def record_request(self, address: Address, call: ApiCall) -> int:  # noqa: ARG002 (the protocol's)
        """Nothing is noted."""
        return 0

    def record_response(self, token: int, state: str, request_id: str = "", code: str = "") -> None:
        """Nothing is noted."""

    def record_outcome(self, outcome: Outcome) -> None:
        """Nothing is noted."""

    def end(self) -> None:
        """Nothing is noted."""


NULL_RECORDER = NullRecorder()


def with_recording(call: Call, recorder: Recorder, address: Address) -> Call:
    """The same call, noted before it is sent and after it is answered, each time that it is tried."""

    def send(asked: ApiCall) -> Mapping[str, Any]:
        token = recorder.record_request(address, asked)
        try:
            answer = call(asked)
        except AwsError as error:
            expected = error.code in asked.ignored_errors | asked.repeat_until
            state = "lost" if error.outcome_unknown else "answered" if expected else "refused"
            recorder.record_response(token, state, error.request_id, error.code)
            raise
        except Exception as error:
            recorder.record_response(token, "lost", code=type(error).__name__)
            raise
        recorder.record_response(
            token, "answered", str(answer.get("ResponseMetadata", {}).get("RequestId", ""))
        )
        return answer

    return send
