"""Provisioning templates: what AWS creates for a device that connects for the first time.

Source: AWS IoT API reference, CreateProvisioningTemplate and related operations; developer guide, "Provisioning
templates"; AWS General Reference, AWS IoT Core quotas (five versions). A template's type never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import TEMPLATE_VERSIONS, TEMPLATES, check_table_size, find_count_errors
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import CheckedNeed, Description, Need, ProblemRead, ResourceNeed
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    to_tag_list,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.provisioning_template_checks import check_stored_template
from reconciler.kinds.shared.provisioning_template_references import find_named_resources
from reconciler.kinds.shared.role_arns import ROLE_PROPAGATION_SECONDS, check_role_arn
from reconciler.kinds.shared.versions import describe_other_versions
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some, quote

DERIVED_MEMBERS = {
    "UpdateProvisioningTemplate.removePreProvisioningHook": "set when pre_provisioning_hook is removed from the file",
    "CreateProvisioningTemplateVersion.setAsDefault": "always true: the body in the file becomes the default version",
}

UNSUPPORTED_MEMBERS = {
    "UpdateProvisioningTemplate.defaultVersionId": "the default version is the one with the body in the file",
}


DEFAULT_PAYLOAD_VERSION = "2020-04-01"
"""The version of the input that AWS sends to a hook (API reference, ProvisioningHook)."""


@frozen
class Hook:
    """The Lambda function that accepts or rejects a device before it is provisioned."""

    target_arn: str = member(
        "The ARN of the function.",
        api="CreateProvisioningTemplate.preProvisioningHook.targetArn",
        outside="function",
    )
    payload_version: str = member(
        "The version of the input that the function gets.",
        api="CreateProvisioningTemplate.preProvisioningHook.payloadVersion",
        default=DEFAULT_PAYLOAD_VERSION,
    )


@frozen
class ProvisioningTemplate:
    """`[provisioning_templates.*]`."""

    body: Document = member("The template, as JSON.", api="CreateProvisioningTemplate.templateBody")
    provisioning_role_arn: str = member(
        "The role with which AWS provisions.",
        api="CreateProvisioningTemplate.provisioningRoleArn",
        outside="role",
    )
    type: Literal["FLEET_PROVISIONING", "JITP"] = member(
        "JITP for devices with certificates of a registered CA, FLEET_PROVISIONING for devices with a claim.",
        api="CreateProvisioningTemplate.type",
        on_change="replaces",
        default="FLEET_PROVISIONING",
    )
    enabled: bool = member(
        "Whether devices can be provisioned with the template.",
        api="CreateProvisioningTemplate.enabled",
        default=False,
    )
    description: str | None = member(
        "A description of the template.", api="CreateProvisioningTemplate.description", default=None
    )
    pre_provisioning_hook: Hook | None = member(
        "The Lambda function that accepts or rejects a device; only for FLEET_PROVISIONING.",
        api="CreateProvisioningTemplate.preProvisioningHook",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateProvisioningTemplate.tags", factory=dict)


@frozen
class ProvisioningTemplateFacts:
    """The facts of a provisioning template: its versions other than the default one, oldest first."""

    other_versions: tuple[int, ...]


def _find_type_problem(template: Response) -> str | None:
    """Return why a CA certificate cannot use a template, or None."""
    template_type = template.get("type", "FLEET_PROVISIONING")
    if template_type == "JITP":
        return None
    name = quote(template["templateName"])
    return f"the provisioning template {name} is of type {template_type}; use one of type JITP"


class ProvisioningTemplates(Kind):
    """Provisioning templates: found by name, owned by tag; the body is that of the default version."""

    table = "provisioning_templates"
    noun = "provisioning template"
    spec_class = ProvisioningTemplate
    operations = Operations(
        read=(
            "ListProvisioningTemplates",
            "ListTagsForResource",
            "DescribeProvisioningTemplate",
            "ListProvisioningTemplateVersions",
            "ListCACertificates",
        ),
        create=("CreateProvisioningTemplate",),
        update=(
            "DeleteProvisioningTemplateVersion",
            "CreateProvisioningTemplateVersion",
            "UpdateProvisioningTemplate",
            "UntagResource",
            "TagResource",
        ),
        replace=("DeleteProvisioningTemplate", "CreateProvisioningTemplate"),
        delete=("DeleteProvisioningTemplate",),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListProvisioningTemplates", "templates", "templateName", "templateArn")
    description = Description("DescribeProvisioningTemplate", "templateName", _find_type_problem)
    name_api = "CreateProvisioningTemplate.templateName"
    write_operations = (
        "CreateProvisioningTemplate",
        "UpdateProvisioningTemplate",
        "CreateProvisioningTemplateVersion",
    )
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS
    deletion_blockers = frozenset({"ca_certificates"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the role, the tags, the body, and a hook that the type does not allow."""
        spec: ProvisioningTemplate = resource.spec
        yield from check_role_arn("provisioning_role_arn", spec.provisioning_role_arn)
        yield from check_stored_template(spec.body, "body", template_type=spec.type)
        yield from check_room_for_added_entries("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        if spec.type == "JITP" and spec.pre_provisioning_hook:
            yield ValueProblem(
                "conflicting-fields",
                "a JITP template cannot have a hook",
                "no hook, or the type FLEET_PROVISIONING",
                path=("pre_provisioning_hook",),
            )

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return a problem if there are more templates than an account may have."""
        return check_table_size(TEMPLATES, self.table, desired)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def find_undeclarable_parts(self, live: Live) -> Mapping[str, str]:
        """Return the versions other than the default one."""
        return describe_other_versions(live.get_facts(ProvisioningTemplateFacts).other_versions)

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all templates and their tags; read the bodies and versions of desired and owned ones."""
        arns = yield from list_arns(self, scope)
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        descriptions = yield from request_each("DescribeProvisioningTemplate", "templateName", tags_by_name)
        listings = yield from request_each("ListProvisioningTemplateVersions", "templateName", tags_by_name)
        return [
            _to_live(description, listing["versions"], tags)
            for tags, description, listing in zip(tags_by_name.values(), descriptions, listings, strict=True)
            if description and listing
        ]

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the resources that a new body names, and for a deletion the CAs that may block it."""
        if isinstance(change, Delete | Replace):
            yield _build_user_need(change, context)
        has_new_body = isinstance(change, Create | Replace) or (
            isinstance(change, Update) and change.has_changed("body")
        )
        if isinstance(change, Delete | Forget) or not has_new_body:
            return
        for table, name in find_named_resources(change.resource.spec.body):
            if Address(table, name) not in context.desired:
                yield ResourceNeed(table, name, "body")

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject too many templates, and a replacement if a CA certificate still uses the template.

        AWS does not delete a template that is used.
        """
        existing = context.outside.listed_ids.get(self.table, ())
        yield from find_count_errors(TEMPLATES, change, len(existing), context)
        users = context.find_remaining_users(change.address) if isinstance(change, Replace) else ()
        remaining = [str(user) for user in users if user.kind in self.deletion_blockers]
        if remaining:
            yield f"cannot replace: still used after this plan by {join_some(remaining)}; remove that reference first"

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the template with its ownership tags in one call."""
        return [_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Create a default version with the new body, update other fields in one call, and update the tags.

        If there are five versions, the oldest one that is not the default is deleted first.
        """
        spec, name = change.resource.spec, change.live.identity
        calls: list[ApiCall] = []
        if change.has_changed("body"):
            other_versions = change.live.get_facts(ProvisioningTemplateFacts).other_versions
            if len(other_versions) + 1 >= TEMPLATE_VERSIONS.maximum:
                params = {"templateName": name, "versionId": other_versions[0]}
                calls.append(
                    ApiCall("iot", "DeleteProvisioningTemplateVersion", params, ignored_errors=NOT_FOUND)
                )
            params = {"templateName": name, "templateBody": spec.body.text, "setAsDefault": True}
            verification = _build_verification(name, "templateBody")
            calls.append(
                ApiCall("iot", "CreateProvisioningTemplateVersion", params, verification=verification)
            )
        changed_members = _to_update_params(change)
        if changed_members:
            params = {"templateName": name, **changed_members}
            calls.append(ApiCall("iot", "UpdateProvisioningTemplate", params, idempotent=True))
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, tags)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old template before creating the new one, as both have the same name."""
        return [_delete(change.live), _create(change.resource, context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the template with its versions; earlier steps have removed it from the CA certificates."""
        return [_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]


