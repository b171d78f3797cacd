"""The check of a template that is stored for later: fleet provisioning and just-in-time provisioning.

The grammar is that of RegisterThing's templates. Parameters have no values yet, so only what holds for all values is checked.
UNCONFIRMED: which of these errors AWS finds when a template is stored, and which ones when a device is provisioned; and whether
it stores a template that has no resources, as is assumed.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.registry.errors import ApiError
from reconciler.registry.policy_documents import require_document
from reconciler.registry.templates.document import Template, TemplateError, TemplateResource, read_template
from reconciler.registry.templates.parts import CERTIFICATE_SOURCES
from reconciler.registry.templates.subject import PREFIX
from reconciler.registry.templates.values import FUNCTION_NAMES


def check_stored_template(body: str) -> None:
    """Raise TemplateError unless devices can be provisioned with the template."""
    template = read_template(body, needs_resources=False)
    if template.thing is not None:
        _require_one_of(template.thing, "ThingName")
        _check_references(template, template.thing)
    if template.certificate is not None:
        _require_one_of(template.certificate, *CERTIFICATE_SOURCES)
        _check_references(template, template.certificate)
    for policy in template.policies:
        _require_one_of(policy, "PolicyName", "PolicyDocument")
        _check_references(template, policy)
        _check_document(policy)


def _require_one_of(resource: TemplateResource, *names: str) -> None:
    if sum(name in resource.properties for name in names) != 1:
        raise TemplateError(f"Resources.{resource.name} does not have exactly one of {', '.join(names)}.")


def _check_document(policy: TemplateResource) -> None:
    """Check a policy document that depends on no parameter."""
    document = policy.properties.get("PolicyDocument")
    if isinstance(document, str):
        try:
            require_document(document)
        except ApiError as error:
            raise TemplateError(
                f"Resources.{policy.name}.Properties.PolicyDocument: {error.message}"
            ) from error


def _check_references(template: Template, resource: TemplateResource) -> None:
    """Raise TemplateError for a Ref to a parameter that is not declared, and for an unknown function."""
    for name, value in resource.properties.items():
        path = f"Resources.{resource.name}.Properties.{name}"
        for key, argument in _iterate_functions(value):
            if key.startswith("Fn::") and key not in FUNCTION_NAMES:
                raise TemplateError(
                    f"{key} in {path} is not a function; expected {', '.join(FUNCTION_NAMES)}."
                )
            if key == "Ref" and not _is_parameter(template, argument):
                raise TemplateError(f"{path} needs the parameter {argument}, which is not declared.")


def _is_parameter(template: Template, name: Any) -> bool:
    return isinstance(name, str) and (name in template.parameters or name.startswith(PREFIX))


def _iterate_functions(value: Any) -> list[tuple[str, Any]]:
    """Return the name and the argument of each function in a value, in any order; `Ref` is one of them."""
    functions: list[tuple[str, Any]] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            if len(item) == 1:
                functions += [
                    (key, argument) for key, argument in item.items() if key == "Ref" or key[:4] == "Fn::"
                ]
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return functions
