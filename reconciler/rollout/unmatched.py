"""Selectors that select nothing: in all environments, this is an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from attrs import evolve

from reconciler.model.errors import SelectionError
from reconciler.model.plan_options import UnmatchedSelector
from reconciler.model.text import closest_match
from reconciler.rollout.messages import TaskResponse


def check_unmatched(responses: Sequence[TaskResponse]) -> None:
    """Raise SelectionError with every selector that selects nothing in any environment.

    An environment that could not be read may have what they select.
    """
    if any(response.unmatched is None for response in responses):
        return
    place = f" in any of {len(responses):,} environments" if len(responses) > 1 else ""
    problems = [
        _find_closest(tuple(selectors.values())).describe(place)
        for selectors in group_unmatched(responses).values()
        if len(selectors) == len(responses)
    ]
    if problems:
        raise SelectionError(problems)


def group_unmatched(responses: Sequence[TaskResponse]) -> Mapping[str, Mapping[str, UnmatchedSelector]]:
    """Return the text of each selector → the environments in which it selects nothing."""
    groups: defaultdict[str, dict[str, UnmatchedSelector]] = defaultdict(dict)
    for response in responses:
        for selector in response.unmatched or ():
            groups[selector.text][response.environment] = selector
    return groups


def _find_closest(selectors: Sequence[UnmatchedSelector]) -> UnmatchedSelector:
    """Return one selector of several environments, with what is closest to it in any of them."""
    candidates = sorted({selector.closest for selector in selectors if selector.closest})
    closest = closest_match(selectors[0].text, candidates) or next(iter(candidates), None)
    return evolve(selectors[0], closest=closest)
