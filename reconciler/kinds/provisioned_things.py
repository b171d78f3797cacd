"""Provisioned things: a thing, its certificate and its policies, made from a template in one RegisterThing call.

Source: AWS IoT API reference, RegisterThing; developer guide, "Single thing provisioning". When none of it exists one
call makes all of it; when part of it exists only what is missing is sent, as the template's OverrideSettings say. What is
no longer in the file is a thing of the workspace like any other, and goes as such.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Operations
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.verification import CertificateRegistered, verify_thing
from reconciler.kinds.shared import group_membership, provisioned_thing_reads, x509
from reconciler.kinds.shared.certificate_attachments import detach, detach_all, find_certificate_id
from reconciler.kinds.shared.certificate_issuance import (
    CertificateIssued,
    fetch_certificate,
    find_save_to_errors,
    request_certificate,
)
from reconciler.kinds.shared.certificate_retirement import mark_retired, retire
from reconciler.kinds.shared.group_membership import protected_group_name, workspace_group_name
from reconciler.kinds.shared.provisioned_thing_reads import desired_spec
from reconciler.kinds.shared.provisioned_thing_spec import Provisioned, ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_blueprint import TABLE, Blueprint, blueprint, plain, with_groups
from reconciler.kinds.shared.provisioning_template import TemplateError
from reconciler.kinds.shared.thing_spec import MAX_UNTYPED_ATTRIBUTES
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.document import Document
from reconciler.model.errors import MissingSecretError
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.resource import NOT_COMPARED, Desired, Live, Resource
from reconciler.model.secret import Secret
from reconciler.model.text import format_path, join_some


@frozen
class ProvisionedThing:
    """`[provisioned_things.*]`."""

    template: Document | str = member(
        "The provisioning template: a file, a table, JSON text, or the name of one in this file.",
        api="RegisterThing.templateBody",
        references="provisioning_templates",
        on_change="create_only",
    )
    parameters: Mapping[str, str | Secret] = member(
        "What is put in: strings, files, or environment variables, which are kept secret.",
        api="RegisterThing.parameters",
        on_change="create_only",
        factory=dict,
    )
    save_to: OutputFile | None = member(
        "The new file that a certificate issued for a request is written to; never overwritten.",
        on_change="create_only",
        default=None,
    )


class ProvisionedThings(Kind):
    """Provisioned things: found by the name that the template gives, owned like things."""

    table = TABLE
    noun = "provisioned thing"
    spec_class = ProvisionedThing
    operations = Operations(
        read=(
            "ListThings",
            "DescribeThing",
            "ListThingGroupsForThing",
            "ListThingsInThingGroup",
            "ListThingsInBillingGroup",
            "ListThingPrincipalsV2",
            "DescribeCertificate",
            "ListCertificates",
            "ListAttachedPolicies",
            "ListTargetsForPolicy",
            "GetPolicy",
            "ListPrincipalThings",
        ),
        create=("RegisterThing",),
        update=(
            "CreateThing",
            "UpdateThing",
            "AddThingToThingGroup",
            "RemoveThingFromThingGroup",
            "AddThingToBillingGroup",
            "RemoveThingFromBillingGroup",
            "CreateCertificateFromCsr",
            "RegisterCertificate",
            "UpdateCertificate",
            "DescribeCertificate",
            "CreatePolicy",
            "AttachPolicy",
            "DetachPolicy",
            "AttachThingPrincipal",
            "DetachThingPrincipal",
            "DeleteCertificate",
        ),
    )
    create_succeeds_if_exists = True
    reads_after = frozenset({"thing_groups", "billing_groups", "policies"})
    composed_of = frozenset({"things", "certificates"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Would AWS take the template, and is there a place for what it issues?"""
        named = resource.spec.template
        if isinstance(named, str) and Address("provisioning_templates", named) not in desired:
            return  # it is missing, or reported itself
        if isinstance(named, Document) and len(named.value) == 1 and named.value.keys() <= {"id", "arn"}:
            yield ValueProblem(
                "unreadable-template", "a template outside this file is not read", _WITHIN, path=("template",)
            )
            return
        try:
            plan = blueprint(resource, desired)
        except MissingSecretError:
            return  # a warning, as for any secret that is not set
        except TemplateError as error:
            yield from _template_problems(error)
            return
        except InvalidValueError as error:
            yield ValueProblem(
                "invalid-output-file",
                f"{resource.spec.save_to}: {error.problems[0].problem}",
                "a file that is not there yet",
                path=("save_to",),
            )
            return
        yield from _told_secrets(plan)
        if plan.certificate and not plan.request:
            yield from x509.check_certificate(plan.certificate, "parameters", ca=False)
        if plan.request:
            yield from _check_request(plan, resource.spec.save_to)
        elif resource.spec.save_to:
            yield ValueProblem(
                "conflicting-fields",
                "there is nothing to save of a certificate that is given",
                "no save_to",
                path=("save_to",),
            )
        attributes = plan.thing.properties.get("AttributePayload", {})
        if "ThingTypeName" not in plan.thing.properties and len(attributes) > MAX_UNTYPED_ATTRIBUTES:
            problem = f"{len(attributes)} attributes on a thing without a type"
            yield ValueProblem(
                "too-many-items",
                problem,
                f"at most {MAX_UNTYPED_ATTRIBUTES}, or a ThingTypeName",
                path=("template",),
            )

    def effective(self, resource: Resource, scope: Scope) -> Any:
        """What the template makes."""
        try:
            return desired_spec(blueprint(resource, scope.desired), resource.spec.save_to, scope)
        except (ValueError, MissingSecretError):
            return Provisioned(thing_name=None)  # reported with the file

    def identity(self, resource: Resource) -> str | None:
        """The thing's name, which only the evaluated template tells."""
        return None

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:
        """The thing and the certificate that its template makes."""
        try:
            plan = blueprint(resource, desired)
        except (ValueError, MissingSecretError):
            return  # reported with the template
        yield "things", plan.name
        if plan.certificate_id:
            yield "certificates", plan.certificate_id

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """The things, certificates, policies and groups that the templates name, in bulk."""
        return provisioned_thing_reads.read(scope)

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """What it lets go of, or registers anew, is let go of by those that were seen to have it, and by no others."""
        facts = live.facts_as(ProvisionedThingFacts) if live.facts else ProvisionedThingFacts(frozenset())
        carried = facts.carried
        return {
            **super().precondition(live, deletes=deletes),
            "holders": facts.holders,
            "carried.things": tuple(carried.things) if carried else NOT_COMPARED,
            "carried.policies": tuple(carried.policies) if carried else NOT_COMPARED,
        }

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """A secret that is not set cannot be sent; a template that says FAIL is taken at its word."""
        if isinstance(change, Delete | Forget):
            return
        plan = blueprint(context.declared[change.address], context.declared)
        for name, value in plan.parameters.items():
            if isinstance(value, Secret) and value.value is None:
                yield f"its parameter {name} from {value.reference} is not set"
        registered = isinstance(change, Update) and change.live.facts_as(ProvisionedThingFacts).registered
        if plan.certificate_id and not registered:
            yield from _unregistered(plan, context.declared[change.address].spec.save_to)
        if isinstance(change, Update):
            yield from _torn(change, context)
            yield from (
                f"{path} differs, and the template's OverrideSettings say FAIL"
                for path in change.live.facts_as(ProvisionedThingFacts).fails
                if change.has_changed(path)
            )

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """A registration that goes and comes again is a moment without it."""
        if (
            isinstance(change, Update)
            and change.live.facts_as(ProvisionedThingFacts).carried
            and change.has_changed("certificate_mode")
        ):
            yield (
                "AWS changes no certificate's mode, so its certificate is registered anew: "
                "for a moment the device cannot connect"
            )

    def counts_as_replacement(self, change: Update) -> bool:
        """Its certificate goes for another one, or for the same one under another mode."""
        facts = change.live.facts_as(ProvisionedThingFacts)
        gone = facts.deletable and change.has_changed("other_certificates")
        return bool(gone or (facts.carried and change.has_changed("certificate_mode")))

    def is_rotation(self, change: Change) -> bool:
        """Return whether an update detaches certificates other than the template's."""
        if not isinstance(change, Update):
            return False
        return any(field.path == "other_certificates" and field.before for field in change.fields)

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Nothing of it differs from the file: what is missing is what a registration that failed did not come to."""
        was, wanted = change.live.spec, change.resource.spec
        if was.thing_name is None:
            return True
        same = (was.attributes, was.thing_type) == (wanted.attributes, wanted.thing_type)
        return same and not was.other_certificates

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One RegisterThing. The workspace's group is put into the template, so that the thing is marked as it is made."""
        plan = blueprint(context.declared[change.address], context.declared)
        groups = [workspace_group_name(context.workspace)]
        if change.resource.lifecycle.prevent_destroy:
            groups.append(protected_group_name(context.workspace))
        body = with_groups(plan.template, plan.thing.logical_name, groups)
        params = {"templateBody": body, "parameters": dict(plan.parameters)}
        save_to = context.declared[change.address].spec.save_to
        if plan.request and save_to:
            saves, proof = (
                (SavedMember("certificatePem", save_to),),
                CertificateIssued.for_request(plan.request, thing=plan.name),
            )
            return [ApiCall("iot", "RegisterThing", params, output_files=saves, verification=proof)]
        # What exists is left or set as before, unless the template says that it must not exist.
        parts = (plan.thing, plan.evaluated.certificate, *plan.evaluated.policies)
        fails = any("FAIL" in part.overrides.values() for part in parts if part)
        return [ApiCall("iot", "RegisterThing", params, idempotent=not fails)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Only what is missing or differs; certificates and policies come before the old ones go."""
        plan = blueprint(context.declared[change.address], context.declared)
        return [
            *_thing(change, plan, context),
            *_memberships(change, plan, context),
            *_certificate(change, plan, context),
            *_old_certificates(change, plan, context),
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """What is no longer in the file is read as a plain thing and a plain certificate."""
        raise NotImplementedError(f"{change.address} is deleted as the thing that it is")

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """The same: it is forgotten as the thing that it is."""
        raise NotImplementedError(f"{change.address} is forgotten as the thing that it is")


_WITHIN = "its body here, or its name in [provisioning_templates.*]"

# What a plan has to name: a secret that goes into one of these would be told.
_TOLD = ("ThingName", "ThingTypeName", "ThingGroups", "BillingGroup", "PolicyName", "PolicyDocument")


def _template_problems(error: TemplateError) -> Iterator[ValueProblem]:
    for problem in error.problems:
        text = f"{format_path(problem.path)}: {problem.problem}"
        yield ValueProblem(problem.code, text, problem.expected, path=("template",))


def _told_secrets(plan: Blueprint) -> Iterator[ValueProblem]:
    for part in (plan.thing, *plan.evaluated.policies):
        for name in _TOLD:
            value = part.properties.get(name, ())
            for item in value if isinstance(value, list | tuple) else (value,):
                if isinstance(item, Secret):
                    where = f"Resources.{part.logical_name}.Properties.{name}"
                    problem = f"the secret from {item.reference} goes into {where}, which is shown"
                    yield ValueProblem(
                        "secret-not-allowed",
                        problem,
                        "secrets in attributes at the most",
                        path=("parameters",),
                    )


def _torn(change: Update, context: PlanContext) -> Iterator[str]:
    """What is registered anew is let go of by all that have it: those outside the workspace would not get it back."""
    carried = change.live.facts_as(ProvisionedThingFacts).carried
    if not carried or not change.has_changed("certificate_mode"):
        return
    ours = {context.thing_name(user) for user in context.live if user.kind in {TABLE, "things"}}
    if others := sorted(set(carried.things) - ours):
        yield (
            "its certificate has to be registered anew, as AWS changes no certificate's mode, and things outside "
            f"the workspace would lose it ({join_some(others)}); detach it from them first"
        )


def _unregistered(plan: Blueprint, save_to: OutputFile | None) -> Iterator[str]:
    """A certificate that AWS has to have already, and has not."""
    if plan.request:
        yield from find_save_to_errors(save_to)
    elif not plan.certificate:
        yield (
            f"its template names the certificate {plan.certificate_id} by its CertificateId, and there is none in "
            "this account and region; register it first, or have the template take a CertificatePem"
        )


def _check_request(plan: Blueprint, save_to: OutputFile | None) -> Iterator[ValueProblem]:
    key = x509.signing_request_key_digest(plan.request or "")
    if key is None:
        yield ValueProblem(
            "invalid-signing-request",
            "the CertificateSigningRequest is none",
            "one in PEM, signed with its own key",
            path=("parameters",),
        )
    elif save_to is None:
        yield ValueProblem(
            "missing-field",
            "the issued certificate has nowhere to go",
            "the path of a new file",
            path=("save_to",),
        )
    elif plan.certificate and x509.public_key_digest(plan.certificate) != key:
        what = "the certificate that was issued for it, or a new path"
        yield ValueProblem(
            "key-mismatch",
            f"{save_to} is a certificate of another key than the request",
            what,
            path=("save_to",),
        )


def _thing(change: Update, plan: Blueprint, context: PlanContext) -> Iterator[ApiCall]:
    spec, name = change.resource.spec, plan.name
    attributes = dict(spec.attributes)
    params: dict[str, Any] = {"thingName": name}
    if spec.thing_type is not None and change.has_changed("thing_type"):
        params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
    if change.live.spec.thing_name is None:
        if attributes:
            params["attributePayload"] = {"attributes": attributes}
        yield ApiCall("iot", "CreateThing", params, idempotent=True)
    elif change.has_changed("attributes") or change.has_changed("thing_type"):
        if change.has_changed("attributes"):
            merge = plan.thing.overrides.get("AttributePayload") == "MERGE"
            params["attributePayload"] = {"attributes": attributes, "merge": merge}
        if spec.thing_type is None and change.has_changed("thing_type"):
            params["removeThingType"] = True
        params["expectedVersion"] = change.live.version
        yield ApiCall("iot", "UpdateThing", params, verification=verify_thing(name))


def _memberships(change: Update, plan: Blueprint, context: PlanContext) -> Iterator[ApiCall]:
    spec, was = change.resource.spec, change.live.spec
    if change.has_changed("workspace"):
        yield group_membership.join(plan.name, workspace_group_name(context.workspace))
    if change.has_changed(PREVENT_DESTROY_PATH):
        guard = group_membership.protected_group_name(context.workspace)
        wanted = change.resource.lifecycle.prevent_destroy
        yield group_membership.join(plan.name, guard) if wanted else group_membership.leave(plan.name, guard)
    if change.has_changed("thing_groups"):
        yield from group_membership.move(plan.name, was.thing_groups, spec.thing_groups, context)
    if change.has_changed("billing_group"):
        yield from group_membership.move_billing_group(
            plan.name, was.billing_group, spec.billing_group, context
        )


def _certificate(change: Update, plan: Blueprint, context: PlanContext) -> Iterator[ApiCall]:
    if plan.evaluated.certificate is None:
        return
    spec, found, arn = (
        change.resource.spec,
        change.live.facts_as(ProvisionedThingFacts).registered,
        _arn(change, plan, context),
    )
    anew = bool(found) and change.has_changed("certificate_mode")
    if anew:
        yield from _deregister(change, arn, context)
    if not found or anew:
        properties = plan.evaluated.certificate.properties
        yield _registration(plan, properties, context.declared[change.address].spec.save_to)
    elif change.has_changed("certificate_status"):
        params = {"certificateId": found, "newStatus": spec.certificate_status}
        yield ApiCall("iot", "UpdateCertificate", params)
    if change.has_changed("save_to"):
        assert found
        yield fetch_certificate(found, spec.save_to)
    yield from _policies(change, arn, context, anew=anew)
    if anew or not change.live.facts_as(ProvisionedThingFacts).attached:
        yield _attachment(plan, arn)
    if not anew:
        yield from _lost_policies(change, context, arn)


def _arn(change: Update, plan: Blueprint, context: PlanContext) -> Any:
    known = change.live.facts_as(ProvisionedThingFacts).registered or plan.certificate_id
    return context.build_arn(f"cert/{known}") if known else Ref(change.address, "certificateArn")


def _deregister(change: Update, arn: str, context: PlanContext) -> Iterator[ApiCall]:
    """AWS changes no certificate's mode, so the registration goes and another one comes, under the same id."""
    facts = change.live.facts_as(ProvisionedThingFacts)
    registered, carried = facts.registered, facts.carried
    assert registered and carried  # noqa: PT018
    yield mark_retired(context, arn)
    yield from (detach(thing, arn) for thing in carried.things)
    yield from retire(registered, active=carried.status == "ACTIVE")


def _attachment(plan: Blueprint, arn: Any) -> ApiCall:
    assert plan.evaluated.certificate
    params = {"thingName": plan.name, "principal": arn}
    properties = plan.evaluated.certificate.properties
    if "ThingPrincipalType" in properties:
        params["thingPrincipalType"] = plain(properties["ThingPrincipalType"])
    return ApiCall("iot", "AttachThingPrincipal", params)


def _policies(change: Update, arn: Any, context: PlanContext, *, anew: bool) -> Iterator[ApiCall]:
    """Those that are missing. A new registration has none: it gets those, too, that the file does not know."""
    spec, was = change.resource.spec, change.live.spec
    had = () if anew else was.policies
    gained = [context.resolve_identity("policies", policy) for policy in spec.policies if policy not in had]
    if anew:
        known = {context.resolve_identity("policies", policy) for policy in was.policies}
        carried = change.live.facts_as(ProvisionedThingFacts).carried
        assert carried
        gained += [name for name in carried.policies if name not in known]
    for name in gained:
        yield ApiCall("iot", "AttachPolicy", {"policyName": name, "target": arn})
    for document in spec.policy_documents:
        if anew or document not in was.policy_documents:
            yield from _own_policy(document, arn)


def _lost_policies(change: Update, context: PlanContext, arn: Any) -> Iterator[ApiCall]:
    for policy in change.live.spec.policies:
        if policy not in change.resource.spec.policies:
            params = {"policyName": context.resolve_identity("policies", policy), "target": arn}
            yield ApiCall("iot", "DetachPolicy", params, ignored_errors=NOT_FOUND, idempotent=True)


def _registration(plan: Blueprint, properties: Mapping[str, Any], save_to: OutputFile | None) -> ApiCall:
    status = plain(properties.get("Status", "ACTIVE"))
    if plan.request and not plan.certificate_id:
        assert save_to
        return request_certificate(plan.request, save_to, active=status == "ACTIVE")
    assert plan.certificate
    params = {"certificatePem": plan.certificate.text, "status": status}
    if "CACertificatePem" in properties:
        params["caCertificatePem"] = plain(properties["CACertificatePem"])
    exists, proof = {"ResourceAlreadyExistsException"}, CertificateRegistered(plan.certificate.fingerprint)
    return ApiCall("iot", "RegisterCertificate", params, ignored_errors=exists, verification=proof)


def _own_policy(document: Document, arn: Any) -> Iterator[ApiCall]:
    """A policy that the template brings. AWS names such by a hash of 40 upper-case digits; which one is not documented."""
    name = hashlib.sha1(document.text.encode(), usedforsecurity=False).hexdigest().upper()
    params = {"policyName": name, "policyDocument": document.text}
    # Several devices may bring it at once; its name says what is in it.
    ignored_errors = {"ResourceAlreadyExistsException"}
    yield ApiCall("iot", "CreatePolicy", params, ignored_errors=ignored_errors, idempotent=True)
    yield ApiCall("iot", "AttachPolicy", {"policyName": name, "target": arn})


def _old_certificates(change: Update, plan: Blueprint, context: PlanContext) -> Iterator[ApiCall]:
    """Those that the thing has beside its own: let go, and deleted where nobody else has one or wants it."""
    if not change.has_changed("other_certificates"):
        return
    own = change.live.facts_as(ProvisionedThingFacts).deletable
    old = {
        find_certificate_id(context, reference): reference
        for reference in change.live.spec.other_certificates
    }
    for name in sorted(old.keys() & own):
        arn = context.build_arn(f"cert/{name}")
        yield mark_retired(context, arn)
        yield detach(plan.name, arn)
        yield from retire(name, active=name in change.live.facts_as(ProvisionedThingFacts).active)
    yield from detach_all(
        context, plan.name, [reference for name, reference in old.items() if name not in own]
    )


KIND = ProvisionedThings()