def _build_user_need(change: Delete | Replace, context: PlanContext) -> CheckedNeed:
    """Return the need that no CA outside the workspace uses a template that is deleted or replaced."""
    name = change.live.identity
    known_ids = {live.identity for address, live in context.live.items() if address.kind == "ca_certificates"}

    def read() -> ProblemRead:
        (listing,) = yield [ApiCall("iot", "ListCACertificates", {"templateName": name})]
        ids = [item["certificateId"] for item in listing["certificates"]]
        others = sorted(f"{identity[:12]}…" for identity in ids if identity not in known_ids)
        if not others:
            return None
        return (
            f"cannot {change.action}: CA certificates that this workspace does not manage use it ({join_some(others)}); "
            "remove it from their registration config first, or keep it"
        )

    return CheckedNeed(("template-users", name), "", read)


def _create(resource: Resource, context: PlanContext) -> ApiCall:
    spec: ProvisioningTemplate = resource.spec
    params: dict[str, Any] = {
        "templateName": resource.address.name,
        "templateBody": spec.body.text,
        "provisioningRoleArn": spec.provisioning_role_arn,
        "type": spec.type,
        "enabled": spec.enabled,
        "tags": to_tag_list(with_ownership_tags(resource, context.workspace)),
    }
    if spec.description is not None:
        params["description"] = spec.description
    if spec.pre_provisioning_hook:
        params["preProvisioningHook"] = _to_hook_params(spec.pre_provisioning_hook)
    verified_members = [name for name in params if name not in {"templateName", "tags"}]
    verification = _build_verification(resource.address.name, *verified_members)
    return ApiCall(
        "iot",
        "CreateProvisioningTemplate",
        params,
        retried_errors={"InvalidRequestException"},
        timeout_seconds=ROLE_PROPAGATION_SECONDS,
        verification=verification,
    )


