"""Find out while planning whether the CA that a device certificate needs can be used.

Source: AWS IoT developer guide, "Register a client certificate signed by a CA": the CA must be registered and ACTIVE. If several
registered CAs could have signed the certificate, AWS requires the request to name one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.kinds.base.context import PlanContext, Read
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared import x509
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Replace
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Live

_TABLE = "ca_certificates"
MAX_DESCRIBED_CAS = 250
"""The maximum number of CAs outside the file that a plan reads: AWS allows ten descriptions per second."""


def find_signer_needs(change: Change, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need of a registered CA for a certificate of the file that is registered with one.

    A CA in the file is checked by `find_declared_signer_errors`. A reference to a CA that does not exist is reported with all
    references, so nothing more is needed then.
    """
    if not isinstance(change, Create | Replace):
        return
    spec = change.resource.spec
    is_ca_missing = isinstance(spec.ca, External) and context.outside.is_listed(_TABLE, spec.ca.name) is False
    if isinstance(spec.ca, str) or is_ca_missing:
        return
    is_issued_by_aws = spec.csr is not None or spec.private_key is not None
    is_registered_with_ca = not is_issued_by_aws and (spec.ca or spec.certificate_mode != "SNI_ONLY")
    if is_registered_with_ca and isinstance(spec.pem, Pem) and spec.pem.der:
        yield build_signer_need(spec.pem, "pem", context)


def build_signer_need(pem: Pem, path: str, context: PlanContext) -> CheckedNeed:
    """Return the need of a registered CA that signed a certificate, which is in the field `path`."""
    return CheckedNeed(("signer", pem.fingerprint), path, lambda: _read_signer_problem(pem, context))


def find_declared_signer_errors(pem: object, ca_name: object, context: PlanContext) -> Iterator[str]:
    """Yield an error if the CA of this name in the file will be INACTIVE, or did not sign the certificate.

    Loading the file compares the certificate with its CA, except with one that it refers to by its ID: `pem` is then needed.
    """
    ca = context.desired.get(Address(_TABLE, ca_name)) if isinstance(ca_name, str) else None
    if ca and isinstance(pem, Pem) and pem.der and not x509.is_signed_by(pem, ca.spec.pem):
        yield f"cannot register: {ca.address} did not sign the certificate; name the CA that signed it"
    if ca and ca.spec.status != "ACTIVE":
        yield (
            f"cannot register: its CA {ca.address} will be INACTIVE, and AWS registers certificates of active CAs only; "
            "set the CA's status to ACTIVE"
        )


def find_validity_errors(pem: object) -> Iterator[str]:
    """Yield an error if a certificate that will be ACTIVE has expired or is not valid yet."""
    problem = x509.find_validity_problem(pem) if isinstance(pem, Pem) and pem.der else None
    if problem:
        yield f'cannot be ACTIVE: {problem.problem}; use a valid certificate, or set the status to "INACTIVE"'


def _read_signer_problem(pem: Pem, context: PlanContext) -> ProblemRead:
    """Read the CAs of the account that may have signed a certificate, and return what is wrong, or None."""
    declared = [resource for address, resource in context.desired.items() if address.kind == _TABLE]
    if x509.find_signer(pem, declared):
        return None
    live_cas = {address: live for address, live in context.live.items() if address.kind == _TABLE}
    kept_cas = [live for address, live in live_cas.items() if address not in context.changes]
    other_ids = yield from _list_other_cas(live_cas.values(), context)
    responses = yield [
        ApiCall("iot", "DescribeCACertificate", {"certificateId": identity}, ignored_errors=NOT_FOUND)
        for identity in other_ids
    ]
    descriptions = [response["certificateDescription"] for response in responses if response]
    cas = {
        Pem.from_response(item["certificateId"], item["certificatePem"]): item["status"]
        for item in descriptions
    }
    cas |= {live.spec.pem: live.spec.status for live in kept_cas}
    signers = {ca.fingerprint: status for ca, status in cas.items() if ca.der and x509.is_signed_by(pem, ca)}
    if len(other_ids) == MAX_DESCRIBED_CAS and not signers:
        return None  # there are more CAs than a plan reads
    removed_signers = [
        address
        for address, live in live_cas.items()
        if address in context.changes and live.spec.pem.der and x509.is_signed_by(pem, live.spec.pem)
    ]
    return _describe_signer_problem(signers, removed_signers)


def _list_other_cas(live_cas: Iterable[Live], context: PlanContext) -> Read[list[str]]:
    """Return the IDs of the account's CAs that the refresh has not described, at most `MAX_DESCRIBED_CAS`."""
    ids = context.outside.listed_ids.get(_TABLE)
    if ids is None:
        (listing,) = yield [ApiCall("iot", "ListCACertificates")]
        ids = {item["certificateId"] for item in listing["certificates"]}
    return sorted(set(ids) - {live.identity for live in live_cas})[:MAX_DESCRIBED_CAS]


def _describe_signer_problem(
    status_by_signer: Mapping[str, str], removed_signers: Sequence[Address]
) -> str | None:
    """Return what is wrong with the CAs that signed a certificate, by ID, or None.

    `removed_signers` are those that are no longer in the file.
    """
    if not status_by_signer and removed_signers:
        return f"its CA {removed_signers[0]} is no longer in the file; keep it to register certificates of this CA"
    if not status_by_signer:
        return (
            "no CA certificate that is registered in this account and Region signed the certificate; declare its CA in "
            "ca_certificates, or register the certificate without a CA (SNI_ONLY)"
        )
    names = ", ".join(f"{identity[:12]}…" for identity in status_by_signer)
    if len(status_by_signer) > 1:
        return f"several registered CA certificates may have signed it ({names}); declare one of them, and name it in ca"
    if "ACTIVE" not in status_by_signer.values():
        return (
            f"its CA certificate {names} is INACTIVE, and AWS registers certificates of active CAs only; "
            "activate the CA first"
        )
    return None
