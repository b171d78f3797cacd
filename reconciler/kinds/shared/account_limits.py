"""Check AWS's fixed limits per account, which count what the workspace does not manage, too.

Source: `kinds/base/aws_limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.aws_limits import CAS_WITH_ONE_SUBJECT, Limit
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared import x509
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace
from reconciler.model.pem import Pem

_MAX_DESCRIBED_CAS = 250
"""The maximum number of CAs outside the file that a plan reads: AWS allows ten descriptions per second."""


def find_count_errors(
    limit: Limit, change: Change, existing_count: int, context: PlanContext
) -> Iterator[str]:
    """Yield an error, for the last new resource of a kind, if the account has no room for all of them.

    `existing_count` has subtracted only deletions that come before the creations (`count_kept`).
    """
    if not isinstance(change, Create):
        return
    created = [
        address
        for address, other in context.changes.items()
        if address.kind == change.address.kind and isinstance(other, Create)
    ]
    count = existing_count + len(created)
    if count > limit.maximum and change.address == max(created):
        yield (
            f"cannot create: there would be {count:,} {limit.counted}, with those that exist already, and AWS allows "
            f"{limit.maximum:,}; delete some of them first"
        )


def count_kept(table: str, context: PlanContext) -> int:
    """Return how many of the account's resources in a table the plan does not delete.

    Those of others count, too. This is for kinds with `creates_after_deletes`, whose deletions make room for creations.
    """
    deleted = sum(
        address.kind == table and isinstance(change, Delete) for address, change in context.changes.items()
    )
    return len(context.outside.listed_ids.get(table, ())) - deleted


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
        pems = [Pem(item["certificateId"], item.get("certificatePem")) for item in descriptions]
        count = len(cas) + sum(x509.read_subject(pem) == subject for pem in pems)
        if count <= CAS_WITH_ONE_SUBJECT.maximum:
            return None
        return (
            f"there would be {count} CA certificates with this subject, with those that exist already, and AWS allows "
            f"{CAS_WITH_ONE_SUBJECT.maximum}; delete some of them first"
        )

    yield CheckedNeed(("same-subject", subject), "pem", read)
