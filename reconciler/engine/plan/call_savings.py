"""Suggest changes to the file that reach the same result with fewer calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds.shared.thing_group_checks import works_on_thing_groups
from reconciler.model.plan import Note, Step
from reconciler.model.quota import Quotas
from reconciler.model.resource import Desired

MIN_ATTACHMENTS = 50
"""A suggestion is made only for policies that a plan attaches to at least this many certificates.

Certificates whose ARN is known only during the apply do not count.
"""


def list_attached_policies(step: Step) -> Iterator[str]:
    """Yield the policy of each call of a step that attaches one to a certificate."""
    for call in step.calls:
        if call.operation == "AttachPolicy" and ":cert/" in str(call.params["target"]):
            yield str(call.params["policyName"])


def suggest_call_savings(
    attached_policies: Mapping[str, int], quotas: Quotas, desired: Desired
) -> Iterator[Note]:
    """Yield a note for each policy that is attached to many certificates instead of to a thing group.

    `attached_policies` has the number of certificates that each policy is attached to. There is none for a policy that may need to stay on the certificates (`works_on_thing_groups`).
    """
    for policy, count in sorted(attached_policies.items()):
        is_ownership_marker = policy.startswith("reconciler-")
        if count < MIN_ATTACHMENTS or is_ownership_marker or not works_on_thing_groups(policy, desired):
            continue
        saved_seconds = quotas.estimate({("iot", "AttachPolicy"): count - 1}).seconds
        yield Note(
            "info",
            f"the policy {policy!r} is attached to {count:,} certificates, one call each; attaching it to a thing group of "
            f"their things instead saves {count - 1:,} calls, which take {_format_duration(saved_seconds)} under AWS's quotas",
        )


def _format_duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"  # noqa: PLR2004 (two minutes)
