"""Reads that several kinds share: things and certificates in bulk, and their attachments."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.reads import (
    DESCRIBES_PER_PAGE,
    NOT_FOUND,
    list_or_describe,
    request_each,
)
from reconciler.kinds.shared.policy_spec import PolicyFacts
from reconciler.model.call import ApiCall
from reconciler.model.resource import External, Reference, extract_name_from_arn


def read_things(names: Collection[str]) -> Read[dict[str, Response]]:
    """Return the existing things with these names, by name, as listed or described."""
    return _read_things(names, math.ceil(len(names) / DESCRIBES_PER_PAGE))


def describe_things(names: Collection[str]) -> Read[dict[str, Response]]:
    """Return the existing things with these names, by name, with their billing groups."""
    return _read_things(names, 0)


def find_existing_things(names: Collection[str], scope: Scope) -> Read[dict[str, Response]]:
    """Return the existing things with these names, by name; list them if re-reads do."""
    return _read_things(names, scope.reread_pages.get("things", 0))


def _read_things(names: Collection[str], max_pages: int) -> Read[dict[str, Response]]:
    return list_or_describe(
        names,
        listing=ApiCall("iot", "ListThings"),
        items="things",
        key="thingName",
        max_pages=max_pages,
        describe=lambda name: ApiCall("iot", "DescribeThing", {"thingName": name}, ignored_errors=NOT_FOUND),
    )


def read_certificates(ids: Collection[str]) -> Read[dict[str, Response]]:
    """Return the existing certificates with these IDs, by ID, as listed or described."""
    # A page takes as long as one DescribeCertificate call: AWS allows 10 of each per second.
    return _read_certificates(ids, len(ids))


def reread_certificates(ids: Collection[str], scope: Scope) -> Read[dict[str, Response]]:
    """Return the existing certificates with these IDs, by ID; list them if re-reads do."""
    return _read_certificates(ids, scope.reread_pages.get("certificates", 0))


def _read_certificates(ids: Collection[str], max_pages: int) -> Read[dict[str, Response]]:
    responses = yield from list_or_describe(
        ids,
        listing=ApiCall("iot", "ListCertificates"),
        items="certificates",
        key="certificateId",
        max_pages=max_pages,
        describe=lambda identity: ApiCall(
            "iot", "DescribeCertificate", {"certificateId": identity}, ignored_errors=NOT_FOUND
        ),
    )
    return {
        identity: response.get("certificateDescription", response) for identity, response in responses.items()
    }


def select_arns(ids: Iterable[str], certificates: Mapping[str, Response]) -> dict[str, str]:
    """Return the ARNs of some of the certificates, by ID."""
    return {identity: certificates[identity]["certificateArn"] for identity in ids}


def read_things_of(arns: Mapping[str, str]) -> Read[dict[str, tuple[str, ...]]]:
    """Return the sorted names of the things that have each certificate, by the keys of `arns`."""
    responses = yield from request_each("ListPrincipalThings", "principal", arns.values())
    return {
        key: tuple(sorted(response.get("things", ()))) for key, response in zip(arns, responses, strict=True)
    }


def read_policies_of(arns: Mapping[str, str]) -> Read[dict[str, tuple[str, ...]]]:
    """Return the sorted names of all policies of each certificate or group, by the keys of `arns`."""
    responses = yield from request_each("ListAttachedPolicies", "target", arns.values())
    return {
        key: tuple(sorted(policy["policyName"] for policy in response.get("policies", ())))
        for key, response in zip(arns, responses, strict=True)
    }


def invert(values_by_key: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Return the keys of each value, such as the things in each group from the groups of each thing."""
    values = sorted({value for values in values_by_key.values() for value in values})
    return {
        value: frozenset(key for key, values_of_key in values_by_key.items() if value in values_of_key)
        for value in values
    }


def read_policy_targets(scope: Scope, policies: Iterable[str]) -> Read[dict[str, tuple[str, ...]]]:
    """Return the ARNs of the targets of each live policy and of each of `policies`, by policy name.

    The targets of the live policies have been read with them.
    """
    targets = {live.identity: live.get_facts(PolicyFacts).targets for live in scope.get_live("policies")}
    unread = sorted(set(policies) - targets.keys())
    responses = yield from request_each("ListTargetsForPolicy", "policyName", unread)
    targets |= {
        name: tuple(response.get("targets", ())) for name, response in zip(unread, responses, strict=True)
    }
    return dict(sorted(targets.items()))


def extract_certificate_ids(arns: Iterable[str]) -> frozenset[str]:
    """Return the IDs of the certificates among some ARNs."""
    return frozenset(extract_name_from_arn(arn) for arn in arns if ":cert/" in arn)


def select_external_names(references: Iterable[Reference | None]) -> set[str]:
    """Return the names or IDs in AWS of those referenced resources that are outside the file."""
    return {reference.name for reference in references if isinstance(reference, External)}
