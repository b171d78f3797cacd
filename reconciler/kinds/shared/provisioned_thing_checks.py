"""Check provisioned things: problems of the file, and reasons to reject a plan."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from reconciler.kinds.base.aws_limits import CERTIFICATE_POLICIES, TEMPLATE_CHARACTERS
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import Need, ResourceNeed, find_reference_needs
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.attachment_limits import (
    find_group_needs,
    find_policy_needs,
    find_policy_problem,
)
from reconciler.kinds.shared.certificate_attachments import EXCLUSIVE_THING
from reconciler.kinds.shared.certificate_issuance import find_save_to_errors
from reconciler.kinds.shared.certificate_registration import describe_lost_holders
from reconciler.kinds.shared.certificate_signers import build_signer_need, find_validity_errors
from reconciler.kinds.shared.exclusive_certificates import build_holder_need
from reconciler.kinds.shared.group_membership import check_group_count
from reconciler.kinds.shared.provisioned_thing_spec import Provisioned, ProvisionedThingFacts
from reconciler.kinds.shared.provisioned_thing_updates import build_policy_name
from reconciler.kinds.shared.provisioning_blueprint import TABLE, Blueprint, get_blueprint, to_text
from reconciler.kinds.shared.provisioning_template import TemplateError
from reconciler.kinds.shared.provisioning_template_checks import find_template_warnings
from reconciler.kinds.shared.thing_attributes import check_attributes
from reconciler.model.address import Address
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.document import Document
from reconciler.model.errors import MissingSecretError
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Resource
from reconciler.model.secret import Secret
from reconciler.model.text import format_path

# A plan shows the values of these properties, so no secret may be part of them.
_SHOWN_PROPERTIES = (
    "ThingName",
    "ThingTypeName",
    "ThingGroups",
    "BillingGroup",
    "PolicyName",
    "PolicyDocument",
)


def check(resource: Resource, desired: Desired) -> Iterator[ValueProblem]:
    """Yield the problems of a provisioned thing in the file."""
    template, save_to = resource.spec.template, resource.spec.save_to
    if isinstance(template, str) and Address("provisioning_templates", template) not in desired:
        return  # reported elsewhere: there is no table of that name, or it is invalid
    if _is_external(template):
        yield ValueProblem(
            "unreadable-template",
            "a template that is not in this file cannot be evaluated",
            "its body here, or the name of a template declared in [provisioning_templates.*]",
            path=("template",),
        )
        return
    try:
        blueprint = get_blueprint(resource)
    except MissingSecretError:
        return  # every secret that is not set is reported as a warning
    except TemplateError as error:
        yield from _to_template_problems(error)
        return
    except InvalidValueError as error:
        problem = f"{save_to}: {error.problems[0].problem}"
        expected = "a file that does not exist yet, or the certificate"
        yield ValueProblem("invalid-output-file", problem, expected, path=("save_to",))
        return
    yield from _check_secrets(blueprint)
    yield from _check_certificate(blueprint, save_to)
    yield from _check_limits(blueprint, resource)
    yield from map(_move_into_template, find_template_warnings(blueprint.evaluated.policies))


def find_registration_errors(blueprint: Blueprint, save_to: OutputFile | None) -> Iterator[str]:
    """Yield why a template's certificate cannot be registered; called only if AWS does not have it."""
    if blueprint.signing_request:
        yield from find_save_to_errors(save_to)
    elif not blueprint.certificate:
        yield (
            f"the template has the CertificateId {blueprint.certificate_id}, and this account and Region have no such "
            "certificate; register it first, or use CertificatePem in the template"
        )


def find_outside_needs(change: Change, context: PlanContext) -> Iterator[Need]:
    """Yield what a template refers to outside the file, and the registered CA that its certificate needs."""
    if isinstance(change, Delete | Forget):
        return
    for need in find_reference_needs(change):
        yield evolve(need, path="template")
    blueprint = get_blueprint(context.declared[change.address])
    yield from find_group_needs(change, blueprint.name, "template", context)
    yield from _find_policy_needs(change, context)
    facts = change.live.get_facts(ProvisionedThingFacts) if isinstance(change, Update) else None
    is_registered = facts is not None and facts.registered_id is not None
    if facts and facts.registered_id and not facts.is_attached:
        certificate = blueprint.evaluated.certificate
        principal_type = certificate.properties.get("ThingPrincipalType") if certificate else None
        exclusive = principal_type is not None and to_text(principal_type) == EXCLUSIVE_THING
        yield build_holder_need(facts.registered_id, blueprint.name, "template", context, exclusive=exclusive)
    if blueprint.signing_request or not blueprint.certificate or is_registered or change.resource.spec.ca:
        return
    certificate = blueprint.evaluated.certificate
    ca_text = certificate.properties.get("CACertificatePem") if certificate else None
    if ca_text:
        yield ResourceNeed("ca_certificates", Pem.parse(to_text(ca_text)).fingerprint, "template")
    else:
        yield build_signer_need(blueprint.certificate, "template", context)


def _find_policy_needs(change: Change, context: PlanContext) -> Iterator[Need]:
    """Yield the need that the template's live certificate has room for its new policies."""
    if not isinstance(change, Update) or change.has_changed("certificate_mode"):
        return
    identity = change.live.get_facts(ProvisionedThingFacts).registered_id
    if identity:
        before, after = _list_policies(change.live.spec), _list_policies(change.resource.spec)
        yield from find_policy_needs(
            context.build_arn(f"cert/{identity}"), "template", before, after, context
        )


def _list_policies(spec: Provisioned) -> set[str]:
    """Return the names of a certificate's policies, with those that the template creates."""
    names = {policy.name if isinstance(policy, External) else policy for policy in spec.policies}
    return names | {build_policy_name(document) for document in spec.policy_documents}


