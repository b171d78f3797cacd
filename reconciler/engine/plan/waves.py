"""Apply a plan in parts: some of its steps with their dependencies, or its rotations in waves."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from attrs import evolve

from reconciler.engine.plan.address_patterns import find_closest, match_all
from reconciler.engine.plan.step_facts import collect_step_facts
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.errors import INVALID_SELECTION
from reconciler.model.plan import Plan, Step
from reconciler.model.plan_options import UnmatchedSelector
from reconciler.model.quota import Quotas


def find_rotations(plan: Plan) -> tuple[Address, ...]:
    """Return the addresses of the steps that give a device a new certificate, in the plan's order."""
    kinds = all_kinds()
    return tuple(change.address for change in plan.changes if kinds[change.address.kind].is_rotation(change))


def select_planned(plan: Plan, selectors: Collection[str | Address]) -> set[Address]:
    """Return the given addresses, and those that the texts match: addresses, globs or kinds.

    Raises SelectionError for each text that matches no resource of the file and of the plan.
    """
    known = plan.basis.desired.keys() | {change.address for change in plan.changes}
    addresses = {item for item in selectors if isinstance(item, Address)}
    texts = [item for item in selectors if isinstance(item, str)]
    return addresses | match_all(texts, known, lambda text: _explain_no_match(text, known), INVALID_SELECTION)


def _explain_no_match(text: str, addresses: Collection[Address]) -> str:
    return UnmatchedSelector(text, closest=find_closest(text, addresses)).describe()


def restrict_plan(plan: Plan, addresses: Collection[Address], quotas: Quotas) -> Plan:
    """Return the plan with only the steps of these addresses and their dependencies."""
    steps = {step.address: step for step in plan.steps}
    included_addresses: set[Address] = set()
    pending_addresses = [address for address in addresses if address in steps]
    while pending_addresses:
        address = pending_addresses.pop()
        if address not in included_addresses:
            included_addresses.add(address)
            pending_addresses += steps[address].dependencies
    included_steps = tuple(step for step in plan.steps if step.address in included_addresses)
    return _replace_steps(plan, included_steps, quotas)


def split_into_waves(plan: Plan, percent: float, quotas: Quotas) -> Iterator[Plan]:
    """Yield plans that each have `percent` of the rotations, rounded up; the last may have fewer.

    Each plan also has the dependencies of its rotations, except those that an earlier plan has.
    """
    rotations = find_rotations(plan)
    size = max(1, math.ceil(len(rotations) * percent / 100))
    earlier_addresses: set[Address] = set()
    for start in range(0, len(rotations), size):
        wave = restrict_plan(plan, rotations[start : start + size], quotas)
        steps = tuple(
            evolve(step, dependencies=step.dependencies - earlier_addresses)
            for step in wave.steps
            if step.address not in earlier_addresses
        )
        earlier_addresses |= {step.address for step in steps}
        yield _replace_steps(plan, steps, quotas)


def _replace_steps(plan: Plan, steps: tuple[Step, ...], quotas: Quotas) -> Plan:
    facts = collect_step_facts(plan.workspace, plan.target, steps)
    estimate = quotas.estimate(facts.calls)
    return evolve(plan, steps=steps, digest=facts.digest, estimate=estimate, secrets=facts.secrets)
