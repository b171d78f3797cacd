"""Injected faults: rules that decide which calls fail or are delayed, and how.

Invariant: each rule has its own seeded generator and its own counter, so the same calls in the same order fail in the same
way. If several rules make a call fail, the first one decides how; the delays of all rules add up.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from random import Random
from threading import Lock

from attrs import define

from reconciler.frozen_classes import frozen

FAULT_KINDS: Mapping[str, str] = {
    "throttle": "is rejected with AWS's throttling error",
    "error_before": "fails with AWS's internal error and is not performed",
    "error_after": "is performed, then fails with AWS's internal error",
    "reset_before": "loses its connection and is not performed",
    "reset_after": "is performed, then loses its connection",
    "delay": "is answered `seconds` later",
}
"""The effect of each kind, as the predicate of a sentence whose subject is the call."""


@frozen
class FaultRule:
    """A rule that makes some of the calls that it matches fail, or delays them.

    `operation` is a glob such as `iot:Create*`; without a colon it matches operations of every service. `calls` are the
    ordinals, from 1, of the matching calls that the rule affects; if it is empty, the rule affects each with `probability`.
    `seconds` is the delay of a rule of the kind "delay".
    """

    operation: str
    kind: str
    probability: float = 1.0
    calls: frozenset[int] = frozenset()
    seconds: float = 0.0


@define
class _RuleState:
    """A rule with its generator and the number of calls that it has matched."""

    rule: FaultRule
    random: Random
    match_count: int = 0

    def record_call(self, service: str, operation: str) -> bool:
        """Count the call if the rule matches its operation, and return whether the call fails or is delayed."""
        name = operation if ":" not in self.rule.operation else f"{service}:{operation}"
        if not fnmatch.fnmatchcase(name, self.rule.operation):
            return False
        self.match_count += 1
        if self.rule.calls:
            return self.match_count in self.rule.calls
        return self.random.random() < self.rule.probability


class Faults:
    """The fault rules of one server. Thread-safe."""

    def __init__(self, rules: Sequence[FaultRule] = (), seed: int = 0) -> None:
        # A string seeds Random in the same way in every process and Python version.
        self._states = [
            _RuleState(rule, Random(f"{seed}/{position}"))  # noqa: S311  (not used for secrets)
            for position, rule in enumerate(rules)
        ]
        self._lock = Lock()

    def choose_next_fault(self, service: str, operation: str) -> tuple[str | None, float]:
        """Return the kind of the next call's fault, or None, and the call's delay in seconds.

        Every matching rule counts the call, even if an earlier rule has decided how it fails.
        """
        if not self._states:
            return None, 0.0
        kind, delay = None, 0.0
        with self._lock:
            for state in self._states:
                if not state.record_call(service, operation):
                    continue
                if state.rule.kind == "delay":
                    delay += state.rule.seconds
                else:
                    kind = kind or state.rule.kind
        return kind, delay
