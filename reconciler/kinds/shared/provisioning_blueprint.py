"""What the provisioned things of a file will be: their templates evaluated, with everything that follows from them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import Scope
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.provisioning_template import (
    Evaluated,
    Part,
    TemplateError,
    evaluate,
    find_certificate_parts,
)
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import MissingSecretError
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.redaction import register_sensitive_keys
from reconciler.model.resource import Desired, Resource
from reconciler.model.secret import Secret

TABLE = "provisioned_things"


@frozen
class Blueprint:
    """One provisioned thing, worked out.

    `certificate_id` is None where AWS has yet to issue the certificate for `request`; `parameters` are what RegisterThing
    is sent, `template` the whole template.
    """

    address: Address
    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    evaluated: Evaluated
    certificate: Pem | None
    certificate_id: str | None
    request: str | None

    @property
    def thing(self) -> Part:
        """The thing's part of the template."""
        return self.evaluated.thing

    @property
    def name(self) -> str:
        """The thing's name."""
        return plain(self.thing.properties["ThingName"])

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the static groups that the template puts the thing into."""
        return tuple(map(plain, self.thing.properties.get("ThingGroups", ())))

    @property
    def policies(self) -> tuple[str, ...]:
        """The names of the existing policies that the template attaches."""
        parts = (part.properties.get("PolicyName") for part in self.evaluated.policies)
        return tuple(sorted({plain(name) for name in parts if name}))

    @property
    def documents(self) -> tuple[Document, ...]:
        """The policies that the template brings itself, by their documents."""
        parts = (part.properties.get("PolicyDocument") for part in self.evaluated.policies)
        return tuple(Document.parse(plain(text)) for text in parts if text)


def plain(value: Any) -> str:
    """The text of a property, which a secret may have gone into."""
    return (value.value or "") if isinstance(value, Secret) else str(value)


def blueprint(resource: Resource, desired: Desired) -> Blueprint:
    """The template of a resource with its parameters put in.

    Raises TemplateError, and MissingSecretError where it asks something of a certificate that is not set.
    From then on no log tells what the registry has in attributes that secrets fill: perhaps it is the secret before.
    """
    spec = resource.spec
    template = _template(spec.template, desired)
    parameters: dict[str, str | Secret] = dict(spec.parameters)
    text = _certificate_text(find_certificate_parts(template, parameters))
    if (
        isinstance(text, Secret)
        and text.value is None
        and x509.certificate_parameters(template.get("Parameters", ())) - parameters.keys()
    ):
        raise MissingSecretError(text.reference)
    given = _certificate(text)
    pseudo = x509.pseudo_parameters(given) if given else {}
    evaluated = evaluate(template, parameters, pseudo)
    attributes = evaluated.thing.properties.get("AttributePayload", {})
    register_sensitive_keys(secret_keys(attributes))
    declared = template.get("Parameters", {})
    sent = {**{name: value for name, value in pseudo.items() if name in declared}, **parameters}
    properties = evaluated.certificate.properties if evaluated.certificate else {}
    request = (
        plain(properties["CertificateSigningRequest"]) if "CertificateSigningRequest" in properties else None
    )
    known = given or _saved(spec.save_to)
    identity = plain(properties["CertificateId"]) if "CertificateId" in properties else None
    return Blueprint(
        address=resource.address,
        template=template,
        parameters=sent,
        evaluated=evaluated,
        certificate=known,
        certificate_id=identity or (known.fingerprint if known else None),
        request=request,
    )


def blueprints(scope: Scope) -> Iterator[Blueprint]:
    """All that can be worked out and is to be read, in the order of addresses. Raises MissingSecretError."""
    for resource in scope.resources_of(TABLE):
        if not scope.includes(str(resource.address)):
            continue
        try:
            yield blueprint(resource, scope.desired)
        except TemplateError:
            continue  # reported with the file


def provisioned_names(scope: Scope) -> frozenset[str]:
    """The things that are provisioned from templates, which the table of things leaves to them."""
    return frozenset(found.name for found in blueprints(scope))


def provisioned_certificates(scope: Scope) -> frozenset[str]:
    """The same of certificates, by id."""
    return frozenset(found.certificate_id for found in blueprints(scope) if found.certificate_id)


def with_groups(template: Mapping[str, Any], thing: str, marks: Sequence[str]) -> str:
    """The template as it is sent: the thing belongs to more groups, so that it is marked as it is made."""
    resources = dict(template["Resources"])
    part = dict(resources[thing])
    properties = dict(part["Properties"])
    groups = properties.get("ThingGroups", [])
    properties["ThingGroups"] = [*(groups if isinstance(groups, list) else [groups]), *marks]
    part["Properties"] = properties
    resources[thing] = part
    return json.dumps({**template, "Resources": resources}, separators=(",", ":"))


def _template(given: Any, desired: Desired) -> Mapping[str, Any]:
    if isinstance(given, str):
        stored = desired.get(Address("provisioning_templates", given))
        given = stored.spec.body if stored else None
    value: Mapping[str, Any] = given.value if isinstance(given, Document) else {}
    return value


def sealed(attributes: Mapping[str, str], keys: Collection[str], whose: object) -> Mapping[str, str | Secret]:
    """A thing's attributes, the values of those keys being secret: perhaps the same as the file's, perhaps the one before."""
    if attributes.keys().isdisjoint(keys):
        return attributes
    return {
        key: Secret(f"attribute {key} of {whose}", value) if key in keys else value
        for key, value in attributes.items()
    }


def secret_keys(attributes: Mapping[str, str | Secret]) -> frozenset[str]:
    """The attributes that are secret."""
    return frozenset(key for key, value in attributes.items() if isinstance(value, Secret))


def _certificate_text(parts: Iterable[Part]) -> str | Secret | None:
    return next((text for part in parts if (text := part.properties.get("CertificatePem"))), None)


def _certificate(text: str | Secret | None) -> Pem | None:
    try:
        return Pem.parse(plain(text)) if text else None
    except ValueError:
        return None


def _saved(save_to: OutputFile | None) -> Pem | None:
    return None if save_to is None or save_to.content is None else Pem.parse(save_to.content, save_to.name)
