"""Provisioning templates: a new version deletes the oldest one, and a new type is a replacement."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.provisioning_templates import (
    Hook,
    ProvisioningTemplate,
    ProvisioningTemplateFacts,
)
from reconciler.kinds.shared.role_arns import ROLE_PROPAGATION_SECONDS
from reconciler.model.change import Replace
from reconciler.model.document import Document
from reconciler.model.resource import Live
from tests.support.desired_states import (
    ROLE_ARN,
    TEMPLATE_RESOURCES,
    converge,
    make_resource,
    make_state,
    plan_state,
)
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
from tests.support.registry_client import Cloud

ARN = build_arn("provisioningtemplate/a")
BODY = Document.from_value({"Resources": TEMPLATE_RESOURCES})
HOOK = Hook("arn:aws:lambda:eu-west-1:123456789012:function:check")
HOOK_PARAMS = {"payloadVersion": "2020-04-01", "targetArn": HOOK.target_arn}
SPEC = ProvisioningTemplate(
    BODY, provisioning_role_arn=ROLE_ARN, enabled=True, description="Pumps", pre_provisioning_hook=HOOK
)


def make_live(spec: ProvisioningTemplate, other_versions: tuple[int, ...] = ()) -> Live:
    return Live(
        "a",
        spec,
        owner="ws",
        arn=ARN,
        tags={**spec.tags, **OWNERSHIP_TAGS},
        facts=ProvisioningTemplateFacts(other_versions=other_versions),
    )


def make_template(spec: ProvisioningTemplate):
    return make_resource("provisioning_templates", "a", spec)


def make_create_call(**more_params):
    params = {"templateName": "a", "templateBody": BODY.text, "provisioningRoleArn": ROLE_ARN}
    return make_iot_call(
        "CreateProvisioningTemplate",
        retried_errors={"InvalidRequestException"},
        timeout_seconds=ROLE_PROPAGATION_SECONDS,
        **params,
        **more_params,
        tags=make_tag_list(OWNERSHIP_TAGS),
    )


def test_a_template_is_created_with_its_ownership_tags_in_one_call():
    assert list_create_calls(make_template(SPEC)) == [
        make_create_call(
            type="FLEET_PROVISIONING", enabled=True, description="Pumps", preProvisioningHook=HOOK_PARAMS
        )
    ]


def test_a_live_template_is_read_with_its_versions():
    responses = {
        "ListProvisioningTemplates": {"templates": [{"templateName": "a", "templateArn": ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeProvisioningTemplate": {
            "templateName": "a",
            "templateArn": ARN,
            "templateBody": f" {BODY.text} ",
            "provisioningRoleArn": ROLE_ARN,
            "type": "FLEET_PROVISIONING",
            "enabled": True,
            "description": "Pumps",
            "preProvisioningHook": HOOK_PARAMS,
        },
        "ListProvisioningTemplateVersions": {
            "versions": [
                {"versionId": 10, "isDefaultVersion": True},
                {"versionId": 9, "isDefaultVersion": False},
                {"versionId": 2, "isDefaultVersion": False},
            ]
        },
    }
    live_resources, _ = read_kind("provisioning_templates", responses)
    assert live_resources == [make_live(SPEC)]  # compares everything but the facts
    assert live_resources[0].facts == ProvisioningTemplateFacts(other_versions=(2, 9))


@pytest.mark.parametrize(
    ("other_versions", "deleted_versions"),
    [((1, 2, 3), []), ((1, 2, 3, 4), [1])],
    ids=["four versions", "five versions"],
)
def test_a_new_body_is_a_new_default_version_and_replaces_the_oldest_of_five(
    other_versions, deleted_versions
):
    body = Document.parse('{"Resources": {"x": 1}}')
    assert list_calls(
        make_change(make_template(evolve(SPEC, body=body)), make_live(SPEC, other_versions))
    ) == [
        *(
            make_iot_call(
                "DeleteProvisioningTemplateVersion",
                ignored_errors=NOT_FOUND,
                templateName="a",
                versionId=version,
            )
            for version in deleted_versions
        ),
        make_iot_call(
            "CreateProvisioningTemplateVersion", templateName="a", templateBody=body.text, setAsDefault=True
        ),
    ]


def test_ten_successive_bodies_never_exceed_the_limit_of_versions():
    cloud = Cloud()
    for number in range(10):
        body = Document.from_value({"Resources": TEMPLATE_RESOURCES, "Mappings": {str(number): {}}})
        converge(make_state(make_template(evolve(SPEC, body=body))), cloud)
    assert plan_state(make_state(make_template(evolve(SPEC, body=body))), cloud).steps == ()
    assert len(cloud.iot.list_provisioning_template_versions(templateName="a")["versions"]) == 5


def test_spaces_in_the_body_are_not_a_change():
    assert (
        make_change(
            make_template(evolve(SPEC, body=Document.parse(f" {BODY.text} "))), make_live(SPEC)
        ).fields
        == ()
    )


def test_one_call_changes_role_description_and_enabled_and_removes_the_hook():
    spec = ProvisioningTemplate(BODY, provisioning_role_arn=f"{ROLE_ARN}-2")
    assert list_calls(make_change(make_template(spec), make_live(SPEC))) == [
        make_iot_call(
            "UpdateProvisioningTemplate",
            templateName="a",
            description="",
            enabled=False,
            provisioningRoleArn=f"{ROLE_ARN}-2",
            removePreProvisioningHook=True,
        )
    ]


def test_a_change_of_type_deletes_the_template_and_creates_it_again():
    change = make_change(
        make_template(ProvisioningTemplate(BODY, provisioning_role_arn=ROLE_ARN, type="JITP")),
        make_live(SPEC),
    )
    assert isinstance(change, Replace)
    assert list_calls(change) == [
        make_iot_call("DeleteProvisioningTemplate", ignored_errors=NOT_FOUND, templateName="a"),
        make_create_call(type="JITP", enabled=False),
    ]


def test_a_template_is_deleted_with_its_versions():
    assert list_delete_calls("provisioning_templates", make_live(SPEC, (1, 2))) == [
        make_iot_call("DeleteProvisioningTemplate", ignored_errors=NOT_FOUND, templateName="a")
    ]


def test_a_jitp_template_cannot_have_a_hook():
    assert list_problems(make_template(evolve(SPEC, type="JITP"))) == [
        "pre_provisioning_hook: a JITP template cannot have a hook; expected no hook, or the type FLEET_PROVISIONING"
    ]
