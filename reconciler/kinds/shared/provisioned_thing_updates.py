"""The calls that complete or change a provisioned thing that exists in part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.verification import CertificateRegistered, build_thing_verification
from reconciler.kinds.shared import group_membership
from reconciler.kinds.shared.certificate_attachments import detach, detach_all, find_certificate_id
from reconciler.kinds.shared.certificate_issuance import fetch_certificate, request_certificate
from reconciler.kinds.shared.certificate_retirement import mark_retired, retire
from reconciler.kinds.shared.policy_attachments import attach_policy, detach_policy, split_removed
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts, Registration
from reconciler.kinds.shared.provisioning_blueprint import Blueprint, get_blueprint, get_status, to_text
from reconciler.kinds.shared.provisioning_template import TemplateResource
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Update
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile


def build_update_calls(change: Update, context: PlanContext) -> Sequence[ApiCall]:
    """Return the calls that add what is missing and change what differs.

    Old certificates are removed last, so that the thing keeps one until it has the new one. Only while its own certificate
    is registered again may it have none.
    """
    resource = context.declared[change.address]
    blueprint = get_blueprint(resource)
    calls = [
        *_change_thing(change, blueprint, context),
        *_change_memberships(change, blueprint, context),
    ]
    certificate = blueprint.evaluated.certificate
    if certificate:
        calls += _change_certificate(change, blueprint, certificate, context)
    return [*calls, *_remove_other_certificates(change, blueprint, context)]


def _change_thing(change: Update, blueprint: Blueprint, context: PlanContext) -> Iterator[ApiCall]:
    spec, name = change.resource.spec, blueprint.name
    attributes = dict(spec.attributes)
    params: dict[str, Any] = {"thingName": name}
    if spec.thing_type is not None and change.has_changed("thing_type"):
        params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
    if change.live.spec.thing_name is None:  # the thing itself does not exist
        if attributes:
            params["attributePayload"] = {"attributes": attributes}
        yield ApiCall("iot", "CreateThing", params, idempotent=True)
    elif change.has_changed("attributes") or change.has_changed("thing_type"):
        if change.has_changed("attributes"):
            merge = blueprint.thing.overrides.get("AttributePayload") == "MERGE"
            if merge:  # AWS then removes only attributes that get an empty value
                attributes = dict.fromkeys(_list_removed_attributes(change), "") | attributes
            params["attributePayload"] = {"attributes": attributes, "merge": merge}
        if spec.thing_type is None and change.has_changed("thing_type"):
            params["removeThingType"] = True
        params["expectedVersion"] = change.live.version
        yield ApiCall("iot", "UpdateThing", params, verification=build_thing_verification(name))


def _list_removed_attributes(change: Update) -> list[str]:
    """Return the live attributes that the template has with an empty value."""
    return sorted(change.live.spec.attributes.keys() - change.resource.spec.attributes.keys())


def _change_memberships(change: Update, blueprint: Blueprint, context: PlanContext) -> Iterator[ApiCall]:
    name, spec, live_spec = blueprint.name, change.resource.spec, change.live.spec
    yield from group_membership.change_markers(name, change, context)
    if change.has_changed("thing_groups"):
        yield from group_membership.move(name, live_spec.thing_groups, spec.thing_groups, context)
    if change.has_changed("billing_group"):
        yield from group_membership.move_billing_group(
            name, live_spec.billing_group, spec.billing_group, context
        )


def _change_certificate(
    change: Update, blueprint: Blueprint, certificate: TemplateResource, context: PlanContext
) -> Iterator[ApiCall]:
    facts = change.live.get_facts(ProvisionedThingFacts)
    arn = _find_certificate_arn(change, blueprint, context)
    previous = _find_previous_registration(change)
    save_to: OutputFile | None = context.declared[change.address].spec.save_to
    if previous and facts.registered_id:
        yield from _deregister(facts.registered_id, arn, previous, context)
    if previous or not facts.registered_id:
        yield _register(blueprint, certificate, save_to)
    elif change.has_changed("certificate_status"):
        params = {
            "certificateId": facts.registered_id,
            "newStatus": change.resource.spec.certificate_status,
        }
        yield ApiCall("iot", "UpdateCertificate", params)
    if change.has_changed("save_to"):
        assert facts.registered_id
        yield fetch_certificate(facts.registered_id, change.resource.spec.save_to)
    policies_to_add = [*_attach_policies(change, arn, previous, context)]
    attached_count = sum(call.operation == "AttachPolicy" for call in policies_to_add)
    live_count = len(change.live.spec.policies) + len(change.live.spec.policy_documents)
    policies_to_remove = [] if previous else [*_detach_policies(change, arn, context)]
    removed_first, removed_last = split_removed(policies_to_remove, live_count, attached_count)
    yield from (*removed_first, *policies_to_add)
    if previous or not facts.is_attached:
        yield _attach_certificate(blueprint, certificate, arn)
    yield from removed_last


def _find_previous_registration(change: Update) -> Registration | None:
    """Return the registration to replace, if the certificate must be registered again; else None.

    That is so if its mode differs: AWS cannot change the mode of a registered certificate.
    """
    facts = change.live.get_facts(ProvisionedThingFacts)
    if not facts.registered_id or not change.has_changed("certificate_mode"):
        return None
    assert facts.previous_registration
    return facts.previous_registration


def _find_certificate_arn(change: Update, blueprint: Blueprint, context: PlanContext) -> str | Ref:
    identity = change.live.get_facts(ProvisionedThingFacts).registered_id or blueprint.certificate_id
    return context.build_arn(f"cert/{identity}") if identity else Ref(change.address, "certificateArn")


def _deregister(
    identity: str, arn: str | Ref, registration: Registration, context: PlanContext
) -> Iterator[ApiCall]:
    """Yield the calls that delete a certificate, which will be registered again under the same ID."""
    assert isinstance(arn, str)
    yield mark_retired(context, arn)
    yield from (detach(thing, arn) for thing in registration.things)
    yield from retire(identity, active=registration.status == "ACTIVE")


def _register(blueprint: Blueprint, certificate: TemplateResource, save_to: OutputFile | None) -> ApiCall:
    status = get_status(certificate)
    if blueprint.signing_request and not blueprint.certificate_id:
        assert save_to
        return request_certificate(blueprint.signing_request, save_to, active=status == "ACTIVE")
    assert blueprint.certificate
    params = {"certificatePem": blueprint.certificate.text, "status": status}
    if "CACertificatePem" in certificate.properties:
        params["caCertificatePem"] = to_text(certificate.properties["CACertificatePem"])
    return ApiCall(
        "iot",
        "RegisterCertificate",
        params,
        ignored_errors={"ResourceAlreadyExistsException"},
        verification=CertificateRegistered(blueprint.certificate.fingerprint),
    )


def _attach_certificate(blueprint: Blueprint, certificate: TemplateResource, arn: str | Ref) -> ApiCall:
    params: dict[str, Any] = {"thingName": blueprint.name, "principal": arn}
    if "ThingPrincipalType" in certificate.properties:
        params["thingPrincipalType"] = to_text(certificate.properties["ThingPrincipalType"])
    return ApiCall("iot", "AttachThingPrincipal", params)


def _attach_policies(
    change: Update, arn: str | Ref, previous: Registration | None, context: PlanContext
) -> Iterator[ApiCall]:
    """Yield the calls that attach missing policies.

    A certificate that is registered again also gets back its other policies, which the plan did not compare with the file.
    """
    spec, live_spec = change.resource.spec, change.live.spec
    live_policies = () if previous else live_spec.policies
    names = [
        context.resolve_identity("policies", policy)
        for policy in spec.policies
        if policy not in live_policies
    ]
    if previous:
        compared_policies = {context.resolve_identity("policies", policy) for policy in live_spec.policies}
        names += [name for name in previous.policies if name not in compared_policies]
    for name in names:
        yield attach_policy(name, arn)
    for document in spec.policy_documents:
        if previous or document not in live_spec.policy_documents:
            yield from _create_policy(document, arn)


def _detach_policies(change: Update, arn: str | Ref, context: PlanContext) -> Iterator[ApiCall]:
    for policy in change.live.spec.policies:
        if policy not in change.resource.spec.policies:
            yield detach_policy(context.resolve_identity("policies", policy), arn)


def _create_policy(document: Document, arn: str | Ref) -> Iterator[ApiCall]:
    """Yield the calls that create a policy of the template and attach it."""
    name = build_policy_name(document)
    params = {"policyName": name, "policyDocument": document.text}
    # Several devices may create it at the same time; a policy of this name has this document.
    ignored_errors = {"ResourceAlreadyExistsException"}
    yield ApiCall("iot", "CreatePolicy", params, ignored_errors=ignored_errors, idempotent=True)
    yield attach_policy(name, arn)


def build_policy_name(document: Document) -> str:
    """Return the name of the policy that AWS creates for a document in a template.

    It is a hash of 40 hexadecimal digits, in upper case. UNCONFIRMED: whether it is SHA-1 of the document.
    """
    return hashlib.sha1(document.text.encode(), usedforsecurity=False).hexdigest().upper()


def _remove_other_certificates(
    change: Update, blueprint: Blueprint, context: PlanContext
) -> Iterator[ApiCall]:
    """Yield the calls that detach the thing's other certificates.

    A certificate is deleted, too, if no other thing has it and the file neither declares nor refers to it.
    """
    if not change.has_changed("other_certificates"):
        return
    facts = change.live.get_facts(ProvisionedThingFacts)
    references_by_id = {
        find_certificate_id(context, reference): reference
        for reference in change.live.spec.other_certificates
    }
    for identity in sorted(references_by_id.keys() & facts.deletable_ids):
        arn = context.build_arn(f"cert/{identity}")
        yield mark_retired(context, arn)
        yield detach(blueprint.name, arn)
        yield from retire(identity, active=identity in facts.active_ids)
    other_certificates = [
        reference for identity, reference in references_by_id.items() if identity not in facts.deletable_ids
    ]
    yield from detach_all(context, blueprint.name, other_certificates)
