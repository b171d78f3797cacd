"""The resources that an event of CloudTrail names: those that its request and its response name.

CloudTrail's documentation has no list of them for AWS IoT, and the only event in AWS IoT's documentation names none. So the types,
which are those of CloudFormation, and that a resource in an ARN is named by its name, are UNCONFIRMED.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel

from reconciler.frozen_classes import frozen

# Members with the name or ID of a resource, and its type; an empty one is that of the operation's noun.
_MEMBER_TYPES = {
    "actionName": "MitigationAction",
    "authorizerName": "Authorizer",
    "billingGroupName": "BillingGroup",
    "certificateId": "Certificate",
    "certificateProviderName": "CertificateProvider",
    "domainConfigurationName": "DomainConfiguration",
    "jobTemplateId": "JobTemplate",
    "metricName": "",
    "name": "",
    "packageName": "SoftwarePackage",
    "policyName": "Policy",
    "roleAlias": "RoleAlias",
    "ruleName": "TopicRule",
    "scheduledAuditName": "ScheduledAudit",
    "securityProfileName": "SecurityProfile",
    "templateName": "ProvisioningTemplate",
    "thingGroupName": "ThingGroup",
    "thingName": "Thing",
    "thingTypeName": "ThingType",
    "versionName": "SoftwarePackageVersion",
    "AccountAssociationId": "",
    "Id": "",
    "Identifier": "",
}
# Members with the ARN of a resource.
_ARN_MEMBERS = ("principal", "target", "resourceArn", "securityProfileTargetArn", "arn")
_ARN_TYPES = {
    "cacert": "CACertificate",
    "cert": "Certificate",
    "policy": "Policy",
    "ruledestination": "TopicRuleDestination",
    "thing": "Thing",
    "thinggroup": "ThingGroup",
}
_NAMESPACES = {"iot": "AWS::IoT::", "iot-managed-integrations": "AWS::IoTManagedIntegrations::"}
_NOUN = re.compile(r"[A-Z][a-z]+([A-Z]\w*)")


Format = Callable[[Any], str]
"""Takes the value of a member; returns a line with the type of the resource, a tab and its name, or nothing."""


@frozen
class ResourceMembers:
    """The members of an operation's requests and responses that name a resource, each with its format."""

    params: tuple[tuple[str, Format], ...]
    output: tuple[tuple[str, Format], ...]

    def format_resources(self, params: Mapping[str, Any], output: Mapping[str, Any]) -> str:
        """Return a line for each resource that is named, after an empty one if there are any."""
        lines = [write(params[name]) for name, write in self.params if name in params]
        lines += [write(output[name]) for name, write in self.output if name in output]
        return f"\n{''.join(lines)}" if lines else ""


def find_resource_members(service: str, model: OperationModel) -> ResourceMembers:
    """Return the members of an operation that name a resource; requests precede responses."""
    params, output = (shape.members if shape else {} for shape in (model.input_shape, model.output_shape))
    formats = {
        name: write
        for name in (*params, *output)
        if (write := _choose_format(_NAMESPACES[service], model.name, name)) is not None
    }
    return ResourceMembers(
        tuple((name, formats[name]) for name in params if name in formats),
        tuple((name, formats[name]) for name in output if name in formats and name not in params),
    )


def _choose_format(namespace: str, operation: str, member: str) -> Format | None:
    if member in _MEMBER_TYPES:
        type_name = namespace + _find_type(operation, member)
        return lambda name: f"{type_name}\t{name}\n"
    if member in _ARN_MEMBERS:
        return lambda arn: _format_arn(namespace, arn)
    if member == "topicRuleDestination":
        return lambda destination: _format_arn(namespace, destination["arn"])
    return None


def _find_type(operation: str, member: str) -> str:
    if member == "certificateId" and "CACertificate" in operation:
        return "CACertificate"
    noun = _NOUN.fullmatch(operation)
    return _MEMBER_TYPES[member] or (noun[1] if noun else operation)


def _format_arn(namespace: str, arn: str) -> str:
    """Return the line of a resource, or nothing for one of another service, as a principal may be."""
    type_name, _, name = arn.rpartition(":")[2].partition("/")
    return f"{namespace}{_ARN_TYPES[type_name]}\t{name}\n" if type_name in _ARN_TYPES and name else ""
