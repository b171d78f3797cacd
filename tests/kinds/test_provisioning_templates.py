"""Provisioning templates: versions rotate so that the sixth never fails, and a change of type is a replacement."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.provisioning_templates import Hook, ProvisioningTemplate, ProvisioningTemplateFacts
from reconciler.model.change import Replace
from reconciler.model.document import Document
from reconciler.model.resource import Live
from tests.support.desired_states import ROLE, converge, plan_of, resource, state
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    iot,
    problems,
    read,
    tag_list,
)
from tests.support.registry_client import Cloud

ARN = build_arn("provisioningtemplate/a")
BODY = Document.parse('{"Resources": {}}')
HOOK = Hook("arn:aws:lambda:eu-west-1:123456789012:function:check")
HOOK_SENT = {"payloadVersion": "2020-04-01", "targetArn": HOOK.target_arn}
SPEC = ProvisioningTemplate(BODY, ROLE, enabled=True, description="Pumps", pre_provisioning_hook=HOOK)


def live(spec: ProvisioningTemplate, older: tuple[int, ...] = ()) -> Live:
    return Live(
        "a",
        spec,
        owner="ws",
        arn=ARN,
        tags={**spec.tags, **OWNERSHIP_TAGS},
        facts=ProvisioningTemplateFacts(older),
    )


def wanted(spec: ProvisioningTemplate):
    return resource("provisioning_templates", "a", spec)


def made(**more):
    params = {"templateName": "a", "templateBody": BODY.text, "provisioningRoleArn": ROLE}
    return iot("CreateProvisioningTemplate", **params, **more, tags=tag_list(OWNERSHIP_TAGS))


def test_a_new_one_is_one_call_with_its_marks():
    assert create_calls(wanted(SPEC)) == [
        made(type="FLEET_PROVISIONING", enabled=True, description="Pumps", preProvisioningHook=HOOK_SENT)
    ]


def test_what_is_there_is_read_with_its_versions():
    answers = {
        "ListProvisioningTemplates": {"templates": [{"templateName": "a", "templateArn": ARN}]},
        "ListTagsForResource": {"tags": tag_list(OWNERSHIP_TAGS)},
        "DescribeProvisioningTemplate": {
            "templateName": "a",
            "templateArn": ARN,
            "templateBody": '{ "Resources" : {} }',
            "provisioningRoleArn": ROLE,
            "type": "FLEET_PROVISIONING",
            "enabled": True,
            "description": "Pumps",
            "preProvisioningHook": HOOK_SENT,
        },
        "ListProvisioningTemplateVersions": {
            "versions": [
                {"versionId": 10, "isDefaultVersion": True},
                {"versionId": 9, "isDefaultVersion": False},
                {"versionId": 2, "isDefaultVersion": False},
            ]
        },
    }
    found, _ = read("provisioning_templates", answers)
    assert found == [live(SPEC)]
    assert found[0].facts == ProvisioningTemplateFacts((2, 9))


@pytest.mark.parametrize(
    ("older", "dropped"), [((1, 2, 3), []), ((1, 2, 3, 4), [1])], ids=["room for one more", "five are there"]
)
def test_a_new_body_is_a_new_default_version_and_the_oldest_other_makes_room(older, dropped):
    body = Document.parse('{"Resources": {"x": 1}}')
    assert calls_of(change_to(wanted(evolve(SPEC, body=body)), live(SPEC, older))) == [
        *(
            iot(
                "DeleteProvisioningTemplateVersion",
                ignored_errors=NOT_FOUND,
                templateName="a",
                versionId=each,
            )
            for each in dropped
        ),
        iot("CreateProvisioningTemplateVersion", templateName="a", templateBody=body.text, setAsDefault=True),
    ]


def test_ten_bodies_one_after_the_other_never_meet_the_limit_of_versions():
    cloud = Cloud()
    for number in range(10):
        body = Document.from_value({"Resources": {}, "Mappings": {str(number): {}}})
        converge(state(wanted(evolve(SPEC, body=body))), cloud)
    assert plan_of(state(wanted(evolve(SPEC, body=body))), cloud).steps == ()
    assert len(cloud.iot.list_provisioning_template_versions(templateName="a")["versions"]) == 5


def test_spaces_in_the_body_are_no_change():
    assert change_to(wanted(evolve(SPEC, body=Document.parse('{"Resources":{}}'))), live(SPEC)).fields == ()


def test_the_rest_changes_in_one_call_and_a_hook_is_removed_by_word():
    after = ProvisioningTemplate(BODY, f"{ROLE}-2")
    assert calls_of(change_to(wanted(after), live(SPEC))) == [
        iot(
            "UpdateProvisioningTemplate",
            templateName="a",
            description="",
            enabled=False,
            provisioningRoleArn=f"{ROLE}-2",
            removePreProvisioningHook=True,
        )
    ]


def test_another_type_is_another_template_under_the_same_name():
    found = change_to(wanted(ProvisioningTemplate(BODY, ROLE, "JITP")), live(SPEC))
    assert isinstance(found, Replace)
    assert calls_of(found) == [
        iot("DeleteProvisioningTemplate", ignored_errors=NOT_FOUND, templateName="a"),
        made(type="JITP", enabled=False),
    ]


def test_it_goes_with_its_versions():
    assert delete_calls("provisioning_templates", live(SPEC, (1, 2))) == [
        iot("DeleteProvisioningTemplate", ignored_errors=NOT_FOUND, templateName="a")
    ]


def test_only_a_fleets_template_has_a_hook():
    assert problems(wanted(evolve(SPEC, type="JITP"))) == [
        "pre_provisioning_hook: a JITP template has no hook; expected type FLEET_PROVISIONING"
    ]
