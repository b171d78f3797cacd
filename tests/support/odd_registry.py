"""Resources as other clients make them: registry states that our own applies never produce."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

from tests.support.desired_states import AUTHORITIES, ROLE_ARN
from tests.support.pki import Authority
from tests.support.registry_client import Cloud

TEMPLATE_BODY = json.dumps({"Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}}, "Resources": {}})
"""A JITP template."""

TOPIC_RULE_PAYLOAD = {
    "sql": "SELECT *  FROM 'a/#' ",
    "actions": [
        {"http": {"url": "https://example.com/", "headers": [{"key": "authorization", "value": "secret"}]}},
        {"salesforce": {"url": "https://ingestion-a.b.sfdcnow.com/streams/c/d/event", "token": "t" * 40}},
    ],
    "errorAction": {"republish": {"roleArn": ROLE_ARN, "topic": "errors"}},
}
"""The payload of a topic rule that sends secrets to other services."""

COGNITO_IDENTITY = "eu-west-1:12345678-1234-1234-1234-123456789012"
OTHER_ACCOUNT = "210987654321"

MakeOdd: TypeAlias = Callable[[Cloud], object]


def make_policy_with_versions(cloud: Cloud) -> None:
    """Create a policy with three versions, of which the second is the default one."""
    cloud.iot.create_policy(policyName="odd", policyDocument=_make_document("iot:Connect"))
    for action, is_default in (("iot:Publish", True), ("iot:Receive", False)):
        cloud.iot.create_policy_version(
            policyName="odd", policyDocument=_make_document(action), setAsDefault=is_default
        )


def make_policy_with_spaces(cloud: Cloud) -> None:
    """Create a policy with spaces and repeated actions in its document, and a tag without a value."""
    actions = ["iot:Publish", "iot:Connect", "iot:Publish"]
    document = json.dumps(json.loads(_make_document(actions)), indent=4)
    cloud.iot.create_policy(policyName="spaces", policyDocument=document, tags=[{"Key": "k", "Value": ""}])


def make_policy_with_full_tags(cloud: Cloud) -> None:
    """Create a policy that has as many tags as AWS allows, so that ownership tags would be too many."""
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    cloud.iot.create_policy(policyName="full", policyDocument=_make_document("iot:Connect"), tags=tags)
    group = cloud.iot.create_thing_group(thingGroupName="of-full")
    cloud.iot.attach_policy(policyName="full", target=group["thingGroupArn"])


def make_templates(cloud: Cloud) -> None:
    """Create a template with a hook and two versions, and one with an empty description."""
    hook = {"targetArn": "arn:aws:lambda:eu-west-1:123456789012:function:check"}
    cloud.iot.create_provisioning_template(
        templateName="hooked",
        templateBody=TEMPLATE_BODY,
        provisioningRoleArn=ROLE_ARN,
        preProvisioningHook=hook,
        enabled=True,
    )
    cloud.iot.create_provisioning_template_version(
        templateName="hooked", templateBody=json.dumps({"Resources": {}}, indent=2), setAsDefault=True
    )
    cloud.iot.create_provisioning_template(
        templateName="empty",
        description="",
        templateBody=TEMPLATE_BODY,
        provisioningRoleArn=ROLE_ARN,
        type="JITP",
    )


def make_ca_with_inline_template(cloud: Cloud) -> None:
    """Register a CA with a JITP template of its own."""
    cloud.iot.register_ca_certificate(
        caCertificate=AUTHORITIES["alpha"].pem,
        certificateMode="SNI_ONLY",
        setAsActive=True,
        allowAutoRegistration=True,
        registrationConfig={"templateBody": TEMPLATE_BODY, "roleArn": ROLE_ARN},
    )


def make_ca_with_role_alone(cloud: Cloud) -> None:
    """Register a CA with a role for provisioning, but without a template."""
    cloud.iot.register_ca_certificate(
        caCertificate=AUTHORITIES["beta"].pem,
        certificateMode="SNI_ONLY",
        registrationConfig={"roleArn": ROLE_ARN},
    )


def make_default_ca_and_device(cloud: Cloud) -> None:
    """Register a CA in mode DEFAULT with a named template, and a device with names of unusual characters."""
    authority = Authority("gamma")
    cloud.iot.create_provisioning_template(
        templateName="named", templateBody=TEMPLATE_BODY, provisioningRoleArn=ROLE_ARN, type="JITP"
    )
    code = cloud.iot.get_registration_code()["registrationCode"]
    cloud.iot.register_ca_certificate(
        caCertificate=authority.pem,
        verificationCertificate=authority.issue(code),
        setAsActive=True,
        registrationConfig={"templateName": "named", "roleArn": ROLE_ARN},
    )
    certificate = cloud.iot.register_certificate(
        certificatePem=authority.get_device_pem("device"), status="ACTIVE"
    )
    cloud.iot.create_policy(policyName="a+b=c,.@-", policyDocument=_make_document(["iot:Connect"]))
    cloud.iot.attach_policy(policyName="a+b=c,.@-", target=certificate["certificateArn"])
    cloud.iot.create_thing(thingName="line:a_1-x")
    cloud.iot.attach_thing_principal(thingName="line:a_1-x", principal=certificate["certificateArn"])


def make_broken_policies(cloud: Cloud) -> None:
    """Create policies whose documents no file can declare, as far as the registry accepts them."""
    for index, document in enumerate(
        (
            '{"Version":"2012-10-17","Statement":[],"Statement":[]}',
            '{"Version":"2012-10-17","Statement":[1e999]}',
        )
    ):
        with suppress(cloud.iot.exceptions.MalformedPolicyException):
            cloud.iot.create_policy(policyName=f"broken-{index}", policyDocument=document)


def make_cognito_principals(cloud: Cloud) -> None:
    """Attach a Cognito identity to a thing and a policy to it."""
    cloud.iot.create_thing(thingName="app")
    cloud.iot.attach_thing_principal(thingName="app", principal=COGNITO_IDENTITY)
    cloud.iot.create_policy(policyName="app", policyDocument=_make_document("iot:Connect"))
    cloud.iot.attach_policy(policyName="app", target=COGNITO_IDENTITY)


def make_managed_things(cloud: Cloud) -> None:
    """Create managed things that no workspace manages."""
    for serial in ("1", "2"):
        cloud.managed_integrations.create_managed_thing(
            Role="DEVICE",
            AuthenticationMaterial=f"9000{serial}",
            AuthenticationMaterialType="ZWAVE_QR_BAR_CODE",
            Name="same",
            MetaData={"k": " v "},
        )
    cloud.managed_integrations.create_credential_locker(Name=" locker ")


def make_deprecated_type(cloud: Cloud) -> None:
    """Create a thing that has a type which is deprecated after that, and attributes without a value."""
    cloud.iot.create_thing_type(
        thingTypeName="old",
        thingTypeProperties={"thingTypeDescription": "", "searchableAttributes": ["site", "house"]},
    )
    cloud.iot.create_thing(
        thingName="typed", thingTypeName="old", attributePayload={"attributes": {"site": "oslo", "house": ""}}
    )
    cloud.iot.deprecate_thing_type(thingTypeName="old")


def make_certificates(cloud: Cloud) -> None:
    """Register certificates of two things, one of which has only one of its certificates exclusively."""
    arns = [_register(cloud, f"odd-{number}") for number in range(3)]
    for name in ("first", "second"):
        cloud.iot.create_thing(thingName=name)
        cloud.iot.attach_thing_principal(thingName=name, principal=arns[0])
    cloud.iot.attach_thing_principal(
        thingName="second", principal=arns[1], thingPrincipalType="EXCLUSIVE_THING"
    )
    cloud.iot.update_certificate(certificateId=arns[2].rpartition("/")[2], newStatus="REVOKED")


def make_pending_certificates(cloud: Cloud) -> None:
    """Register a certificate with a pending transfer, and one of a thing with a pending activation."""
    transferred = _register(cloud, "transferred", status="INACTIVE")
    cloud.iot.transfer_certificate(
        certificateId=transferred.rpartition("/")[2], targetAwsAccount=OTHER_ACCOUNT
    )
    pending = _register(cloud, "pending", status="INACTIVE")
    cloud.iot.create_thing(thingName="pending")
    cloud.iot.attach_thing_principal(thingName="pending", principal=pending)
    with cloud.registry._store.write() as transaction:
        transaction.run(
            "UPDATE certificates SET status = 'PENDING_ACTIVATION' WHERE id = ?", pending.rpartition("/")[2]
        )


def make_groups(cloud: Cloud) -> None:
    """Create groups with empty and reserved values, a billing group, and a thing in ten groups."""
    cloud.iot.create_thing_group(thingGroupName="root", thingGroupProperties={"thingGroupDescription": ""})
    attributes = {"reconciler:odd": "x", "floor": "", "site": "oslo"}
    cloud.iot.create_thing_group(
        thingGroupName="child",
        parentGroupName="root",
        thingGroupProperties={"attributePayload": {"attributes": attributes}},
    )
    cloud.iot.create_billing_group(
        billingGroupName="bill", billingGroupProperties={"billingGroupDescription": ""}
    )
    for name in ("in-ten", "in-one"):
        cloud.iot.create_thing(thingName=name, billingGroupName="bill")
    for number in range(10):
        cloud.iot.create_thing_group(thingGroupName=f"group-{number}")
        cloud.iot.add_thing_to_thing_group(thingGroupName=f"group-{number}", thingName="in-ten")
    cloud.iot.add_thing_to_thing_group(thingGroupName="child", thingName="in-one")


def make_dynamic_groups(cloud: Cloud) -> None:
    """Create a dynamic group with a policy and a reserved attribute, whose query matches a thing."""
    properties = {
        "thingGroupDescription": "",
        "attributePayload": {"attributes": {"reconciler:odd": "x", "note": ""}},
    }
    query = "  attributes.site:oslo   AND NOT thingName:a* "
    group = cloud.iot.create_dynamic_thing_group(
        thingGroupName="dynamic", queryString=query, thingGroupProperties=properties
    )
    cloud.iot.create_thing(thingName="matching", attributePayload={"attributes": {"site": "oslo"}})
    cloud.iot.create_policy(policyName="of-dynamic", policyDocument=_make_document("iot:Connect"))
    cloud.iot.attach_policy(policyName="of-dynamic", target=group["thingGroupArn"])


def make_role_alias(cloud: Cloud) -> None:
    """Create a role alias with the longest duration."""
    cloud.iot.create_role_alias(roleAlias="alias", roleArn=ROLE_ARN, credentialDurationSeconds=43200)


def make_topic_rules(cloud: Cloud) -> None:
    """Create a rule with secrets, and one without actions, topic filter and SQL version."""
    cloud.iot.create_topic_rule(ruleName="secrets", topicRulePayload=TOPIC_RULE_PAYLOAD, tags="k=&odd=x")
    cloud.iot.create_topic_rule(ruleName="bare", topicRulePayload={"sql": "SELECT *", "actions": []})


ODDITIES: Mapping[str, MakeOdd] = {
    make.__name__: make
    for make in (
        make_policy_with_versions,
        make_policy_with_spaces,
        make_policy_with_full_tags,
        make_templates,
        make_ca_with_inline_template,
        make_ca_with_role_alone,
        make_default_ca_and_device,
        make_broken_policies,
        make_cognito_principals,
        make_managed_things,
        make_deprecated_type,
        make_certificates,
        make_pending_certificates,
        make_groups,
        make_dynamic_groups,
        make_role_alias,
        make_topic_rules,
    )
}
"""The functions that make odd resources, by name; they can be combined in any order."""


def _make_document(action: str | list[str]) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "arn:aws:iot:eu-west-1:123456789012:*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _register(cloud: Cloud, name: str, status: str = "ACTIVE") -> str:
    pem = AUTHORITIES["alpha"].get_device_pem(name)
    response = cloud.iot.register_certificate_without_ca(certificatePem=pem, status=status)
    arn: str = response["certificateArn"]
    return arn
