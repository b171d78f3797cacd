"""CA certificates: what devices that connect for the first time are provisioned by."""

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


def wanted(**fields: object):
    return ca(certificate_mode="SNI_ONLY", verification=None, **fields)


def update(**params: object):
    return iot("UpdateCACertificate", certificateId=ID, **params)


FORGET = update(removeAutoRegistration=True)


def test_a_new_ca_is_registered_with_its_template():
    found = wanted(registration_template="t", registration_role_arn=ROLE)
    assert create_calls(found, plan_context(found, template())) == [
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


def test_what_is_there_is_read_with_its_template():
    description = {
        "certificateId": ID,
        "certificateArn": ARN,
        "status": "ACTIVE",
        "certificateMode": "SNI_ONLY",
    }
    answers = {
        "ListCACertificates": {"certificates": [{"certificateId": ID, "certificateArn": ARN}]},
        "ListTagsForResource": {"tags": tag_list(NAMED)},
        "DescribeCACertificate": {
            "certificateDescription": description,
            "registrationConfig": {"templateName": "t", "roleArn": ROLE},
        },
    }
    there = live(registration_template=External("t"), registration_role_arn=ROLE)
    assert read("ca_certificates", answers)[0] == [there]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"registration_template": "t"}, [update(registrationConfig={"templateName": "t"})]),
        ({"registration_template": "t"}, {}, [FORGET, update(newAutoRegistrationStatus="DISABLE")]),
        (
            {"registration_template": "t", "auto_registration": True},
            {"auto_registration": True},
            [FORGET, update(newAutoRegistrationStatus="ENABLE")],
        ),
        (
            {"registration_template": "t", "registration_role_arn": ROLE},
            {"registration_template": "t"},
            [FORGET, update(registrationConfig={"templateName": "t"}, newAutoRegistrationStatus="DISABLE")],
        ),
    ],
    ids=["given", "taken away", "taken away, and still open", "without its role"],
)
def test_a_template_is_set_in_place_and_forgotten_in_the_one_way_that_aws_has(before, after, expected):
    found = change_to(wanted(**after), live(**before))
    assert calls_of(found, plan_context(found.resource, template(), changes=[found])) == expected


def test_only_a_jitp_template_serves_and_a_role_needs_a_template():
    assert problems(wanted(registration_template="t"), template("FLEET_PROVISIONING")) == [
        "registration_template: provisioning_templates.t is of type FLEET_PROVISIONING; expected type JITP"
    ]
    assert problems(wanted(registration_role_arn=ROLE)) == [
        "registration_role_arn: there is no template for the role; expected a registration_template"
    ]
