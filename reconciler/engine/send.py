"""One call, sent until it is answered for good: what an error code means here is written on the call."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve

from reconciler.engine import outputs
from reconciler.model.call import Answers, ApiCall, Call, resolve
from reconciler.model.errors import AwsError, ReconcilerError

PATIENCE = 300.0
"""Seconds for which AWS may take to catch up; its own documents speak of seconds, and of minutes for managed things."""

Pause = Callable[[float], None]


def send(call: Call, asked: ApiCall, answers: Answers, pause: Pause = time.sleep) -> Mapping[str, Any]:
    """AWS's answer, or an empty one where the call tolerates the error. Raises AwsError and ReconcilerError."""
    outputs.room_for(asked)
    complete = evolve(asked, params=resolve(asked.params, answers))
    patience = PATIENCE if asked.patience is None else asked.patience
    pauses = growing_pauses(patience)
    while True:
        try:
            answer = call(complete)
        except AwsError as error:
            if error.code in asked.tolerates | asked.until:
                return {}
            if error.code not in asked.retries:
                raise
            seconds = next(pauses, None)
            if seconds is None:
                raise
        else:
            if not asked.until:
                outputs.write(asked, answer)
                return answer
            seconds = next(pauses, None)
            if seconds is None:
                raise ReconcilerError(f"{asked} still finds it after {patience:.0f} s; plan again to go on")
        pause(seconds)


def growing_pauses(patience: float = PATIENCE) -> Iterator[float]:
    """Pauses in seconds, doubling from 50 ms to 5 s, each with full jitter, until they add up to `patience`."""
    most, spent = 0.05, 0.0
    while spent < patience:
        seconds = random.uniform(most / 2, most)  # noqa: S311 (spreads load, keeps no secret)
        spent += seconds
        most = min(most * 2, 5.0)
        yield seconds
