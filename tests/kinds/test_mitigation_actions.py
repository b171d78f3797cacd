"""Mitigation actions: found by name, updated in place, with parameters of exactly one type."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.mitigation_actions import (
    ActionParams,
    AddThingsToThingGroup,
    EnableIotLogging,
    MitigationAction,
    UpdateCaCertificate,
    UpdateDeviceCertificate,
)
from reconciler.model.resource import External, Live
from tests.support.desired_states import ROLE_ARN, make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("mitigationaction/a")
DEACTIVATION = ActionParams(update_device_certificate_params=UpdateDeviceCertificate())
SPEC = MitigationAction(ROLE_ARN, DEACTIVATION)
MEMBERS = {
    "roleArn": ROLE_ARN,
    "actionParams": {"updateDeviceCertificateParams": {"action": "DEACTIVATE"}},
}
LIVE = Live("a", SPEC, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)


def make_action(spec: MitigationAction):
    return make_resource("mitigation_actions", "a", spec)


def make_quarantine(*groups: str | External) -> ActionParams:
    return ActionParams(add_things_to_thing_group_params=AddThingsToThingGroup(groups))


def read_action(description) -> list[Live]:
    responses = {
        "ListMitigationActions": {"actionIdentifiers": [{"actionName": "a", "actionArn": ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeMitigationAction": {**description, "actionName": "a", "actionArn": ARN},
    }
    return read_kind("mitigation_actions", responses)[0]


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_action(SPEC)) == [
        make_iot_call("CreateMitigationAction", actionName="a", **MEMBERS, tags=make_tag_list(OWNERSHIP_TAGS))
    ]


def test_an_action_is_read_as_it_was_created():
    assert read_action({**MEMBERS, "actionType": "UPDATE_DEVICE_CERTIFICATE", "actionId": "1"}) == [LIVE]


def test_the_thing_groups_of_an_action_are_references():
    params = {"thingGroupNames": ["q", "r"], "overrideDynamicGroups": False}
    members = {"roleArn": ROLE_ARN, "actionParams": {"addThingsToThingGroupParams": params}}
    groups = (External("q"), External("r"))
    assert read_action(members) == [evolve(LIVE, spec=evolve(SPEC, action_params=make_quarantine(*groups)))]
    (call,) = list_create_calls(make_action(evolve(SPEC, action_params=make_quarantine("q", External("r")))))
    assert call.params["actionParams"] == members["actionParams"]


def test_an_update_sends_the_parameters_of_another_type():
    action_params = ActionParams(update_ca_certificate_params=UpdateCaCertificate())
    assert list_calls(make_change(make_action(evolve(SPEC, action_params=action_params)), LIVE)) == [
        make_iot_call(
            "UpdateMitigationAction",
            actionName="a",
            roleArn=ROLE_ARN,
            actionParams={"updateCACertificateParams": {"action": "DEACTIVATE"}},
        )
    ]


def test_a_deletion_is_one_call():
    assert list_delete_calls("mitigation_actions", LIVE) == [
        make_iot_call("DeleteMitigationAction", actionName="a", ignored_errors=NOT_FOUND)
    ]


@pytest.mark.parametrize(
    ("action_params", "problem"),
    [
        (ActionParams(), "action_params: has no type"),
        (
            evolve(DEACTIVATION, update_ca_certificate_params=UpdateCaCertificate()),
            "action_params: has update_device_certificate_params, update_ca_certificate_params",
        ),
        (
            ActionParams(enable_iot_logging_params=EnableIotLogging("no role", "INFO")),
            "action_params.enable_iot_logging_params.role_arn_for_logging: 'no role' is not the ARN of an IAM role",
        ),
    ],
)
def test_parameters_of_another_number_of_types_and_roles_are_checked(action_params, problem):
    (text,) = list_problems(make_action(evolve(SPEC, action_params=action_params)))
    assert text.partition("; ")[0] == problem
