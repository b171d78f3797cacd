"""Domain configurations: the operations that create, describe, list, update and delete them.

An account has configurations of AWS's own, for its default endpoints; they are listed and described, and cannot be changed. No
certificate or Lambda function is checked, and no endpoint is served.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.authorizers import AUTHORIZERS
from reconciler.registry.operations.endpoints import describe_endpoint
from reconciler.registry.paging import MARKER_PAGER
from reconciler.registry.shared.domain_configurations import DOMAIN_CONFIGURATIONS
from reconciler.registry.shared.named_resources import NamedResource

_DISABLED_SECONDS = 7 * 86_400
"""For how long the configuration of an AWS-managed domain must be DISABLED before it can be deleted (developer guide)."""

_DEFAULT_SERVICE_TYPES = {
    "iot:Data-ATS": "DATA",
    "iot:CredentialProvider": "CREDENTIAL_PROVIDER",
    "iot:Jobs": "JOBS",
}
"""The service type of each configuration of AWS's own, by name."""

_PREFIX_DIGITS = 13


@frozen
class _ListItem:
    """An item of a listing; `seq` is negative for AWS's own configurations, which come first."""

    seq: int
    name: str
    arn: str
    service_type: str

    def to_output(self) -> dict[str, Any]:
        return {
            "domainConfigurationName": self.name,
            "domainConfigurationArn": self.arn,
            "serviceType": self.service_type,
        }


@operation("iot", "CreateDomainConfiguration")
def create_domain_configuration(context: Context, params: Params) -> Output | None:
    """Create a configuration; without `domainName`, AWS manages a new domain.

    Raises ResourceAlreadyExists (409), InvalidRequest for an unknown authorizer, for a domain without a certificate or a certificate
    without a domain (AWS's codes are UNCONFIRMED), and for invalid tags.
    """
    _check_authorizer(context, params)
    has_domain, certificates = "domainName" in params, params.get("serverCertificateArns", [])
    if has_domain != bool(certificates):
        raise context.invalid("A server certificate is required for a custom domain, and only there.")
    members = {key: value for key, value in params.items() if key != "validationCertificateArn"}
    computed = {
        "domainName": params.get("domainName")
        or _build_domain_name(context, params["domainConfigurationName"]),
        "domainType": "CUSTOMER_MANAGED" if has_domain else "AWS_MANAGED",
        "lastStatusChangeDate": context.now,
    }
    return _name(DOMAIN_CONFIGURATIONS.create(context, {**members, **computed}))


@operation("iot", "DescribeDomainConfiguration")
def describe_domain_configuration(context: Context, params: Params) -> Output | None:
    """Return everything about a configuration except its tags. Raises ResourceNotFound."""
    default = _find_default(context, params["domainConfigurationName"])
    if default:
        return default
    configuration = DOMAIN_CONFIGURATIONS.require(context, params)
    members = dict(configuration.members)
    arns = members.pop("serverCertificateArns", [])
    certificates = [{"serverCertificateArn": arn, "serverCertificateStatus": "VALID"} for arn in arns]
    return {**members, **_name(configuration), "serverCertificates": certificates}


@operation("iot", "ListDomainConfigurations")
def list_domain_configurations(context: Context, params: Params) -> Output | None:
    """Return the names, ARNs and service types of all configurations, AWS's own first.

    The order is UNCONFIRMED.
    """
    page = MARKER_PAGER.start_page(context, params)
    defaults = [
        _ListItem(index - len(_DEFAULT_SERVICE_TYPES), name, _build_default_arn(context, name), service_type)
        for index, (name, service_type) in enumerate(_DEFAULT_SERVICE_TYPES.items())
    ]
    others = [
        _ListItem(item.seq, item.name, item.arn, item.members["serviceType"])
        for item in DOMAIN_CONFIGURATIONS.read_all(context)
    ]
    service_type, after = params.get("serviceType"), page.after
    items = [
        item
        for item in [*defaults, *others]
        if service_type in (None, item.service_type) and (after is None or item.seq > after[0])
    ]
    return page.build_output(
        "domainConfigurations", items[: page.limit], key=lambda item: (item.seq,), item=_ListItem.to_output
    )


