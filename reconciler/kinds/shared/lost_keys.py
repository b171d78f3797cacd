"""Find certificates whose private keys were lost, because a run was interrupted before it saved them.

AWS returns a key once, in the response to CreateKeysAndCertificate, and the request can name neither the workspace nor the
certificate. So nothing in AWS shows who created such a certificate. The journal has each request whose key was not saved, with its
time. A certificate counts as lost only if all of this is true:

- it was created shortly after such a request, as far as clocks may differ;
- it looks as it was created: INACTIVE, unchanged, with a key from AWS, without things and policies;
- each other certificate of which the same is true, and that was created within an hour, belongs to another such request.

Otherwise, someone else may have created it, and no plan deletes it. It cannot be used: it is INACTIVE, and its key is not known.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.reads import request_each
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.certificate_spec import CertificateFacts
from reconciler.kinds.shared.principal_reads import read_policies_of, read_things_of
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete
from reconciler.model.pem import Pem
from reconciler.model.resource import Live

if TYPE_CHECKING:
    from reconciler.model.run import RunCall

KEY_OPERATIONS = frozenset({"CreateKeysAndCertificate"})
"""The operations whose unanswered requests may leave a certificate without a key."""

_EARLIEST = datetime.timedelta(minutes=-1)
_LATEST = datetime.timedelta(minutes=5)
"""When AWS may have created the certificate, from the time of the request in the journal: clocks differ, and calls are retried."""

_NEIGHBORHOOD = datetime.timedelta(hours=1)
_UNCHANGED = datetime.timedelta(seconds=5)
"""The most time between the creation and the last change of a certificate that has not been changed since."""

_AWS_COMMON_NAMES = ("AWS IoT Certificate",)
"""The common names in the subject of a certificate whose key AWS created."""


@frozen
class LostKeys:
    """Certificates without a saved key, by ID.

    - `lost`: the name in the file of the certificate that was requested, for those that certainly are the workspace's;
    - `uncertain`: the same for those that may be someone else's.
    """

    lost: Mapping[str, str]
    uncertain: Mapping[str, str]


def has_key_from_aws(pem: Pem) -> bool:
    """Return whether AWS created the certificate together with its key; False if only its ID is known."""
    return pem.der is not None and x509.is_readable(pem) and x509.read_common_names(pem) == _AWS_COMMON_NAMES


def warn_of_lost_key(change: Change) -> Iterator[str]:
    """Yield a warning for the deletion of a certificate whose key was lost."""
    if isinstance(change, Delete) and change.live.get_facts(CertificateFacts).is_key_lost:
        yield (
            "will be deleted: an interrupted run created it and did not save its private key, which AWS returns only once; "
            "it was never active"
        )


def describe_uncertain_key(live: Live) -> Iterator[str]:
    """Yield a note about a certificate whose key may have been lost, but that may be someone else's."""
    if live.get_facts(CertificateFacts).may_have_lost_key:
        yield (
            f"the certificate {live.identity} may be one whose private key an interrupted run did not save, or someone else's, so "
            "plans leave it alone; it is INACTIVE and attached to nothing; delete it if it is not needed"
        )


def read_lost_keys(scope: Scope, known_ids: Collection[str]) -> Read[LostKeys]:
    """Return the certificates whose keys were lost; without an unanswered request, nothing is read.

    `known_ids` are the IDs of certificates that the file declares.
    """
    requests = sorted(scope.unanswered_calls, key=lambda call: call.started_at)
    if not requests:
        return LostKeys({}, {})
    (listing,) = yield [ApiCall("iot", "ListCertificates")]
    ids = [
        item["certificateId"]
        for item in listing["certificates"]
        if item["status"] == "INACTIVE"
        and item["certificateId"] not in known_ids
        and any(abs(item["creationDate"] - request.started_at) <= _NEIGHBORHOOD for request in requests)
    ]
    certificates = yield from _read_untouched(ids)
    return _match(requests, certificates)


def _read_untouched(ids: Sequence[str]) -> Read[Sequence[Response]]:
    """Return the certificates that look as CreateKeysAndCertificate leaves them, the oldest first."""
    responses = yield from request_each("DescribeCertificate", "certificateId", ids)
    certificates = {
        certificate["certificateId"]: certificate
        for certificate in (response.get("certificateDescription") for response in responses)
        if certificate and _is_unchanged(certificate)
    }
    arns = {identity: certificate["certificateArn"] for identity, certificate in certificates.items()}
    things = yield from read_things_of(arns)
    policies = yield from read_policies_of(arns)
    untouched = [
        certificates[identity] for identity in arns if not things[identity] and not policies[identity]
    ]
    return sorted(untouched, key=lambda item: (item["creationDate"], item["certificateId"]))


def _is_unchanged(certificate: Response) -> bool:
    changed_after: datetime.timedelta = certificate["lastModifiedDate"] - certificate["creationDate"]
    return (
        certificate["status"] == "INACTIVE"
        and changed_after <= _UNCHANGED
        and not certificate.get("previousOwnedBy")
        and has_key_from_aws(Pem.parse(certificate["certificatePem"]))
    )


def _match(requests: Sequence[RunCall], certificates: Sequence[Response]) -> LostKeys:
    """Give each certificate the first request that may have created it; both are sorted by time."""
    unmatched_requests = list(requests)
    names: dict[str, str] = {}
    strangers: list[Response] = []
    for certificate in certificates:
        request = next(_iterate_possible_requests(certificate, unmatched_requests), None)
        if request:
            unmatched_requests.remove(request)
            names[certificate["certificateId"]] = _get_name(request)
        else:
            strangers.append(certificate)
    lost: dict[str, str] = {}
    uncertain: dict[str, str] = {}
    for certificate in certificates:
        identity, created = certificate["certificateId"], certificate["creationDate"]
        is_certain = all(abs(created - stranger["creationDate"]) > _NEIGHBORHOOD for stranger in strangers)
        if identity in names:
            (lost if is_certain else uncertain)[identity] = names[identity]
        elif request := next(_iterate_possible_requests(certificate, requests), None):
            uncertain[identity] = _get_name(request)
    return LostKeys(lost, uncertain)


def _iterate_possible_requests(certificate: Response, requests: Sequence[RunCall]) -> Iterator[RunCall]:
    for request in requests:
        if _EARLIEST <= certificate["creationDate"] - request.started_at <= _LATEST:
            yield request


def _get_name(request: RunCall) -> str:
    return Address.parse(request.address).name