def _build_verification(template: str, *members: str) -> FieldsMatch:
    """Return the verification of a call that sets these members of the template."""
    describe = ApiCall("iot", "DescribeProvisioningTemplate", {"templateName": template})
    return FieldsMatch(describe, {member: member for member in members})


def _delete(live: Live) -> ApiCall:
    return ApiCall(
        "iot", "DeleteProvisioningTemplate", {"templateName": live.identity}, ignored_errors=NOT_FOUND
    )


def _to_update_params(change: Update) -> dict[str, Any]:
    """Return the members of UpdateProvisioningTemplate that change."""
    spec: ProvisioningTemplate = change.resource.spec
    params: dict[str, Any] = {}
    if change.has_changed("description"):
        params["description"] = spec.description or ""
    if change.has_changed("enabled"):
        params["enabled"] = spec.enabled
    if change.has_changed("provisioning_role_arn"):
        params["provisioningRoleArn"] = spec.provisioning_role_arn
    if change.has_changed("pre_provisioning_hook"):
        if spec.pre_provisioning_hook:
            params["preProvisioningHook"] = _to_hook_params(spec.pre_provisioning_hook)
        else:
            params["removePreProvisioningHook"] = True
    return params


def _to_hook_params(hook: Hook) -> dict[str, str]:
    return {"payloadVersion": hook.payload_version, "targetArn": hook.target_arn}


def _to_live(description: Response, versions: Sequence[Response], tags: Mapping[str, str]) -> Live:
    hook = description.get("preProvisioningHook")
    spec = ProvisioningTemplate(
        body=Document.from_live(description["templateBody"]),
        provisioning_role_arn=description["provisioningRoleArn"],
        type=description.get("type", "FLEET_PROVISIONING"),
        enabled=description.get("enabled", False),
        description=description.get("description"),
        pre_provisioning_hook=_parse_hook(hook) if hook else None,
        tags=select_user_tags(tags),
    )
    other_versions = sorted(version["versionId"] for version in versions if not version["isDefaultVersion"])
    facts = ProvisioningTemplateFacts(tuple(other_versions))
    return build_tagged_live(description["templateName"], spec, tags, description["templateArn"], facts=facts)


def _parse_hook(hook: Response) -> Hook:
    return Hook(hook["targetArn"], hook.get("payloadVersion", DEFAULT_PAYLOAD_VERSION))


KIND = ProvisioningTemplates()
