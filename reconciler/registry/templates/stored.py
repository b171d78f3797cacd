"""The check of a template that is stored for later: fleet provisioning and just-in-time provisioning.

The grammar is that of RegisterThing's templates. Parameters have no values yet, so only what holds for all values is checked.
UNCONFIRMED: which of these errors AWS finds when a template is stored, and which ones when a device is provisioned; and whether
it stores a template that has no resources, as is assumed.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.registry.errors import ApiError
from reconciler.registry.policy_documents import require_document
from reconciler.registry.templates.document import (
    Template,
    TemplateError,
    TemplateResource,
    is_function,
    read_template,
)
from reconciler.registry.templates.parts import CERTIFICATE_SOURCES, PRINCIPAL_TYPES, STATUSES
from reconciler.registry.templates.subject import PREFIX
from reconciler.registry.templates.values import (
    FUNCTION_NAMES,
    TemplateScope,
    evaluate_text,
    evaluate_text_map,
    evaluate_texts,
    list_substituted_names,
    require_literal_text,
)

_EVALUATORS: Mapping[str, Callable[[TemplateScope, Any, str], object]] = {
    "AttributePayload": evaluate_text_map,
    "PackageVersions": evaluate_text_map,
    "ThingGroups": evaluate_texts,
}
"""By property: how it is evaluated, if it is not one text."""

_TEXT_FUNCTIONS = frozenset({"Ref", "Fn::Join", "Fn::Sub"})
"""The functions that never return a list."""

_CHOICES = {"Status": STATUSES, "ThingPrincipalType": PRINCIPAL_TYPES}


def check_stored_template(body: str, template_type: str = "FLEET_PROVISIONING") -> None:
    """Raise TemplateError unless devices can be provisioned with the template.

    In AWS's example of a fleet template, a policy's document is a JSON object; in other templates it is text.
    """
    template = read_template(body, needs_resources=False)
    if template.thing is not None:
        _require_one_of(template.thing, "ThingName")
        _check_properties(template, template.thing)
    if template.certificate is not None:
        _require_one_of(template.certificate, *CERTIFICATE_SOURCES)
        _check_properties(template, template.certificate)
    for policy in template.policies:
        _require_one_of(policy, "PolicyName", "PolicyDocument")
        document = policy.properties.get("PolicyDocument")
        if (
            template_type == "FLEET_PROVISIONING"
            and isinstance(document, Mapping)
            and not is_function(document)
        ):
            _check_document_object(template, policy, document)
        else:
            _check_properties(template, policy)


def _require_one_of(resource: TemplateResource, *names: str) -> None:
    if sum(name in resource.properties for name in names) != 1:
        raise TemplateError(f"Resources.{resource.name} does not have exactly one of {', '.join(names)}.")


def _check_document_object(template: Template, policy: TemplateResource, document: Mapping[str, Any]) -> None:
    path = f"Resources.{policy.name}.Properties.PolicyDocument"
    functions = _list_functions(document)
    _check_functions(template, functions, path)
    if not functions:
        _require_policy(json.dumps(document), path)


def _check_functions(template: Template, functions: list[tuple[str, Any]], path: str) -> None:
    for key, argument in functions:
        if key.startswith("Fn::") and key not in FUNCTION_NAMES:
            expected = ", ".join(FUNCTION_NAMES)
            raise TemplateError(f"{key} in {path} is not a function; expected {expected}.")
        require_literal_text(key, argument, f"{key} in {path}")
        names = {"Ref": [argument], "Fn::Sub": list_substituted_names(argument)}.get(key, [])
        for name in names:
            if not _is_parameter(template, name):
                raise TemplateError(f"{path} needs the parameter {name}, which is not declared.")


def _check_properties(template: Template, resource: TemplateResource) -> None:
    if "CACertificatePem" in resource.properties and "CertificatePem" not in resource.properties:
        raise TemplateError(f"Resources.{resource.name} has CACertificatePem without CertificatePem.")
    for name, expression in resource.properties.items():
        path = f"Resources.{resource.name}.Properties.{name}"
        functions = _list_functions(expression)
        _check_functions(template, functions, path)
        if _EVALUATORS.get(name) is evaluate_text_map and is_function(expression):
            raise TemplateError(f"{path} is not a JSON object.")
        is_text = isinstance(expression, str) or (
            is_function(expression) and _TEXT_FUNCTIONS & expression.keys()
        )
        if name == "ThingGroups" and is_text:
            raise TemplateError(f"{path} is not a list.")
        if not any(
            key == "Ref" or (key == "Fn::Sub" and list_substituted_names(argument))
            for key, argument in functions
        ):
            _check_constant(TemplateScope(template, {}, {}), name, expression, path)


def _check_constant(scope: TemplateScope, name: str, expression: Any, path: str) -> None:
    """Check a property that depends on no parameter."""
    value = _EVALUATORS.get(name, evaluate_text)(scope, expression, path)
    if value == "" or (isinstance(value, list) and "" in value):
        raise TemplateError(f"{path} is empty.")
    text = str(value).upper() if name == "Status" else str(value)
    if name in _CHOICES and text not in _CHOICES[name]:
        raise TemplateError(f"{path} is not one of {', '.join(_CHOICES[name])}.")
    if name == "PolicyDocument":
        _require_policy(text, path)


def _require_policy(document: str, path: str) -> None:
    try:
        require_document(document)
    except ApiError as error:
        raise TemplateError(f"{path}: {error.message}") from error


def _is_parameter(template: Template, name: Any) -> bool:
    return isinstance(name, str) and (name in template.parameters or name.startswith(PREFIX))


def _list_functions(value: Any) -> list[tuple[str, Any]]:
    """Return the name and the argument of each function in a value, in any order; `Ref` is one of them."""
    functions: list[tuple[str, Any]] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            if is_function(item):
                functions += item.items()
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return functions
