"""RegisterThing: a template and parameters → a certificate, a thing and policies.

It calls the operations that create each of them.

The order is that of AWS's just-in-time provisioning: certificate, thing, policies, attachment of the policies, attachment of
the certificate to the thing.

Invariant: a template that cannot be evaluated is InvalidRequest, and nothing is written. If one of its resources cannot be
created, the error is ResourceRegistrationFailure, and the resources before it stay. That AWS does not roll back is
UNCONFIRMED; a client that handles leftovers handles both. A difference whose setting is FAIL raises the same error, because
the error that AWS documents for it is not in the model.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, CommittedError
from reconciler.registry.internal_calls import call_operation
from reconciler.registry.operations.certificates import (
    certificate_arn,
    find_certificate,
    require_certificate,
)
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
from reconciler.registry.templates.subject import build_certificate_parameters
from reconciler.registry.templates.values import TemplateScope
from reconciler.registry.x509 import read_certificate


@operation("iot", "RegisterThing")
def register_thing(context: Context, params: Params) -> Output | None:
    """Provision a thing; existing resources are changed according to the template's OverrideSettings.

    Raises InvalidRequest for an invalid template or a missing value, ResourceRegistrationFailure (400).
    """
    parameters = params.get("parameters", {})
    certificate: Row | None = None
    part: CertificatePart | None = None
    try:
        template = read_template(params["templateBody"])
        scope = TemplateScope(template, parameters, {})
        if template.certificate is not None:
            part = evaluate_certificate(scope, template.certificate)
        with context.tx.savepoint():
            # The thing and the policies may refer to the certificate's ID and subject, so they are evaluated after it.
            if part is not None:
                certificate = _ensure_certificate(context, part)
                scope = TemplateScope(template, parameters, _certificate_parameters(certificate))
            thing = None if template.thing is None else evaluate_thing(scope, template.thing)
            policies = [evaluate_policy(scope, policy) for policy in template.policies]
    except TemplateError as error:
        raise context.invalid(str(error)) from error
    arns: dict[str, str] = {}
    if certificate is not None and part is not None:
        arns[part.resource.name] = certificate_arn(context, certificate["id"])
    if thing is not None:
        with _provisioning(context, thing.resource):
            ensure_thing(context, thing, find_thing(context, thing.name))
        arns[thing.resource.name] = thing_arn(context, thing.name)
    for policy in policies:
        name = _ensure_policy(context, policy)
        if policy.document is not None:
            # An existing policy, given by name, is not among the ARNs, as the samples of AWS's command line show.
            arns[policy.resource.name] = policy_arn(context, name)
        assert certificate is not None
        target = certificate_arn(context, certificate["id"])
        with _provisioning(context, policy.resource):
            call_operation(context, "AttachPolicy", {"policyName": name, "target": target})
    if thing is not None and certificate is not None and part is not None:
        attachment = {
            "thingName": thing.name,
            "principal": certificate_arn(context, certificate["id"]),
            "thingPrincipalType": part.principal_type,
        }
        with _provisioning(context, part.resource):
            call_operation(context, "AttachThingPrincipal", attachment)
    return {"certificatePem": None if certificate is None else certificate["pem"], "resourceArns": arns}


def _ensure_certificate(context: Context, part: CertificatePart) -> Row:
    """Issue, register or find the certificate, and return its row."""
    with _provisioning(context, part.resource):
        if part.source == "CertificateSigningRequest":
            params = {"certificateSigningRequest": part.value, "setAsActive": part.status == "ACTIVE"}
            output = call_operation(context, "CreateCertificateFromCsr", params)
            return require_certificate(context, output["certificateId"])
        if part.source == "CertificateId":
            existing = find_certificate(context, part.value)
            if existing is None:
                raise _registration_failure(f"The certificate {part.value} does not exist.")
        else:
            existing = find_certificate(context, read_certificate(part.value, "certificate").id)
        if existing is None:
            params = {"certificatePem": part.value, "status": part.status}
            if part.ca_pem is not None:
                params["caCertificatePem"] = part.ca_pem
            output = call_operation(context, "RegisterCertificate", params)
            return require_certificate(context, output["certificateId"])
        if existing["status"] != part.status:
            _resolve_status(context, part, existing)
        return require_certificate(context, existing["id"])


def _resolve_status(context: Context, part: CertificatePart, existing: Row) -> None:
    """Resolve a difference between the template's status and the certificate's."""
    setting = part.resource.setting("Status")
    if setting == "FAIL":
        raise _registration_failure(
            f"The certificate {existing['id']} is {existing['status']}, not {part.status}."
        )
    if setting == "REPLACE":
        params = {"certificateId": existing["id"], "newStatus": part.status}
        call_operation(context, "UpdateCertificate", params)


def _ensure_policy(context: Context, policy: PolicyPart) -> str:
    """Create or find a policy, and return its name.

    A policy that is given by its document is named by 40 uppercase hex digits, as in AWS's samples. That they are the
    document's SHA-1 is UNCONFIRMED; so the same document is the same policy.
    """
    with _provisioning(context, policy.resource):
        if policy.document is None:
            assert policy.name is not None
            return str(call_operation(context, "GetPolicy", {"policyName": policy.name})["policyName"])
        name = hashlib.sha1(policy.document.encode(), usedforsecurity=False).hexdigest().upper()
        if find_policy(context, name) is None:
            call_operation(context, "CreatePolicy", {"policyName": name, "policyDocument": policy.document})
        return name


def _certificate_parameters(certificate: Row) -> dict[str, str]:
    subject = read_certificate(certificate["pem"], "certificate").parsed.subject
    return build_certificate_parameters(certificate["id"], subject)


def _registration_failure(message: str) -> ApiError:
    return ApiError("ResourceRegistrationFailureException", message)


@contextmanager
def _provisioning(context: Context, resource: TemplateResource) -> Iterator[None]:
    """Undo the statements within if they fail, and raise an error that commits the resources before."""
    try:
        with context.tx.savepoint():
            yield
    except ApiError as error:
        raise CommittedError(
            "ResourceRegistrationFailureException", f"{resource.name}: {error.message}"
        ) from error
