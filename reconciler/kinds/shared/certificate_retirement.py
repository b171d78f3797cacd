"""Retire a device certificate: delete it without losing track of its owner.

A certificate is owned through the things that have it, and AWS does not delete one that a thing still has. So between the
last detachment and the deletion it has no owner, and an apply that is killed there would leave it behind forever. Therefore
the workspace's own deny-all policy is attached first: AWS lists a policy's targets, so the next plan finds the certificate,
and in the meantime the policy denies it everything. A destroy of everything needs no such mark for a certificate that is in the
file: it finds and deletes each of them, whether a thing has it or not, and so does the next destroy.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Delete
from reconciler.model.document import Document
from reconciler.model.pem import Pem

DENY_ALL = Document.from_value(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]}
)


def build_retired_policy_name(workspace: str) -> str:
    """Return the name of the policy that marks certificates of the workspace while they are being deleted."""
    return f"reconciler-{workspace}-retired"


def mark_retired(context: PlanContext, arn: str) -> ApiCall:
    """Return the call that attaches the policy that marks a retired certificate.

    AWS allows ten policies for each certificate; one that has ten already is deleted without the mark.
    """
    params = {"policyName": build_retired_policy_name(context.workspace), "target": arn}
    ignored_errors = {"LimitExceededException", *NOT_FOUND}
    return ApiCall("iot", "AttachPolicy", params, ignored_errors=ignored_errors)


def retire(identity: str, *, active: bool) -> Iterator[ApiCall]:
    """Yield the calls that deactivate and delete a certificate; AWS does not delete an active one."""
    params = {"certificateId": identity}
    if active:
        yield ApiCall("iot", "UpdateCertificate", {**params, "newStatus": "INACTIVE"})
    yield ApiCall(
        "iot",
        "DeleteCertificate",
        {**params, "forceDelete": True},  # also if it has policies
        ignored_errors=NOT_FOUND,
        # AWS detaches asynchronously, so for some seconds the certificate may still count as attached.
        retried_errors={"DeleteConflictException"},
    )


def needs_mark(context: PlanContext, certificate: Address) -> bool:
    """Return whether the plan deletes a certificate that a later run would not find without the mark."""
    change = context.changes.get(certificate)
    if not isinstance(change, Delete):
        return False
    resource = context.declared.get(certificate) if context.destroys_all else None
    pem = resource.spec.pem if resource else None
    return not (isinstance(pem, Pem) and pem.fingerprint == change.live.identity)
