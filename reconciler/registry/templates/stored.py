"""The check of a template that is stored for later: fleet provisioning and just-in-time provisioning.

The grammar is that of RegisterThing's templates. Parameters have no values yet, so only what holds for all values is checked.
UNCONFIRMED: which of these errors AWS finds when a template is stored, and which ones when a device is provisioned; and whether
it stores a template that has no resources, as is assumed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.registry.errors import ApiError
from reconciler.registry.policy_documents import require_document
from reconciler.registry.templates.document import Template, TemplateError, TemplateResource, read_template
from reconciler.registry.templates.parts import CERTIFICATE_SOURCES, PRINCIPAL_TYPES, STATUSES
from reconciler.registry.templates.subject import PREFIX
from reconciler.registry.templates.values import (
    FUNCTION_NAMES,
    TemplateScope,
    evaluate_text,
    evaluate_text_map,
    evaluate_texts,
)

_EVALUATORS: Mapping[str, Callable[[TemplateScope, Any, str], object]] = {
    "AttributePayload": evaluate_text_map,
    "PackageVersions": evaluate_text_map,
    "ThingGroups": evaluate_texts,
}
"""By property: how it is evaluated, if it is not one text."""

_CHOICES = {"Status": STATUSES, "ThingPrincipalType": PRINCIPAL_TYPES}


def check_stored_template(body: str) -> None:
    """Raise TemplateError unless devices can be provisioned with the template."""
    template = read_template(body, needs_resources=False)
    if template.thing is not None:
        _require_one_of(template.thing, "ThingName")
        _check_properties(template, template.thing)
    if template.certificate is not None:
        _require_one_of(template.certificate, *CERTIFICATE_SOURCES)
        _check_properties(template, template.certificate)
    for policy in template.policies:
        _require_one_of(policy, "PolicyName", "PolicyDocument")
        _check_properties(template, policy)


def _require_one_of(resource: TemplateResource, *names: str) -> None:
    if sum(name in resource.properties for name in names) != 1:
        raise TemplateError(f"Resources.{resource.name} does not have exactly one of {', '.join(names)}.")


def _check_properties(template: Template, resource: TemplateResource) -> None:
    for name, expression in resource.properties.items():
        path = f"Resources.{resource.name}.Properties.{name}"
        functions = _list_functions(expression)
        for key, argument in functions:
            if key.startswith("Fn::") and key not in FUNCTION_NAMES:
                expected = ", ".join(FUNCTION_NAMES)
                raise TemplateError(f"{key} in {path} is not a function; expected {expected}.")
            if key == "Ref" and not _is_parameter(template, argument):
                raise TemplateError(f"{path} needs the parameter {argument}, which is not declared.")
        if _EVALUATORS.get(name) is evaluate_text_map and _is_function(expression):
            raise TemplateError(f"{path} is not a JSON object.")
        if not any(key in {"Ref", "Fn::Sub"} for key, _ in functions):
            _check_constant(TemplateScope(template, {}, {}), name, expression, path)


def _check_constant(scope: TemplateScope, name: str, expression: Any, path: str) -> None:
    """Check a property that depends on no parameter."""
    value = _EVALUATORS.get(name, evaluate_text)(scope, expression, path)
    if name in _CHOICES and str(value).upper() not in _CHOICES[name]:
        raise TemplateError(f"{path} is not one of {', '.join(_CHOICES[name])}.")
    if name == "PolicyDocument":
        try:
            require_document(str(value))
        except ApiError as error:
            raise TemplateError(f"{path}: {error.message}") from error


def _is_parameter(template: Template, name: Any) -> bool:
    return isinstance(name, str) and (name in template.parameters or name.startswith(PREFIX))


def _is_function(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and all(key == "Ref" or key[:4] == "Fn::" for key in value)
    )


def _list_functions(value: Any) -> list[tuple[str, Any]]:
    """Return the name and the argument of each function in a value, in any order; `Ref` is one of them."""
    functions: list[tuple[str, Any]] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            if _is_function(item):
                functions += item.items()
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return functions
