"""One pass over the steps of a plan that finds every fact about them that the plan has.

The steps of a large plan are built again by each pass, so there is only one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from reconciler.engine.plan.call_savings import list_attached_policies
from reconciler.engine.plan.missing_secrets import find_missing_secrets
from reconciler.engine.plan.record import DigestBuilder
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.plan import Step, Target
from reconciler.model.secret import Secret, walk_secrets


@frozen
class StepFacts:
    """The facts about the steps of a plan.

    - `digest`: the plan's digest;
    - `calls`: (service, operation) → number of calls, sorted;
    - `attached_policies`: the number of certificates that the calls attach each policy to;
    - `also_modified`: the other resources that a step modifies or deletes, by the step's address, if there are any;
    - `secrets`: all secrets in the calls;
    - `missing_secrets`: the errors for secrets without a value.
    """

    digest: str
    calls: Mapping[tuple[str, str], int]
    attached_policies: Mapping[str, int]
    also_modified: Mapping[Address, Sequence[Address]]
    secrets: frozenset[Secret]
    missing_secrets: Sequence[str]


def collect_step_facts(workspace: str, target: Target, steps: Iterable[Step]) -> StepFacts:
    """Return the facts about these steps."""
    digest = DigestBuilder(workspace, target)
    calls, policies = Counter[tuple[str, str]](), Counter[str]()
    also_modified: dict[Address, Sequence[Address]] = {}
    secrets: set[Secret] = set()
    missing_secrets: list[str] = []
    for step in steps:
        digest.add(step)
        calls.update((call.service, call.operation) for call in step.calls)
        policies.update(list_attached_policies(step))
        own_secrets = {secret for call in step.calls for secret in walk_secrets(call.params)}
        if own_secrets:
            secrets |= own_secrets
            missing_secrets += find_missing_secrets(step, own_secrets)
        if step.also_modifies:
            also_modified[step.address] = tuple(step.also_modifies)
    return StepFacts(
        digest=digest.complete(),
        calls=dict(sorted(calls.items())),
        attached_policies=policies,
        also_modified=also_modified,
        secrets=frozenset(secrets),
        missing_secrets=missing_secrets,
    )
