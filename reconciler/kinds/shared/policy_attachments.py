"""The calls that attach a policy to a target, and detach it.

Source: AWS IoT API reference, AttachPolicy and DetachPolicy: targets are certificates, thing groups and Cognito identities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from reconciler.kinds.base.aws_limits import CERTIFICATE_POLICIES
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.call import ApiCall, Ref

T = TypeVar("T")


def attach_policy(name: str | Ref, target: str | Ref) -> ApiCall:
    """Return the call that attaches a policy to a target."""
    return ApiCall("iot", "AttachPolicy", {"policyName": name, "target": target})


def detach_policy(name: str | Ref, target: str | Ref) -> ApiCall:
    """Return the call that detaches a policy; it succeeds if the policy is not attached."""
    params = {"policyName": name, "target": target}
    return ApiCall("iot", "DetachPolicy", params, ignored_errors=NOT_FOUND, idempotent=True)


def split_removed(
    removed: Sequence[T], before_count: int, added_count: int
) -> tuple[Sequence[T], Sequence[T]]:
    """Return the policies to detach before new ones are attached, and those to detach afterwards.

    A device keeps its permissions if the new policies come first, but AWS allows only ten at a time.
    """
    first_count = max(0, before_count + added_count - CERTIFICATE_POLICIES.maximum)
    return removed[:first_count], removed[first_count:]
