"""Groups of alike failures of an apply: a cause that stops a whole fleet is shown once. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from attrs import evolve

from reconciler.render.views.group_values import mask_numbers
from reconciler.render.views.grouping import find_alike, format_names
from reconciler.render.views.result import FailureView

_MAX_EXAMPLES = 3
"""The most addresses that a group of failures has as examples."""


def group_failures(failures: Sequence[FailureView]) -> Sequence[FailureView]:
    """Return the failures, with one in place of each `MIN_GROUP_SIZE` or more that are alike.

    Alike failures have the same action, kind, call and code, and the same texts but for their own names and numbers. The failure of
    a group stands where its first one stood.
    """
    groups = find_alike(range(len(failures)), lambda index: _get_key(failures[index]))
    merged_failures = {indexes[0]: _merge([failures[index] for index in indexes]) for indexes in groups}
    hidden = {index for indexes in groups for index in indexes[1:]}
    return [
        merged_failures.get(index, failure) for index, failure in enumerate(failures) if index not in hidden
    ]


def group_skipped(skipped: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    """Return failed addresses with the number of steps that each blocked; many of a kind are one."""
    groups = find_alike(range(len(skipped)), lambda index: skipped[index][0].partition(".")[0])
    merged_entries: dict[int, tuple[str, int]] = {}
    for indexes in groups:
        names = format_names([skipped[index][0] for index in indexes], _MAX_EXAMPLES)
        merged_entries[indexes[0]] = (names, sum(skipped[index][1] for index in indexes))
    hidden = {index for indexes in groups for index in indexes[1:]}
    return [merged_entries.get(index, entry) for index, entry in enumerate(skipped) if index not in hidden]


def _get_key(failure: FailureView) -> Hashable:
    kind, _, name = failure.address.partition(".")
    texts = (failure.description, failure.message, failure.next_step)
    return (
        kind,
        failure.code,
        failure.stale_fields,
        tuple(mask_numbers(text.replace(name, "<name>")) for text in texts),
    )


def _merge(failures: Sequence[FailureView]) -> FailureView:
    first = failures[0]
    names = format_names([failure.address for failure in failures], _MAX_EXAMPLES)
    return evolve(
        first,
        description=first.description.replace(first.address, names, 1),
        message=_merge_texts([failure.message for failure in failures]),
        request_id=f"{first.request_id} (of {first.address})" if first.request_id else "",
        next_step=_merge_texts([failure.next_step for failure in failures]),
    )


def _merge_texts(texts: Sequence[str]) -> str:
    """Return the text that all failures have, or the first one as an example."""
    return texts[0] if len(set(texts)) == 1 else f"for example: {texts[0]}"
