"""What several kinds read alike: things and device certificates in bulk, who has a certificate, and whom a policy has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.reads import DESCRIBES_PER_PAGE, NOT_FOUND, list_or_describe, request_each
from reconciler.kinds.shared.policy_spec import PolicyFacts
from reconciler.model.call import ApiCall
from reconciler.model.resource import External, Reference, name_in_arn


def read_things(names: Collection[str], *, use_listing: bool = True) -> Read[dict[str, Response]]:
    """Those of the things that exist, by name."""
    return list_or_describe(
        names,
        listing=ApiCall("iot", "ListThings"),
        items="things",
        key="thingName",
        max_pages=-(-len(names) // DESCRIBES_PER_PAGE),
        describe=lambda name: ApiCall("iot", "DescribeThing", {"thingName": name}, ignored_errors=NOT_FOUND),
        use_listing=use_listing,
    )


def read_certificates(ids: Collection[str], *, use_listing: bool = True) -> Read[dict[str, Response]]:
    """Those of the certificates that exist, by id, whichever way they were found."""
    found = yield from list_or_describe(
        ids,
        listing=ApiCall("iot", "ListCertificates"),
        items="certificates",
        key="certificateId",
        max_pages=len(ids),  # a page and a question cost the same: 10 a second each
        describe=lambda name: ApiCall(
            "iot", "DescribeCertificate", {"certificateId": name}, ignored_errors=NOT_FOUND
        ),
        use_listing=use_listing,
    )
    return {name: item.get("certificateDescription", item) for name, item in found.items()}


def select_arns(ids: Iterable[str], found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The ARNs of some of the certificates that were found, by id."""
    return {name: found[name]["certificateArn"] for name in ids}


def read_things_of(arns: Mapping[str, str]) -> Read[dict[str, tuple[str, ...]]]:
    """The things that have each of the certificates, sorted; `arns` by what they are to be called."""
    answers = yield from request_each("ListPrincipalThings", "principal", arns.values())
    return {name: tuple(sorted(answer.get("things", ()))) for name, answer in zip(arns, answers, strict=True)}


def read_policies_of(arns: Mapping[str, str]) -> Read[dict[str, tuple[str, ...]]]:
    """Every policy of each certificate or group, whoever attached it, sorted; `arns` by what they are to be called."""
    answers = yield from request_each("ListAttachedPolicies", "target", arns.values())
    return {
        name: tuple(sorted(policy["policyName"] for policy in answer.get("policies", ())))
        for name, answer in zip(arns, answers, strict=True)
    }


def invert(policies: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Who has each policy, from the policies that each has."""
    names = sorted({name for found in policies.values() for name in found})
    return {name: frozenset(who for who, found in policies.items() if name in found) for name in names}


def read_policy_targets(scope: Scope, others: Iterable[str]) -> Read[dict[str, tuple[str, ...]]]:
    """Whom each policy that matters is attached to, as ARNs: as the policies' reading has it, and asked for `others`."""
    known = {live.identity: live.facts_as(PolicyFacts).targets for live in scope.live_of("policies")}
    outside = sorted(set(others) - known.keys())
    answers = yield from request_each("ListTargetsForPolicy", "policyName", outside)
    known |= {name: tuple(answer.get("targets", ())) for name, answer in zip(outside, answers, strict=True)}
    return dict(sorted(known.items()))


def certificate_ids(arns: Iterable[str]) -> frozenset[str]:
    """The ids of the certificates among the targets of a policy."""
    return frozenset(name_in_arn(arn) for arn in arns if ":cert/" in arn)


def external_names(references: Iterable[Reference]) -> set[str]:
    """The names that lead out of the file."""
    return {found.name for found in references if isinstance(found, External)}
