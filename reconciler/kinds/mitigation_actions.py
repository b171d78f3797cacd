"""Mitigation actions: what AWS IoT Device Defender can do about the findings of an audit.

Source: AWS IoT API reference, CreateMitigationAction and related operations; AWS IoT Device Defender developer guide, "Mitigation
actions". UNCONFIRMED: whether AWS checks that the thing groups of an action exist. Plans check it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import MITIGATION_ACTIONS
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import get_members, member
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Reference, Resource
from reconciler.model.text import join_some

_PARAMS = "action_params"
_API = "CreateMitigationAction.actionParams"


@frozen
class UpdateDeviceCertificate:
    """An action that changes the status of device certificates."""

    action: Literal["DEACTIVATE"] = member(
        "The change.", api=f"{_API}.updateDeviceCertificateParams.action", default="DEACTIVATE"
    )


@frozen
class UpdateCaCertificate:
    """An action that changes the status of CA certificates."""

    action: Literal["DEACTIVATE"] = member(
        "The change.", api=f"{_API}.updateCACertificateParams.action", default="DEACTIVATE"
    )


@frozen
class AddThingsToThingGroup:
    """An action that adds things to thing groups, such as one for quarantine."""

    thing_group_names: tuple[Reference, ...] = member(
        "The thing groups.",
        api=f"{_API}.addThingsToThingGroupParams.thingGroupNames",
        references="thing_groups",
    )
    override_dynamic_groups: bool = member(
        "Whether the action applies to things in dynamic thing groups, too.",
        api=f"{_API}.addThingsToThingGroupParams.overrideDynamicGroups",
        default=False,
    )


@frozen
class ReplaceDefaultPolicyVersion:
    """An action that adds a policy version without permissions."""

    template_name: Literal["BLANK_POLICY"] = member(
        "The template of the version.",
        api=f"{_API}.replaceDefaultPolicyVersionParams.templateName",
        default="BLANK_POLICY",
    )


@frozen
class EnableIotLogging:
    """An action that turns on the logging of AWS IoT Core."""

    role_arn_for_logging: str = member(
        "The role with which AWS IoT writes logs.",
        api=f"{_API}.enableIoTLoggingParams.roleArnForLogging",
        outside="role",
    )
    log_level: Literal["DEBUG", "INFO", "ERROR", "WARN", "DISABLED"] = member(
        "The least important level that is logged.", api=f"{_API}.enableIoTLoggingParams.logLevel"
    )


@frozen
class PublishFindingToSns:
    """An action that publishes findings to an SNS topic."""

    topic_arn: str = member("The ARN of the topic.", api=f"{_API}.publishFindingToSnsParams.topicArn")


@frozen
class ActionParams:
    """The parameters of an action: exactly one of the fields is set."""

    update_device_certificate_params: UpdateDeviceCertificate | None = member(
        "Deactivates device certificates.", api=f"{_API}.updateDeviceCertificateParams", default=None
    )
    update_ca_certificate_params: UpdateCaCertificate | None = member(
        "Deactivates CA certificates.", api=f"{_API}.updateCACertificateParams", default=None
    )
    add_things_to_thing_group_params: AddThingsToThingGroup | None = member(
        "Adds things to thing groups.", api=f"{_API}.addThingsToThingGroupParams", default=None
    )
    replace_default_policy_version_params: ReplaceDefaultPolicyVersion | None = member(
        "Takes all permissions from policies.", api=f"{_API}.replaceDefaultPolicyVersionParams", default=None
    )
    enable_iot_logging_params: EnableIotLogging | None = member(
        "Turns on logging.", api=f"{_API}.enableIoTLoggingParams", default=None
    )
    publish_finding_to_sns_params: PublishFindingToSns | None = member(
        "Publishes findings to an SNS topic.", api=f"{_API}.publishFindingToSnsParams", default=None
    )


@frozen
class MitigationAction:
    """`[mitigation_actions.*]`."""

    role_arn: str = member(
        "The role with which AWS IoT acts.", api="CreateMitigationAction.roleArn", outside="role"
    )
    action_params: ActionParams = member("The parameters of the action, of exactly one type.", api=_API)
    tags: Mapping[str, str] = member("Tags.", api="CreateMitigationAction.tags", factory=dict)


class MitigationActions(PlainKind):
    """Mitigation actions: found by name, owned by tag."""

    table = "mitigation_actions"
    noun = "mitigation action"
    spec_class = MitigationAction
    api = PlainApi(
        "MitigationAction",
        name="actionName",
        arn="actionArn",
        listing=Listing("ListMitigationActions", "actionIdentifiers", "actionName", "actionArn"),
    )
    account_limit = MITIGATION_ACTIONS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags and the roles, and with parameters of no or several types."""
        yield from super().check(resource, desired)
        spec: MitigationAction = resource.spec
        yield from check_role_arn("role_arn", spec.role_arn)
        types = [name for name in get_members(ActionParams) if getattr(spec.action_params, name) is not None]
        if len(types) != 1:
            problem = f"has {join_some(types)}" if types else "has no type"
            yield ValueProblem("invalid-action", problem, "parameters of exactly one type", path=(_PARAMS,))
        logging = spec.action_params.enable_iot_logging_params
        logging_role = logging.role_arn_for_logging if logging else None
        for role_problem in check_role_arn("role_arn_for_logging", logging_role):
            yield role_problem.nest_under(_PARAMS, "enable_iot_logging_params")


KIND = MitigationActions()
