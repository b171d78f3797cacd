"""One call, sent until it is answered for good: what an error code means here is written on the call.

Where the answer was lost, nobody knows whether the call was done. Calls that may simply be repeated have been, before it
comes to that; for the others it is read whether they were, and only one that was not is sent once more. So an error that
says "it is there already" is never taken for success by itself: only what was read is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, evolve

from reconciler.engine.calls import output_files
from reconciler.model.call import ApiCall, Call, Responses, Verification, resolve
from reconciler.model.errors import AwsError, ReconcilerError, TargetError, UnknownOutcomeError

PATIENCE = 300.0
"""Seconds for which AWS may take to catch up; its own documents speak of seconds, and of minutes for managed things."""

LOST_PATIENCE = 30.0
"""Seconds for which a call is looked for, and repeated, after its answer was lost."""

Pause = Callable[[float], None]


def send(call: Call, asked: ApiCall, answers: Responses, pause: Pause = time.sleep) -> Mapping[str, Any]:
    """AWS's answer, or an empty one where the call tolerates the error.

    Raises AwsError and TargetError, UnknownOutcomeError where the answer was lost for good, and ReconcilerError.
    """
    output_files.room_for(asked)
    complete = evolve(asked, params=resolve(asked.params, answers))
    patience = PATIENCE if asked.timeout_seconds is None else asked.timeout_seconds
    pauses = growing_pauses(patience)
    sending = _Sending(call, complete, pause)
    while True:
        try:
            answer = sending.answer()
        except AwsError as error:
            if error.code in asked.ignored_errors | asked.repeat_until:
                return {}
            if error.code not in asked.retried_errors:
                raise
            seconds = next(pauses, None)
            if seconds is None:
                raise
        else:
            if not asked.repeat_until:
                output_files.write(asked, answer)
                return answer
            seconds = next(pauses, None)
            if seconds is None:
                raise ReconcilerError(f"{asked} still finds it after {patience:.0f} s; plan again to go on")
        pause(seconds)


@define
class _Sending:
    """One complete call on its way; it remembers that an answer was lost."""

    call: Call
    asked: ApiCall
    pause: Pause
    lost: ReconcilerError | None = None

    def answer(self) -> Mapping[str, Any]:
        """What AWS says, or what it said and nobody heard."""
        pauses = growing_pauses(LOST_PATIENCE)
        while True:
            try:
                return self.call(self.asked)
            except (AwsError, TargetError) as error:
                if error.outcome_unknown:
                    self.lost = error
                if self.lost is None:
                    raise
                proof = self.asked.verification
                if proof is None:
                    raise self._unknown() from error
                seconds = next(pauses, None) if error.outcome_unknown else 0.0
                if seconds:
                    self.pause(seconds)  # it may still be on its way
                found = self._look(proof)
                if found is not None:
                    return found
                if seconds is None:
                    raise self._unknown() from error
                if not error.outcome_unknown:
                    raise

    def _look(self, proof: Verification) -> Mapping[str, Any] | None:
        looking = proof.verify(self.asked)
        try:
            question = next(looking)
            while True:
                question = looking.send(send(self.call, question, {}, self.pause))
        except StopIteration as ended:
            found: Mapping[str, Any] | None = ended.value
            return found
        except LookupError as half:
            raise self._unknown(str(half)) from half
        except (AwsError, TargetError) as error:
            raise self._unknown() from error

    def _unknown(self, look_at: str = "") -> UnknownOutcomeError:
        assert self.lost
        return UnknownOutcomeError(self.asked, self.lost, look_at)


def growing_pauses(patience: float = PATIENCE) -> Iterator[float]:
    """Pauses in seconds, doubling from 50 ms to 5 s, each with full jitter, until they add up to `patience`."""
    most, spent = 0.05, 0.0
    while spent < patience:
        seconds = random.uniform(most / 2, most)  # noqa: S311 (spreads load, keeps no secret)
        spent += seconds
        most = min(most * 2, 5.0)
        yield seconds
