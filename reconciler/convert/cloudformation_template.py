"""Read a CloudFormation template: JSON, or YAML with the short forms of functions, such as `!Ref`.

Source: AWS CloudFormation user guide, "CloudFormation template format" and "Template sections"; it excludes YAML's aliases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from reconciler.convert.fields import Variables
from reconciler.convert.source import Source, SourceResource, parse_json_object
from reconciler.convert.template_functions import FunctionEvaluator
from reconciler.frozen_classes import frozen
from reconciler.kinds.base.field_aliases import fold_name
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.distribution import require_extra
from reconciler.model.errors import ReconcilerError
from reconciler.model.pem import Pem
from reconciler.model.text import closest_match, format_suggestion, quote

_PREFIX = "AWS::IoT::"
_PARAMETER_STORE_TYPE = "AWS::SSM::Parameter::"
"""The beginning of the types of parameters whose values are names in the Parameter Store, such as `…Value<String>`."""

_ADVICE = "check it with `aws cloudformation validate-template`"
_RESOURCES_ADVICE = "write it with `aws cloudformation describe-stack-resources --stack-name NAME`"

_ARN_TYPES: Mapping[str, str] = {
    "authorizer": "authorizer",
    "billinggroup": "billinggroup",
    "cacertificate": "cacert",
    "certificate": "cert",
    "certificateprovider": "certificateprovider",
    "custommetric": "custommetric",
    "dimension": "dimension",
    "fleetmetric": "fleetmetric",
    "mitigationaction": "mitigationaction",
    "jobtemplate": "jobtemplate",
    "policy": "policy",
    "provisioningtemplate": "provisioningtemplate",
    "rolealias": "rolealias",
    "scheduledaudit": "scheduledaudit",
    "securityprofile": "securityprofile",
    "thing": "thing",
    "thinggroup": "thinggroup",
    "thingtype": "thingtype",
    "topicrule": "rule",
}
"""Noun → the resource type in ARNs. Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS IoT"."""

_NOUNS: Mapping[str, str] = {
    "softwarepackage": "package",
    "softwarepackageversion": "packageversion",
}
"""CloudFormation's noun → the one in the operations of AWS's API, where they differ."""

_DESTINATION = "topicruledestination"

_NAME_PROPERTIES = (
    "ActionName",
    "JobTemplateId",
    "MetricName",
    "Name",
    "PackageName",
    "PolicyName",
    "RoleAlias",
    "RuleName",
    "TemplateName",
)
_CERTIFICATE_PROPERTIES: Mapping[str, str] = {
    "certificate": "CertificatePem",
    "cacertificate": "CACertificatePem",
}


def parse_template(text: str, name: str) -> Mapping[str, Any]:
    """Return a template as JSON values; `name` is that of the file. Raises ReconcilerError."""
    is_json = text.lstrip().startswith("{")
    template = parse_json_object(text, name, _ADVICE) if is_json else _parse_yaml(text, name)
    body = template.get("TemplateBody")
    if (
        isinstance(body, str | dict) and "Resources" not in template
    ):  # the output of `aws cloudformation get-template`
        return parse_template(body, name) if isinstance(body, str) else _check_template(body, name)
    return _check_template(template, name)


def _check_template(template: dict[str, Any], name: str) -> Mapping[str, Any]:
    resources = template.get("Resources")
    sections = [template.get(key) or {} for key in ("Parameters", "Conditions", "Mappings")]
    if (
        not isinstance(resources, dict)
        or not resources
        or not all(isinstance(item, dict) for item in sections)
    ):
        raise ReconcilerError(f"{name}: not a CloudFormation template, which has Resources; {_ADVICE}")
    return template


