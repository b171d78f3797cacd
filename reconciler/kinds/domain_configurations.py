"""Domain configurations: the endpoints that devices connect to.

Their domain is the customer's own, or one that AWS manages.

Source: AWS IoT API reference, CreateDomainConfiguration and related operations; developer guide, "Managing domain configurations" (a
configuration must be DISABLED before it can be deleted, on an AWS-managed domain for 7 days; its server certificate cannot be
changed), "Creating and configuring customer managed domains" and "Device communication protocols". Configurations whose names begin
with `iot:` are AWS's default endpoints, which cannot be changed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.members import from_members, to_members
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.function_arns import check_function_arn
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, Live, Resource

DISABLED_DAYS = 7
"""For how long a configuration of an AWS-managed domain must be DISABLED before it can be deleted (developer guide)."""

_AUTHORIZER_FIELDS = ("authorizer", "allow_authorizer_override")
"""The fields that are members of one structure, `authorizerConfig`."""

_NOT_DESCRIBED = frozenset({"serverCertificateArns", "validationCertificateArn"})
"""Members of a creation that a description does not have under the same name."""

_DERIVED_MEMBERS = {
    "UpdateDomainConfiguration.removeAuthorizerConfig": "set when authorizer and allow_authorizer_override are removed"
}

_REMOVED_VALUES = {
    "client_certificate_config": {"clientCertificateConfig": {"clientCertificateCallbackArn": ""}}
}
"""Members that remove a field's value. That an empty ARN removes the callback is UNCONFIRMED."""

_PROTOCOLS = {
    "AWS_X509": ("SECURE_MQTT", "HTTPS"),
    "AWS_SIGV4": ("MQTT_WSS", "HTTPS"),
    "CUSTOM_AUTH_X509": ("SECURE_MQTT", "HTTPS"),
}
"""By authentication type: the protocols with which clients can use it (developer guide, "Device communication protocols")."""


@frozen
class TlsConfig:
    """The TLS settings of an endpoint."""

    security_policy: str = member(
        "The name of the security policy: versions of TLS and cipher suites.",
        api="CreateDomainConfiguration.tlsConfig.securityPolicy",
    )


@frozen
class ServerCertificateConfig:
    """How AWS checks the server certificate."""

    enable_ocsp_check: bool = member(
        "Whether AWS checks with OCSP that the certificate is not revoked.",
        api="CreateDomainConfiguration.serverCertificateConfig.enableOCSPCheck",
        default=False,
    )
    ocsp_lambda_arn: str | None = member(
        "The ARN of the Lambda function that answers OCSP requests, for a certificate of a private CA.",
        api="CreateDomainConfiguration.serverCertificateConfig.ocspLambdaArn",
        outside="function",
        default=None,
    )
    ocsp_authorized_responder_arn: str | None = member(
        "The ARN of the certificate, in AWS Certificate Manager, that signs the responses to OCSP requests.",
        api="CreateDomainConfiguration.serverCertificateConfig.ocspAuthorizedResponderArn",
        default=None,
    )


@frozen
class ClientCertificateConfig:
    """The handling of the certificates of clients."""

    client_certificate_callback_arn: str = member(
        "The ARN of the Lambda function that AWS calls after it has authenticated a client by certificate.",
        api="CreateDomainConfiguration.clientCertificateConfig.clientCertificateCallbackArn",
        outside="function",
    )


