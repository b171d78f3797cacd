"""What several kinds read alike: things and device certificates in bulk, who has a certificate, and whom a policy has."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from reconciler.kinds.base.kind import Scope
from reconciler.kinds.base.reads import DESCRIBES_A_PAGE, MISSING, Asking, each, find
from reconciler.model.call import ApiCall, Batch
from reconciler.model.resource import External, Reference

Names: TypeAlias = Generator[Batch, Sequence[Mapping[str, Any]], dict[str, tuple[str, ...]]]


def find_things(names: Collection[str], *, listed: bool = True) -> Asking:
    """Those of the things that exist, by name."""
    return find(
        names,
        listing=ApiCall("iot", "ListThings"),
        items="things",
        key="thingName",
        pages=-(-len(names) // DESCRIBES_A_PAGE),
        describe=lambda name: ApiCall("iot", "DescribeThing", {"thingName": name}, tolerates=MISSING),
        listed=listed,
    )


def find_certificates(
    ids: Collection[str], *, listed: bool = True
) -> Generator[Any, Any, dict[str, Mapping[str, Any]]]:
    """Those of the certificates that exist, by id, whichever way they were found."""
    found = yield from find(
        ids,
        listing=ApiCall("iot", "ListCertificates"),
        items="certificates",
        key="certificateId",
        pages=len(ids),  # a page and a question cost the same: 10 a second each
        describe=lambda name: ApiCall(
            "iot", "DescribeCertificate", {"certificateId": name}, tolerates=MISSING
        ),
        listed=listed,
    )
    return {name: item.get("certificateDescription", item) for name, item in found.items()}


def arns_of_certificates(ids: Iterable[str], found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The ARNs of some of the certificates that were found, by id."""
    return {name: found[name]["certificateArn"] for name in ids}


def things_of(arns: Mapping[str, str]) -> Names:
    """The things that have each of the certificates, sorted; `arns` by what they are to be called."""
    answers = yield from each("ListPrincipalThings", "principal", arns.values())
    return {name: tuple(sorted(answer.get("things", ()))) for name, answer in zip(arns, answers, strict=True)}


def policies_of(arns: Mapping[str, str]) -> Names:
    """Every policy of each certificate or group, whoever attached it, sorted; `arns` by what they are to be called."""
    answers = yield from each("ListAttachedPolicies", "target", arns.values())
    return {
        name: tuple(sorted(policy["policyName"] for policy in answer.get("policies", ())))
        for name, answer in zip(arns, answers, strict=True)
    }


def inverted(policies: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Who has each policy, from the policies that each has."""
    names = sorted({name for found in policies.values() for name in found})
    return {name: frozenset(who for who, found in policies.items() if name in found) for name in names}


def targets(scope: Scope, others: Iterable[str]) -> Generator[Any, Any, dict[str, tuple[str, ...]]]:
    """Whom each policy that matters is attached to, as ARNs: as the policies' reading has it, and asked for `others`."""
    known = {live.identity: tuple(live.facts["targets"]) for live in scope.read.get("policies", ())}
    outside = sorted(set(others) - known.keys())
    answers = yield from each("ListTargetsForPolicy", "policyName", outside)
    known |= {name: tuple(answer.get("targets", ())) for name, answer in zip(outside, answers, strict=True)}
    return dict(sorted(known.items()))


def certificates_in(arns: Iterable[str]) -> frozenset[str]:
    """The ids of the certificates among the targets of a policy."""
    return frozenset(arn.rpartition("/")[2] for arn in arns if ":cert/" in arn)


def outside(references: Iterable[Reference]) -> set[str]:
    """The names that lead out of the file."""
    return {found.id.rpartition("/")[2] for found in references if isinstance(found, External)}