def find_copied_policy_errors(change: Update) -> Iterator[str]:
    """Yield an error if a certificate that is registered again would get too many policies."""
    registration = change.live.get_facts(ProvisionedThingFacts).previous_registration
    if registration and change.has_changed("certificate_mode"):
        own_policies = _list_policies(change.resource.spec)
        others = {*registration.policies} - own_policies - _list_policies(change.live.spec)
        problem = find_policy_problem(len(own_policies), others) if others else None
        if problem:
            yield problem


def find_activation_errors(change: Create | Update | Replace, blueprint: Blueprint) -> Iterator[str]:
    """Yield an error if a template's certificate will become ACTIVE and is not valid today."""
    is_activated = not isinstance(change, Update) or change.has_changed("certificate_status")
    is_activated |= (
        isinstance(change, Update) and not change.live.get_facts(ProvisionedThingFacts).registered_id
    )
    if is_activated and change.resource.spec.certificate_status == "ACTIVE":
        yield from find_validity_errors(blueprint.certificate)


def find_outside_holder_errors(change: Update, context: PlanContext) -> Iterator[str]:
    """Yield an error if registering a certificate again would take it from things outside the workspace.

    AWS registers a certificate again only when no thing has it, and no plan would give it back to things outside the workspace.
    """
    registration = change.live.get_facts(ProvisionedThingFacts).previous_registration
    if not registration or not change.has_changed("certificate_mode"):
        return
    owned = {
        context.find_thing_name(address) for address in context.live if address.kind in {TABLE, "things"}
    }
    others = sorted(set(registration.things) - owned)
    if others:
        yield describe_lost_holders(others)


def find_template_size_errors(body: str) -> Iterator[str]:
    """Yield an error if a template is too long because reconciler adds the workspace's groups to it."""
    if len(body) > TEMPLATE_CHARACTERS.maximum:
        yield (
            f"the template has {len(body):,} characters with the workspace's groups, and AWS allows "
            f"{TEMPLATE_CHARACTERS.maximum:,}; shorten it"
        )


def find_override_errors(change: Update) -> Iterator[str]:
    """Yield an error for each change that the template's OverrideSettings reject."""
    for path in change.live.get_facts(ProvisionedThingFacts).unchangeable_fields:
        if change.has_changed(path):
            yield (
                f"cannot change {path}: the template's OverrideSettings have FAIL for it; "
                "use REPLACE in the template, or keep the live value"
            )


def _is_external(template: Document | str) -> bool:
    """Return whether the template is a reference such as `{ id = "…" }`."""
    if not isinstance(template, Document):
        return False
    value = template.value
    return len(value) == 1 and value.keys() <= {"id", "arn"}


def _to_template_problems(error: TemplateError) -> Iterator[ValueProblem]:
    yield from map(_move_into_template, error.problems)


def _move_into_template(problem: ValueProblem) -> ValueProblem:
    """Return the problem for the field `template`, with the path inside the template in its text."""
    return evolve(problem, problem=f"{format_path(problem.path)}: {problem.problem}", path=("template",))


def _check_secrets(blueprint: Blueprint) -> Iterator[ValueProblem]:
    """Yield a problem for each secret in a property that plans show."""
    for resource in (blueprint.thing, *blueprint.evaluated.policies):
        for name in _SHOWN_PROPERTIES:
            value = resource.properties.get(name, ())
            for item in value if isinstance(value, list | tuple) else (value,):
                if isinstance(item, Secret):
                    path = f"Resources.{resource.logical_name}.Properties.{name}"
                    problem = f"the secret from {item.reference} is part of {path}, which plans show"
                    yield ValueProblem(
                        "secret-not-allowed", problem, "secrets only in attributes", path=("parameters",)
                    )


def _check_certificate(blueprint: Blueprint, save_to: OutputFile | None) -> Iterator[ValueProblem]:
    if blueprint.signing_request:
        yield from _check_request(blueprint, blueprint.signing_request, save_to)
        return
    if blueprint.certificate:
        yield from x509.check_certificate(blueprint.certificate, "parameters", ca=False)
    if save_to:
        problem = "there is no certificate to save: the template has no CertificateSigningRequest"
        yield ValueProblem("conflicting-fields", problem, "no save_to", path=("save_to",))


def _check_request(blueprint: Blueprint, request: str, save_to: OutputFile | None) -> Iterator[ValueProblem]:
    key_digest = x509.compute_signing_request_key_digest(request)
    if key_digest is None:
        problem = "the CertificateSigningRequest is not valid"
        expected = "a request in PEM, signed with its own key"
        yield ValueProblem("invalid-signing-request", problem, expected, path=("parameters",))
        return
    yield from x509.check_request_key(request, "parameters")
    if save_to is None:
        problem = "the certificate that AWS issues would not be saved"
        yield ValueProblem("missing-field", problem, "the path of a new file", path=("save_to",))
    elif blueprint.certificate and x509.compute_public_key_digest(blueprint.certificate) != key_digest:
        problem = f"{save_to} has a certificate of another key than the request"
        expected = "the certificate that was issued for the request, or a new path"
        yield ValueProblem("key-mismatch", problem, expected, path=("save_to",))


def _check_limits(blueprint: Blueprint, resource: Resource) -> Iterator[ValueProblem]:
    has_type = "ThingTypeName" in blueprint.thing.properties
    yield from check_attributes(blueprint.attributes, ("template",), "ThingTypeName", has_type=has_type)
    is_protected = resource.lifecycle.prevent_destroy
    yield from check_group_count(len(blueprint.groups), ("template",), is_protected=is_protected)
    yield from CERTIFICATE_POLICIES.check(len(blueprint.evaluated.policies), ("template",))