def _parse_yaml(text: str, name: str) -> dict[str, Any]:
    """Return the object in a YAML text. Raises ReconcilerError; the message has nothing of the text."""
    with require_extra("import cloudformation of YAML"):
        import yaml

        from reconciler.convert.template_yaml import load_yaml
    try:
        value = load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise ReconcilerError(f"{name}: not YAML: {problem}{place}; {_ADVICE}") from None
    except RecursionError:
        raise ReconcilerError(f"{name}: nested too deeply; {_ADVICE}") from None
    if not isinstance(value, dict):
        raise ReconcilerError(f"{name}: not a CloudFormation template; {_ADVICE}")
    return value


def parse_stack_resources(text: str, name: str) -> Mapping[str, str]:
    """Return logical ID → physical ID from the output of `describe-stack-resources`.

    Raises ReconcilerError.
    """
    document = parse_json_object(text, name, _RESOURCES_ADVICE)
    items = document.get("StackResources", document.get("StackResourceSummaries"))
    if not isinstance(items, list):
        raise ReconcilerError(f"{name}: has no StackResources; {_RESOURCES_ADVICE}")
    return {
        str(item["LogicalResourceId"]): str(item["PhysicalResourceId"])
        for item in items
        if isinstance(item, dict) and item.get("LogicalResourceId") and item.get("PhysicalResourceId")
    }


def read_template_resources(  # noqa: PLR0913 (what the values of a template depend on)
    template: Mapping[str, Any],
    name: str,
    *,
    parameters: Mapping[str, str],
    physical_ids: Mapping[str, str],
    variables: Variables,
    region: str | None = None,
) -> Source:
    """Return the resources of a template, with the functions in their properties evaluated.

    Args:
        template: The template.
        name: The name of its file, for errors.
        parameters: The values of parameters that override the defaults.
        physical_ids: Logical ID → ID in AWS, as far as it is known.
        variables: Gets a variable for each value that is not in the template.
        region: The Region of the stack, if it is known.

    Raises:
        ReconcilerError: If there are no resources of AWS IoT, or a parameter is not declared.
    """
    declared = template.get("Parameters") or {}
    unknown = [parameter for parameter in parameters if parameter not in declared]
    if unknown:
        suggestion = format_suggestion(closest_match(unknown[0], declared))
        raise ReconcilerError(
            f"{name}: the template has no parameter {quote(unknown[0])}{suggestion or '; leave it out'}"
        )
    details = {key: value for key, value in declared.items() if isinstance(value, dict)}
    defaults = {
        key: str(value["Default"])
        for key, value in details.items()
        if "Default" in value and not str(value.get("Type")).startswith(_PARAMETER_STORE_TYPE)
    }
    secrets = frozenset(key for key, value in details.items() if _is_true(value.get("NoEcho")))
    reader = _ResourceReader(template, {**defaults, **parameters}, secrets, physical_ids, variables, region)
    types = Counter(
        str(body.get("Type")) for body in template["Resources"].values() if isinstance(body, dict)
    )
    if not any(type_name.startswith(_PREFIX) for type_name in types):
        raise ReconcilerError(
            f"{name}: the template has no {_PREFIX}* resources among its {sum(types.values()):,} resources; check that it is the right one"
        )
    others = {key: count for key, count in sorted(types.items()) if not key.startswith(_PREFIX)}
    resources = tuple(reader.iterate())
    assumed = {
        key: defaults[key]
        for key in sorted(reader.list_used_parameters())
        if key in defaults.keys() - parameters
    }
    return Source("CloudFormation", resources, others, assumed)


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


@frozen
class _Declaration:
    """A resource in the template, before its functions are evaluated."""

    noun: str
    properties: Mapping[str, Any]


