"""A part of a plan, and a plan in waves: the same steps, with the same calls, some of them later or not at all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator

from attrs import evolve

from reconciler.engine.plan.record import compute_digest
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.plan import Plan, Step
from reconciler.model.quota import Quotas


def find_rotations(plan: Plan) -> tuple[Address, ...]:
    """The steps of a plan that give a device a new certificate, in the plan's order."""
    return tuple(
        step.address for step in plan.steps if all_kinds()[step.address.kind].is_rotation(step.change)
    )


def restrict_plan(plan: Plan, wanted: Collection[Address], quotas: Quotas) -> Plan:
    """The wanted steps and all that they wait for; nothing else of the plan."""
    steps = {step.address: step for step in plan.steps}
    kept: set[Address] = set()
    open_ones = [address for address in wanted if address in steps]
    while open_ones:
        address = open_ones.pop()
        if address not in kept:
            kept.add(address)
            open_ones += steps[address].dependencies
    return _with(plan, tuple(step for step in plan.steps if step.address in kept), quotas)


def split_into_waves(plan: Plan, percent: float, quotas: Quotas) -> Iterator[Plan]:
    """The plan's rotations in waves of so many per cent, rounded up, each with what it waits for and is not done yet."""
    wanted = find_rotations(plan)
    size = max(1, math.ceil(len(wanted) * percent / 100))
    done: set[Address] = set()
    for start in range(0, len(wanted), size):
        wave = restrict_plan(plan, wanted[start : start + size], quotas)
        steps = tuple(
            evolve(step, dependencies=step.dependencies - done)
            for step in wave.steps
            if step.address not in done
        )
        done |= {step.address for step in steps}
        yield _with(plan, steps, quotas)


def _with(plan: Plan, steps: tuple[Step, ...], quotas: Quotas) -> Plan:
    calls = Counter((call.service, call.operation) for step in steps for call in step.calls)
    said = compute_digest(plan.workspace, plan.target, steps)
    return evolve(plan, steps=steps, digest=said, estimate=quotas.estimate(dict(sorted(calls.items()))))
