"""Blueprints: the evaluated templates of a file's provisioned things.

The template of each provisioned thing is evaluated when the file is loaded; the result becomes the `evaluation` of the
provisioned thing's `Resource`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Scope
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.provisioning_template import (
    EvaluatedTemplate,
    TemplateError,
    TemplateResource,
    evaluate,
    evaluate_certificates,
)
from reconciler.kinds.shared.provisioning_template_functions import Parameters
from reconciler.kinds.shared.secret_attributes import find_secret_names
from reconciler.model.address import Address
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.document import Document
from reconciler.model.errors import MissingSecretError
from reconciler.model.evaluation import Evaluation
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Resource
from reconciler.model.secret import Secret, walk_secrets

TABLE = "provisioned_things"


@frozen
class Blueprint(Evaluation):
    """One provisioned thing as its template and parameters describe it.

    `parameters` are those that RegisterThing is called with. `signing_request` is a certificate signing request in PEM.
    `certificate` is the one in the template or in the file that `save_to` names. `certificate_id` is None if no
    apply has saved the certificate for the signing request yet, or if the template has no certificate.
    """

    address: Address
    template: Document
    parameters: Mapping[str, str | Secret]
    evaluated: EvaluatedTemplate
    certificate: Pem | None
    certificate_id: str | None
    signing_request: str | None

    @property
    def thing(self) -> TemplateResource:
        """The thing that the template creates."""
        return self.evaluated.thing

    @property
    def name(self) -> str:
        """The thing's name."""
        return to_text(self.thing.properties["ThingName"])

    @property
    def attributes(self) -> Mapping[str, str | Secret]:
        """The thing's attributes."""
        attributes: Mapping[str, str | Secret] = self.thing.properties.get("AttributePayload", {})
        return attributes

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the static groups that the template adds the thing to."""
        return tuple(map(to_text, self.thing.properties.get("ThingGroups", ())))

    @property
    def policies(self) -> tuple[str, ...]:
        """The names of the existing policies that the template attaches."""
        names = (policy.properties.get("PolicyName") for policy in self.evaluated.policies)
        return tuple(sorted({to_text(name) for name in names if name}))

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents of the policies that the template creates."""
        texts = (policy.properties.get("PolicyDocument") for policy in self.evaluated.policies)
        return tuple(Document.parse(to_text(text)) for text in texts if text)

    @property
    def resources(self) -> tuple[TemplateResource, ...]:
        """The thing, the certificate if there is one, and the policies."""
        certificates = (self.evaluated.certificate,) if self.evaluated.certificate else ()
        return (self.evaluated.thing, *certificates, *self.evaluated.policies)

    @property
    def secrets(self) -> Collection[Secret]:
        """The property values that contain the value of a secret parameter."""
        return [secret for resource in self.resources for secret in walk_secrets(resource.properties)]

    @property
    def secret_attributes(self) -> frozenset[str]:
        """The names of the attributes that contain the value of a secret parameter."""
        return find_secret_names(self.attributes)


@frozen
class FailedBlueprint(Evaluation):
    """The reason why a template could not be evaluated."""

    error: InvalidValueError | MissingSecretError


def to_text(value: str | Secret) -> str:
    """Return the text of a property, also of a secret one; empty for a secret that is not set."""
    return (value.value or "") if isinstance(value, Secret) else str(value)


def get_status(certificate: TemplateResource) -> str:
    """Return the status that an evaluated template gives to its certificate."""
    return to_text(certificate.properties.get("Status", "ACTIVE"))


def to_external(name: str | Secret | None) -> External | None:
    """Return a reference to the resource with this name in AWS, or None without a name."""
    return External(to_text(name)) if name else None


def build_blueprint(resource: Resource, desired: Desired) -> Blueprint | FailedBlueprint:
    """Evaluate the template of a provisioned thing with its parameters."""
    try:
        return _build(resource, desired)
    except (InvalidValueError, MissingSecretError) as error:
        return FailedBlueprint(error)


def get_blueprint(resource: Resource) -> Blueprint:
    """Return the blueprint of a provisioned thing of a loaded file.

    Raises TemplateError; InvalidValueError if the file of `save_to` has no valid certificate; and MissingSecretError if a
    parameter comes from the template's certificate, such as `AWS::IoT::Certificate::CommonName`, and the certificate's PEM is
    a secret that is not set.
    """
    evaluation = resource.evaluation
    if isinstance(evaluation, FailedBlueprint):
        raise evaluation.error.with_traceback(None)
    assert isinstance(evaluation, Blueprint), f"{resource.address} was not evaluated"
    return evaluation


