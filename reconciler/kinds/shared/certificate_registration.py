"""The calls that register device certificates, replace them, and attach their policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.verification import CertificateRegistered
from reconciler.kinds.shared.certificate_attached_policies import list_other_policies
from reconciler.kinds.shared.certificate_attachments import attach, detach
from reconciler.kinds.shared.certificate_issuance import create_key_and_certificate, request_certificate
from reconciler.kinds.shared.certificate_retirement import mark_retired, retire
from reconciler.kinds.shared.certificate_spec import Certificate, PrivateKey
from reconciler.kinds.shared.policy_attachments import attach_policy
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Replace
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Resource
from reconciler.model.text import join_some


def register(resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that register a certificate, or have it issued, and attach its policies."""
    spec: Certificate = resource.spec
    arn = context.resolve_certificate_arn(resource.address.name)
    if isinstance(arn, Ref) and isinstance(spec.private_key, PrivateKey):
        yield from create_key_and_certificate(resource.address, spec, context.workspace)
    elif isinstance(arn, Ref):
        assert isinstance(spec.csr, str)
        assert isinstance(spec.save_to, OutputFile)
        live = context.live.get(resource.address)
        previous_id = live.identity if live else None
        yield request_certificate(
            spec.csr, spec.save_to, active=spec.status == "ACTIVE", previous_id=previous_id
        )
    else:
        yield _build_registration(spec, context)
    yield from (attach_policy(context.resolve_identity("policies", policy), arn) for policy in spec.policies)


def _build_registration(spec: Certificate, context: PlanContext) -> ApiCall:
    assert isinstance(spec.pem, Pem)
    operation, params = "RegisterCertificate", {"certificatePem": spec.pem.text, "status": spec.status}
    ca = context.desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
    if ca:
        params["caCertificatePem"] = ca.spec.pem.text
    elif not spec.ca and spec.certificate_mode == "SNI_ONLY":
        operation = "RegisterCertificateWithoutCA"
    return ApiCall(
        "iot",
        operation,
        params,
        # Another caller may have registered the same certificate in the meantime.
        ignored_errors={"ResourceAlreadyExistsException"},
        verification=CertificateRegistered(spec.pem.fingerprint),
    )


def register_and_attach(change: Replace, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that register the new certificate and attach it to the old one's things.

    The new one also gets the policies of the old one that the plan does not compare with the file: another caller may rely
    on them.
    """
    arn = context.resolve_certificate_arn(change.address.name)
    yield from register(change.resource, context)
    yield from (attach_policy(policy, arn) for policy in list_other_policies(change, context))
    for user in _find_desired_users(change.address, context):
        if context.keeps_reference(user, change.address):
            yield attach(user.name, arn, exclusive=context.desired[user].spec.exclusive)


def find_reregistration_errors(change: Replace, context: PlanContext) -> Iterator[str]:
    """Yield an error if registering a certificate again would take it from things outside the workspace."""
    pem = change.resource.spec.pem
    if not isinstance(pem, Pem) or pem.fingerprint != change.live.identity:
        return
    owned = {context.find_thing_name(address) for address in context.live}
    others = sorted(set(change.live.used_by) - owned)
    if others:
        yield describe_lost_holders(others)


def describe_lost_holders(things: Sequence[str]) -> str:
    """Return the error about things that would lose a certificate because it is registered again."""
    return (
        "cannot register the certificate again, as a change of its mode requires: things outside the workspace "
        f"would lose it ({join_some(things)}); detach it from them first"
    )


def detach_and_delete(change: Replace, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that detach the old certificate and delete it."""
    arn = context.build_arn(f"cert/{change.live.identity}")
    yield mark_retired(context, arn)
    for user in _find_desired_users(change.address, context):
        name = context.find_thing_name(user)
        if name:
            yield detach(name, arn)
    yield from retire(change.live.identity, active=change.live.spec.status == "ACTIVE")


def _find_desired_users(certificate: Address, context: PlanContext) -> list[Address]:
    """Return the live resources that have the certificate and are still desired."""
    return [user for user in context.live_users.get(certificate, ()) if user in context.desired]
