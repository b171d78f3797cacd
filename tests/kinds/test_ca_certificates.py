"""CA certificates: the templates that provision devices when they first connect."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.engine.plan.diff import keep_ignored_values
from reconciler.kinds.ca_certificates import KIND, CaCertificate
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Lifecycle, Live
from tests.support.desired_states import AUTHORITIES, ROLE_ARN, TEMPLATE_RESOURCES, make_ca, make_resource
from tests.support.kind_driver import (
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_plan_context,
    make_tag_list,
    read_kind,
)

CA_PEM = Pem.parse(AUTHORITIES["alpha"].pem)
CA_ID = CA_PEM.fingerprint
CA_ARN = build_arn(f"cacert/{CA_ID}")
TAGS = {**OWNERSHIP_TAGS, "reconciler:name": "alpha"}


def make_template(template_type: str = "JITP"):
    return make_resource(
        "provisioning_templates",
        "t",
        ProvisioningTemplate(
            Document.from_value({"Resources": TEMPLATE_RESOURCES}),
            provisioning_role_arn=ROLE_ARN,
            type=template_type,
        ),
    )


def make_live(**fields: object) -> Live:
    spec = CaCertificate(CA_PEM, certificate_mode="SNI_ONLY", **fields)
    return Live(CA_ID, spec, owner="ws", arn=CA_ARN, tags=TAGS, declared_name="alpha")


def make_sni_only_ca(**fields: object):
    return make_ca(certificate_mode="SNI_ONLY", verification=None, **fields)


def make_update_call(**params: object):
    return make_iot_call("UpdateCACertificate", certificateId=CA_ID, **params)


REMOVE_REGISTRATION_CALL = make_update_call(removeAutoRegistration=True)


def test_a_ca_is_registered_with_its_template():
    resource = make_sni_only_ca(registration_template="t", registration_role_arn=ROLE_ARN)
    assert list_create_calls(resource, make_plan_context(resource, make_template())) == [
        make_iot_call(
            "RegisterCACertificate",
            caCertificate=CA_PEM.text,
            setAsActive=True,
            allowAutoRegistration=False,
            certificateMode="SNI_ONLY",
            tags=make_tag_list(TAGS),
            registrationConfig={"templateName": "t", "roleArn": ROLE_ARN},
        )
    ]


def test_a_ca_is_read_with_its_template():
    expected = make_live(registration_template=External("t"), registration_role_arn=ROLE_ARN)
    assert read_ca({"templateName": "t", "roleArn": ROLE_ARN}) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            {"registration_template": "t"},
            {},
            [REMOVE_REGISTRATION_CALL, make_update_call(newAutoRegistrationStatus="DISABLE")],
        ),
        (
            {"registration_template": "t", "auto_registration": True},
            {"auto_registration": True},
            [REMOVE_REGISTRATION_CALL, make_update_call(newAutoRegistrationStatus="ENABLE")],
        ),
        (
            {"registration_template": "t", "registration_role_arn": ROLE_ARN},
            {"registration_template": "t"},
            [
                REMOVE_REGISTRATION_CALL,
                make_update_call(
                    registrationConfig={"templateName": "t"}, newAutoRegistrationStatus="DISABLE"
                ),
            ],
        ),
    ],
    ids=["template", "template with auto-registration", "role"],
)
def test_after_a_template_or_its_role_is_removed_the_rest_is_set_as_in_the_file(before, after, expected):
    """AWS removes the template, its role and auto-registration together; the next call sets the rest."""
    change = make_change(make_sni_only_ca(**after), make_live(**before))
    assert (
        list_calls(change, make_plan_context(change.resource, make_template(), changes=[change])) == expected
    )


def test_adding_a_template_removes_nothing_first():
    change = make_change(make_sni_only_ca(registration_template="t"), make_live())
    assert list_calls(change, make_plan_context(change.resource, make_template(), changes=[change])) == [
        make_update_call(registrationConfig={"templateName": "t"})
    ]


def test_a_registration_template_must_be_jitp_and_a_role_needs_a_template():
    assert list_problems(
        make_sni_only_ca(registration_template="t"), make_template("FLEET_PROVISIONING")
    ) == ["registration_template: provisioning_templates.t is of type FLEET_PROVISIONING; expected type JITP"]
    assert list_problems(make_sni_only_ca(registration_role_arn=ROLE_ARN)) == [
        "registration_role_arn: there is no template for the role; expected a registration_template"
    ]


# ── templates of its own ────────────────────────────────────────────────────────────────────────

BODY = Document.parse('{"Resources": {}}')
OTHER_BODY = Document.parse('{"Parameters": {}, "Resources": {}}')


def test_a_ca_is_registered_with_a_template_of_its_own():
    resource = make_sni_only_ca(registration_template=BODY, registration_role_arn=ROLE_ARN)
    (call,) = list_create_calls(resource)
    assert call.params["registrationConfig"] == {"templateBody": '{"Resources": {}}', "roleArn": ROLE_ARN}


def read_ca(registration_config):
    """Return the live CA with this registration config."""
    description = {
        "certificateId": CA_ID,
        "certificateArn": CA_ARN,
        "status": "ACTIVE",
        "certificateMode": "SNI_ONLY",
    }
    responses = {
        "ListCACertificates": {"certificates": [{"certificateId": CA_ID, "certificateArn": CA_ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(TAGS)},
        "DescribeCACertificate": {
            "certificateDescription": description,
            "registrationConfig": registration_config,
        },
    }
    (live,) = read_kind("ca_certificates", responses)[0]
    return live


def test_the_template_of_a_ca_is_compared_by_its_meaning():
    live = read_ca({"templateBody": '{ "Resources" : { } }', "roleArn": ROLE_ARN})
    assert live == make_live(registration_template=BODY, registration_role_arn=ROLE_ARN)


def test_a_role_without_a_template_is_not_compared_but_named_in_exports():
    live = read_ca({"roleArn": ROLE_ARN})
    assert live == make_live()
    assert KIND.find_undeclarable_parts(live) == {
        "registrationConfig.roleArn": f"{ROLE_ARN} has no effect without a template"
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (BODY, OTHER_BODY, [make_update_call(registrationConfig={"templateBody": OTHER_BODY.text})]),
        (
            BODY,
            "t",
            [
                REMOVE_REGISTRATION_CALL,
                make_update_call(
                    registrationConfig={"templateName": "t"}, newAutoRegistrationStatus="DISABLE"
                ),
            ],
        ),
        (
            "t",
            BODY,
            [
                REMOVE_REGISTRATION_CALL,
                make_update_call(
                    registrationConfig={"templateBody": BODY.text}, newAutoRegistrationStatus="DISABLE"
                ),
            ],
        ),
        (BODY, None, [REMOVE_REGISTRATION_CALL, make_update_call(newAutoRegistrationStatus="DISABLE")]),
    ],
    ids=["other body", "named instead", "inline instead", "removed"],
)
def test_changing_an_inline_template_removes_first_what_the_file_no_longer_has(before, after, expected):
    change = make_change(
        make_sni_only_ca(registration_template=after), make_live(registration_template=before)
    )
    context = make_plan_context(change.resource, make_template(), changes=[change])
    assert list_calls(change, context) == expected


def test_an_inline_template_without_a_role_is_a_warning():
    resource = make_sni_only_ca(registration_template=BODY)
    assert [(problem.severity, problem.code, str(problem)) for problem in KIND.check(resource, {})] == [
        (
            "warning",
            "missing-role",
            (
                "registration_template: the template has no role of its own, so AWS cannot provision devices with it; "
                "expected a registration_role_arn"
            ),
        )
    ]


@pytest.mark.parametrize(
    ("auto_registration", "enabled", "codes"),
    [(True, False, ["disabled-template"]), (True, True, []), (False, False, [])],
)
def test_a_template_that_is_not_enabled_behind_auto_registration_is_a_warning(
    auto_registration, enabled, codes
):
    template = make_template()
    template = replace(template, spec=evolve(template.spec, type="JITP", enabled=enabled))
    ca = make_sni_only_ca(registration_template=template.address.name, auto_registration=auto_registration)
    assert [problem.code for problem in KIND.check(ca, {template.address: template})] == codes


def test_a_role_is_not_set_if_an_ignored_template_leaves_the_ca_without_one():
    """AWS would not use it, and no call sets a role alone."""
    resource = make_ca(certificate_mode="SNI_ONLY", verification=None, registration_template=BODY)
    resource = replace(
        resource,
        spec=evolve(resource.spec, registration_role_arn=ROLE_ARN),
        lifecycle=Lifecycle(ignore_changes=("registration_template",)),
    )
    assert keep_ignored_values("ws", resource, make_live().spec).spec == make_live().spec
