"""Provisioned things: a thing, its certificate and its policies, created from a template in one call.

Source: AWS IoT API reference, RegisterThing; developer guide, "Single thing provisioning". If neither the thing nor the
certificate exists, one call creates everything. If one of them exists, only what is missing or differs is sent, as far as the
template's OverrideSettings allow. A provisioned thing that is removed from the file is deleted as the thing and the
certificate that it consists of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.declarations import Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Need
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared import (
    provisioned_thing_checks,
    provisioned_thing_reads,
    provisioned_thing_updates,
)
from reconciler.kinds.shared.certificate_issuance import CertificateIssued
from reconciler.kinds.shared.certificate_signers import find_declared_signer_errors
from reconciler.kinds.shared.deprecated_types import find_deprecated_type_errors
from reconciler.kinds.shared.foreign_policies import find_foreign_policies
from reconciler.kinds.shared.group_membership import build_protected_group_name, build_workspace_group_name
from reconciler.kinds.shared.outside_hierarchies import find_hierarchy_errors
from reconciler.kinds.shared.ownership_markers import is_marker_name
from reconciler.kinds.shared.provisioned_thing_spec import Provisioned, ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_blueprint import TABLE, add_groups, build_blueprint, get_blueprint
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.errors import MissingSecretError
from reconciler.model.evaluation import Evaluation
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.resource import NOT_COMPARED, Desired, Live, Resource
from reconciler.model.secret import Secret


@frozen
class ProvisionedThing:
    """`[provisioned_things.*]`."""

    template: Document | str = member(
        "The provisioning template: a file, a table, JSON text, or the name of a template in this file.",
        api="RegisterThing.templateBody",
        references="provisioning_templates",
        on_change="create_only",
    )
    parameters: Mapping[str, str | Secret] = member(
        "The template's parameters: strings, files, or environment variables; the variables' values are kept secret.",
        api="RegisterThing.parameters",
        on_change="create_only",
        factory=dict,
    )
    save_to: OutputFile | None = member(
        "The new file that a certificate issued for a signing request is written to; never overwritten.",
        on_change="create_only",
        default=None,
    )


class ProvisionedThings(Kind):
    """Provisioned things: found by the thing or the certificate in the template, owned like things."""

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
            "ListPrincipalThingsV2",
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

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def evaluate(self, resource: Resource, desired: Desired) -> Evaluation:
        """Return the blueprint, or why the template cannot be evaluated."""
        return build_blueprint(resource, desired)

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return what makes AWS reject the template, and problems with the `save_to` file."""
        return provisioned_thing_checks.check(resource, desired)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Any:
        """Return the parts that the template describes."""
        try:
            blueprint = get_blueprint(resource)
        except (ValueError, MissingSecretError):
            return Provisioned(thing_name=None)  # reported when the file was loaded
        return provisioned_thing_reads.build_desired_spec(blueprint, resource.spec.save_to, scope)

    def identity(self, resource: Resource) -> str | None:
        """Return None: parts of a provisioned thing may exist without the thing.

        `read` finds them by what the template names.
        """
        return None

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:
        """Return the thing that the template describes, and its certificate if the ID is known."""
        try:
            blueprint = get_blueprint(resource)
        except (ValueError, MissingSecretError):
            return  # reported when the file was loaded
        yield "things", blueprint.name
        if blueprint.certificate_id:
            yield "certificates", blueprint.certificate_id

    def outputs(self, live: Live, context: PlanContext) -> Mapping[str, str]:
        """Return the thing's name and ARN, and the ID and the ARN of its certificate."""
        name, identity = live.spec.thing_name, live.get_facts(ProvisionedThingFacts).registered_id
        values = {"id": name, "arn": context.build_arn(f"thing/{name}")} if name else {}
        if identity:
            values |= {"certificate_id": identity, "certificate_arn": context.build_arn(f"cert/{identity}")}
        return values

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the things, certificates, policies and groups that the templates name, in bulk."""
        return provisioned_thing_reads.read(scope)

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Return whether an interrupted registration may have created the live parts.

        That is so if there is no thing, or if the thing has the template's attributes and type, and no certificate other than
        the template's.
        """
        live, desired = change.live.spec, change.resource.spec
        if live.thing_name is None:  # only other parts exist
            return True
        has_same_thing = (live.attributes, live.thing_type) == (desired.attributes, desired.thing_type)
        return has_same_thing and not live.other_certificates

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return what the template refers to outside the file, and the CA that a registration needs."""
        return provisioned_thing_checks.find_outside_needs(change, context)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject unset secrets, certificates that cannot be registered, and updates that are not allowed."""
        if isinstance(change, Delete | Forget):
            return
        resource = context.declared[change.address]
        blueprint = get_blueprint(resource)
        for name, value in blueprint.parameters.items():
            if isinstance(value, Secret) and value.value is None:
                problem = "cannot be read:" if value.problem else "has no value;"
                yield f"the parameter {name} {problem} {value.problem or f'set {value.reference}'}"
        is_registered = isinstance(change, Update) and bool(
            change.live.get_facts(ProvisionedThingFacts).registered_id
        )
        if blueprint.certificate_id and not is_registered:
            yield from provisioned_thing_checks.find_registration_errors(blueprint, resource.spec.save_to)
            yield from find_declared_signer_errors(None, change.resource.spec.ca, context)
        yield from provisioned_thing_checks.find_activation_errors(change, blueprint)
        if isinstance(change, Create):
            body = _build_template_body(change, context)
            yield from provisioned_thing_checks.find_template_size_errors(body)
        has_thing = isinstance(change, Update) and change.live.spec.thing_name is not None
        gets_type = not has_thing or (isinstance(change, Update) and change.has_changed("thing_type"))
        yield from find_deprecated_type_errors(change, context, gets_type=gets_type)
        if not isinstance(change, Update) or change.has_changed("thing_groups"):
            yield from find_hierarchy_errors(change.resource.spec.thing_groups, context)
        if isinstance(change, Update):
            yield from provisioned_thing_checks.find_outside_holder_errors(change, context)
            yield from provisioned_thing_checks.find_override_errors(change)
            yield from provisioned_thing_checks.find_copied_policy_errors(change)

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the other clients' policies of the thing's other certificates, which an update deletes."""
        if not isinstance(change, Update) or not change.has_changed("other_certificates"):
            return ()
        policies = change.live.get_facts(ProvisionedThingFacts).deletable_policies.values()
        return find_foreign_policies({name for names in policies for name in names}, context)

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn if the device's certificate has to be deleted and registered again."""
        if isinstance(change, Update) and _is_registered_again(change):
            yield (
                "AWS cannot change the mode of a certificate, so the certificate will be deleted and registered again; "
                "in between, the device cannot connect"
            )

    def counts_as_replacement(self, change: Update) -> bool:
        """Return whether the update deletes another certificate or registers the template's own again."""
        has_deletable = bool(change.live.get_facts(ProvisionedThingFacts).deletable_ids)
        return (has_deletable and change.has_changed("other_certificates")) or _is_registered_again(change)

    def is_rotation(self, change: Change) -> bool:
        """Return whether an update detaches certificates other than the template's."""
        if not isinstance(change, Update):
            return False
        return any(field.path == "other_certificates" and field.before for field in change.fields)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Register the thing with the workspace's group in its template, so that it is owned at once."""
        resource = context.declared[change.address]
        blueprint = get_blueprint(resource)
        body = _build_template_body(change, context)
        params = {"templateBody": body, "parameters": dict(blueprint.parameters)}
        if blueprint.signing_request and resource.spec.save_to:
            output_file = SavedMember("certificatePem", resource.spec.save_to)
            verification = CertificateIssued.for_request(blueprint.signing_request, thing=blueprint.name)
            call = ApiCall(
                "iot", "RegisterThing", params, output_files=(output_file,), verification=verification
            )
            return [call]
        # Sent a second time, the call changes nothing more, but AWS rejects it if OverrideSettings have FAIL.
        rejects_existing = any("FAIL" in part.overrides.values() for part in blueprint.resources)
        return [ApiCall("iot", "RegisterThing", params, idempotent=not rejects_existing)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Add what is missing and change what differs, then remove old policies and other certificates."""
        return provisioned_thing_updates.build_update_calls(change, context)

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Raise NotImplementedError.

        A provisioned thing that is removed from the file is read and deleted as a thing and a certificate.
        """
        raise NotImplementedError(f"internal error: {change.address} is deleted as a thing and a certificate")

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Raise NotImplementedError, as for a deletion."""
        raise NotImplementedError(
            f"internal error: {change.address} is forgotten as a thing and a certificate"
        )

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields, and those attachments of certificates that an update may change.

        An update detaches other certificates, and may register the template's own again. The policy that marks retired certificates
        is left out: other steps of the plan attach it.
        """
        facts = live.get_facts(ProvisionedThingFacts) if live.facts else ProvisionedThingFacts(frozenset())
        registration = facts.previous_registration
        return {
            **super().precondition(live, deletes=deletes),
            "holders": facts.holders,
            "attached": tuple(
                f"{policy} on {identity}"
                for identity, policies in facts.deletable_policies.items()
                for policy in policies
                if not is_marker_name(policy)
            ),
            "registration.things": tuple(registration.things) if registration else NOT_COMPARED,
            "registration.policies": tuple(registration.policies) if registration else NOT_COMPARED,
        }


def _build_template_body(change: Create, context: PlanContext) -> str:
    """Return the template with the workspace's groups, in which the thing is owned and protected."""
    blueprint = get_blueprint(context.declared[change.address])
    groups = [build_workspace_group_name(context.workspace)]
    if change.resource.lifecycle.prevent_destroy:
        groups.append(build_protected_group_name(context.workspace))
    return add_groups(blueprint.template, blueprint.thing, groups)


def _is_registered_again(change: Update) -> bool:
    registration = change.live.get_facts(ProvisionedThingFacts).previous_registration
    return registration is not None and change.has_changed("certificate_mode")


KIND = ProvisionedThings()
