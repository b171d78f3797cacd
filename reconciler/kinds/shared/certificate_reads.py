"""Read device certificates in bulk: those in the file and those that the workspace owns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from sys import intern

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.reads import merge_reads
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.ca_certificate_spec import get_declared_mode
from reconciler.kinds.shared.certificate_attachment_reads import (
    read_policies_of_many,
    read_things_of_many,
    reread_policies,
)
from reconciler.kinds.shared.certificate_grace_period import find_grace_ends
from reconciler.kinds.shared.certificate_holders import (
    find_excluded_certificates,
    find_outside_holders,
    find_protected_things,
    find_workspace_holders,
    read_outside_owners,
)
from reconciler.kinds.shared.certificate_issuance import find_known_certificate, read_unsaved_certificates
from reconciler.kinds.shared.certificate_retirement import build_retired_policy_name
from reconciler.kinds.shared.certificate_spec import Certificate, CertificateFacts
from reconciler.kinds.shared.lost_keys import LostKeys, read_lost_keys
from reconciler.kinds.shared.principal_reads import (
    extract_certificate_ids,
    read_certificates,
    read_policy_targets,
    read_things_of,
    reread_certificates,
    select_arns,
    select_external_names,
)
from reconciler.kinds.shared.provisioning_blueprint import find_provisioned_certificates
from reconciler.model.address import Address
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live, Resource

# ── reading all certificates ──────────────────────────────────────────────────────────────────────


def read(scope: Scope, desired: Mapping[str, Resource]) -> Read[Sequence[Live]]:
    """Return the certificates that are desired or owned by the workspace. `desired` is by certificate ID.

    The workspace owns the certificates of its things, and those that an interrupted apply has marked as retired.
    """
    # A destroy deletes every desired certificate, whether a thing has it or not, so reading them need not wait for the things.
    early_ids = desired.keys() if scope.is_destroy else frozenset[str]()
    early_certificates, early_policies = yield from _read_with_policies(sorted(early_ids))
    selection = yield from _select_certificates(scope, desired)
    early_arns = select_arns(early_certificates, early_certificates)
    early_things = yield from read_things_of_many(early_arns, scope)
    early_reads = _EarlyReads(early_certificates, early_things, early_policies)
    late_certificates = yield from read_certificates(sorted(selection.ids - early_ids))
    certificates = {
        identity: certificate
        for identity, certificate in sorted({**early_reads.certificates, **late_certificates}.items())
        if identity in selection.ids
    }
    classification = _classify_certificates(scope, desired, selection, certificates)
    builder = yield from _read_attachments(
        scope, desired, selection, classification, early_reads, certificates
    )
    del early_reads, early_certificates, late_certificates
    # Each response is released after its use: in a large fleet they take as much memory as the result.
    return [builder.build(identity, certificates.pop(identity)) for identity in [*certificates]]


@frozen
class _EarlyReads:
    """Certificates, the things that have them, and their policies, all by certificate ID."""

    certificates: Mapping[str, Response]
    things: Mapping[str, tuple[str, ...]]
    policies: Mapping[str, tuple[str, ...]]


@frozen
class _Selection:
    """The IDs of the certificates to read, and what is known of them.

    - `issued_names`: the name in the file of each certificate that AWS issued and no apply has saved;
    - `lost_keys`: the certificates that AWS issued with a key that no apply has saved;
    - `things_by_id`: the workspace's things that have each certificate;
    - `policies`: for each certificate, those of its policies that the file has or refers to, or that the workspace owns.
    """

    ids: AbstractSet[str]
    issued_names: Mapping[str, str]
    lost_keys: LostKeys
    things_by_id: Mapping[str, Sequence[str]]
    policies: Mapping[str, tuple[External, ...]]


@frozen
class _Classification:
    """The classes of the certificates that were read, by what a plan may do with them.

    - `deletable`: the plan may delete them;
    - `reregistered`: they get another mode, so the plan deletes and registers them again;
    - `unattached`: they are desired, and no thing of the workspace has them (empty in a destroy);
    - `kept_until`: the end of each running grace period, by ID;
    - `past_grace_period`: their grace period has ended;
    - `declared_or_rotated`: they are in the file or left by a rotation.
    """

    deletable: Sequence[str]
    reregistered: AbstractSet[str]
    unattached: Sequence[str]
    kept_until: Mapping[str, float]
    past_grace_period: AbstractSet[str]
    declared_or_rotated: AbstractSet[str]


def _read_with_policies(ids: Sequence[str]) -> Read[tuple[dict[str, Response], dict[str, tuple[str, ...]]]]:
    certificates = yield from read_certificates(ids)
    policies = yield from read_policies_of_many(select_arns(certificates, certificates))
    return certificates, policies


def _select_certificates(scope: Scope, desired: Mapping[str, Resource]) -> Read[_Selection]:
    """Decide which certificates to read, from the live policies, things and provisioned things."""
    external_policies = select_external_names(
        policy for resource in scope.iterate_resources("certificates") for policy in resource.spec.policies
    )
    targets = yield from read_policy_targets(scope, external_policies)
    certificates_by_policy = {policy: extract_certificate_ids(arns) for policy, arns in targets.items()}
    retired = certificates_by_policy.get(build_retired_policy_name(scope.workspace), frozenset())
    things_by_id = find_workspace_holders(scope)
    ids = desired.keys() | things_by_id.keys() | retired
    ids = ids - find_provisioned_certificates(scope) - find_excluded_certificates(scope)
    issued_names = yield from read_unsaved_certificates(scope, desired.keys())
    lost_keys = yield from read_lost_keys(scope, desired.keys() | issued_names.keys())
    return _Selection(
        ids=ids | issued_names.keys() | lost_keys.lost.keys() | lost_keys.uncertain.keys(),
        issued_names=issued_names,
        lost_keys=lost_keys,
        things_by_id=things_by_id,
        policies=_group_policies_by_certificate(certificates_by_policy),
    )


def _group_policies_by_certificate(
    certificates_by_policy: Mapping[str, Iterable[str]],
) -> dict[str, tuple[External, ...]]:
    names_by_certificate: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for policy, certificates in certificates_by_policy.items():
        for certificate in certificates:
            names_by_certificate[certificate] += (policy,)
    # One tuple for all certificates with the same policies: a large fleet has very many.
    references = {names: tuple(map(External, names)) for names in names_by_certificate.values()}
    return {certificate: references[names] for certificate, names in names_by_certificate.items()}


def _classify_certificates(
    scope: Scope,
    desired: Mapping[str, Resource],
    selection: _Selection,
    certificates: Mapping[str, Response],
) -> _Classification:
    """Find out which certificates a plan may delete, and when their grace periods end."""
    declared = desired.keys() | selection.issued_names.keys()
    ids_to_keep = frozenset[str]() if scope.is_destroy else declared
    deletable = [identity for identity in certificates if identity not in ids_to_keep]
    unattached = [
        identity
        for identity in certificates
        if identity in ids_to_keep and identity in desired and identity not in selection.things_by_id
    ]
    ends = find_grace_ends(scope, set(deletable) - declared, certificates, selection.issued_names)
    running = {identity: end for identity, end in ends.items() if end > scope.now}
    reregistered = {
        identity
        for identity, resource in ({} if scope.is_destroy else desired).items()
        if identity in certificates and _changes_mode(resource.spec, certificates[identity], scope)
    }
    return _Classification(
        deletable=deletable,
        reregistered=reregistered,
        unattached=unattached,
        kept_until={} if scope.is_destroy else running,
        past_grace_period=ends.keys() - running.keys(),
        declared_or_rotated=declared | ends.keys(),
    )


def _changes_mode(desired: Certificate, certificate: Response, scope: Scope) -> bool:
    """Return whether a certificate has another mode than its CA in the file, or than the file sets."""
    live_mode = certificate.get("certificateMode", "DEFAULT")
    if isinstance(desired.ca, str):
        ca = scope.desired.get(Address("ca_certificates", desired.ca))
        return ca is not None and get_declared_mode(ca) not in {None, live_mode}
    if desired.ca or desired.certificate_mode:
        return desired.certificate_mode not in {None, live_mode}
    pem = find_known_certificate(desired)
    # Checking a signature takes long, so only the CAs of another mode are tried.
    other_cas = (
        ca
        for ca in scope.iterate_resources("ca_certificates")
        if get_declared_mode(ca) not in {None, live_mode}
    )
    return pem is not None and x509.find_signer(pem, other_cas) is not None


def _read_attachments(  # noqa: PLR0913, PLR0917 (the results of all earlier stages)
    scope: Scope,
    desired: Mapping[str, Resource],
    selection: _Selection,
    classification: _Classification,
    early_reads: _EarlyReads,
    certificates: Mapping[str, Response],
) -> Read[_LiveBuilder]:
    """Read the things of unattached certificates, and the attachments of those that a plan may delete.

    Returns the builder of the live certificates.
    """
    lost_ids = [*classification.deletable, *sorted(classification.reregistered)]
    unread = [identity for identity in lost_ids if identity not in early_reads.policies]
    arns = select_arns(unread, certificates)
    late_things, late_policies = yield from merge_reads(
        read_things_of_many(arns | select_arns(classification.unattached, certificates), scope),
        read_policies_of_many(arns),
    )
    reregistered_things = {
        identity: late_things[identity] for identity in classification.reregistered if identity in late_things
    }
    shared_things = {
        identity: things
        for identity, things in late_things.items()
        if identity not in classification.reregistered or identity in classification.unattached
    }
    outside_holders = find_outside_holders({**early_reads.things, **shared_things}, scope)
    owners = yield from read_outside_owners(
        {
            identity: outside_holders[identity]
            for identity in classification.unattached
            if identity in outside_holders
        }
    )
    return _LiveBuilder(
        workspace=scope.workspace,
        desired=desired,
        selection=selection,
        classification=classification,
        all_policies={**early_reads.policies, **late_policies},
        reregistered_things=reregistered_things,
        outside_holders=outside_holders,
        owners=owners,
        desired_things={resource.address.name for resource in scope.iterate_resources("things")},
        protected_things=find_protected_things(scope),
        lists_ids=bool(classification.deletable) and _has_listed_certificates(scope),
    )


def _has_listed_certificates(scope: Scope) -> bool:
    """Return whether things list certificates by ID, which the file does not declare."""
    things = scope.iterate_resources("things")
    return any(isinstance(item, External) for thing in things for item in thing.spec.certificates)


@frozen
class _LiveBuilder:
    """Builds live certificates from everything that was read.

    `all_policies` is read only for certificates that may be deleted or registered again; `reregistered_things` has all things of the
    latter. `outside_holders` has the things outside the workspace
    that have a certificate; `owners` has, for unattached certificates, another workspace that owns such a thing. All are by
    certificate ID.
    """

    workspace: str
    desired: Mapping[str, Resource]
    selection: _Selection
    classification: _Classification
    all_policies: Mapping[str, tuple[str, ...]]
    reregistered_things: Mapping[str, tuple[str, ...]]
    outside_holders: Mapping[str, Sequence[str]]
    owners: Mapping[str, str | None]
    desired_things: AbstractSet[str]
    protected_things: AbstractSet[str]
    lists_ids: bool

    def build(self, identity: str, certificate: Response) -> Live:
        things = self.selection.things_by_id.get(identity, ())
        resource = self.desired.get(identity)
        has_outside_things = identity in self.outside_holders
        is_declared_or_rotated = identity in self.classification.declared_or_rotated
        has_desired_thing = not self.desired_things.isdisjoint(things)
        spec = Certificate(
            pem=Pem(identity),
            csr=NOT_COMPARED if identity in self.selection.issued_names else None,
            private_key=NOT_COMPARED if identity in self.selection.issued_names else None,
            ca=resource.spec.ca if resource else None,
            certificate_mode=certificate.get("certificateMode", "DEFAULT"),
            status=certificate["status"],
            policies=self.selection.policies.get(identity, ()),
        )
        facts = CertificateFacts(
            policies=self.all_policies.get(identity),
            has_outside_things=has_outside_things,
            is_past_grace_period=identity in self.classification.past_grace_period,
            is_unexpected=not is_declared_or_rotated and has_desired_thing,
            may_be_listed=not is_declared_or_rotated and not has_desired_thing and self.lists_ids,
            is_key_lost=identity in self.selection.lost_keys.lost,
            may_have_lost_key=identity in self.selection.lost_keys.uncertain,
        )
        return Live(
            identity,
            spec,
            owner=self._find_owner(identity),
            arn=intern(certificate["certificateArn"]),  # things and policies have the same text
            declared_name=self._choose_name(identity, things),
            prevent_destroy=not self.protected_things.isdisjoint(things),
            kept_until=self.classification.kept_until.get(identity),
            used_by=self.reregistered_things.get(identity) or tuple(sorted(things)),
            facts=facts,
        )

    def _find_owner(self, identity: str) -> str | None:
        """Return the workspace that owns a certificate, or None: a plan leaves it alone unless it is desired.

        Only unattached certificates are in `owners`, so a certificate has no owner during its grace period. Neither has one that may
        be someone else's.
        """
        is_owned = not (
            identity in self.outside_holders
            or identity in self.classification.kept_until
            or identity in self.selection.lost_keys.uncertain
        )
        return self.workspace if is_owned else self.owners.get(identity)

    def _choose_name(self, identity: str, things: Sequence[str]) -> str | None:
        """Return the name of a certificate, or None if its ID follows from the file.

        A certificate that AWS issued and no apply has saved has its name in the file, although its ID does not follow from
        the file. Any other certificate is named after its thing, or after the one that was requested, and its ID.
        """
        issued_name = self.selection.issued_names.get(identity)
        if issued_name or identity in self.desired:
            return issued_name
        lost_keys = self.selection.lost_keys
        requested_name = lost_keys.lost.get(identity) or lost_keys.uncertain.get(identity, "retired")
        return f"{next(iter(things), requested_name)}:{identity[:12]}"


# ── re-reading some certificates ──────────────────────────────────────────────────────────────────


def reread(scope: Scope, previous_states: Mapping[str, Live | None]) -> Read[Sequence[Live]]:
    """Read the certificates of a previous read again, with their things and policies.

    Those that the previous read found need only one batch of requests.
    """
    known_arns = {identity: live.arn for identity, live in sorted(previous_states.items()) if live}
    certificates, things, policies = yield from merge_reads(
        reread_certificates(sorted(previous_states), scope),
        read_things_of(known_arns),
        reread_policies(known_arns, scope),
    )
    new_arns = select_arns(certificates.keys() - known_arns.keys(), certificates)
    things |= yield from read_things_of(new_arns)
    policies |= yield from reread_policies(new_arns, scope)
    return [
        Live(
            identity,
            Certificate(
                pem=Pem.from_response(identity, certificate.get("certificatePem")),
                csr=NOT_COMPARED,
                private_key=NOT_COMPARED,
                certificate_mode=certificate.get("certificateMode", "DEFAULT"),
                status=certificate["status"],
                policies=tuple(External(policy) for policy in policies[identity]),
            ),
            arn=certificate["certificateArn"],
            used_by=things[identity],
            facts=CertificateFacts(policies[identity]),
        )
        for identity, certificate in certificates.items()
    ]
