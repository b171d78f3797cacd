"""Evaluate provisioning templates: the thing, certificate and policies that they create.

Grammar: AWS IoT developer guide, "Provisioning templates" and "Single thing provisioning". AWS does not
replace a reference to a parameter that has neither a value nor a default; here such a reference is an error. RegisterThing's
templates and stored ones (fleet provisioning, just-in-time provisioning) have one grammar, which is checked here only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.shared.policy_checks import check_policy
from reconciler.kinds.shared.provisioning_template_functions import (
    Parameters,
    TemplateProblems,
    TemplateValues,
    build_template_problem,
    is_function,
)
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.document import Document
from reconciler.model.secret import Secret
from reconciler.model.text import quote

THING, CERTIFICATE, POLICY = "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy"

_SECTIONS = {"Parameters", "Resources", "Mappings", "DeviceConfiguration"}
_RESOURCE_KEYS = ("Type", "Properties", "OverrideSettings")
_PROPERTIES = {
    THING: {
        "ThingName",
        "AttributePayload",
        "ThingTypeName",
        "ThingGroups",
        "BillingGroup",
        "PackageVersions",
    },
    CERTIFICATE: {
        "CertificateSigningRequest",
        "CertificateId",
        "CertificatePem",
        "CACertificatePem",
        "Status",
        "ThingPrincipalType",
    },
    POLICY: {"PolicyName", "PolicyDocument"},
}
_OVERRIDES = {
    THING: {
        "AttributePayload": {"DO_NOTHING", "REPLACE", "FAIL", "MERGE"},
        "ThingTypeName": {"DO_NOTHING", "REPLACE", "FAIL"},
        "ThingGroups": {"DO_NOTHING", "REPLACE", "FAIL", "MERGE"},
    },
    CERTIFICATE: {"Status": {"DO_NOTHING", "REPLACE", "FAIL"}},
    POLICY: {},
}
_CERTIFICATE_PROPERTY_PATTERNS = (
    (
        "CertificateId",
        re.compile("[0-9a-f]{64}"),
        "the ID of a registered certificate: 64 hexadecimal digits",
    ),
    # AWS's examples of fleet templates write `Active`.
    ("Status", re.compile("ACTIVE|INACTIVE", re.IGNORECASE), "ACTIVE or INACTIVE"),
    (
        "ThingPrincipalType",
        re.compile("EXCLUSIVE_THING|NON_EXCLUSIVE_THING"),
        "EXCLUSIVE_THING or NON_EXCLUSIVE_THING",
    ),
)


_FUNCTION_KEY = re.compile(r'"(?:Ref|Fn::\w+)":')


class TemplateError(InvalidValueError):
    """A template that is not valid; its problems have paths inside the template."""


@frozen
class TemplateResource:
    """One resource of a template, with evaluated properties, and its OverrideSettings."""

    logical_name: str
    properties: Mapping[str, Any]
    overrides: Mapping[str, str] = field(factory=dict)


@frozen
class EvaluatedTemplate:
    """The resources that a template creates with one set of parameters."""

    thing: TemplateResource
    certificate: TemplateResource | None
    policies: tuple[TemplateResource, ...]


def evaluate(
    template: Mapping[str, Any], parameters: Parameters, pseudo_parameters: Parameters
) -> EvaluatedTemplate:
    """Return the resources of a template. Raises TemplateError.

    `pseudo_parameters` are the `AWS::IoT::Certificate::*` parameters that the certificate provides. A property that
    includes the value of a secret is a `Secret`.
    """
    evaluation = _Evaluation(template, parameters, pseudo_parameters)
    things, certificates, policies = _evaluate_by_type(evaluation)
    problems = _check_counts(len(things), len(certificates), len(policies))
    if problems:
        raise TemplateError(*problems)
    return EvaluatedTemplate(things[0], certificates[0] if certificates else None, policies)


def find_stored_policies(
    template: Mapping[str, Any], parameters: Parameters, *, is_fleet_template: bool
) -> tuple[TemplateResource, ...]:
    """Return the policies of a template that AWS stores.

    Raises TemplateError if the template is not valid. Unlike `evaluate`, this accepts a template that creates no thing or, as AWS may store it, nothing at all.
    """
    evaluation = _Evaluation(
        template, parameters, {}, needs_resources=False, accepts_document_objects=is_fleet_template
    )
    things, certificates, policies = _evaluate_by_type(evaluation)
    if not template.get("Resources"):
        return ()
    problems = _check_counts(len(things), len(certificates), len(policies), is_thing_required=False)
    if problems:
        raise TemplateError(*problems)
    return policies


def evaluate_certificates(template: Mapping[str, Any], parameters: Parameters) -> list[TemplateResource]:
    """Return a template's resources of type certificate, evaluated without `pseudo_parameters`.

    Problems are ignored: `evaluate` reports them.
    """
    typed_resources = _Evaluation(template, parameters, {}).evaluate_resources(only_type=CERTIFICATE)
    return [resource for _, resource in typed_resources]


def _evaluate_by_type(
    evaluation: _Evaluation,
) -> tuple[list[TemplateResource], list[TemplateResource], tuple[TemplateResource, ...]]:
    """Return the things, certificates and policies of a template. Raises TemplateError."""
    typed_resources = evaluation.evaluate_resources()
    if evaluation.problems:
        # `Fn::Sub` resolves its references twice, so their problems are reported twice.
        distinct_problems = dict.fromkeys(evaluation.problems)
        raise TemplateError(*distinct_problems)
    things = [resource for type_name, resource in typed_resources if type_name == THING]
    certificates = [resource for type_name, resource in typed_resources if type_name == CERTIFICATE]
    policies = tuple(resource for type_name, resource in typed_resources if type_name == POLICY)
    return things, certificates, policies


def _check_counts(
    thing_count: int, certificate_count: int, policy_count: int, *, is_thing_required: bool = True
) -> list[ValueProblem]:
    problems = []
    if thing_count > 1 or (is_thing_required and not thing_count):
        problem = f"{thing_count} resources of type {THING}"
        expected = "exactly one" if is_thing_required else "at most one"
        problems.append(build_template_problem("Resources", problem, expected))
    elif not thing_count and not certificate_count:
        problem = "neither a thing nor a certificate"
        expected = f"a resource of type {THING} or {CERTIFICATE}"
        problems.append(build_template_problem("Resources", problem, expected))
    if certificate_count > 1:
        problem = f"{certificate_count} resources of type {CERTIFICATE}"
        problems.append(build_template_problem("Resources", problem, "at most one"))
    if policy_count and not certificate_count:
        problem = "a policy without a certificate to attach it to"
        problems.append(build_template_problem("Resources", problem, f"a resource of type {CERTIFICATE}"))
    return problems


class _Evaluation:
    """Evaluates the resources of a template and collects the template's problems."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Parameters,
        pseudo_parameters: Parameters,
        *,
        needs_resources: bool = True,
        accepts_document_objects: bool = False,
    ) -> None:
        self._needs_resources = needs_resources
        self._accepts_document_objects = accepts_document_objects
        self.problems = TemplateProblems()
        self._template = template
        for name in sorted(template.keys() - _SECTIONS):
            expected = ", ".join(sorted(_SECTIONS))
            self.problems.add(name, "not a template section", expected, Suggestion(name, _SECTIONS))
        self._values = TemplateValues(template, parameters, pseudo_parameters, self.problems)
        self._check_device_configuration(template.get("DeviceConfiguration", {}))

    def _check_device_configuration(self, configuration: Any) -> None:
        """Check that the configuration of a fleet template is flat; its values may be functions."""
        for name, value in self.problems.check_table("DeviceConfiguration", configuration).items():
            path = f"DeviceConfiguration.{name}"
            if is_function(value) and not self._needs_resources:
                self._values.evaluate(path, value)
            elif isinstance(value, dict | list | None) and not is_function(value):
                self.problems.add(path, "not a string", "a string, Ref, or a function")

    def evaluate_resources(self, only_type: str | None = None) -> list[tuple[str, TemplateResource]]:
        """Return pairs of a resource's type and the resource; with `only_type`, those of that type."""
        resources = self._template.get("Resources", {})
        if not isinstance(resources, dict) or (self._needs_resources and not resources):
            self.problems.add("Resources", "no resources", "a table of resources")
            return []
        typed_resources = []
        for name, body in resources.items():
            type_name = self._check_type(name, body)
            if type_name and only_type in {None, type_name}:
                typed_resources.append((type_name, self._evaluate_resource(name, type_name, body)))
        return typed_resources

    def _check_type(self, name: str, body: Any) -> str | None:
        """Return the type of a resource; add a problem and return None if it is not valid."""
        type_name = body.get("Type") if isinstance(body, dict) else None
        if isinstance(type_name, str) and type_name in _PROPERTIES:
            return type_name
        self.problems.add(f"Resources.{name}.Type", "not a template resource type", " or ".join(_PROPERTIES))
        return None

    def _evaluate_resource(self, name: str, type_name: str, body: Mapping[str, Any]) -> TemplateResource:
        path = f"Resources.{name}"
        for key in sorted(body.keys() - {*_RESOURCE_KEYS}):
            nearest = Suggestion(key, _RESOURCE_KEYS)
            problem = "not a template resource attribute"
            self.problems.add(f"{path}.{key}", problem, ", ".join(_RESOURCE_KEYS), nearest)
        properties = self._evaluate_properties(path, type_name, body.get("Properties", {}))
        overrides = self._parse_overrides(path, type_name, body.get("OverrideSettings", {}))
        self._check_properties(path, type_name, properties)
        if isinstance(properties.get("Status"), str):
            properties["Status"] = properties["Status"].upper()
        return TemplateResource(name, properties, overrides)

    def _evaluate_properties(self, path: str, type_name: str, properties: Any) -> dict[str, Any]:
        evaluated: dict[str, Any] = {}
        for key, value in self.problems.check_table(f"{path}.Properties", properties).items():
            value_path = f"{path}.Properties.{key}"
            if key not in _PROPERTIES[type_name]:
                names = sorted(_PROPERTIES[type_name])
                nearest = Suggestion(key, names)
                self.problems.add(value_path, f"not a property of {type_name}", ", ".join(names), nearest)
            elif key in {"AttributePayload", "PackageVersions"}:
                table = self.problems.check_table(value_path, value)
                if is_function(value):
                    problem = "a function returns text, not a table"
                    self.problems.add(value_path, problem, "a table, with functions in its values")
                    continue
                evaluated[key] = {
                    name: self._values.evaluate(f"{value_path}.{name}", item) for name, item in table.items()
                }
            elif key == "ThingGroups":
                evaluated[key] = self._values.evaluate_list(value_path, value)
            elif key == "PolicyDocument" and isinstance(value, dict) and not is_function(value):
                evaluated[key] = self._read_document_object(value_path, value)
            else:
                evaluated[key] = self._values.evaluate(value_path, value)
        return evaluated

    def _read_document_object(self, path: str, document: Mapping[str, Any]) -> str | Secret | None:
        """Return a policy document that is a JSON object, as text; it is unknown if it has functions.

        AWS's example of a fleet template has such a document. Other templates must have it as text.
        """
        if not self._accepts_document_objects:
            self.problems.add(path, "a JSON object", "the policy document as JSON text")
            return None
        text = json.dumps(document)
        return Secret("functions in the template", None) if _FUNCTION_KEY.search(text) else text

    def _parse_overrides(self, path: str, type_name: str, overrides: Any) -> dict[str, str]:
        """Return a resource's OverrideSettings; add a problem for each that is not valid."""
        settings = self.problems.check_table(f"{path}.OverrideSettings", overrides)
        for key, value in settings.items():
            valid_values = _OVERRIDES[type_name].get(key)
            if valid_values and isinstance(value, str) and value in valid_values:
                continue
            if valid_values:
                quoted_value = quote(value) if isinstance(value, str) else repr(value)
                problem = f"{quoted_value} is not a valid setting"
                expected = " or ".join(sorted(valid_values))
            else:
                problem = f"not a setting of {type_name}"
                expected = ", ".join(_OVERRIDES[type_name]) or "no settings for a policy"
            self.problems.add(f"{path}.OverrideSettings.{key}", problem, expected)
        return {key: value for key, value in settings.items() if isinstance(value, str)}

    def _check_properties(self, path: str, type_name: str, properties: Mapping[str, Any]) -> None:
        for name, value in properties.items():
            if value == "" or (isinstance(value, list) and "" in value):
                self._report_empty_property(f"{path}.Properties.{name}", name)
        if type_name == THING and "ThingName" not in properties:
            self.problems.add(f"{path}.Properties", "a thing without ThingName", "ThingName")
        elif type_name == CERTIFICATE:
            self._check_exactly_one(
                path, type_name, properties, "CertificateSigningRequest", "CertificateId", "CertificatePem"
            )
            if "CACertificatePem" in properties and "CertificatePem" not in properties:
                problem = "a CA certificate without the certificate that it signed"
                self.problems.add(f"{path}.Properties.CACertificatePem", problem, "CertificatePem")
            for name, pattern, expected in _CERTIFICATE_PROPERTY_PATTERNS:
                value = properties.get(name)
                if isinstance(value, str) and not pattern.fullmatch(value):
                    problem = f"{quote(value)} is not a valid {name}"
                    self.problems.add(f"{path}.Properties.{name}", problem, expected)
        elif type_name == POLICY:
            self._check_exactly_one(path, type_name, properties, "PolicyName", "PolicyDocument")
            self._check_document(f"{path}.Properties.PolicyDocument", properties.get("PolicyDocument"))

    def _report_empty_property(self, path: str, name: str) -> None:
        """Add a problem for an empty property, unless one of its value explains why it is empty."""
        parts = tuple(path.split("."))
        if not any(problem.path[: len(parts)] == parts for problem in self.problems):
            self.problems.add(path, "empty", f"a value, or no {name}")

    def _check_exactly_one(
        self, path: str, type_name: str, properties: Mapping[str, Any], *names: str
    ) -> None:
        if sum(name in properties for name in names) != 1:
            problem = f"{type_name} needs one of {', '.join(names)}"
            self.problems.add(f"{path}.Properties", problem, "exactly one")

    def _check_document(self, path: str, text: Any) -> None:
        if not isinstance(text, str):
            return
        try:
            Document.parse(text)
        except InvalidValueError as error:
            self.problems.add(path, error.problems[0].problem, "a policy document as JSON text")
        else:
            errors = (problem for problem in check_policy(text) if problem.severity == "error")
            self.problems += (problem.nest_under(*path.split(".")) for problem in errors)
