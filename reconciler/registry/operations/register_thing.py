"""RegisterThing: a template and parameters → a certificate, a thing and policies, through the operations that make each.

The order is that of AWS's just-in-time provisioning: certificate, thing, policies, policies on the certificate, certificate
on the thing.

Law: a template that cannot be evaluated is InvalidRequest, and nothing is written. When something that it asks for cannot
be made, the answer is ResourceRegistrationFailure and what was made before stays. That AWS does not roll back is
UNCONFIRMED; whoever is ready for leftovers is ready for both. It is also that error, for the one that AWS documents is
not in the model, when a FAIL setting meets a difference.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, CommittedError
from reconciler.registry.internal_calls import call_operation
from reconciler.registry.operations.certificates import certificate_arn, find_certificate
from reconciler.registry.operations.policies import find_policy, policy_arn
from reconciler.registry.operations.things import find_thing, thing_arn
from reconciler.registry.shared.registered_things import ensure_thing
from reconciler.registry.store import Row
from reconciler.registry.templates.document import TemplateError, TemplateResource, read_template
from reconciler.registry.templates.parts import (
    CertificatePart,
    PolicyPart,
    evaluate_certificate,
    evaluate_policy,
    evaluate_thing,
)
from reconciler.registry.templates.subject import certificate_parameters
from reconciler.registry.templates.values import TemplateScope
from reconciler.registry.x509 import read_certificate


@operation("iot", "RegisterThing")
def register_thing(context: Context, params: Params) -> Output | None:
    """Provision a thing; what exists is changed as far as the template's OverrideSettings say.

    Raises InvalidRequest for a template that is none or lacks a value, ResourceRegistrationFailure (400).
    """
    return register(context, params["templateBody"], params.get("parameters", {}))


def register(context: Context, body: str, parameters: Mapping[str, str]) -> Output:
    """Provision what a template body says, and give its certificate's PEM and its ARNs. Raises what RegisterThing does."""
    try:
        template = read_template(body)
        scope = TemplateScope(template, parameters, {})
        wanted = None if template.certificate is None else evaluate_certificate(scope, template.certificate)
        with context.tx.savepoint():
            certificate = None if wanted is None else _certificate(context, wanted)
            if certificate is not None:
                scope = TemplateScope(template, parameters, _told_by(certificate))
            thing = None if template.thing is None else evaluate_thing(scope, template.thing)
            policies = [evaluate_policy(scope, policy) for policy in template.policies]
    except TemplateError as error:
        raise context.invalid(str(error)) from error
    arns: dict[str, str] = {}
    if certificate is not None and wanted is not None:
        arns[wanted.resource.name] = certificate_arn(context, certificate["id"])
    if thing is not None:
        with _made(context, thing.resource):
            ensure_thing(context, thing, find_thing(context, thing.name))
        arns[thing.resource.name] = thing_arn(context, thing.name)
    for policy in policies:
        name = _policy(context, policy)
        if policy.document is not None:
            # A policy that was there by name is not among the ARNs, as AWS's command line samples show.
            arns[policy.resource.name] = policy_arn(context, name)
        with _made(context, policy.resource):
            call_operation(
                context, "AttachPolicy", {"policyName": name, "target": _arn(context, certificate)}
            )
    if thing is not None and certificate is not None and wanted is not None:
        edge = {"thingName": thing.name, "principal": _arn(context, certificate)}
        with _made(context, wanted.resource):
            call_operation(
                context, "AttachThingPrincipal", {**edge, "thingPrincipalType": wanted.principal_type}
            )
    return {"certificatePem": None if certificate is None else certificate["pem"], "resourceArns": arns}


def _certificate(context: Context, wanted: CertificatePart) -> Row:
    """Make or find the certificate; give its row."""
    with _made(context, wanted.resource):
        if wanted.source == "CertificateSigningRequest":
            request = {"certificateSigningRequest": wanted.value, "setAsActive": wanted.status == "ACTIVE"}
            return _row(
                context, call_operation(context, "CreateCertificateFromCsr", request)["certificateId"]
            )
        if wanted.source == "CertificateId":
            known = find_certificate(context, wanted.value)
            if known is None:
                raise _failed(f"The certificate {wanted.value} does not exist.")
        else:
            known = find_certificate(context, read_certificate(wanted.value, "certificate").id)
        if known is None:
            request = {"certificatePem": wanted.value, "status": wanted.status}
            if wanted.ca_pem is not None:
                request["caCertificatePem"] = wanted.ca_pem
            return _row(context, call_operation(context, "RegisterCertificate", request)["certificateId"])
        if known["status"] != wanted.status:
            _resolve_status(context, wanted, known)
        return _row(context, known["id"])


def _resolve_status(context: Context, wanted: CertificatePart, known: Row) -> None:
    setting = wanted.resource.setting("Status")
    if setting == "FAIL":
        raise _failed(f"The certificate {known['id']} is {known['status']}, not {wanted.status}.")
    if setting == "REPLACE":
        call_operation(
            context, "UpdateCertificate", {"certificateId": known["id"], "newStatus": wanted.status}
        )


def _policy(context: Context, policy: PolicyPart) -> str:
    """Make or find a policy; give its name.

    A document without a name is named by 40 upper-case hex digits, as in AWS's samples; that they are the document's SHA-1
    is UNCONFIRMED. So the same document is the same policy.
    """
    with _made(context, policy.resource):
        if policy.document is None:
            assert policy.name is not None
            return str(call_operation(context, "GetPolicy", {"policyName": policy.name})["policyName"])
        name = hashlib.sha1(policy.document.encode(), usedforsecurity=False).hexdigest().upper()
        if find_policy(context, name) is None:
            call_operation(context, "CreatePolicy", {"policyName": name, "policyDocument": policy.document})
        return name


def _told_by(certificate: Row) -> dict[str, str]:
    subject = read_certificate(certificate["pem"], "certificate").parsed.subject
    return certificate_parameters(certificate["id"], subject)


def _row(context: Context, certificate_id: str) -> Row:
    row: Row = find_certificate(context, certificate_id)
    return row


def _arn(context: Context, certificate: Any) -> str:
    return certificate_arn(context, certificate["id"])


def _failed(message: str) -> ApiError:
    return ApiError("ResourceRegistrationFailureException", message)


@contextmanager
def _made(context: Context, resource: TemplateResource) -> Iterator[None]:
    """Make one resource: all of it or nothing, and if nothing, with what was made before it."""
    try:
        with context.tx.savepoint():
            yield
    except ApiError as error:
        raise CommittedError(
            "ResourceRegistrationFailureException", f"{resource.name}: {error.message}"
        ) from error