@frozen
class DomainConfiguration:
    """`[domain_configurations.*]`."""

    domain_name: str | None = member(
        "The domain; by default, AWS manages one.",
        api="CreateDomainConfiguration.domainName",
        on_change="replaces",
        default=None,
    )
    server_certificate_arns: tuple[str, ...] = member(
        "The ARN of the server certificate in AWS Certificate Manager; only with `domain_name`.",
        api="CreateDomainConfiguration.serverCertificateArns",
        on_change="replaces",
        factory=tuple,
    )
    validation_certificate_arn: str | None = member(
        "The ARN of a certificate of a public CA that proves the ownership of the domain; needed if the server certificate is not of a public CA.",
        api="CreateDomainConfiguration.validationCertificateArn",
        on_change="create_only",
        default=None,
    )
    service_type: Literal["DATA", "CREDENTIAL_PROVIDER", "JOBS"] = member(
        "The service behind the endpoint.",
        api="CreateDomainConfiguration.serviceType",
        on_change="replaces",
        default="DATA",
    )
    status: Literal["ENABLED", "DISABLED"] = member(
        "ENABLED lets devices connect.",
        api="UpdateDomainConfiguration.domainConfigurationStatus",
        default="ENABLED",
    )
    authorizer: str | External | None = member(
        "The authorizer that clients use if they name none.",
        api="CreateDomainConfiguration.authorizerConfig.defaultAuthorizerName",
        references="authorizers",
        default=None,
    )
    allow_authorizer_override: bool | None = member(
        "Whether clients may name another authorizer; false by default if there is an `authorizer`.",
        api="CreateDomainConfiguration.authorizerConfig.allowAuthorizerOverride",
        default=None,
    )
    tls_config: TlsConfig | None = member(
        "The TLS settings; by default, AWS chooses them, and they are not compared.",
        api="CreateDomainConfiguration.tlsConfig",
        default=None,
    )
    server_certificate_config: ServerCertificateConfig = member(
        "How AWS checks the server certificate.",
        api="CreateDomainConfiguration.serverCertificateConfig",
        factory=ServerCertificateConfig,
    )
    authentication_type: Literal["CUSTOM_AUTH_X509", "CUSTOM_AUTH", "AWS_X509", "AWS_SIGV4", "DEFAULT"] = (
        member(
            "How clients authenticate; DEFAULT: it depends on the port and on ALPN.",
            api="CreateDomainConfiguration.authenticationType",
            default="DEFAULT",
        )
    )
    application_protocol: Literal["SECURE_MQTT", "MQTT_WSS", "HTTPS", "DEFAULT"] = member(
        "The protocol of clients; DEFAULT: it depends on the port and on ALPN.",
        api="CreateDomainConfiguration.applicationProtocol",
        default="DEFAULT",
    )
    client_certificate_config: ClientCertificateConfig | None = member(
        "The handling of the certificates of clients.",
        api="CreateDomainConfiguration.clientCertificateConfig",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateDomainConfiguration.tags", factory=dict)


@frozen
class DomainConfigurationFacts:
    """Facts of a domain configuration: whether AWS manages its domain, and when its status changed last."""

    is_aws_managed: bool
    changed_at: datetime.datetime | None


class DomainConfigurations(PlainKind):
    """Domain configurations: found by name, owned by tag; disabled before they are deleted."""

    table = "domain_configurations"
    noun = "domain configuration"
    spec_class = DomainConfiguration
    api = PlainApi(
        "DomainConfiguration",
        name="domainConfigurationName",
        arn="domainConfigurationArn",
        listing=Listing(
            "ListDomainConfigurations",
            "domainConfigurations",
            "domainConfigurationName",
            "domainConfigurationArn",
            aws_prefix="iot:",
        ),
        after_create=("UpdateDomainConfiguration",),
        before_delete=("UpdateDomainConfiguration",),
    )
    derived_members = _DERIVED_MEMBERS
    removed_values = _REMOVED_VALUES

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the certificate, the functions and the authentication."""
        yield from super().check(resource, desired)
        spec: DomainConfiguration = resource.spec
        yield from _check_certificates(spec)
        yield from check_function_arn(
            spec.server_certificate_config.ocsp_lambda_arn, "server_certificate_config", "ocsp_lambda_arn"
        )
        if spec.client_certificate_config:
            path = ("client_certificate_config", "client_certificate_callback_arn")
            yield from check_function_arn(
                spec.client_certificate_config.client_certificate_callback_arn, *path
            )
        protocols = _PROTOCOLS.get(spec.authentication_type)
        if protocols and spec.application_protocol not in {*protocols, "DEFAULT"}:
            yield ValueProblem(
                "protocol-without-authentication",
                f"clients cannot authenticate with {spec.authentication_type} over {spec.application_protocol}",
                " or ".join((*protocols, "DEFAULT")),
                path=("application_protocol",),
                severity="warning",
            )

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> DomainConfiguration:
        """Return the spec in which an authorizer cannot be overridden unless the file allows it."""
        spec: DomainConfiguration = resource.spec
        if spec.authorizer and spec.allow_authorizer_override is None:
            return evolve(spec, allow_authorizer_override=False)
        return spec

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the configurations; TLS settings that the file does not have are left out, as AWS chose them."""
        live_resources = yield from super().read(scope)
        return [self._drop_chosen_values(live, scope) for live in live_resources]

    def _drop_chosen_values(self, live: Live, scope: Scope) -> Live:
        reference_spec = self.find_reference_spec(live.identity, scope)
        if reference_spec is None or reference_spec.tls_config is not None:
            return live
        return evolve(live, spec=evolve(live.spec, tls_config=None))

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> DomainConfiguration:
        """Return the spec that a description means; only a domain of the customer's own has a name in it.

        An authorizer can be overridden only if the description has that setting (UNCONFIRMED: AWS documents no default).
        """
        authorizer_config = description.get("authorizerConfig", {})
        authorizer_name = authorizer_config.get("defaultAuthorizerName")
        is_own = description.get("domainType") == "CUSTOMER_MANAGED"
        certificates = description.get("serverCertificates", ())
        return from_members(
            DomainConfiguration,
            description,
            tags=tags,
            domain_name=description["domainName"] if is_own else None,
            server_certificate_arns=tuple(item["serverCertificateArn"] for item in certificates),
            authorizer=External(authorizer_name) if authorizer_name else None,
            allow_authorizer_override=authorizer_config.get(
                "allowAuthorizerOverride", False if authorizer_name else None
            ),
        )

    def to_facts(self, description: Response) -> DomainConfigurationFacts:
        """Return the facts in a description."""
        is_aws_managed = description.get("domainType") == "AWS_MANAGED"
        return DomainConfigurationFacts(is_aws_managed, description.get("lastStatusChangeDate"))

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject the deletion of a configuration on an AWS-managed domain until it was DISABLED for 7 days."""
        if isinstance(change, Delete | Replace):
            problem = _find_deletion_problem(change.live)
            if problem:
                yield f"cannot {change.action}: {problem}"

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn that devices cannot connect while a configuration is replaced."""
        if isinstance(change, Replace):
            yield "devices cannot connect to the domain between the deletion of the old configuration and the creation of the new one"

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the configuration with its ownership tags in one call; disable it in another."""
        return [*super().create(change, context), *self._disable_new(change.resource)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Disable and delete the old configuration before creating the new one, as both have the same name."""
        calls = super().replace(change, context)
        return [*self._disable(change.live), *calls, *self._disable_new(change.resource)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Disable the configuration, then delete it."""
        return [*self._disable(change.live), *super().delete(change, context)]

    def to_create_params(self, resource: Resource) -> dict[str, Any]:
        """Return the members of the create request that differ from AWS's defaults."""
        spec: DomainConfiguration = resource.spec
        names = [
            name
            for name in self.members
            if _is_set(spec, name) and name not in {"tags", "status", *_AUTHORIZER_FIELDS}
        ]
        config = _to_authorizer_config(spec)
        return to_members(spec, names) | ({"authorizerConfig": config} if config else {})

    def to_update_params(self, change: Update) -> dict[str, Any]:
        """Return the members of the changed fields; those of removed values included."""
        spec: DomainConfiguration = change.resource.spec
        changed = [name for name in self.members if self.is_updatable(name) and change.has_changed(name)]
        names = [name for name in changed if name not in _AUTHORIZER_FIELDS]
        params = to_members(spec, names)
        for name in names:
            if getattr(spec, name) is None:
                params |= self.removed_values.get(name, {})
        if len(names) < len(changed):
            config = _to_authorizer_config(spec)
            params |= {"authorizerConfig": config} if config else {"removeAuthorizerConfig": True}
        return params

    def _build_verification(self, name: str, members: Mapping[str, Any]) -> FieldsMatch:
        described = {key: value for key, value in members.items() if key not in _NOT_DESCRIBED}
        return super()._build_verification(name, described)

    def _disable(self, live: Live) -> Iterator[ApiCall]:
        if live.spec.status != "DISABLED":
            yield self._build_disable_call(live.identity)

    def _disable_new(self, resource: Resource) -> Iterator[ApiCall]:
        if resource.spec.status == "DISABLED":
            yield self._build_disable_call(resource.address.name)

    def _build_disable_call(self, name: str) -> ApiCall:
        params = {"domainConfigurationName": name, "domainConfigurationStatus": "DISABLED"}
        return ApiCall("iot", "UpdateDomainConfiguration", params, ignored_errors=NOT_FOUND, idempotent=True)


def _check_certificates(spec: DomainConfiguration) -> Iterator[ValueProblem]:
    if spec.domain_name is not None and not spec.server_certificate_arns:
        yield ValueProblem(
            "missing-field",
            "missing: a domain of your own needs a server certificate",
            "the ARN of a certificate in AWS Certificate Manager",
            path=("server_certificate_arns",),
        )
    for name in ("server_certificate_arns", "validation_certificate_arn"):
        if spec.domain_name is None and getattr(spec, name):
            yield ValueProblem(
                "conflicting-fields",
                "AWS has the certificate of a domain that it manages",
                "no certificate, or a domain_name",
                path=(name,),
            )


def _find_deletion_problem(live: Live) -> str | None:
    """Return why AWS does not delete a configuration, or None."""
    facts = live.get_facts(DomainConfigurationFacts)
    if not facts.is_aws_managed:
        return None
    rule = f"AWS deletes the configuration of a domain that it manages only after {DISABLED_DAYS} days in status DISABLED"
    if live.spec.status != "DISABLED":
        return f'{rule}; set status = "DISABLED", apply, and delete it after that time'
    end = (facts.changed_at + datetime.timedelta(days=DISABLED_DAYS)) if facts.changed_at else None
    if end and end > datetime.datetime.now(datetime.UTC):
        return f"{rule}; delete it after {end:%Y-%m-%d %H:%M} UTC"
    return None


def _is_set(spec: DomainConfiguration, name: str) -> bool:
    """Return whether a field has another value than its default."""
    return bool(getattr(spec, name) != getattr(DomainConfiguration(), name))


def _to_authorizer_config(spec: DomainConfiguration) -> dict[str, Any]:
    """Return the structure `authorizerConfig`, empty if the configuration has none."""
    reference = spec.authorizer
    name = reference.name if isinstance(reference, External) else reference
    config = {"defaultAuthorizerName": name, "allowAuthorizerOverride": spec.allow_authorizer_override}
    return {key: value for key, value in config.items() if value is not None}


KIND = DomainConfigurations()
