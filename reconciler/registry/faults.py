"""Faults on purpose: rules that say which call goes wrong, and how.

Law: each rule has a generator and a counter of its own, seeded, so the same calls in the same order go wrong the same
way. Of several rules that match a call, the first that strikes decides; delays add up.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from random import Random
from threading import Lock

from attrs import define, frozen

FAULT_KINDS: Mapping[str, str] = {
    "throttle": "is refused with AWS's throttling error",
    "error_before": "fails with AWS's internal error, and nothing is done",
    "error_after": "is done, and then answered with AWS's internal error",
    "reset_before": "loses its connection, and nothing is done",
    "reset_after": "is done, and then loses its connection",
    "delay": "is answered later by `seconds`",
}
"""What can go wrong with a call; as a sentence, the call being the subject."""


@frozen
class FaultRule:
    """Which calls go wrong, and how.

    `operation` is a glob such as `iot:Create*`; without a colon it is held against the operations of every service.
    `calls` are ordinals, from 1, of the calls that it matches; where there are none, `probability` decides.
    """

    operation: str
    kind: str
    probability: float = 1.0
    calls: frozenset[int] = frozenset()
    seconds: float = 0.0


@define
class _Armed:
    """A rule with its generator and its counter."""

    rule: FaultRule
    random: Random
    seen: int = 0

    def strikes(self, service: str, operation: str) -> bool:
        name = operation if ":" not in self.rule.operation else f"{service}:{operation}"
        if not fnmatch.fnmatchcase(name, self.rule.operation):
            return False
        self.seen += 1
        if self.rule.calls:
            return self.seen in self.rule.calls
        return self.random.random() < self.rule.probability


class Faults:
    """The rules of one run. Safe for many threads."""

    def __init__(self, rules: Sequence[FaultRule] = (), seed: int = 0) -> None:
        # Random's own seeding of texts is the same in every process and version.
        self._armed = [_Armed(rule, Random(f"{seed}/{place}")) for place, rule in enumerate(rules)]  # noqa: S311
        self._guard = Lock()

    def strike(self, service: str, operation: str) -> tuple[str | None, float]:
        """Say what goes wrong with this call, if anything, and by how many seconds it is delayed."""
        if not self._armed:
            return None, 0.0
        kind, delay = None, 0.0
        with self._guard:
            for armed in self._armed:
                if not armed.strikes(service, operation):
                    continue
                if armed.rule.kind == "delay":
                    delay += armed.rule.seconds
                else:
                    kind = kind or armed.rule.kind
        return kind, delay
