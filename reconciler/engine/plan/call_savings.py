"""Suggest changes to the file that reach the same result with fewer calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reconciler.kinds.shared.policy_linter import allows_greengrass
from reconciler.model.address import Address
from reconciler.model.plan import Note, Step
from reconciler.model.quota import Quotas
from reconciler.model.resource import Desired

MIN_ATTACHMENTS = 50
"""A suggestion is made only for policies that a plan attaches to at least this many certificates.

Certificates whose ARN is known only during the apply do not count.
"""


def suggest_call_savings(steps: Iterable[Step], quotas: Quotas, desired: Desired) -> Iterator[Note]:
    """Yield a note for each policy that the steps attach to many certificates instead of to a thing group.

    There is none for a policy that may need to stay on the certificates (`_works_on_groups`).
    """
    attachments = Counter(
        str(call.params["policyName"])
        for step in steps
        for call in step.calls
        if call.operation == "AttachPolicy" and ":cert/" in str(call.params["target"])
    )
    for policy, count in sorted(attachments.items()):
        is_ownership_marker = policy.startswith("reconciler-")
        if count < MIN_ATTACHMENTS or is_ownership_marker or not _works_on_groups(policy, desired):
            continue
        saved_seconds = quotas.estimate({("iot", "AttachPolicy"): count - 1}).seconds
        yield Note(
            "info",
            f"the policy {policy!r} is attached to {count:,} certificates, one call each; attaching it to a thing group of "
            f"their things instead saves {count - 1:,} calls, which take {_format_duration(saved_seconds)} under AWS's quotas",
        )


def _works_on_groups(policy: str, desired: Desired) -> bool:
    """Return whether a policy allows things the same if it is attached to their thing group.

    AWS does not grant actions of AWS IoT Greengrass through the policies of thing groups (AWS IoT developer guide, "Static thing
    groups"). A policy outside the file may have such actions, as its document is not known.
    """
    resource = desired.get(Address("policies", policy))
    return resource is not None and not allows_greengrass(resource.spec.document.value)


def _format_duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"  # noqa: PLR2004 (two minutes)
