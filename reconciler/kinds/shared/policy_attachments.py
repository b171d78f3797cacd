"""The calls that attach a policy to a target, and detach it.

Source: AWS IoT API reference, AttachPolicy and DetachPolicy: targets are certificates, thing groups and Cognito identities.
"""

from __future__ import annotations

from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.call import ApiCall, Ref


def attach_policy(name: str | Ref, target: str | Ref) -> ApiCall:
    """Return the call that attaches a policy to a target."""
    return ApiCall("iot", "AttachPolicy", {"policyName": name, "target": target})


def detach_policy(name: str | Ref, target: str | Ref) -> ApiCall:
    """Return the call that detaches a policy; it succeeds if the policy is not attached."""
    params = {"policyName": name, "target": target}
    return ApiCall("iot", "DetachPolicy", params, ignored_errors=NOT_FOUND, idempotent=True)
