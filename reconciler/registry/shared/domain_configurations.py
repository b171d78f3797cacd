"""Domain configurations: their type, and those that refer to an authorizer."""

from reconciler.registry.context import Context
from reconciler.registry.shared.named_resources import NamedResourceType

DOMAIN_CONFIGURATIONS = NamedResourceType(
    "domain configuration",
    "domainconfiguration",
    "domainConfigurationName",
    {
        "serviceType": "DATA",
        "domainConfigurationStatus": "ENABLED",
        "tlsConfig": {"securityPolicy": "IotSecurityPolicy_TLS13_1_2_2022_10"},
        "serverCertificateConfig": {"enableOCSPCheck": False},
        "authenticationType": "DEFAULT",
        "applicationProtocol": "DEFAULT",
    },
    arn_suffix_length=5,
)
"""The last part of the ARN of a configuration is a random text of AWS's; here, it follows from the name."""


def find_users_of_authorizer(context: Context, name: str) -> list[str]:
    """Return the names of the domain configurations whose default authorizer it is."""
    return [
        configuration.name
        for configuration in DOMAIN_CONFIGURATIONS.read_all(context)
        if configuration.members.get("authorizerConfig", {}).get("defaultAuthorizerName") == name
    ]
