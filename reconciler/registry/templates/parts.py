"""The evaluated resources of a template: a thing, a certificate and policies.

Invariant: a property that the template has must have a value; a `Ref` in it to a parameter with neither a value nor a default
raises TemplateError. An optional property that the template does not have is not set, or has its default.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from reconciler.frozen_classes import field, frozen
from reconciler.registry.templates.document import TemplateError, TemplateResource
from reconciler.registry.templates.values import (
    TemplateScope,
    evaluate_text,
    evaluate_text_map,
    evaluate_texts,
)

T = TypeVar("T")

CERTIFICATE_SOURCES = ("CertificateSigningRequest", "CertificateId", "CertificatePem")
STATUSES = ("ACTIVE", "INACTIVE")
PRINCIPAL_TYPES = ("NON_EXCLUSIVE_THING", "EXCLUSIVE_THING")


@frozen
class ThingPart:
    """The thing that a template describes; properties that are None are not set."""

    resource: TemplateResource
    name: str
    type: str | None
    attributes: Mapping[str, str] | None
    groups: tuple[str, ...] | None
    billing_group: str | None


@frozen
class CertificatePart:
    """The certificate that a template describes.

    `value` is the signing request, the certificate ID or the PEM, depending on `source`.
    """

    resource: TemplateResource
    source: str
    value: str = field(repr=False)
    ca_pem: str | None = field(repr=False)
    status: str
    principal_type: str


@frozen
class PolicyPart:
    """A policy that a template attaches, either by the name of an existing policy or by a document.

    Exactly one of `name` and `document` is None.
    """

    resource: TemplateResource
    name: str | None
    document: str | None


def evaluate_thing(scope: TemplateScope, resource: TemplateResource) -> ThingPart:
    """Evaluate a thing. Raises TemplateError."""
    if "PackageVersions" in resource.properties:
        raise TemplateError(
            f"Resources.{resource.name} has PackageVersions, which needs the package catalog: it is not served."
        )
    properties = _PropertyReader(scope, resource)
    attributes = properties.evaluate("AttributePayload", evaluate_text_map)
    groups = properties.evaluate("ThingGroups", evaluate_texts)
    return ThingPart(
        resource=resource,
        name=properties.read_required_text("ThingName"),
        type=properties.read_text("ThingTypeName"),
        attributes=attributes,
        groups=None if groups is None else tuple(dict.fromkeys(groups)),
        billing_group=properties.read_text("BillingGroup"),
    )


def evaluate_certificate(scope: TemplateScope, resource: TemplateResource) -> CertificatePart:
    """Evaluate a certificate. Raises TemplateError."""
    properties = _PropertyReader(scope, resource)
    sources = [source for source in CERTIFICATE_SOURCES if source in resource.properties]
    if len(sources) != 1:
        expected = ", ".join(CERTIFICATE_SOURCES)
        raise TemplateError(f"Resources.{resource.name} does not have exactly one of {expected}.")
    source = sources[0]
    if "CACertificatePem" in resource.properties and source != "CertificatePem":
        raise TemplateError(f"Resources.{resource.name} has CACertificatePem without CertificatePem.")
    return CertificatePart(
        resource=resource,
        source=source,
        value=properties.read_required_text(source),
        ca_pem=properties.read_text("CACertificatePem"),
        # AWS accepts every case: its developer guide has "Active", its API reference "ACTIVE".
        status=properties.read_choice("Status", STATUSES, ignore_case=True),
        principal_type=properties.read_choice("ThingPrincipalType", PRINCIPAL_TYPES),
    )


def evaluate_policy(scope: TemplateScope, resource: TemplateResource) -> PolicyPart:
    """Evaluate a policy, which has either a name or a document. Raises TemplateError."""
    properties = _PropertyReader(scope, resource)
    if len(resource.properties) != 1:
        raise TemplateError(
            f"Resources.{resource.name} does not have exactly one of PolicyName and PolicyDocument."
        )
    return PolicyPart(resource, properties.read_text("PolicyName"), properties.read_text("PolicyDocument"))


@frozen
class _PropertyReader:
    """Evaluates the properties of one resource on demand."""

    scope: TemplateScope
    resource: TemplateResource

    def evaluate(self, key: str, evaluator: Callable[[TemplateScope, Any, str], T]) -> T | None:
        """Evaluate a property, or return None when the template does not have it."""
        if key not in self.resource.properties:
            return None
        return evaluator(self.scope, self.resource.properties[key], self._build_path(key))

    def read_text(self, key: str) -> str | None:
        return self.evaluate(key, evaluate_text)

    def read_required_text(self, key: str) -> str:
        value = self.read_text(key)
        if not value:
            raise TemplateError(f"{self._build_path(key)} is missing or empty.")
        return value

    def read_choice(self, key: str, allowed: tuple[str, ...], *, ignore_case: bool = False) -> str:
        """Return a property with a fixed set of values in upper case, the first of which is the default."""
        value = self.read_text(key)
        if value is not None and ignore_case:
            value = value.upper()
        if value is not None and value not in allowed:
            raise TemplateError(f"{self._build_path(key)} is not one of {', '.join(allowed)}.")
        return value or allowed[0]

    def _build_path(self, key: str) -> str:
        return f"Resources.{self.resource.name}.Properties.{key}"
