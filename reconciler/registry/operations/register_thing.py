"""RegisterThing: create a certificate, a thing and policies from a template and its parameters.

Each resource is created by calling its own operation, such as CreateThing. The order is that of AWS's just-in-time
provisioning: create the certificate, create the thing, create and attach the policies, attach the certificate to the thing.

Invariant: if the template cannot be evaluated, the error is InvalidRequest, and nothing is written. If one of its resources
cannot be created, changed or attached, the error is ResourceRegistrationFailure, and the writes for the resources before
it are kept. UNCONFIRMED: AWS does not roll them back; a client that cleans up leftovers works either way. If an existing
resource differs from the template in a property whose setting in OverrideSettings is FAIL, the error is
ResourceRegistrationFailure too, because AWS's service model lacks the error that AWS documents for this case.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from reconciler.frozen_classes import frozen
from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, CommittedError
from reconciler.registry.internal_calls import call_operation
from reconciler.registry.operations.certificates import (
    build_certificate_arn,
    find_certificate,
    require_certificate,
)
from reconciler.registry.operations.policies import build_policy_arn, find_policy
from reconciler.registry.operations.things import build_thing_arn, find_thing
from reconciler.registry.shared.registered_things import ensure_thing
from reconciler.registry.store import Row
from reconciler.registry.templates.document import Template, TemplateError, TemplateResource, read_template
from reconciler.registry.templates.parts import (
    CertificatePart,
    PolicyPart,
    ThingPart,
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

    Raises InvalidRequest for an invalid template or a parameter without a value, ResourceRegistrationFailure (400).
    """
    try:
        template = read_template(params["templateBody"])
        with context.tx.savepoint():
            parts = _evaluate(context, template, params.get("parameters", {}))
    except TemplateError as error:
        raise context.invalid(str(error)) from error
    arns: dict[str, str] = {}
    if parts.certificate is not None:
        arns[parts.certificate.part.resource.name] = parts.certificate.arn
    if parts.thing is not None:
        with _convert_errors(context, parts.thing.resource):
            ensure_thing(context, parts.thing, find_thing(context, parts.thing.name))
        arns[parts.thing.resource.name] = build_thing_arn(context, parts.thing.name)
    for policy in parts.policies:
        assert parts.certificate is not None  # read_template rejects policies without a certificate
        name = _attach_policy(context, policy, parts.certificate.arn)
        if policy.document is not None:
            # As in the samples of AWS's CLI, no ARN is returned for a policy that the template declares by its name.
            arns[policy.resource.name] = build_policy_arn(context, name)
    if parts.thing is not None and parts.certificate is not None:
        _attach_certificate(context, parts.thing, parts.certificate)
    pem = None if parts.certificate is None else parts.certificate.row["pem"]
    return {"certificatePem": pem, "resourceArns": arns}


@frozen
class _ProvisionedCertificate:
    """The certificate of a template after it was created or found, with its row and ARN."""

    part: CertificatePart
    row: Row
    arn: str


@frozen
class _TemplateParts:
    """The evaluated resources of a template; a certificate or thing that it does not have is None."""

    certificate: _ProvisionedCertificate | None
    thing: ThingPart | None
    policies: Sequence[PolicyPart]


def _evaluate(context: Context, template: Template, parameters: Mapping[str, str]) -> _TemplateParts:
    """Evaluate the resources of a template. Raises TemplateError, ResourceRegistrationFailure.

    The certificate is also created or found here: the thing and the policies may refer to its ID and subject.
    """
    certificate: _ProvisionedCertificate | None = None
    scope = TemplateScope(template, parameters, {})
    if template.certificate is not None:
        part = evaluate_certificate(scope, template.certificate)
        row = _ensure_certificate(context, part)
        certificate = _ProvisionedCertificate(part, row, build_certificate_arn(context, row["id"]))
        scope = TemplateScope(template, parameters, _build_certificate_parameters(row))
    thing = None if template.thing is None else evaluate_thing(scope, template.thing)
    policies = [evaluate_policy(scope, policy) for policy in template.policies]
    return _TemplateParts(certificate, thing, policies)


def _attach_policy(context: Context, policy: PolicyPart, target: str) -> str:
    """Create or find a policy, attach it to the certificate, and return its name."""
    name = _ensure_policy(context, policy)
    with _convert_errors(context, policy.resource):
        call_operation(context, "AttachPolicy", {"policyName": name, "target": target})
    return name


def _attach_certificate(context: Context, thing: ThingPart, certificate: _ProvisionedCertificate) -> None:
    attachment = {
        "thingName": thing.name,
        "principal": certificate.arn,
        "thingPrincipalType": certificate.part.principal_type,
    }
    with _convert_errors(context, certificate.part.resource):
        call_operation(context, "AttachThingPrincipal", attachment)


def _ensure_certificate(context: Context, part: CertificatePart) -> Row:
    """Issue, register or find the certificate, and return its row.

    The template's OverrideSettings decide whether the status of an existing certificate is changed, kept or rejected.
    """
    with _convert_errors(context, part.resource):
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
    """Apply the template's OverrideSettings to an existing certificate with another status."""
    setting = part.resource.get_setting("Status")
    if setting == "FAIL":
        raise _registration_failure(
            f"The certificate {existing['id']} is {existing['status']}, but {part.status} in the template."
        )
    if setting == "REPLACE":
        params = {"certificateId": existing["id"], "newStatus": part.status}
        call_operation(context, "UpdateCertificate", params)


def _ensure_policy(context: Context, policy: PolicyPart) -> str:
    """Create or find a policy, and return its name.

    The name of a policy that is declared by its document is 40 uppercase hex digits, as in AWS's samples. UNCONFIRMED: the
    digits are the document's SHA-1, so the same document is always the same policy.
    """
    with _convert_errors(context, policy.resource):
        if policy.document is None:
            assert policy.name is not None
            return str(call_operation(context, "GetPolicy", {"policyName": policy.name})["policyName"])
        name = hashlib.sha1(policy.document.encode(), usedforsecurity=False).hexdigest().upper()
        if find_policy(context, name) is None:
            call_operation(context, "CreatePolicy", {"policyName": name, "policyDocument": policy.document})
        return name


def _build_certificate_parameters(certificate: Row) -> dict[str, str]:
    subject = read_certificate(certificate["pem"], "certificate").certificate.subject
    return build_certificate_parameters(certificate["id"], subject)


def _registration_failure(message: str) -> ApiError:
    return ApiError("ResourceRegistrationFailureException", message)


@contextmanager
def _convert_errors(context: Context, resource: TemplateResource) -> Iterator[None]:
    """Turn an error in the block into ResourceRegistrationFailure, and undo only the block's own writes.

    The error is a CommittedError, so that the writes before the block are committed.
    """
    try:
        with context.tx.savepoint():
            yield
    except ApiError as error:
        raise CommittedError(
            "ResourceRegistrationFailureException", f"{resource.name}: {error.message}"
        ) from error
