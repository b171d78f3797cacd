"""Edits of resources by someone else, for the tests of staleness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from reconciler.model.document import Document
from reconciler.model.pem import Pem
from tests.support.desired_states import AUTHORITIES
from tests.support.plain_kinds_strategy import FUNCTION_ARN
from tests.support.registry_client import Cloud

PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
OTHER_PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("b"))
ARN_PREFIX = "arn:aws:iot:eu-west-1:123456789012:"
CERTIFICATE_ARN = f"{ARN_PREFIX}cert/{PEM.fingerprint}"
ANOTHER_ROLE = "arn:aws:iam::123456789012:role/another"
UNREGISTERED_THINGS_ARN = f"{ARN_PREFIX}all/unregistered-things"


def make_allow_document(action: str) -> Document:
    return Document.from_value(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


@frozen
class Edit:
    """An edit by someone else: `make` performs the edit, and `read` reads the edited value."""

    address: str
    description: str
    make: Callable[[Cloud], Any]
    read: Callable[[Cloud], Any]
    only_removes: bool = False
    """Whether the edit only removes something, so that deleting the resource overwrites nothing."""

    def __str__(self) -> str:
        return f"{self.address}: {self.description}"


def describe_thing(cloud):
    return cloud.iot.describe_thing(thingName="a")


def list_principals(cloud, name="a"):
    return sorted(cloud.iot.list_thing_principals(thingName=name)["principals"])


def get_certificate_status(cloud):
    return cloud.iot.describe_certificate(certificateId=PEM.fingerprint)["certificateDescription"]["status"]


def build_policy_reader(target):
    """Return a function that reads which policies a target has, without ownership markers."""
    return lambda cloud: sorted(
        policy["policyName"]
        for policy in cloud.iot.list_attached_policies(target=target)["policies"]
        if not policy["policyName"].startswith("reconciler-")
    )


def build_tag_reader(arn):
    return lambda cloud: {
        tag["Key"]: tag["Value"] for tag in cloud.iot.list_tags_for_resource(resourceArn=arn)["tags"]
    }


def create_policy(cloud):
    cloud.iot.create_policy(policyName="by-hand", policyDocument=make_allow_document("iot:*").text)
    return "by-hand"


def make_foreign_destination(cloud):
    stream = cloud.managed_integrations.get_destination(Name="stream")
    members = ("DeliveryDestinationArn", "DeliveryDestinationType", "RoleArn")
    cloud.managed_integrations.create_destination(
        Name="theirs", **{member: stream[member] for member in members}
    )
    cloud.managed_integrations.update_notification_configuration(
        EventType="DEVICE_EVENT", DestinationName="theirs"
    )


def get_event_log(cloud):
    (configuration,) = cloud.managed_integrations.list_event_log_configurations()["EventLogConfigurationList"]
    return configuration


def get_only_item(cloud, operation, member):
    """Return the only item of a listing of managed integrations."""
    (item,) = getattr(cloud.managed_integrations, operation)()[member]
    return item


def get_connector(cloud):
    return get_only_item(cloud, "list_cloud_connectors", "Items")


def get_connector_destination(cloud):
    return get_only_item(cloud, "list_connector_destinations", "ConnectorDestinationList")


def get_association(cloud):
    return get_only_item(cloud, "list_account_associations", "Items")


def create_thing(cloud):
    cloud.iot.create_thing(thingName="by-hand")
    return "by-hand"


def get_managed_thing(cloud):
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    return cloud.managed_integrations.get_managed_thing(Identifier=item["Id"])


def build_attribute_update(**values):
    """Return the parameters of an update that sets these attributes and keeps all others."""
    return {"attributePayload": {"attributes": values, "merge": True}}


EDITS = [
    Edit(
        "things.a",
        "an attribute is changed",
        lambda c: c.iot.update_thing(thingName="a", **build_attribute_update(site="rome")),
        lambda c: describe_thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "an attribute is added",
        lambda c: c.iot.update_thing(thingName="a", **build_attribute_update(note="x")),
        lambda c: describe_thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "its type is removed",
        lambda c: c.iot.update_thing(thingName="a", removeThingType=True),
        lambda c: describe_thing(c).get("thingTypeName"),
        only_removes=True,
    ),
    Edit(
        "things.a",
        "another certificate is attached",
        lambda c: c.iot.attach_thing_principal(
            thingName="a",
            principal=c.iot.register_certificate_without_ca(certificatePem=OTHER_PEM.text)["certificateArn"],
        ),
        list_principals,
    ),
    Edit(
        "things.a",
        "its certificate is detached",
        lambda c: c.iot.detach_thing_principal(thingName="a", principal=CERTIFICATE_ARN),
        list_principals,
        only_removes=True,
    ),
    Edit(
        "certificates.a",
        "it is revoked",
        lambda c: c.iot.update_certificate(certificateId=PEM.fingerprint, newStatus="REVOKED"),
        get_certificate_status,
    ),
    Edit(
        "certificates.a",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=create_policy(c), target=CERTIFICATE_ARN),
        build_policy_reader(CERTIFICATE_ARN),
    ),
    Edit(
        "certificates.a",
        "its policy is detached",
        lambda c: c.iot.detach_policy(policyName="p", target=CERTIFICATE_ARN),
        build_policy_reader(CERTIFICATE_ARN),
        only_removes=True,
    ),
    Edit(
        "certificates.a",
        "it is attached to another thing",
        lambda c: c.iot.attach_thing_principal(thingName=create_thing(c), principal=CERTIFICATE_ARN),
        lambda c: list_principals(c, "by-hand"),
    ),
    Edit(
        "policies.p",
        "its document is changed",
        lambda c: c.iot.create_policy_version(
            policyName="p", policyDocument=make_allow_document("iot:*").text, setAsDefault=True
        ),
        lambda c: Document.parse(c.iot.get_policy(policyName="p")["policyDocument"]),
    ),
    Edit(
        "policies.p",
        "a tag is added",
        lambda c: c.iot.tag_resource(
            resourceArn=f"{ARN_PREFIX}policy/p", tags=[{"Key": "by", "Value": "hand"}]
        ),
        build_tag_reader(f"{ARN_PREFIX}policy/p"),
    ),
    Edit(
        "thing_groups.g",
        "its description is changed",
        lambda c: c.iot.update_thing_group(
            thingGroupName="g", thingGroupProperties={"thingGroupDescription": "By hand"}
        ),
        lambda c: c.iot.describe_thing_group(thingGroupName="g")["thingGroupProperties"][
            "thingGroupDescription"
        ],
    ),
    Edit(
        "thing_groups.g",
        "an attribute is added",
        lambda c: c.iot.update_thing_group(
            thingGroupName="g", thingGroupProperties=build_attribute_update(note="x")
        ),
        lambda c: c.iot.describe_thing_group(thingGroupName="g")["thingGroupProperties"]["attributePayload"],
    ),
    Edit(
        "thing_groups.g",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=create_policy(c), target=f"{ARN_PREFIX}thinggroup/g"),
        build_policy_reader(f"{ARN_PREFIX}thinggroup/g"),
    ),
    Edit(
        "thing_types.t",
        "its propagating attributes are changed",
        lambda c: c.iot.update_thing_type(
            thingTypeName="t",
            thingTypeProperties={
                "mqtt5Configuration": {
                    "propagatingAttributes": [{"userPropertyKey": "by:hand", "thingAttribute": "x"}]
                }
            },
        ),
        lambda c: c.iot.describe_thing_type(thingTypeName="t")["thingTypeProperties"]["mqtt5Configuration"],
    ),
    Edit(
        "billing_groups.b",
        "its description is changed",
        lambda c: c.iot.update_billing_group(
            billingGroupName="b", billingGroupProperties={"billingGroupDescription": "By hand"}
        ),
        lambda c: c.iot.describe_billing_group(billingGroupName="b")["billingGroupProperties"],
    ),
    Edit(
        "dynamic_thing_groups.d",
        "its query is changed",
        lambda c: c.iot.update_dynamic_thing_group(
            thingGroupName="d", thingGroupProperties={}, queryString="thingName:a"
        ),
        lambda c: c.iot.describe_thing_group(thingGroupName="d")["queryString"],
    ),
    Edit(
        "ca_certificates.alpha",
        "it is deactivated",
        lambda c: c.iot.update_ca_certificate(
            certificateId=Pem.parse(AUTHORITIES["alpha"].pem).fingerprint, newStatus="INACTIVE"
        ),
        lambda c: c.iot.describe_ca_certificate(
            certificateId=Pem.parse(AUTHORITIES["alpha"].pem).fingerprint
        )["certificateDescription"]["status"],
    ),
    Edit(
        "role_aliases.r",
        "its role is changed",
        lambda c: c.iot.update_role_alias(roleAlias="r", roleArn=ANOTHER_ROLE),
        lambda c: c.iot.describe_role_alias(roleAlias="r")["roleAliasDescription"]["roleArn"],
    ),
    Edit(
        "certificate_providers.s",
        "its function is changed",
        lambda c: c.iot.update_certificate_provider(
            certificateProviderName="s", lambdaFunctionArn=f"{FUNCTION_ARN}-by-hand"
        ),
        lambda c: c.iot.describe_certificate_provider(certificateProviderName="s")["lambdaFunctionArn"],
    ),
    Edit(
        "dimensions.d",
        "its values are changed",
        lambda c: c.iot.update_dimension(name="d", stringValues=["by/hand"]),
        lambda c: c.iot.describe_dimension(name="d")["stringValues"],
    ),
    Edit(
        "custom_metrics.battery",
        "its display name is changed",
        lambda c: c.iot.update_custom_metric(metricName="battery", displayName="By hand"),
        lambda c: c.iot.describe_custom_metric(metricName="battery")["displayName"],
    ),
    Edit(
        "mitigation_actions.action",
        "its role is changed",
        lambda c: c.iot.update_mitigation_action(actionName="action", roleArn=ANOTHER_ROLE),
        lambda c: c.iot.describe_mitigation_action(actionName="action")["roleArn"],
    ),
    Edit(
        "security_profiles.s",
        "it is attached to unregistered things",
        lambda c: c.iot.attach_security_profile(
            securityProfileName="s", securityProfileTargetArn=UNREGISTERED_THINGS_ARN
        ),
        lambda c: c.iot.list_targets_for_security_profile(securityProfileName="s")["securityProfileTargets"],
    ),
    Edit(
        "log_levels.pump",
        "its level is changed",
        lambda c: c.iot.set_v2_logging_level(
            logTarget={"targetType": "CLIENT_ID", "targetName": "pump"}, logLevel="WARN"
        ),
        lambda c: c.read_content()["log_levels"]["CLIENT_ID:pump"],
    ),
    Edit(
        "managed_destinations.stream",
        "another role",
        lambda c: c.managed_integrations.update_destination(Name="stream", RoleArn=ANOTHER_ROLE),
        lambda c: c.managed_integrations.get_destination(Name="stream")["RoleArn"],
    ),
    Edit(
        "managed_destinations.unused",
        "another role",
        lambda c: c.managed_integrations.update_destination(Name="unused", RoleArn=ANOTHER_ROLE),
        lambda c: c.managed_integrations.get_destination(Name="unused")["RoleArn"],
    ),
    Edit(
        "notification_configurations.DEVICE_EVENT",
        "another destination",
        make_foreign_destination,
        lambda c: c.managed_integrations.get_notification_configuration(EventType="DEVICE_EVENT")[
            "DestinationName"
        ],
    ),
    Edit(
        "event_log_configurations.all",
        "another level",
        lambda c: c.managed_integrations.update_event_log_configuration(
            Id=get_event_log(c)["Id"], EventLogLevel="DEBUG"
        ),
        lambda c: get_event_log(c)["EventLogLevel"],
    ),
    Edit(
        "cloud_connectors.acme",
        "another name",
        lambda c: c.managed_integrations.update_cloud_connector(
            Identifier=get_connector(c)["Id"], Name="By hand"
        ),
        lambda c: get_connector(c)["Name"],
    ),
    Edit(
        "connector_destinations.eu",
        "another name",
        lambda c: c.managed_integrations.update_connector_destination(
            Identifier=get_connector_destination(c)["Id"], Name="By hand"
        ),
        lambda c: get_connector_destination(c)["Name"],
    ),
    Edit(
        "account_associations.anna",
        "another name",
        lambda c: c.managed_integrations.update_account_association(
            AccountAssociationId=get_association(c)["AccountAssociationId"], Name="By hand"
        ),
        lambda c: get_association(c)["Name"],
    ),
    Edit(
        "scheduled_audits.audit",
        "its frequency is changed",
        lambda c: c.iot.update_scheduled_audit(
            scheduledAuditName="audit", frequency="MONTHLY", dayOfMonth="LAST"
        ),
        lambda c: c.iot.describe_scheduled_audit(scheduledAuditName="audit")["frequency"],
    ),
    Edit(
        "job_templates.reboot",
        "a tag is added",
        lambda c: c.iot.tag_resource(
            resourceArn=f"{ARN_PREFIX}jobtemplate/reboot", tags=[{"Key": "by", "Value": "hand"}]
        ),
        lambda c: c.iot.list_tags_for_resource(resourceArn=f"{ARN_PREFIX}jobtemplate/reboot")["tags"],
    ),
    Edit(
        "packages.firmware",
        "its description is changed",
        lambda c: c.iot.update_package(packageName="firmware", description="By hand"),
        lambda c: c.iot.get_package(packageName="firmware")["description"],
    ),
    Edit(
        "package_versions.v1",
        "it is published",
        lambda c: c.iot.update_package_version(packageName="firmware", versionName="1.0.0", action="PUBLISH"),
        lambda c: c.iot.get_package_version(packageName="firmware", versionName="1.0.0")["status"],
    ),
    Edit(
        "topic_rules.rule",
        "it is disabled",
        lambda c: c.iot.disable_topic_rule(ruleName="rule"),
        lambda c: c.iot.get_topic_rule(ruleName="rule")["rule"]["ruleDisabled"],
    ),
    Edit(
        "provisioning_templates.v",
        "it is enabled",
        lambda c: c.iot.update_provisioning_template(templateName="v", enabled=True),
        lambda c: c.iot.describe_provisioning_template(templateName="v")["enabled"],
    ),
    Edit(
        "managed_things.m",
        "its brand is changed",
        lambda c: c.managed_integrations.update_managed_thing(
            Identifier=get_managed_thing(c)["Id"], Brand="By hand"
        ),
        lambda c: get_managed_thing(c)["Brand"],
    ),
    Edit(
        "managed_things.m",
        "a tag is added",
        lambda c: c.managed_integrations.tag_resource(
            ResourceArn=get_managed_thing(c)["Arn"], Tags={"by": "hand"}
        ),
        lambda c: get_managed_thing(c)["Tags"],
    ),
]
