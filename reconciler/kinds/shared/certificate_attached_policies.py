"""The policies of a live certificate: their changes, and those that a replacement gets.

Source: AWS General Reference, AWS IoT Core quotas (ten policies).
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import CheckedNeed
from reconciler.kinds.shared.attachment_limits import find_policy_needs, find_policy_problem
from reconciler.kinds.shared.certificate_retirement import build_retired_policy_name
from reconciler.kinds.shared.certificate_spec import Certificate, CertificateFacts
from reconciler.kinds.shared.policy_attachments import attach_policy, detach_policy, split_removed
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Replace, Update


def change_policies(change: Update, context: PlanContext) -> tuple[list[ApiCall], list[ApiCall]]:
    """Return the calls that attach new policies, and those that detach removed ones afterwards.

    If AWS would not allow all of them at a time, some are detached first.
    """
    before, after = change.live.spec.policies, change.resource.spec.policies
    arn = context.build_arn(f"cert/{change.live.identity}")
    added = [policy for policy in after if policy not in before]
    removed = [policy for policy in before if policy not in after]
    attach_calls = [attach_policy(context.resolve_identity("policies", policy), arn) for policy in added]
    detach_calls = [detach_policy(context.resolve_identity("policies", policy), arn) for policy in removed]
    first, last = split_removed(detach_calls, len(before), len(added))
    return [*first, *attach_calls], [*last]


def find_new_policy_needs(change: Change, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need that a certificate has room for its new policies."""
    if isinstance(change, Update) and change.has_changed("policies"):
        before = _resolve_policies(change.live.spec, context)
        after = _resolve_policies(change.resource.spec, context)
        arn = context.build_arn(f"cert/{change.live.identity}")
        yield from find_policy_needs(arn, "policies", before, after, context)


def find_copied_policy_errors(change: Replace, context: PlanContext) -> Iterator[str]:
    """Yield an error if the new certificate would get too many policies, copied ones included."""
    own_policies = _resolve_policies(change.resource.spec, context)
    others = set(list_other_policies(change, context)) - own_policies
    problem = find_policy_problem(len(own_policies), others) if others else None
    if problem:
        yield problem


def list_other_policies(change: Replace, context: PlanContext) -> list[str]:
    """Return the policies of the old certificate that the plan does not compare with the file."""
    compared_policies = _resolve_policies(change.live.spec, context)
    retired_policy = build_retired_policy_name(context.workspace)
    return [
        policy
        for policy in change.live.get_facts(CertificateFacts).policies or ()
        if policy not in compared_policies and policy != retired_policy
    ]


def _resolve_policies(spec: Certificate, context: PlanContext) -> set[str]:
    return {str(context.resolve_identity("policies", policy)) for policy in spec.policies}
