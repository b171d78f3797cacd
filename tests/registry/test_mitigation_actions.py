"""Mitigation actions."""

import uuid

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:mitigationaction/a"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/mitigation"
DEACTIVATION = {"updateDeviceCertificateParams": {"action": "DEACTIVATE"}}
QUARANTINE = {
    "addThingsToThingGroupParams": {"thingGroupNames": ["quarantine"], "overrideDynamicGroups": True}
}
PARAMS = {"actionName": "a", "roleArn": ROLE, "actionParams": QUARANTINE}
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


def list_names(iot, **params):
    return [item["actionName"] for item in iot.list_mitigation_actions(**params)["actionIdentifiers"]]


def test_a_mitigation_action_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    response = remove_metadata(iot.create_mitigation_action(**PARAMS, tags=tags))
    assert response == {"actionArn": ARN, "actionId": str(uuid.UUID(response["actionId"]))}
    assert remove_metadata(iot.describe_mitigation_action(actionName="a")) == {
        **PARAMS,
        **response,
        "actionType": "ADD_THINGS_TO_THING_GROUP",
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
    }
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_can_change_the_type_and_keeps_the_id(iot):
    created = remove_metadata(iot.create_mitigation_action(**PARAMS))
    updated = iot.update_mitigation_action(actionName="a", actionParams=DEACTIVATION)
    assert remove_metadata(updated) == created
    description = iot.describe_mitigation_action(actionName="a")
    members = {key: description[key] for key in ("actionType", "actionParams", "roleArn", "actionId")}
    assert members == {
        "actionType": "UPDATE_DEVICE_CERTIFICATE",
        "actionParams": DEACTIVATION,
        "roleArn": ROLE,
        "actionId": created["actionId"],
    }


@pytest.mark.parametrize("action_params", [{}, {**QUARANTINE, **DEACTIVATION}], ids=["none", "two"])
def test_an_action_has_parameters_of_exactly_one_type(iot, action_params):
    iot.create_mitigation_action(**PARAMS)
    other = {**PARAMS, "actionName": "b", "actionParams": action_params}
    assert catch_error(iot.create_mitigation_action, **other) == INVALID
    assert catch_error(iot.update_mitigation_action, actionName="a", actionParams=action_params) == INVALID
    assert iot.describe_mitigation_action(actionName="a")["actionParams"] == QUARANTINE


def test_actions_are_listed_by_type_25_on_a_page(iot):
    for number in range(26):
        iot.create_mitigation_action(**{**PARAMS, "actionName": f"a{number}"})
    iot.create_mitigation_action(**{**PARAMS, "actionName": "other", "actionParams": DEACTIVATION})
    assert list_names(iot) == [f"a{number}" for number in range(25)]
    assert list_names(iot, actionType="UPDATE_DEVICE_CERTIFICATE") == ["other"]
    first = iot.list_mitigation_actions()
    assert list_names(iot, nextToken=first["nextToken"]) == ["a25", "other"]
    assert first["actionIdentifiers"][0] == {
        "actionName": "a0",
        "actionArn": f"{ARN}0",
        "creationDate": START_TIME,
    }


def test_an_account_has_at_most_100_mitigation_actions(iot):
    for number in range(100):
        iot.create_mitigation_action(**{**PARAMS, "actionName": f"a{number}"})
    assert catch_error(iot.create_mitigation_action, **PARAMS) == ("LimitExceededException", 410)
    iot.delete_mitigation_action(actionName="a0")
    iot.create_mitigation_action(**PARAMS)
    assert catch_error(iot.create_mitigation_action, **PARAMS) == ("ResourceAlreadyExistsException", 409)


def test_a_missing_mitigation_action_is_an_error_except_for_a_deletion(iot):
    iot.delete_mitigation_action(actionName="a")
    assert catch_error(iot.describe_mitigation_action, actionName="a") == MISSING
    assert catch_error(iot.update_mitigation_action, actionName="a", roleArn=ROLE) == MISSING
