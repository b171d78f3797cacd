"""Provisioning templates: what AWS makes of a device that introduces itself.

Source: AWS IoT API reference, CreateProvisioningTemplate and its neighbours; developer guide, "Provisioning templates"; AWS
General Reference, AWS IoT Core quotas (five versions). A template's type never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, request_each, select_wanted_or_owned
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    tagged_live,
    to_tag_list,
    user_tags,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some

MAX_VERSIONS = 5

DERIVED_MEMBERS = {
    "UpdateProvisioningTemplate.removePreProvisioningHook": "pre_provisioning_hook, when the file no longer says one",
    "CreateProvisioningTemplateVersion.setAsDefault": "always true: what the file says is what holds",
}

UNSUPPORTED_MEMBERS = {
    "UpdateProvisioningTemplate.defaultVersionId": "the default version is the one that says what the file says",
}


@frozen
class Hook:
    """The Lambda function that has a say before a device is provisioned, and what it is sent."""

    target_arn: str
    payload_version: str = "2020-04-01"


@frozen
class ProvisioningTemplate:
    """`[provisioning_templates.*]`."""

    body: Document = member("The template, as JSON.", api="CreateProvisioningTemplate.templateBody")
    provisioning_role_arn: str = member(
        "The role with which AWS provisions.", api="CreateProvisioningTemplate.provisioningRoleArn"
    )
    type: Literal["FLEET_PROVISIONING", "JITP"] = member(
        "JITP is for devices whose CA is registered here, FLEET_PROVISIONING for all that have a claim.",
        api="CreateProvisioningTemplate.type",
        on_change="replaces",
        default="FLEET_PROVISIONING",
    )
    enabled: bool = member(
        "Whether devices may be provisioned with it.", api="CreateProvisioningTemplate.enabled", default=False
    )
    description: str | None = member(
        "What the template is for.", api="CreateProvisioningTemplate.description", default=None
    )
    pre_provisioning_hook: Hook | None = member(
        "Who has a say before a device is provisioned; only for FLEET_PROVISIONING.",
        api="CreateProvisioningTemplate.preProvisioningHook",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateProvisioningTemplate.tags", factory=dict)


@frozen
class ProvisioningTemplateFacts:
    """What else is read of a provisioning template: its versions other than the default one, oldest first."""

    older_versions: tuple[int, ...]


class ProvisioningTemplates(Kind):
    """Provisioning templates: found by name, owned by tag, compared by what the default version means."""

    table = "provisioning_templates"
    noun = "provisioning template"
    spec_class = ProvisioningTemplate
    operations = Operations(
        read=(
            "ListProvisioningTemplates",
            "ListTagsForResource",
            "DescribeProvisioningTemplate",
            "ListProvisioningTemplateVersions",
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
        """There is room for the marks, and the hook fits."""
        spec: ProvisioningTemplate = resource.spec
        yield from check_room_for_tags("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        if spec.type == "JITP" and spec.pre_provisioning_hook:
            yield ValueProblem(
                "conflicting-fields",
                "a JITP template has no hook",
                "type FLEET_PROVISIONING",
                path=("pre_provisioning_hook",),
            )

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All templates of the account in pages, the tags of each, and body and versions of those that matter."""
        arns = yield from list_arns(self, scope)
        wanted = {resource.address.name for resource in scope.resources_of(self.table)}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        details = yield from request_each("DescribeProvisioningTemplate", "templateName", matter)
        versions = yield from request_each("ListProvisioningTemplateVersions", "templateName", matter)
        return [
            _live(detail, version["versions"], tags)
            for tags, detail, version in zip(matter.values(), details, versions, strict=True)
            if detail and version
        ]

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a replacement while a CA certificate uses the template: AWS deletes none in use."""
        users = context.keepers(change.address) if isinstance(change, Replace) else ()
        if keepers := [str(user) for user in users if user.kind in self.deletion_blockers]:
            yield f"cannot replace: still used after this plan by {join_some(keepers)}; remove that reference first"

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included."""
        return [_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """A new default version, the oldest of the others gone before where five are there; the rest in one call."""
        spec, name = change.resource.spec, change.live.identity
        calls: list[ApiCall] = []
        if change.has_changed("body"):
            older = change.live.facts_as(ProvisioningTemplateFacts).older_versions
            if len(older) + 1 >= MAX_VERSIONS:
                params = {"templateName": name, "versionId": older[0]}
                calls.append(
                    ApiCall("iot", "DeleteProvisioningTemplateVersion", params, ignored_errors=NOT_FOUND)
                )
            version = {"templateName": name, "templateBody": spec.body.text, "setAsDefault": True}
            proof = _shown(name, "templateBody")
            calls.append(ApiCall("iot", "CreateProvisioningTemplateVersion", version, verification=proof))
        changed = _changed(change)
        if changed:
            params = {"templateName": name, **changed}
            calls.append(ApiCall("iot", "UpdateProvisioningTemplate", params, idempotent=True))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """The old one goes first: both have the same name."""
        return [_delete(change.live), _create(change.resource, context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """No CA certificate of the workspace uses it any more; its versions go with it."""
        return [_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


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
        params["preProvisioningHook"] = _hook(spec.pre_provisioning_hook)
    said = [name for name in params if name not in {"templateName", "tags"}]
    return ApiCall(
        "iot", "CreateProvisioningTemplate", params, verification=_shown(resource.address.name, *said)
    )


def _shown(name: str, *said: str) -> FieldsMatch:
    question = ApiCall("iot", "DescribeProvisioningTemplate", {"templateName": name})
    return FieldsMatch(question, {member: member for member in said})


def _delete(live: Live) -> ApiCall:
    return ApiCall(
        "iot", "DeleteProvisioningTemplate", {"templateName": live.identity}, ignored_errors=NOT_FOUND
    )


def _changed(change: Update) -> dict[str, Any]:
    """What UpdateProvisioningTemplate has to say."""
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
            params["preProvisioningHook"] = _hook(spec.pre_provisioning_hook)
        else:
            params["removePreProvisioningHook"] = True
    return params


def _hook(hook: Hook) -> dict[str, str]:
    return {"payloadVersion": hook.payload_version, "targetArn": hook.target_arn}


def _live(detail: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], tags: Mapping[str, str]) -> Live:
    hook = detail.get("preProvisioningHook")
    spec = ProvisioningTemplate(
        body=Document.parse(detail["templateBody"]),
        provisioning_role_arn=detail["provisioningRoleArn"],
        type=detail.get("type", "FLEET_PROVISIONING"),
        enabled=detail.get("enabled", False),
        description=detail.get("description") or None,
        pre_provisioning_hook=Hook(hook["targetArn"], hook.get("payloadVersion", "2020-04-01"))
        if hook
        else None,
        tags=user_tags(tags),
    )
    older = sorted(version["versionId"] for version in versions if not version["isDefaultVersion"])
    facts = ProvisioningTemplateFacts(tuple(older))
    return tagged_live(detail["templateName"], spec, tags, detail["templateArn"], facts=facts)


KIND = ProvisioningTemplates()