def select_blueprints(scope: Scope) -> Iterator[Blueprint]:
    """Yield the blueprints that a read covers, without those of invalid templates.

    Raises InvalidValueError and MissingSecretError as `get_blueprint` does.
    """
    for resource in scope.iterate_resources(TABLE):
        if not scope.includes(str(resource.address)):
            continue
        try:
            yield get_blueprint(resource)
        except TemplateError:
            continue  # reported when the file was loaded


def find_provisioned_names(scope: Scope) -> frozenset[str]:
    """Return the names of things that templates create; the kind `things` does not read them."""
    return frozenset(blueprint.name for blueprint in select_blueprints(scope))


def find_provisioned_certificates(scope: Scope) -> frozenset[str]:
    """Return the IDs of certificates that templates register; the kind `certificates` does not read them."""
    ids = (blueprint.certificate_id for blueprint in select_blueprints(scope))
    return frozenset(identity for identity in ids if identity)


def add_groups(template: Document, thing: TemplateResource, groups: Sequence[str]) -> str:
    """Return the template as JSON text that adds its thing to more groups, such as the workspace's.

    A function that returns groups is replaced by its value.
    """
    sections = template.value
    properties = sections["Resources"][thing.logical_name]["Properties"]
    own_groups = properties.get("ThingGroups", [])
    if not isinstance(own_groups, list):
        own_groups = list(map(to_text, thing.properties["ThingGroups"]))
    properties["ThingGroups"] = [*own_groups, *groups]
    return json.dumps(sections, separators=(",", ":"))


def _build(resource: Resource, desired: Desired) -> Blueprint:
    spec = resource.spec
    template = _find_template(spec.template, desired)
    sections: Mapping[str, Any] = template.value
    parameters: dict[str, str | Secret] = dict(spec.parameters)
    declared_parameters = sections.get("Parameters", {})
    pseudo_parameters: dict[str, str] = {}
    # A template may take parameters from its own certificate. Then the certificate alone is evaluated first, to read them.
    has_declarations = isinstance(declared_parameters, dict)
    if has_declarations and x509.select_certificate_parameters(declared_parameters) - parameters.keys():
        pseudo_parameters = _read_pseudo_parameters(sections, parameters)
    evaluated = evaluate(sections, parameters, pseudo_parameters)
    properties = evaluated.certificate.properties if evaluated.certificate else {}
    certificate = _parse_certificate(properties.get("CertificatePem")) or _parse_saved(spec.save_to)
    declared_id = to_text(properties["CertificateId"]) if "CertificateId" in properties else None
    signing_request = (
        to_text(properties["CertificateSigningRequest"])
        if "CertificateSigningRequest" in properties
        else None
    )
    used_pseudo_parameters = {
        name: value for name, value in pseudo_parameters.items() if name in declared_parameters
    }
    return Blueprint(
        address=resource.address,
        template=template,
        parameters={**used_pseudo_parameters, **parameters},
        evaluated=evaluated,
        certificate=certificate,
        certificate_id=declared_id or (certificate.fingerprint if certificate else None),
        signing_request=signing_request,
    )


_EMPTY_TEMPLATE = Document.from_value({})


def _find_template(template: Document | str, desired: Desired) -> Document:
    """Return the template that a spec contains or names; an empty one if the file does not declare it."""
    if isinstance(template, Document):
        return template
    declared = desired.get(Address("provisioning_templates", template))
    body: Document = declared.spec.body if declared else _EMPTY_TEMPLATE
    return body


def _read_pseudo_parameters(sections: Mapping[str, Any], parameters: Parameters) -> dict[str, str]:
    """Return the parameters that the template's own certificate provides.

    Raises MissingSecretError if the certificate is a secret that is not set.
    """
    certificates = evaluate_certificates(sections, parameters)
    texts = (certificate.properties.get("CertificatePem") for certificate in certificates)
    text = next(filter(None, texts), None)
    if isinstance(text, Secret) and text.value is None:
        raise MissingSecretError(text.reference)
    certificate = _parse_certificate(text)
    return x509.build_pseudo_parameters(certificate) if certificate else {}


def _parse_certificate(text: str | Secret | None) -> Pem | None:
    try:
        return Pem.parse(to_text(text)) if text else None
    except ValueError:
        return None


def _parse_saved(save_to: OutputFile | None) -> Pem | None:
    return None if save_to is None or save_to.content is None else Pem.parse(save_to.content, save_to.name)
