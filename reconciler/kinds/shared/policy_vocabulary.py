"""The actions and variables that AWS defines for policies of AWS IoT.

They control what connected devices may do, not AWS's control plane: an action such as `iot:CreateThing` has no effect in them.

Source: AWS IoT developer guide, "AWS IoT Core policy actions", "AWS IoT Core policy variables", "Authorizing devices to use AWS IoT Jobs
securely on the data plane" and "Authorizing direct calls to AWS services using the AWS IoT Core credential provider"; AWS IoT
Greengrass developer guide, "Device authentication and authorization"; botocore's models of `iot-data` and `iot-jobs-data`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

IOT_ACTIONS = (
    *("iot:Connect", "iot:DeleteConnection", "iot:GetConnection", "iot:ListSubscriptions", "iot:Publish"),
    *("iot:Receive", "iot:RetainPublish", "iot:SendDirectMessage", "iot:Subscribe"),
    *("iot:GetRetainedMessage", "iot:ListRetainedMessages"),
    *("iot:DeleteThingShadow", "iot:GetThingShadow", "iot:ListNamedShadowsForThing", "iot:UpdateThingShadow"),
    *("iot:DescribeJobExecution", "iot:GetPendingJobExecutions", "iot:StartNextPendingJobExecution"),
    *("iot:UpdateJobExecution", "iot:StartCommandExecution"),
    "iot:AssumeRoleWithCertificate",
)
JOBS_ACTIONS = (
    *("iotjobsdata:DescribeJobExecution", "iotjobsdata:GetPendingJobExecutions"),
    *("iotjobsdata:StartNextPendingJobExecution", "iotjobsdata:UpdateJobExecution"),
    "iotjobsdata:StartCommandExecution",
)
GREENGRASS_ACTIONS = (
    *("greengrass:Discover", "greengrass:GetComponentVersionArtifact", "greengrass:GetConnectivityInfo"),
    *("greengrass:GetDeploymentConfiguration", "greengrass:ListThingGroupsForCoreDevice"),
    *("greengrass:PutCertificateAuthorities", "greengrass:ResolveComponentCandidates"),
    *("greengrass:UpdateConnectivityInfo", "greengrass:VerifyClientDeviceIdentity"),
    "greengrass:VerifyClientDeviceIoTCertificateAssociation",
    *("greengrass:AssumeRoleForGroup", "greengrass:CreateCertificate", "greengrass:GetDeployment"),
    *("greengrass:GetDeploymentArtifacts", "greengrass:UpdateCoreDeploymentStatus"),
)
RESOURCE_TYPES = {
    **dict.fromkeys(("iot:connect", "iot:deleteconnection", "iot:getconnection"), "client"),
    **dict.fromkeys(("iot:publish", "iot:receive", "iot:retainpublish", "iot:getretainedmessage"), "topic"),
    "iot:subscribe": "topicfilter",
    **dict.fromkeys(("iot:getthingshadow", "iot:updatethingshadow", "iot:deletethingshadow"), "thing"),
    "iot:assumerolewithcertificate": "rolealias",
}
"""By action in lower case: the first part of the names of the resources that it applies to."""

ACTIONS = (*IOT_ACTIONS, *JOBS_ACTIONS, *GREENGRASS_ACTIONS)

_MIN_SIMILARITY = 0.75
"""Less similar names are not suggested, such as `iot:UpdateThingShadow` for `iot:CreateThing`."""

VARIABLES = (
    *("iot:ClientId", "iot:DomainName", "iot:CertificateId", "iot:Certificate.SerialNumber"),
    *("iot:Connection.Thing.ThingName", "iot:Connection.Thing.ThingTypeName"),
    *("iot:Connection.Thing.IsAttached", "iot:Connection.Thing.Attributes[NAME]"),
    *("iot:Certificate.Subject.CommonName", "iot:Certificate.Issuer.CommonName"),
    *("aws:SourceIp", "aws:CurrentTime", "aws:EpochTime"),
)
"""The variables that a message may suggest; `is_known_variable` also knows the others."""

_CERTIFICATE_ATTRIBUTES = (
    "DistinguishedNameQualifier|Country|Organization|OrganizationalUnit|State|CommonName|SerialNumber|Title|Surname|"
    "GivenName|Initials|Pseudonym|GenerationQualifier|"
    r"AlternativeName\.(?:RFC822Name|DNSName|DirectoryName|UniformResourceIdentifier|IPAddress)"
)
_KNOWN_VARIABLE = (
    r"iot:(?:ClientId|DomainName|CertificateId|Certificate\.SerialNumber)"
    r"|iot:Connection\.Thing\.(?:ThingName|ThingTypeName|IsAttached|Attributes\[[^\[\]]+\])"
    rf"|iot:Certificate\.(?:Subject|Issuer)\.(?:{_CERTIFICATE_ATTRIBUTES})(?:\.(?:List|\d+))?"
    r"|(?:aws|cognito-identity\.amazonaws\.com|www\.amazon\.com|accounts\.google\.com|graph\.facebook\.com):\S+"
    r"|[*?$]"
)


def is_known_action(pattern: str) -> bool:
    """Return whether an action, which may have wildcards, is or matches one that AWS defines."""
    return any(matches_action(pattern, action) for action in ACTIONS)


def matches_action(pattern: str, action: str) -> bool:
    """Return whether an action in a policy, which may have wildcards, includes another one, ignoring case."""
    return fnmatchcase(action.lower(), pattern.lower())


def is_known_variable(name: str) -> bool:
    """Return whether AWS defines a policy variable, written without `${}`."""
    return re.fullmatch(_KNOWN_VARIABLE, name, re.IGNORECASE) is not None


def find_nearest_action(action: str) -> str | None:
    """Return the action that an unknown one is probably a misspelling of."""
    return _find_nearest(action, ACTIONS)


def find_nearest_variable(name: str) -> str | None:
    """Return the variable that an unknown one is probably a misspelling of."""
    return _find_nearest(name, VARIABLES)


def _find_nearest(name: str, names: Sequence[str]) -> str | None:
    """Return the nearest name, compared by its last part, such as `ThingName`."""
    import difflib  # slow to import, and most policies have no misspelling

    names_by_last_part = {_find_last_part(valid): valid for valid in reversed(names)}
    matches = difflib.get_close_matches(
        _find_last_part(name), names_by_last_part, n=1, cutoff=_MIN_SIMILARITY
    )
    return names_by_last_part[matches[0]] if matches else None


def _find_last_part(name: str) -> str:
    return re.split("[:.]", name)[-1].lower()
