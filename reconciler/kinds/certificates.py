"""Device certificates: what a thing shows when it connects.

Source: AWS IoT API reference, RegisterCertificate and its neighbours. Device certificates carry no tags; they are owned
through the owned things that they are attached to.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations, OwnedThrough
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.verification import CertificateRegistered
from reconciler.kinds.shared import certificate_reads, x509
from reconciler.kinds.shared.certificate_attachments import attach, detach
from reconciler.kinds.shared.certificate_issuance import (
    check_signing_request,
    fetch_certificate,
    find_save_to_errors,
    known_certificate,
    request_certificate,
)
from reconciler.kinds.shared.certificate_retirement import mark_retired, retire, retired_policy_name
from reconciler.kinds.shared.certificate_spec import Certificate, CertificateFacts, Rotation
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.duration import DURATION_FORMAT, parse_duration
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, Desired, Live, Resource

__all__ = ["KIND", "Certificate", "Certificates", "Rotation"]

DERIVED_MEMBERS = {
    "RegisterCertificate.caCertificatePem": "the pem of the certificate's `ca`",
    "RegisterCertificate.status": "status",
    "RegisterCertificateWithoutCA.status": "status",
    "CreateCertificateFromCsr.setAsActive": "true where the status is ACTIVE",
    "UpdateCertificate.certificateId": "the SHA-256 of the certificate",
}

UNSUPPORTED_MEMBERS = {
    "RegisterCertificate.setAsActive": "AWS has deprecated it for the status",
}


class Certificates(Kind):
    """Device certificates: found by the SHA-256 of their DER."""

    table = "certificates"
    noun = "device certificate"
    spec_class = Certificate
    operations = Operations(
        read=(
            "ListCertificates",
            "DescribeCertificate",
            "ListPrincipalThings",
            "ListAttachedPolicies",
            "ListTargetsForPolicy",
            "ListThingGroupsForThing",
        ),
        create=(
            "CreateCertificateFromCsr",
            "RegisterCertificate",
            "RegisterCertificateWithoutCA",
            "AttachPolicy",
        ),
        update=("DescribeCertificate", "AttachPolicy", "UpdateCertificate", "DetachPolicy"),
        replace=(
            "CreateCertificateFromCsr",
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
    listing = Listing("ListCertificates", "certificates", "certificateId")
    write_operations = (
        "RegisterCertificate",
        "RegisterCertificateWithoutCA",
        "CreateCertificateFromCsr",
        "UpdateCertificate",
    )
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS
    reads_after = frozenset({"things", "policies", "provisioned_things"})
    has_ownership_markers = False
    owned_through = OwnedThrough("things", "certificates")
    used_by_table = "things"
    id_member = "certificateId"
    orphan_name_pattern = re.compile(r"(.+:)?[0-9a-f]{12}([0-9a-f]{52})?")  # such as pump-1:1a2b3c4d5e6f

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Is it in date, did the CA it names sign it, and is it one of both: given, or to be issued?"""
        spec: Certificate = resource.spec
        if (spec.pem is None) == (spec.csr is None):
            yield ValueProblem(
                "conflicting-fields", "a certificate comes from one place", "either pem or csr", path=("pem",)
            )
        elif spec.csr is not None:
            yield from check_signing_request(spec)
        elif isinstance(spec.pem, Pem):
            yield from x509.check_certificate(spec.pem, "pem", ca=False)
            ca = desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
            if ca and not x509.is_signed_by(spec.pem, ca.spec.pem):
                what = f"a certificate signed by {spec.ca!r}"
                yield ValueProblem(
                    "unsigned-certificate", f"{ca.address} did not sign this certificate", what, path=("pem",)
                )
            if spec.save_to:
                yield ValueProblem(
                    "conflicting-fields",
                    "there is nothing to save of a certificate that is given",
                    "csr",
                    path=("save_to",),
                )
        if spec.ca and spec.certificate_mode:
            yield ValueProblem(
                "conflicting-fields",
                "with a CA, the CA's mode holds",
                "either ca or certificate_mode",
                path=("certificate_mode",),
            )
        if spec.rotation and parse_duration(spec.rotation.grace) is None:
            yield ValueProblem(
                "invalid-duration",
                f"{spec.rotation.grace!r} is no time",
                DURATION_FORMAT,
                path=("rotation", "grace"),
            )

    def effective(self, resource: Resource, scope: Scope) -> Certificate:
        """The mode follows from the CA; a certificate that AWS has yet to issue is whatever it will be."""
        spec: Certificate = resource.spec
        known = known_certificate(spec)
        name = spec.ca
        if known and not spec.ca and not spec.certificate_mode:
            name = x509.find_signer(known, scope.resources_of("ca_certificates"))
        ca = scope.desired.get(Address("ca_certificates", name)) if isinstance(name, str) else None
        mode = ca.spec.certificate_mode if ca else spec.certificate_mode
        return attrs.evolve(
            spec,
            ca=name,
            pem=known or NOT_COMPARED,
            csr=NOT_COMPARED if known and spec.csr else spec.csr,
            save_to=NOT_COMPARED if known else spec.save_to,
            # Of a CA outside the file the mode is not known, so it is not compared.
            certificate_mode=mode or NOT_COMPARED,
        )

    def identity(self, resource: Resource) -> str | None:
        """The SHA-256 of the DER, unless AWS has yet to issue it."""
        known = known_certificate(resource.spec)
        return known.fingerprint if known else None

    def to_desired_spec(self, spec: Certificate, desired: Desired) -> Certificate:
        """With its CA, where that is in the file; then the CA's mode holds."""
        assert isinstance(spec.pem, Pem)
        cas = [found for found in desired.values() if found.address.kind == "ca_certificates"]
        signer = x509.find_signer(spec.pem, cas)
        modes = {ca.address.name: ca.spec.certificate_mode for ca in cas}
        if signer is None or modes[signer] != spec.certificate_mode:
            return spec
        return attrs.evolve(spec, ca=signer, certificate_mode=None)

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Those the file wants and those of the workspace."""
        if scope.previous_states is not None:
            return (yield from certificate_reads.read_again(scope.previous_states))
        wanted = {name: found for found in scope.resources_of(self.table) if (name := self.identity(found))}
        return (yield from certificate_reads.read(scope, wanted))

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Whose it is shows in the things that have it: what goes was let go by those that were seen, and by no others."""
        seen = {**super().precondition(live, deletes=deletes), "save_to": NOT_COMPARED}
        del seen["workspace"]
        if not deletes:
            return seen
        policies = live.facts_as(CertificateFacts).policies
        return {**seen, "things": live.used_by, "attached": NOT_COMPARED if policies is None else policies}

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """A new certificate for a device is a rotation: the old one is what its thing still has, if there is no doubt."""
        pairs = dict(super().pair_unmatched(missing, spare, scope))
        attached: defaultdict[str, list[str]] = defaultdict(list)
        going = {live.identity for live in spare if live.owner == scope.workspace} - pairs.keys()
        for thing in scope.live_of("things"):
            attached[thing.identity] += [ref.id for ref in thing.spec.certificates if ref.id in going]
        free = {resource.address.name for resource in missing} - set(pairs.values())
        for user in sorted(scope.resources_of("things"), key=lambda thing: thing.address):
            olds = [old for old in attached[user.address.name] if old not in pairs]
            names = [name for name in user.spec.certificates if name in free]
            if len(olds) == len(names) == 1:
                pairs[olds[0]] = names[0]
                free.remove(names[0])
        return pairs

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Registered with its status in one call, then its policies."""
        return [*self._register(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Policies come before they go; a certificate that was on its way out is taken back."""
        spec, was, arn = (
            change.resource.spec,
            change.live.spec,
            context.build_arn(f"cert/{change.live.identity}"),
        )
        params = {"certificateId": change.live.identity, "newStatus": spec.status}
        gained = [policy for policy in spec.policies if policy not in was.policies]
        lost = [
            context.resolve_identity("policies", policy)
            for policy in was.policies
            if policy not in spec.policies
        ]
        return [
            *(fetch_certificate(change.live.identity, spec.save_to) if change.has_changed("save_to") else ()),
            *(_attach_policy(context.resolve_identity("policies", policy), arn) for policy in gained),
            *([ApiCall("iot", "UpdateCertificate", params)] if change.has_changed("status") else ()),
            *(_detach_policy(name, arn) for name in lost),
        ]

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Declaring this very certificate means this very certificate, unless others have it."""
        return not change.live.facts_as(CertificateFacts).foreign

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Revocation is final (developer guide, "Revoke a CA or client certificate"); an idle CA registers nothing."""
        if isinstance(change, Create | Replace) and isinstance(ca := change.resource.spec.ca, str):
            signer = context.desired.get(Address("ca_certificates", ca))
            if signer and signer.spec.status != "ACTIVE":
                yield f"its CA {signer.address} is to be INACTIVE, and AWS registers certificates of active CAs only"
        if isinstance(change, Create | Replace) and (wanted := context.declared.get(change.address)):
            yield from find_save_to_errors(wanted.spec.save_to)
        if isinstance(change, Update | Replace | Delete) and change.live.spec.status == "PENDING_TRANSFER":
            yield "it is being transferred to another account; accept, reject or cancel the transfer first"
        if (
            isinstance(change, Update)
            and change.live.spec.status == "REVOKED"
            and change.has_changed("status")
        ):
            yield "it is REVOKED, and no certificate ever leaves that state; give the device a new certificate"

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """What a thing has counts as the workspace's, whoever attached it: the registry cannot tell."""
        if isinstance(change, Delete) and change.live.facts_as(CertificateFacts).unexplained:
            how = f'[[removed]] from = "certificates.{change.live.identity}", destroy = false'
            yield f"it is deleted, for a thing of the workspace has it and no table does; if others attached it, say {how}"

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """A rotation: register and attach the new one, then detach, deactivate and delete the old one.

        So the device is never without a certificate. With a grace the old one stays beside it for a later run. Policies that the old one has and the file does not know go on to
        the new one: somebody relies on them. Where only the mode changes the id stays the same, and the old registration
        has to go first.
        """
        users = context.live_users.get(change.address, ())
        had = [user for user in users if user in context.desired]
        keep = [user for user in had if user in context.desired_users.get(change.address, ())]
        new_arn = context.resolve_certificate_arn(change.address.name)
        old_arn = context.build_arn(f"cert/{change.live.identity}")
        known = {context.resolve_identity("policies", policy) for policy in change.live.spec.policies}
        others = [name for name in change.live.facts_as(CertificateFacts).policies or () if name not in known]
        new = [
            *self._register(change.resource, context),
            *(
                _attach_policy(name, new_arn)
                for name in others
                if name != retired_policy_name(context.workspace)
            ),
            *(attach(thing.name, new_arn, exclusive=context.desired[thing].spec.exclusive) for thing in keep),
        ]
        old = [
            mark_retired(context, old_arn),
            *(detach(name, old_arn) for user in had if (name := context.thing_name(user))),
            *retire(change.live.identity, active=change.live.spec.status == "ACTIVE"),
        ]
        if change.resource.spec.rotation:
            return new
        return [*old, *new] if self.identity(change.resource) == change.live.identity else [*new, *old]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deactivated first: AWS refuses to delete an active certificate."""
        return [*retire(change.live.identity, active=change.live.spec.status == "ACTIVE")]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Its things let go of it, or are forgotten with it. One that was on its way out may do again what it could."""
        policy = retired_policy_name(context.workspace)
        if policy not in (change.live.facts_as(CertificateFacts).policies or ()):
            return []
        params = {"policyName": policy, "target": context.build_arn(f"cert/{change.live.identity}")}
        return [ApiCall("iot", "DetachPolicy", params, ignored_errors=NOT_FOUND, idempotent=True)]

    def exempt_from_limits(self, change: Change) -> bool:
        """One whose grace is over: its rotation was counted when its successor came."""
        return isinstance(change, Delete) and change.live.facts_as(CertificateFacts).outlived

    def is_rotation(self, change: Change) -> bool:
        """Return whether the change replaces the certificate."""
        return isinstance(change, Replace)

    def plan_notes(self, live: Live) -> Iterable[str]:
        """What is kept for a while, and how long."""
        if live.kept_until:
            until = datetime.datetime.fromtimestamp(live.kept_until, datetime.UTC)
            yield f"stays beside its successor until {until:%Y-%m-%d %H:%M} UTC"

    def _register(self, resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
        spec: Certificate = resource.spec
        arn = context.resolve_certificate_arn(resource.address.name)
        if isinstance(arn, Ref):
            assert isinstance(spec.csr, str)
            assert isinstance(spec.save_to, OutputFile)
            before = context.live.get(resource.address)
            known = before.identity if before else None
            yield request_certificate(spec.csr, spec.save_to, active=spec.status == "ACTIVE", known=known)
        else:
            yield _registration(spec, context)
        yield from (
            _attach_policy(context.resolve_identity("policies", policy), arn) for policy in spec.policies
        )


def _registration(spec: Certificate, context: PlanContext) -> ApiCall:
    assert isinstance(spec.pem, Pem)
    params = {"certificatePem": spec.pem.text, "status": spec.status}
    operation = "RegisterCertificate"
    ca = context.desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
    if ca:
        params["caCertificatePem"] = ca.spec.pem.text
    elif not spec.ca and spec.certificate_mode == "SNI_ONLY":
        operation = "RegisterCertificateWithoutCA"
    # Whoever has registered this certificate meanwhile, it is this one: nothing of it is somebody else's.
    exists = {"ResourceAlreadyExistsException"}
    return ApiCall(
        "iot",
        operation,
        params,
        ignored_errors=exists,
        verification=CertificateRegistered(spec.pem.fingerprint),
    )


def _attach_policy(name: str | Ref, arn: str | Ref) -> ApiCall:
    return ApiCall("iot", "AttachPolicy", {"policyName": name, "target": arn})


def _detach_policy(name: str | Ref, arn: str) -> ApiCall:
    params = {"policyName": name, "target": arn}
    return ApiCall("iot", "DetachPolicy", params, ignored_errors=NOT_FOUND, idempotent=True)


KIND = Certificates()
