"""What a plan could do with fewer calls, said beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reconciler.model.plan import Note, Step
from reconciler.model.quota import Quotas

MIN_ATTACHMENTS = 50
"""So many attachments of one policy are worth a word."""


def suggest_call_savings(steps: Iterable[Step], quotas: Quotas) -> Iterator[Note]:
    """A policy that many certificates get one by one could be attached to a thing group, once for all of its members."""
    attached = Counter(
        call.params["policyName"]
        for step in steps
        for call in step.calls
        if call.operation == "AttachPolicy" and ":cert/" in str(call.params["target"])
    )
    for name, count in sorted(
        (str(policy), count) for policy, count in attached.items() if count >= MIN_ATTACHMENTS
    ):
        if name.startswith("reconciler-"):  # the marks of what is on its way out
            continue
        saved = quotas.estimate({("iot", "AttachPolicy"): count - 1}).seconds
        time = f"{saved / 60:.0f} minutes" if saved >= 120 else f"{saved:.0f} s"  # noqa: PLR2004
        yield Note(
            "info",
            f"the policy {name!r} is attached to {count:,} certificates one by one; attached to a thing group of theirs "
            f"it would take {count - 1:,} calls less, {time} under AWS's quotas",
        )