@operation("iot", "UpdateDomainConfiguration")
def update_domain_configuration(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay, and structures are replaced as a whole.

    Raises ResourceNotFound, InvalidRequest for a configuration of AWS's own, for an unknown authorizer, and for an authorizer that is
    both set and removed.
    """
    if _find_default(context, params["domainConfigurationName"]):
        raise context.invalid("The domain configurations of default endpoints cannot be updated.")
    configuration = DOMAIN_CONFIGURATIONS.require(context, params)
    _check_authorizer(context, params)
    changes = DOMAIN_CONFIGURATIONS.select_changes(params)
    if changes.pop("removeAuthorizerConfig", False):
        if "authorizerConfig" in changes:
            raise context.invalid("The authorizer config cannot be set and removed at once.")
        changes["authorizerConfig"] = None
    if changes.get("clientCertificateConfig", {}).get("clientCertificateCallbackArn") == "":
        changes["clientCertificateConfig"] = None
    status = changes.get("domainConfigurationStatus")
    if status not in (None, configuration.members["domainConfigurationStatus"]):
        changes["lastStatusChangeDate"] = context.now
    return _name(DOMAIN_CONFIGURATIONS.update(context, configuration, changes))


@operation("iot", "DeleteDomainConfiguration")
def delete_domain_configuration(context: Context, params: Params) -> Output | None:
    """Delete a configuration that is DISABLED; on an AWS-managed domain, only after 7 days.

    Raises ResourceNotFound, InvalidRequest for one that cannot be deleted yet.
    """
    configuration = DOMAIN_CONFIGURATIONS.require(context, params)
    members = configuration.members
    if members["domainConfigurationStatus"] != "DISABLED":
        raise context.invalid(f"The domain configuration {configuration.name} is ENABLED. Disable it first.")
    is_too_early = context.now < members["lastStatusChangeDate"] + _DISABLED_SECONDS
    if members["domainType"] == "AWS_MANAGED" and is_too_early:
        raise context.invalid("An AWS-managed domain must be DISABLED for 7 days before it can be deleted.")
    DOMAIN_CONFIGURATIONS.delete(context, params)
    return None


def _name(configuration: NamedResource) -> dict[str, Any]:
    return {"domainConfigurationName": configuration.name, "domainConfigurationArn": configuration.arn}


def _check_authorizer(context: Context, params: Mapping[str, Any]) -> None:
    name = params.get("authorizerConfig", {}).get("defaultAuthorizerName")
    if name is not None and AUTHORIZERS.find(context, name) is None:
        raise context.invalid(f"The authorizer {name} does not exist.")


def _find_default(context: Context, name: str) -> dict[str, Any] | None:
    """Return the description of a configuration of AWS's own, or None."""
    if name not in _DEFAULT_SERVICE_TYPES:
        return None
    endpoint = describe_endpoint(context, {"endpointType": name})
    assert endpoint
    return {
        "domainConfigurationName": name,
        "domainConfigurationArn": _build_default_arn(context, name),
        "domainName": endpoint["endpointAddress"],
        "serverCertificates": [],
        "domainConfigurationStatus": "ENABLED",
        "serviceType": _DEFAULT_SERVICE_TYPES[name],
        "domainType": "ENDPOINT",
    }


def _build_default_arn(context: Context, name: str) -> str:
    return context.build_arn(f"domainconfiguration/{name}")


def _build_domain_name(context: Context, name: str) -> str:
    digest = hashlib.sha256(f"{context.account}/{context.region}/{name}".encode()).hexdigest()
    return f"d{digest[:_PREFIX_DIGITS]}-ats.iot.{context.region}.amazonaws.com"
