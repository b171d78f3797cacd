"""What there is of the device certificates of a file and of a workspace, read in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from sys import intern
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.base.reads import merge_reads
from reconciler.kinds.shared.certificate_grace_period import find_grace_ends
from reconciler.kinds.shared.certificate_holders import (
    find_attached,
    find_outside_holders,
    find_protected_things,
    read_owners_of,
)
from reconciler.kinds.shared.certificate_issuance import read_issued_unsaved
from reconciler.kinds.shared.certificate_retirement import retired_policy_name
from reconciler.kinds.shared.certificate_spec import Certificate, CertificateFacts
from reconciler.kinds.shared.principal_reads import (
    certificate_ids,
    external_names,
    read_certificates,
    read_policies_of,
    read_policy_targets,
    read_things_of,
    select_arns,
)
from reconciler.kinds.shared.provisioning_blueprint import provisioned_certificates
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live, Resource


def read(scope: Scope, wanted: Mapping[str, Resource]) -> Read[Sequence[Live]]:
    """Those the file wants, by id, and those of the workspace; pages first, single questions for the rest.

    The workspace's are those that its things have, and those that a run has marked on their way out.
    """
    # What goes whoever has it is asked about while the things are still being read.
    sure = wanted.keys() if scope.is_destroy else frozenset[str]()
    early = yield from read_certificates(sorted(sure))
    arns = select_arns(early, early)
    users, attached = yield from merge_reads(read_things_of(arns), read_policies_of(arns))
    known = yield from read_policy_targets(
        scope,
        external_names(
            policy for found in scope.resources_of("certificates") for policy in found.spec.policies
        ),
    )
    policies = {name: certificate_ids(arns) for name, arns in known.items()}
    retired = policies.get(retired_policy_name(scope.workspace), frozenset())
    ours, others = find_attached(scope)
    matter = (wanted.keys() | ours.keys() | retired) - provisioned_certificates(scope) - others
    issued_now = yield from read_issued_unsaved(scope, wanted.keys())
    matter |= issued_now.keys()
    late = yield from read_certificates(sorted(matter - sure))
    found = {name: item for name, item in sorted({**early, **late}.items()) if name in matter}
    del early, late
    declared = wanted.keys() | issued_now.keys()
    staying_on = frozenset[str]() if scope.is_destroy else declared
    leaving = [name for name in found if name not in staying_on]
    ends = find_grace_ends(scope, {name for name in leaving if name not in declared}, found)
    within = {name: until for name, until in ends.items() if until > scope.now}
    kept = {} if scope.is_destroy else within
    strangers = [name for name in found if name in staying_on and name in wanted and name not in ours]
    arns = select_arns((name for name in leaving if name not in attached), found)
    had, has = yield from merge_reads(
        read_things_of(arns | select_arns(strangers, found)), read_policies_of(arns)
    )
    users, attached = users | had, attached | has
    foreign = find_outside_holders(users, scope)
    owners = yield from read_owners_of({name: foreign[name] for name in strangers if name in foreign})
    seen = _Seen(
        workspace=scope.workspace,
        wanted=wanted,
        issued=issued_now,
        ours=ours,
        given=_given(policies),
        attached=attached,
        foreign=foreign,
        owners=owners,
        kept=kept,
        outlived=ends.keys() - within.keys(),
        explained=declared | ends.keys(),
        staying={found.address.name for found in scope.resources_of("things")},
        guarding=find_protected_things(scope),
    )
    # Of a large fleet all that was listed takes as much room as all that is made of it.
    return [seen.live(name, found.pop(name)) for name in [*found]]


@frozen
class _Seen:
    """What was read: by certificate, but for the names of things that stay or guard what they have.

    `ours` are the workspace's things that have each, `foreign` the others; `given` are the file's policies, `attached` all
    policies of those that go. `kept` stay until then beside their successors, for `outlived` that is over.
    `explained` are those that the file has, or had before a rotation.
    """

    workspace: str
    wanted: Mapping[str, Resource]
    issued: Mapping[str, str]
    ours: Mapping[str, Sequence[str]]
    given: Mapping[str, tuple[External, ...]]
    attached: Mapping[str, tuple[str, ...]]
    foreign: Mapping[str, Sequence[str]]
    owners: Mapping[str, str | None]
    kept: Mapping[str, float]
    outlived: AbstractSet[str]
    explained: AbstractSet[str]
    staying: AbstractSet[str]
    guarding: AbstractSet[str]

    def live(self, name: str, item: Mapping[str, Any]) -> Live:
        """One of them as it is. Facts that hold of few are there where they hold."""
        things, wanted = self.ours.get(name, ()), self.wanted.get(name)
        spec = Certificate(
            pem=Pem(name),
            csr=NOT_COMPARED if name in self.issued else None,
            ca=wanted.spec.ca if wanted else None,
            certificate_mode=item.get("certificateMode", "DEFAULT"),
            status=item["status"],
            policies=self.given.get(name, ()),
        )
        # One that goes has no name in the file; whose it was says more than its id.
        going = "" if wanted else f"{next(iter(things), 'retired')}:{name[:12]}"
        facts = CertificateFacts(
            policies=self.attached.get(name),
            foreign=name in self.foreign,
            outlived=name in self.outlived,
            unexplained=name not in self.explained and not self.staying.isdisjoint(things),
        )
        lost = name in self.foreign or name in self.kept
        return Live(
            name,
            spec,
            owner=self.owners.get(name) if lost else self.workspace,
            arn=intern(item["certificateArn"]),  # which things and policies tell as well
            declared_name=self.issued.get(name) or going or None,
            prevent_destroy=not self.guarding.isdisjoint(things),
            kept_until=self.kept.get(name),
            used_by=tuple(sorted(things)),
            facts=facts,
        )


def read_again(seen: Mapping[str, Live | None]) -> Read[Sequence[Live]]:
    """Some certificates by themselves, and who has them. Of what was seen before the ARN is known, so all is asked at once."""
    known = {name: live.arn for name, live in sorted(seen.items()) if live}
    found, users, policies = yield from merge_reads(
        read_certificates(sorted(seen), use_listing=False), read_things_of(known), read_policies_of(known)
    )
    rest = select_arns(found.keys() - known.keys(), found)
    users |= yield from read_things_of(rest)
    policies |= yield from read_policies_of(rest)
    return [
        Live(
            name,
            Certificate(
                pem=Pem(name, item.get("certificatePem")),
                csr=NOT_COMPARED,
                certificate_mode=item.get("certificateMode", "DEFAULT"),
                status=item["status"],
                policies=tuple(External(policy) for policy in policies[name]),
            ),
            arn=item["certificateArn"],
            used_by=users[name],
            facts=CertificateFacts(policies[name]),
        )
        for name, item in found.items()
    ]


def _given(policies: Mapping[str, Iterable[str]]) -> Mapping[str, tuple[External, ...]]:
    """The policies of each certificate, from the certificates of each policy; many have the same."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for policy, certificates in policies.items():
        for name in certificates:
            found[name] += (policy,)
    shared = {names: tuple(map(External, names)) for names in found.values()}
    return {certificate: shared[names] for certificate, names in found.items()}
