"""Groups of environments whose plans or drifts are alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from reconciler.model.text import escape_invisible
from reconciler.render.views.alike_plans import EnvironmentNames, get_alike_key
from reconciler.rollout.messages import TaskResponse


def group_alike(responses: Sequence[TaskResponse], *, full: bool = False) -> Sequence[Sequence[TaskResponse]]:
    """Return the responses in groups with alike plans, drifts or errors, the largest group first.

    With `full`, each is a group of its own.
    """
    if full:
        return [[response] for response in responses]
    groups: defaultdict[object, list[TaskResponse]] = defaultdict(list)
    for response in responses:
        summary = response.plan or response.drift
        key = get_alike_key(summary.view, get_names(response)) if summary else response.error
        groups[key].append(response)
    return sorted(groups.values(), key=len, reverse=True)


def get_names(response: TaskResponse) -> EnvironmentNames:
    """Return the names by which a planned environment differs from others by design."""
    summary = response.plan or response.drift
    assert summary
    target = summary.target
    return EnvironmentNames(
        escape_invisible(response.environment), summary.workspace, target.account, target.region
    )