class _ResourceReader:
    """Reads the resources of AWS IoT, which may refer to each other."""

    def __init__(  # noqa: PLR0913, PLR0917 (what the values of a template depend on)
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        secrets: frozenset[str],
        physical_ids: Mapping[str, str],
        variables: Variables,
        region: str | None,
    ) -> None:
        self._resources: Mapping[str, Any] = template["Resources"]
        self._physical_ids = physical_ids
        self._active: set[str] = set()
        self._evaluator = FunctionEvaluator(
            template, parameters, secrets, region, variables, self._find_name, self._build_arn
        )

    def iterate(self) -> Iterator[SourceResource]:
        """Yield each resource of AWS IoT; one that the stack does not create has an obstacle."""
        for logical_id, body in self._resources.items():
            declaration = self._find_declaration(logical_id)
            if declaration is None:
                continue
            obstacle: str | None = None
            attributes: Mapping[str, Any] = {}
            try:
                condition = body.get("Condition")
                if condition is not None and not self._evaluator.holds(condition):
                    obstacle = self._evaluator.describe_false_condition(condition)
                else:
                    attributes = self._evaluate_properties(declaration)
            except RecursionError:
                obstacle = "it is nested too deeply"
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                obstacle = (
                    str(error) if type(error) is ValueError else "a function of the template is not valid"
                )
            physical_name = self._physical_ids.get(logical_id)
            if physical_name and declaration.noun not in _CERTIFICATE_PROPERTIES:
                attributes = {"Name": physical_name, **attributes}
            yield SourceResource(
                address=logical_id,
                block=logical_id,
                type=body["Type"],
                noun=declaration.noun,
                label=logical_id,
                attributes=attributes,
                obstacle=obstacle,
            )

    def list_used_parameters(self) -> Collection[str]:
        """Return the parameters whose values were used so far."""
        return self._evaluator.used_parameters

    def _evaluate_properties(self, declaration: _Declaration) -> Mapping[str, Any]:
        properties = self._evaluator.evaluate(declaration.properties)
        if not isinstance(properties, Mapping):
            raise ValueError("its properties are the value of a function")  # noqa: TRY004 (as for other values)
        return properties

    def _find_declaration(self, logical_id: str) -> _Declaration | None:
        body = self._resources.get(logical_id)
        if not isinstance(body, Mapping):
            return None
        type_name = str(body.get("Type"))
        if not type_name.startswith(_PREFIX):
            return None
        noun, properties = fold_name(type_name.removeprefix(_PREFIX)), body.get("Properties")
        return _Declaration(_NOUNS.get(noun, noun), properties if isinstance(properties, Mapping) else {})

    def _find_name(self, logical_id: str) -> str | None:
        """Return what `Ref` returns for a resource, or None if only the stack has it."""
        if logical_id in self._physical_ids:
            return self._physical_ids[logical_id]
        declaration = self._find_declaration(logical_id)
        if declaration is None or logical_id in self._active:
            return None
        self._active.add(logical_id)
        try:
            return self._derive_name(declaration)
        except (ValueError, TypeError, LookupError, AttributeError):
            return None
        finally:
            self._active.discard(logical_id)

    def _derive_name(self, declaration: _Declaration) -> str | None:
        properties = declaration.properties
        certificate_property = _CERTIFICATE_PROPERTIES.get(declaration.noun)
        if certificate_property:
            if certificate_property not in properties:
                return None
            try:
                return Pem.parse(str(self._evaluator.evaluate(properties[certificate_property]))).fingerprint
            except InvalidValueError:
                return None
        for key in properties:
            if fold_name(key) == f"{declaration.noun}name" or key in _NAME_PROPERTIES:
                return str(self._evaluator.evaluate(properties[key]))
        return None

    def _build_arn(self, logical_id: str) -> str | None:
        declaration = self._find_declaration(logical_id)
        if declaration and declaration.noun == _DESTINATION:
            # AWS assigns the ID: without the stack's resources, the logical ID takes its place.
            placeholder = (
                f"arn:{{aws.partition}}:iot:{{aws.region}}:{{aws.account}}:ruledestination/{logical_id}"
            )
            return self._physical_ids.get(logical_id, placeholder)
        name = self._find_name(logical_id)
        if declaration is None or name is None or declaration.noun not in _ARN_TYPES:
            return None
        return (
            f"arn:{{aws.partition}}:iot:{{aws.region}}:{{aws.account}}:{_ARN_TYPES[declaration.noun]}/{name}"
        )
