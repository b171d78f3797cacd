"""Device certificates: how a thing authenticates when it connects.

Source: AWS IoT API reference, RegisterCertificate and related operations. Device certificates have no tags; they are owned
through the owned things that they are attached to.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.aws_limits import CERTIFICATE_POLICIES
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations, OwnedThrough
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description, Need
from reconciler.kinds.shared import certificate_reads, x509
from reconciler.kinds.shared.ca_certificate_spec import get_declared_mode
from reconciler.kinds.shared.certificate_attached_policies import (
    change_policies,
    find_copied_policy_errors,
    find_new_policy_needs,
)
from reconciler.kinds.shared.certificate_issuance import (
    compute_effective_key,
    compute_effective_output,
    fetch_certificate,
    find_issued_status_errors,
    find_key_file_errors,
    find_known_certificate,
    find_save_to_errors,
    warn_of_missing_key,
)
from reconciler.kinds.shared.certificate_registration import (
    detach_and_delete,
    find_reregistration_errors,
    register,
    register_and_attach,
)
from reconciler.kinds.shared.certificate_retirement import build_retired_policy_name, retire
from reconciler.kinds.shared.certificate_signers import (
    find_declared_signer_errors,
    find_signer_needs,
)
from reconciler.kinds.shared.certificate_source_checks import check_source
from reconciler.kinds.shared.certificate_spec import Certificate, CertificateFacts, PrivateKey, Rotation
from reconciler.kinds.shared.certificate_status import (
    find_activation_errors,
    find_revocation_errors,
    warn_of_activation,
)
from reconciler.kinds.shared.foreign_policies import find_foreign_policies
from reconciler.kinds.shared.lost_keys import describe_uncertain_key, has_key_from_aws, warn_of_lost_key
from reconciler.kinds.shared.policy_attachments import detach_policy
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.duration import DURATION_FORMAT, parse_duration
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, Desired, External, Live, Resource
from reconciler.model.text import quote

__all__ = ["KIND", "Certificate", "Certificates", "PrivateKey", "Rotation"]

DERIVED_MEMBERS = {
    "RegisterCertificate.caCertificatePem": "the pem of the certificate's `ca`",
    "RegisterCertificate.status": "status",
    "RegisterCertificateWithoutCA.status": "status",
    "CreateCertificateFromCsr.setAsActive": "true where the status is ACTIVE",
    "CreateKeysAndCertificate.setAsActive": "false: the certificate is activated after its key is saved",
    "UpdateCertificate.certificateId": "the SHA-256 of the certificate",
}

UNSUPPORTED_MEMBERS = {
    "RegisterCertificate.setAsActive": "deprecated by AWS, which replaced it with `status`"
}


def _find_transfer(response: Response) -> str | None:
    """Return why a certificate cannot be attached, or None."""
    certificate = response["certificateDescription"]
    if certificate["status"] != "PENDING_TRANSFER":
        return None
    name = f"the device certificate {certificate['certificateId'][:12]}…"
    return f"{name} is being transferred to another account; accept, reject or cancel the transfer first"


class Certificates(Kind):
    """Device certificates: found by the SHA-256 of their DER."""

    table = "certificates"
    noun = "device certificate"
    arn_type = "cert"
    spec_class = Certificate
    operations = Operations(
        read=(
            "ListCertificates",
            "DescribeCertificate",
            "ListPrincipalThings",
            "ListThings",
            "ListThingPrincipalsV2",
            "ListAttachedPolicies",
            "ListPolicies",
            "ListTargetsForPolicy",
            "ListThingGroupsForThing",
        ),
        create=(
            "CreateCertificateFromCsr",
            "CreateKeysAndCertificate",
            "DescribeCertificate",
            "UpdateCertificate",
            "RegisterCertificate",
            "RegisterCertificateWithoutCA",
            "AttachPolicy",
        ),
        update=("DescribeCertificate", "AttachPolicy", "UpdateCertificate", "DetachPolicy"),
        replace=(
            "CreateCertificateFromCsr",
            "CreateKeysAndCertificate",
            "DescribeCertificate",
            "RegisterCertificate",
            "RegisterCertificateWithoutCA",
            "AttachPolicy",
            "AttachThingPrincipal",
            "DetachThingPrincipal",
            "UpdateCertificate",
            "DeleteCertificate",
        ),
        delete=("UpdateCertificate", "DeleteCertificate"),
        forget=("DetachPolicy",),
    )
    id_member = "certificateId"
    orphan_name_pattern = re.compile(r"(.+:)?[0-9a-f]{12}([0-9a-f]{52})?")  # pump-1:1a2b3c4d5e6f, or an ID
    listing = Listing("ListCertificates", "certificates", "certificateId")
    description = Description(
        "DescribeCertificate", "certificateId", _find_transfer, listed_as="certificateDescription"
    )
    write_operations = (
        "RegisterCertificate",
        "RegisterCertificateWithoutCA",
        "CreateCertificateFromCsr",
        "CreateKeysAndCertificate",
        "UpdateCertificate",
    )
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS
    has_ownership_markers = False
    owned_through = OwnedThrough("things", "certificates")
    used_by_table = "things"
    reads_after = frozenset({"things", "policies", "provisioned_things"})

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the source of the certificate, its policies, its mode, and its grace period."""
        spec: Certificate = resource.spec
        yield from CERTIFICATE_POLICIES.check(len(spec.policies), ("policies",))
        yield from check_source(spec, desired)
        if spec.rotation and parse_duration(spec.rotation.grace) is None:
            problem = f"{quote(spec.rotation.grace)} is not a valid duration"
            path = ("rotation", "grace")
            yield ValueProblem("invalid-duration", problem, DURATION_FORMAT, path=path)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Certificate:
        """Return the spec with the certificate if it is known, its CA, and that CA's mode.

        If the file sets neither `ca` nor `certificate_mode`, the CA is the one in the file that signed the certificate. The mode
        is not compared if neither a CA in the file nor `certificate_mode` determines it. `pem` is compared only if the certificate
        is known: set in the file, or issued and saved; then a `csr` and a `private_key` are not compared.
        """
        spec: Certificate = resource.spec
        pem = find_known_certificate(spec)
        ca_name = spec.ca
        if pem and pem.der and not spec.ca and not spec.certificate_mode:
            ca_name = x509.find_signer(pem, scope.iterate_resources("ca_certificates"))
        ca = scope.desired.get(Address("ca_certificates", ca_name)) if isinstance(ca_name, str) else None
        mode = get_declared_mode(ca) if ca else spec.certificate_mode
        return attrs.evolve(
            spec,
            ca=ca_name,
            pem=pem or NOT_COMPARED,
            csr=NOT_COMPARED if pem and spec.csr else spec.csr,
            private_key=compute_effective_key(spec, pem),
            save_to=compute_effective_output(spec, pem),
            certificate_mode=mode or NOT_COMPARED,
        )

    def derives_values(self, spec: Certificate) -> bool:
        """Return whether the certificate may be one that an earlier apply saved."""
        return spec.pem is None

    def identity(self, resource: Resource) -> str | None:
        """Return the SHA-256 of the DER, or None if no apply has saved the issued certificate yet."""
        pem = find_known_certificate(resource.spec)
        return pem.fingerprint if pem else None

    def to_desired_spec(self, spec: Certificate, desired: Desired) -> Certificate:
        """Return the spec with its CA instead of a mode, if the CA is in the file and has the same mode."""
        assert isinstance(spec.pem, Pem)
        cas = [resource for resource in desired.values() if resource.address.kind == "ca_certificates"]
        signer = x509.find_signer(spec.pem, cas)
        modes = {ca.address.name: ca.spec.certificate_mode for ca in cas}
        if signer is None or modes[signer] != spec.certificate_mode:
            return spec
        return attrs.evolve(spec, ca=signer, certificate_mode=None)

    def find_export_obstacle(self, live: Live) -> str | None:
        """Return that a transfer is pending: until it ends, AWS attaches the certificate to nothing."""
        if live.spec.status == "PENDING_TRANSFER":
            return "it is being transferred to another account"
        return None

    def find_undeclarable_parts(self, live: Live) -> Mapping[str, str]:
        """Return that no export has a private key that AWS created."""
        if not (isinstance(live.spec.pem, Pem) and has_key_from_aws(live.spec.pem)):
            return {}
        return {"private key": "AWS created it and returned it once, so it cannot be exported"}

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the certificates that are desired or owned, in bulk."""
        if scope.previous_states is not None:
            return (yield from certificate_reads.reread(scope, scope.previous_states))
        desired: dict[str, Resource] = {}
        for resource in scope.iterate_resources(self.table):
            identity = self.identity(resource)
            if identity:
                desired[identity] = resource
        return (yield from certificate_reads.read(scope, desired))

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Pair a thing's new certificate with the old one, if there is one of each.

        The plan then shows a rotation instead of a creation and a deletion.
        """
        pairs = dict(super().pair_unmatched(missing, spare, scope))
        spare_ids = {live.identity for live in spare if live.owner == scope.workspace} - pairs.keys()
        spare_ids_by_thing: defaultdict[str, list[str]] = defaultdict(list)
        for live_thing in scope.get_live("things"):
            ids = [certificate.id for certificate in live_thing.spec.certificates]
            spare_ids_by_thing[live_thing.identity] += [identity for identity in ids if identity in spare_ids]
        free_names = {resource.address.name for resource in missing} - set(pairs.values())
        for thing in sorted(scope.iterate_resources("things"), key=lambda resource: resource.address):
            thing_ids = spare_ids_by_thing[thing.address.name]
            old_ids = [identity for identity in thing_ids if identity not in pairs]
            new_names = [name for name in thing.spec.certificates if name in free_names]
            if len(old_ids) == len(new_names) == 1:
                pairs[old_ids[0]] = new_names[0]
                free_names.remove(new_names[0])
        return pairs

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Return whether no thing outside the workspace has the certificate.

        If so, it is imported without `--adopt`: it has no ownership markers that could show where it comes from.
        """
        return not change.live.get_facts(CertificateFacts).has_outside_things

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the references outside the file, the CA that a registration needs, and room for new policies."""
        references = super().outside_needs(change, context)
        signers = list(find_signer_needs(change, context))
        return [
            *(need for need in references if need.path != "ca" or not signers),
            *signers,
            *find_new_policy_needs(change, context),
        ]

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject impossible registrations, changes during a transfer, and any other status after REVOKED."""
        if isinstance(change, Create | Replace):
            yield from _find_registration_errors(change, context)
        if isinstance(change, Replace):
            yield from find_copied_policy_errors(change, context)
            yield from find_reregistration_errors(change, context)
        yield from find_activation_errors(change)
        if isinstance(change, Update | Replace | Delete) and change.live.spec.status == "PENDING_TRANSFER":
            yield "is being transferred to another account; accept, reject or cancel the transfer first"
        yield from find_revocation_errors(change, context)

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the other clients' policies of a deleted certificate; a replacement gets them, too."""
        if not isinstance(change, Delete):
            return ()
        return find_foreign_policies(change.live.get_facts(CertificateFacts).policies, context)

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn of an activation, and of a deletion that others may not expect.

        That is one of a certificate that another caller may have attached to a declared thing, or that a removed thing may have
        listed by ID.
        """
        yield from warn_of_activation(change)
        yield from warn_of_lost_key(change)
        yield from warn_of_missing_key(change)
        if not isinstance(change, Delete):
            return
        facts = change.live.get_facts(CertificateFacts)
        removed = f'[[removed]] from = "certificates.{change.live.identity}", destroy = false'
        if facts.is_unexpected:
            yield (
                "will be deleted: it is attached to a declared thing but is not declared itself; "
                f"to keep it, add {removed}"
            )
        elif facts.may_be_listed:
            yield (
                "will be deleted with its thing, even if the file only listed it by ID; to keep all such certificates, add "
                '[[removed]] from = "certificates.*", destroy = false'
            )

    def plan_notes(self, live: Live) -> Iterable[str]:
        """Return how long a certificate is kept after its rotation, and whether its key may be lost."""
        yield from describe_uncertain_key(live)
        if live.kept_until:
            end = datetime.datetime.fromtimestamp(live.kept_until, datetime.UTC)
            yield f"kept with its successor until {end:%Y-%m-%d %H:%M} UTC"

    def exempt_from_limits(self, change: Change) -> bool:
        """Return whether the change deletes a certificate after its grace period, or one whose key was lost.

        The limits have already counted the replacement that started the grace period, in an earlier plan. No device ever had a
        certificate whose key was lost.
        """
        if not isinstance(change, Delete):
            return False
        facts = change.live.get_facts(CertificateFacts)
        return facts.is_past_grace_period or facts.is_key_lost

    def grace_seconds(self, change: Replace) -> float | None:
        """Return the grace period for which the old certificate stays attached."""
        rotation = change.resource.spec.rotation
        return parse_duration(rotation.grace) if rotation else None

    def is_rotation(self, change: Change) -> bool:
        """Return whether the change replaces the certificate."""
        return isinstance(change, Replace)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Register the certificate with its status, or have it issued, in one call; then attach its policies."""
        return [*register(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update policies and status, and save an issued certificate that no apply has saved.

        New policies are attached before removed ones are detached, as far as AWS's limit allows. The policy that marks a retired
        certificate is one of the removed ones, as the file does not have it.
        """
        spec, live = change.resource.spec, change.live
        first_policy_calls, last_policy_calls = change_policies(change, context)
        calls = []
        if change.has_changed("save_to"):
            calls.append(fetch_certificate(live.identity, spec.save_to))
        calls += first_policy_calls
        if change.has_changed("status"):
            params = {"certificateId": live.identity, "newStatus": spec.status}
            calls.append(ApiCall("iot", "UpdateCertificate", params))
        return [*calls, *last_policy_calls]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Register and attach the new certificate, then detach, deactivate and delete the old one.

        This order keeps the device connected. With a grace period, a later plan deletes the old one. If only the mode changes,
        the ID stays the same, so the old registration has to be deleted first, and the device is without one for a moment.
        """
        new_calls = [*register_and_attach(change, context)]
        if self.grace_seconds(change) is not None:
            return new_calls
        old_calls = [*detach_and_delete(change, context)]
        keeps_id = self.identity(change.resource) == change.live.identity
        return [*old_calls, *new_calls] if keeps_id else [*new_calls, *old_calls]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deactivate and delete the certificate; the steps of its things detach it."""
        return [*retire(change.live.identity, active=change.live.spec.status == "ACTIVE")]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Detach the policy that an interrupted deletion attached; there is no other ownership marker."""
        policy = build_retired_policy_name(context.workspace)
        if policy not in (change.live.get_facts(CertificateFacts).policies or ()):
            return []
        return [detach_policy(policy, context.build_arn(f"cert/{change.live.identity}"))]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields; for a deletion also the things that have it, and all its policies.

        The owner follows from the things, so it is not compared by itself.
        """
        fields = {**super().precondition(live, deletes=deletes), "save_to": NOT_COMPARED}
        del fields["workspace"]
        if not deletes:
            return fields
        policies = live.get_facts(CertificateFacts).policies
        return {**fields, "things": live.used_by, "attached": NOT_COMPARED if policies is None else policies}


def _find_registration_errors(change: Create | Replace, context: PlanContext) -> Iterator[str]:
    spec: Certificate = change.resource.spec
    declared = context.declared.get(change.address)
    is_ca_named_by_id = declared is not None and isinstance(declared.spec.ca, External)
    yield from find_declared_signer_errors(spec.pem if is_ca_named_by_id else None, spec.ca, context)
    if declared:
        yield from find_save_to_errors(declared.spec.output_file, declared.spec.private_key)
        yield from find_key_file_errors(declared.spec)
        yield from find_issued_status_errors(declared.spec)


KIND = Certificates()
