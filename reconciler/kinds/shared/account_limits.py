"""Check AWS's fixed limit of CA certificates with one subject, those outside the file included.

Source: `kinds/base/aws_limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.aws_limits import CAS_WITH_ONE_SUBJECT
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared import x509
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Replace
from reconciler.model.pem import Pem

_MAX_DESCRIBED_CAS = 250
"""The maximum number of CAs outside the file that a plan reads: AWS allows ten descriptions per second."""


def find_subject_needs(change: Change, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need that AWS has room for another CA certificate with the same subject."""
    if not isinstance(change, Create | Replace):
        return
    subject = x509.read_subject(change.resource.spec.pem)
    cas = {
        address: resource
        for address, resource in context.desired.items()
        if address.kind == change.address.kind and x509.read_subject(resource.spec.pem) == subject
    }
    managed_ids = {
        live.identity for address, live in context.live.items() if address.kind == change.address.kind
    }
    other_ids = sorted(context.outside.listed_ids.get(change.address.kind, frozenset()) - managed_ids)
    if len(cas) + len(other_ids) <= CAS_WITH_ONE_SUBJECT.maximum:
        return

    def read() -> ProblemRead:
        responses = yield [
            ApiCall("iot", "DescribeCACertificate", {"certificateId": identity}, ignored_errors=NOT_FOUND)
            for identity in other_ids[:_MAX_DESCRIBED_CAS]
        ]
        descriptions = [response["certificateDescription"] for response in responses if response]
        pems = [Pem.from_response(item["certificateId"], item.get("certificatePem")) for item in descriptions]
        count = len(cas) + sum(x509.read_subject(pem) == subject for pem in pems)
        if count <= CAS_WITH_ONE_SUBJECT.maximum:
            return None
        return (
            f"there would be {count} CA certificates with this subject, with those that exist already, and AWS allows "
            f"{CAS_WITH_ONE_SUBJECT.maximum}; delete some of them first"
        )

    yield CheckedNeed(("same-subject", subject), "pem", read)
