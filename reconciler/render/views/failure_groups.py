"""Groups of alike failures of an apply: a cause that stops a whole fleet is shown once. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from attrs import evolve

from reconciler.render.views.group_values import mask_numbers
from reconciler.render.views.grouping import format_names, merge_alike
from reconciler.render.views.result import FailureView

_MAX_EXAMPLES = 3
"""The most addresses that a group of failures has as examples."""


def group_failures(failures: Sequence[FailureView]) -> Sequence[FailureView]:
    """Return the failures, with one in place of each `MIN_GROUP_SIZE` or more that are alike.

    Alike failures have the same action, kind, call and code, and the same texts but for their own names and numbers. The failure of
    a group stands where its first one stood.
    """
    return merge_alike(failures, _get_key, _merge)


def group_skipped(skipped: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    """Return failed addresses with the number of steps that each blocked; many of a kind are one."""
    return merge_alike(skipped, lambda entry: entry[0].partition(".")[0], _merge_skipped)


def _merge_skipped(skipped: Sequence[tuple[str, int]]) -> tuple[str, int]:
    examples = [address for address, _ in skipped[:_MAX_EXAMPLES]]
    names = format_names(examples, _MAX_EXAMPLES, total=len(skipped))
    return names, sum(count for _, count in skipped)


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
    examples = [failure.address for failure in failures[:_MAX_EXAMPLES]]
    names = format_names(examples, _MAX_EXAMPLES, total=len(failures))
    return evolve(
        first,
        description=first.description.replace(first.address, names, 1),
        message=_merge_texts(failure.message for failure in failures),
        request_id=f"{first.request_id} (of {first.address})" if first.request_id else "",
        next_step=_merge_texts(failure.next_step for failure in failures),
    )


def _merge_texts(texts: Iterator[str]) -> str:
    """Return the text that all failures have, or the first one as an example."""
    first = next(texts)
    return first if all(text == first for text in texts) else f"for example: {first}"
