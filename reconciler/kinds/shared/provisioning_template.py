"""Evaluate provisioning templates: the thing, certificate and policies that they create.

Grammar: AWS IoT developer guide, "Provisioning templates" and "Single thing provisioning". This is stricter than AWS where
leniency would surprise the user: AWS leaves a reference to a parameter that has neither a value nor a default as it is;
here it is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from reconciler.kinds.shared.provisioning_template_functions import (
    Parameters,
    TemplateProblems,
    TemplateValues,
    build_template_problem,
)
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.document import Document
from reconciler.model.text import quote

THING, CERTIFICATE, POLICY = "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy"

_SECTIONS = {"Parameters", "Resources", "Mappings", "DeviceConfiguration"}
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
_PATTERNS = (
    (
        "CertificateId",
        re.compile("[0-9a-f]{64}"),
        "the ID of a registered certificate: 64 hexadecimal digits",
    ),
    ("Status", re.compile("ACTIVE|INACTIVE"), "ACTIVE or INACTIVE"),
    (
        "ThingPrincipalType",
        re.compile("EXCLUSIVE_THING|NON_EXCLUSIVE_THING"),
        "EXCLUSIVE_THING or NON_EXCLUSIVE_THING",
    ),
)


class TemplateError(InvalidValueError):
    """A template that AWS would reject; its problems have paths inside the template."""


@frozen
class Part:
    """One resource of an evaluated template: its properties and its OverrideSettings."""

    logical_name: str
    properties: Mapping[str, Any]
    overrides: Mapping[str, str] = field(factory=dict)


@frozen
class Evaluated:
    """The resources that a template creates with one set of parameters."""

    thing: Part
    certificate: Part | None
    policies: tuple[Part, ...]


def evaluate(template: Mapping[str, Any], parameters: Parameters, pseudo_parameters: Parameters) -> Evaluated:
    """Return the resources of a template. Raises TemplateError.

    `pseudo_parameters` are the `AWS::IoT::Certificate::*` parameters that the certificate provides. A value that includes
    the value of a secret is a `Secret`.
    """
    evaluation = _Evaluation(template, parameters, pseudo_parameters)
    parts = evaluation.list_parts()
    if evaluation.problems:
        raise TemplateError(*dict.fromkeys(evaluation.problems))  # a value may be evaluated twice
    things = [part for type_name, part in parts if type_name == THING]
    certificates = [part for type_name, part in parts if type_name == CERTIFICATE]
    policies = tuple(part for type_name, part in parts if type_name == POLICY)
    problems = _check_counts(len(things), len(certificates), len(policies))
    if problems:
        raise TemplateError(*problems)
    return Evaluated(things[0], certificates[0] if certificates else None, policies)


def find_certificate_parts(template: Mapping[str, Any], parameters: Parameters) -> list[Part]:
    """Return the certificates of a template, evaluated without the parameters that certificates provide.

    Problems are ignored: `evaluate` finds them.
    """
    parts = _Evaluation(template, parameters, {}).list_parts(only=CERTIFICATE)
    return [part for _, part in parts]


def _check_counts(things: int, certificates: int, policies: int) -> list[ValueProblem]:
    problems = []
    if things != 1:
        problem = f"{things} resources of type {THING}"
        problems.append(build_template_problem("Resources", problem, "exactly one"))
    if certificates > 1:
        problem = f"{certificates} resources of type {CERTIFICATE}"
        problems.append(build_template_problem("Resources", problem, "at most one"))
    if policies and not certificates:
        problem = "a policy without a certificate to attach it to"
        problems.append(build_template_problem("Resources", problem, f"a resource of type {CERTIFICATE}"))
    return problems


class _Evaluation:
    """One pass over a template that collects its problems."""

    def __init__(
        self, template: Mapping[str, Any], parameters: Parameters, pseudo_parameters: Parameters
    ) -> None:
        self.problems = TemplateProblems()
        self._template = template
        for name in sorted(template.keys() - _SECTIONS):
            self.problems.add(name, "not a section of templates", ", ".join(sorted(_SECTIONS)))
        self._values = TemplateValues(template, parameters, pseudo_parameters, self.problems)
        self.problems.check_strings("DeviceConfiguration", template.get("DeviceConfiguration", {}))

    def list_parts(self, only: str | None = None) -> list[tuple[str, Part]]:
        """Return the resources with their types; with `only`, those of that type."""
        resources = self._template.get("Resources")
        if not isinstance(resources, dict) or not resources:
            self.problems.add("Resources", "no resources", "a table of resources")
            return []
        parts = []
        for name, body in resources.items():
            type_name = self._check_type(name, body)
            if type_name and only in {None, type_name}:
                parts.append((type_name, self._evaluate_part(name, type_name, body)))
        return parts

    def _check_type(self, name: str, body: Any) -> str | None:
        """Return the type of a resource; add a problem and return None if it is not valid."""
        type_name = body.get("Type") if isinstance(body, dict) else None
        if isinstance(type_name, str) and type_name in _PROPERTIES:
            return type_name
        self.problems.add(
            f"Resources.{name}.Type", "not a resource type of templates", " or ".join(_PROPERTIES)
        )
        return None

    def _evaluate_part(self, name: str, type_name: str, body: Mapping[str, Any]) -> Part:
        path = f"Resources.{name}"
        for key in sorted(body.keys() - {"Type", "Properties", "OverrideSettings"}):
            expected = "Type, Properties, OverrideSettings"
            self.problems.add(f"{path}.{key}", "not an attribute of resources", expected)
        properties = self._evaluate_properties(path, type_name, body.get("Properties", {}))
        overrides = self._check_overrides(path, type_name, body.get("OverrideSettings", {}))
        self._check_properties(path, type_name, properties)
        return Part(name, properties, overrides)

    def _evaluate_properties(self, path: str, type_name: str, properties: Any) -> dict[str, Any]:
        evaluated: dict[str, Any] = {}
        for key, value in self.problems.check_table(f"{path}.Properties", properties).items():
            value_path = f"{path}.Properties.{key}"
            if key not in _PROPERTIES[type_name]:
                expected = ", ".join(sorted(_PROPERTIES[type_name]))
                self.problems.add(value_path, f"not a property of {type_name}", expected)
            elif key in {"AttributePayload", "PackageVersions"}:
                table = self.problems.check_table(value_path, value)
                evaluated[key] = {
                    name: self._values.evaluate(f"{value_path}.{name}", item) for name, item in table.items()
                }
            elif key == "ThingGroups":
                items = value if isinstance(value, list) else [value]
                evaluated[key] = [
                    self._values.evaluate(f"{value_path}.{index}", item) for index, item in enumerate(items)
                ]
            else:
                evaluated[key] = self._values.evaluate(value_path, value)
        return evaluated

    def _check_overrides(self, path: str, type_name: str, overrides: Any) -> dict[str, str]:
        settings = self.problems.check_table(f"{path}.OverrideSettings", overrides)
        for key, value in settings.items():
            valid_values = _OVERRIDES[type_name].get(key)
            if valid_values and isinstance(value, str) and value in valid_values:
                continue
            if valid_values:
                expected = " or ".join(sorted(valid_values))
            else:
                expected = ", ".join(_OVERRIDES[type_name]) or "no settings for a policy"
            quoted_value = quote(value) if isinstance(value, str) else repr(value)
            problem = f"{quoted_value} is not a valid setting"
            self.problems.add(f"{path}.OverrideSettings.{key}", problem, expected)
        return {key: value for key, value in settings.items() if isinstance(value, str)}

    def _check_properties(self, path: str, type_name: str, properties: Mapping[str, Any]) -> None:
        if type_name == THING and "ThingName" not in properties:
            self.problems.add(f"{path}.Properties", "a thing without ThingName", "ThingName")
        elif type_name == CERTIFICATE:
            self._check_exactly_one(
                path, type_name, properties, "CertificateSigningRequest", "CertificateId", "CertificatePem"
            )
            for name, pattern, expected in _PATTERNS:
                value = properties.get(name)
                if isinstance(value, str) and not pattern.fullmatch(value):
                    problem = f"{quote(value)} is not a valid {name}"
                    self.problems.add(f"{path}.Properties.{name}", problem, expected)
        elif type_name == POLICY:
            self._check_exactly_one(path, type_name, properties, "PolicyName", "PolicyDocument")
            self._check_document(f"{path}.Properties.PolicyDocument", properties.get("PolicyDocument"))

    def _check_exactly_one(
        self, path: str, type_name: str, properties: Mapping[str, Any], *names: str
    ) -> None:
        if sum(name in properties for name in names) != 1:
            problem = f"{type_name} needs one of {', '.join(names)}"
            self.problems.add(f"{path}.Properties", problem, "exactly one")

    def _check_document(self, path: str, text: Any) -> None:
        if isinstance(text, str):
            try:
                Document.parse(text)
            except InvalidValueError as error:
                self.problems.add(path, error.problems[0].problem, "a policy document as JSON text")
