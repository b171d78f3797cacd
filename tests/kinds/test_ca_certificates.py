"""CA certificates: the templates that provision devices when they first connect."""

from __future__ import annotations

import pytest

from reconciler.kinds.ca_certificates import CaCertificate
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Live
from tests.support.desired_states import AUTHORITIES, ROLE, ca, resource
from tests.support.kind_driver import (
    OWNERSHIP_TAGS,
    build_arn,
    calls_of,
    change_to,
    create_calls,
    iot,
    plan_context,
    problems,
    read,
    tag_list,
)

PEM = Pem.parse(AUTHORITIES["alpha"].pem)
ID = PEM.fingerprint
ARN = build_arn(f"cacert/{ID}")
NAMED = {**OWNERSHIP_TAGS, "reconciler:name": "alpha"}


def template(kind: str = "JITP"):
    return resource(
        "provisioning_templates",
        "t",
        ProvisioningTemplate(Document.from_value({"Resources": {}}), ROLE, kind),
    )


def live(**fields: object) -> Live:
    spec = CaCertificate(PEM, "SNI_ONLY", **fields)
    return Live(ID, spec, owner="ws", arn=ARN, tags=NAMED, declared_name="alpha")


def desired_ca(**fields: object):
    return ca(certificate_mode="SNI_ONLY", verification=None, **fields)


def update(**params: object):
    return iot("UpdateCACertificate", certificateId=ID, **params)


REMOVE_REGISTRATION = update(removeAutoRegistration=True)


def test_a_ca_is_registered_with_its_template():
    resource = desired_ca(registration_template="t", registration_role_arn=ROLE)
    assert create_calls(resource, plan_context(resource, template())) == [
        iot(
            "RegisterCACertificate",
            caCertificate=PEM.text,
            setAsActive=True,
            allowAutoRegistration=False,
            certificateMode="SNI_ONLY",
            tags=tag_list(NAMED),
            registrationConfig={"templateName": "t", "roleArn": ROLE},
        )
    ]


def test_a_ca_is_read_with_its_template():
    description = {
        "certificateId": ID,
        "certificateArn": ARN,
        "status": "ACTIVE",
        "certificateMode": "SNI_ONLY",
    }
    responses = {
        "ListCACertificates": {"certificates": [{"certificateId": ID, "certificateArn": ARN}]},
        "ListTagsForResource": {"tags": tag_list(NAMED)},
        "DescribeCACertificate": {
            "certificateDescription": description,
            "registrationConfig": {"templateName": "t", "roleArn": ROLE},
        },
    }
    expected = live(registration_template=External("t"), registration_role_arn=ROLE)
    assert read("ca_certificates", responses)[0] == [expected]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"registration_template": "t"}, [update(registrationConfig={"templateName": "t"})]),
        (
            {"registration_template": "t"},
            {},
            [REMOVE_REGISTRATION, update(newAutoRegistrationStatus="DISABLE")],
        ),
        (
            {"registration_template": "t", "auto_registration": True},
            {"auto_registration": True},
            [REMOVE_REGISTRATION, update(newAutoRegistrationStatus="ENABLE")],
        ),
        (
            {"registration_template": "t", "registration_role_arn": ROLE},
            {"registration_template": "t"},
            [
                REMOVE_REGISTRATION,
                update(registrationConfig={"templateName": "t"}, newAutoRegistrationStatus="DISABLE"),
            ],
        ),
    ],
    ids=["added", "removed", "removed with auto-registration", "without its role"],
)
def test_removing_a_template_or_its_role_removes_auto_registration_first(before, after, expected):
    change = change_to(desired_ca(**after), live(**before))
    assert calls_of(change, plan_context(change.resource, template(), changes=[change])) == expected


def test_a_registration_template_has_to_be_jitp_and_a_role_needs_one():
    assert problems(desired_ca(registration_template="t"), template("FLEET_PROVISIONING")) == [
        "registration_template: provisioning_templates.t is of type FLEET_PROVISIONING; expected type JITP"
    ]
    assert problems(desired_ca(registration_role_arn=ROLE)) == [
        "registration_role_arn: there is no template for the role; expected a registration_template"
    ]
