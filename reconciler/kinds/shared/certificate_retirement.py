"""How a device certificate is let go without ever being nobody's.

A certificate is owned through the things that have it, and AWS deletes none that a thing still has: between the last
detachment and the deletion it would bear no mark, and a run that dies there would leave it behind for good. So before it
is let go, the workspace's own deny-all policy is attached to it. AWS lists a policy's targets in pages, which finds what
a dead run has left; and what is on its way out has nothing allowed to it any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Delete
from reconciler.model.document import Document

DENY_ALL = Document.from_value(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]}
)


def retired_policy_name(workspace: str) -> str:
    """The policy that marks the workspace's certificates on their way out."""
    return f"reconciler-{workspace}-retired"


def mark_retired(context: PlanContext, arn: str) -> ApiCall:
    """The mark. A certificate with ten policies takes no eleventh, and then goes without."""
    params = {"policyName": retired_policy_name(context.workspace), "target": arn}
    return ApiCall(
        "iot", "AttachPolicy", params, ignored_errors={"LimitExceededException", "ResourceNotFoundException"}
    )


def retire(identity: str, *, active: bool) -> Iterator[ApiCall]:
    """Deactivated and deleted: AWS deletes no active certificate."""
    params = {"certificateId": identity}
    if active:
        yield ApiCall("iot", "UpdateCertificate", {**params, "newStatus": "INACTIVE"})
    # AWS detaches asynchronously, so for some seconds it may still see the thing that let go. Force is about policies.
    gone = {**params, "forceDelete": True}
    yield ApiCall(
        "iot", "DeleteCertificate", gone, ignored_errors=NOT_FOUND, retried_errors={"DeleteConflictException"}
    )


def is_deleted(context: PlanContext, certificate: Address) -> bool:
    """Whether the plan deletes the certificate."""
    return isinstance(context.changes.get(certificate), Delete)
