"""What a template comes to with parameters: the thing, the certificate and the policies that are to be there.

Law: a value that no parameter gives makes the whole template unusable; a property that is not written is simply not asked
for.
"""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from reconciler.registry.templates.document import TemplateError, TemplateResource
from reconciler.registry.templates.values import (
    TemplateScope,
    evaluate_text,
    evaluate_text_map,
    evaluate_texts,
)

SOURCES = ("CertificateSigningRequest", "CertificateId", "CertificatePem")
STATUSES = ("ACTIVE", "INACTIVE")
PRINCIPAL_TYPES = ("NON_EXCLUSIVE_THING", "EXCLUSIVE_THING")


@frozen
class ThingPart:
    """A thing that is to be there. What is None is not asked for."""

    resource: TemplateResource
    name: str
    type: str | None
    attributes: Mapping[str, str] | None
    groups: tuple[str, ...] | None
    billing_group: str | None


@frozen
class CertificatePart:
    """A certificate that is to be there: `value` is the request, the id or the PEM that `source` says."""

    resource: TemplateResource
    source: str
    value: str = field(repr=False)
    ca_pem: str | None = field(repr=False)
    status: str
    principal_type: str


@frozen
class PolicyPart:
    """A policy that is to be attached: one that exists, by name, or one of this document."""

    resource: TemplateResource
    name: str | None
    document: str | None


def evaluate_thing(scope: TemplateScope, resource: TemplateResource) -> ThingPart:
    """Evaluate a thing. Raises TemplateError."""
    given = _PropertyReader(scope, resource)
    attributes, groups = (
        given.of("AttributePayload", evaluate_text_map),
        given.of("ThingGroups", evaluate_texts),
    )
    return ThingPart(
        resource,
        given.required("ThingName"),
        given.text("ThingTypeName"),
        attributes,
        None if groups is None else tuple(dict.fromkeys(groups)),
        given.text("BillingGroup"),
    )


def evaluate_certificate(scope: TemplateScope, resource: TemplateResource) -> CertificatePart:
    """Evaluate a certificate. Raises TemplateError."""
    given = _PropertyReader(scope, resource)
    sources = [source for source in SOURCES if source in resource.properties]
    if len(sources) != 1:
        raise TemplateError(f"Resources.{resource.name} does not have exactly one of {', '.join(SOURCES)}.")
    if "CACertificatePem" in resource.properties and sources != ["CertificatePem"]:
        raise TemplateError(f"Resources.{resource.name} has CACertificatePem without CertificatePem.")
    return CertificatePart(
        resource,
        sources[0],
        given.required(sources[0]),
        given.text("CACertificatePem"),
        given.one_of("Status", STATUSES),
        given.one_of("ThingPrincipalType", PRINCIPAL_TYPES),
    )


def evaluate_policy(scope: TemplateScope, resource: TemplateResource) -> PolicyPart:
    """Evaluate a policy, which has either a name or a document. Raises TemplateError."""
    given = _PropertyReader(scope, resource)
    if len(resource.properties) != 1:
        raise TemplateError(f"Resources.{resource.name} has not either PolicyName or PolicyDocument.")
    return PolicyPart(resource, given.text("PolicyName"), given.text("PolicyDocument"))


@frozen
class _PropertyReader:
    """The properties of one resource, each evaluated when it is asked for."""

    scope: TemplateScope
    resource: TemplateResource

    def of(self, key: str, evaluate: Any) -> Any:
        if key not in self.resource.properties:
            return None
        where = f"Resources.{self.resource.name}.Properties.{key}"
        return evaluate(self.scope, self.resource.properties[key], where)

    def text(self, key: str) -> str | None:
        value: str | None = self.of(key, evaluate_text)
        return value

    def required(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise TemplateError(f"Resources.{self.resource.name}.Properties.{key} is missing or empty.")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        """Give a property that is one of some, the first of which is the default."""
        value = self.text(key)
        if value is not None and value not in allowed:
            where = f"Resources.{self.resource.name}.Properties.{key}"
            raise TemplateError(f"{where} is not one of {', '.join(allowed)}.")
        return value or allowed[0]
