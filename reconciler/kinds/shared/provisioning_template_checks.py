"""Check templates that AWS stores, whose parameters have values only when a device is provisioned.

These are the bodies of fleet provisioning and just-in-time provisioning (JITP). Nothing is checked that depends on a parameter's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.kinds.shared import x509
from reconciler.kinds.shared.policy_linter import find_policy_warnings
from reconciler.kinds.shared.provisioning_template import (
    TemplateError,
    TemplateResource,
    find_stored_policies,
)
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.secret import Secret


def check_stored_template(
    body: Document, *path: str | int, template_type: str = "FLEET_PROVISIONING"
) -> Iterator[ValueProblem]:
    """Yield the errors of a stored template at `path` or, without errors, warnings about its policies.

    The number of its characters is checked with the other constraints in AWS's service models.
    """
    template = body.value
    declared = template.get("Parameters", {})
    if isinstance(declared, dict):
        # AWS provides these parameters from the device's certificate, also if the template does not declare them.
        certificate_parameters = {name: {"Type": "String"} for name in sorted(x509.CERTIFICATE_PARAMETERS)}
        template["Parameters"] = {**certificate_parameters, **declared}
    try:
        policies = find_stored_policies(
            template,
            _build_unknown_parameters(template),
            is_fleet_template=template_type == "FLEET_PROVISIONING",
        )
    except TemplateError as error:
        problems: Iterable[ValueProblem] = error.problems
    else:
        problems = find_template_warnings(policies)
    yield from (problem.nest_under(*path) for problem in problems)


def find_template_warnings(policies: Iterable[TemplateResource]) -> Iterator[ValueProblem]:
    """Yield warnings about the policies that a template creates, with paths inside the template."""
    for policy in policies:
        text = policy.properties.get("PolicyDocument")
        if isinstance(text, str):
            prefix = ("Resources", policy.logical_name, "Properties", "PolicyDocument")
            yield from (warning.nest_under(*prefix) for warning in find_policy_warnings(text))


def _build_unknown_parameters(template: dict[str, Any]) -> dict[str, Secret]:
    """Return a value that is not set for each declared parameter."""
    declared = template.get("Parameters", {})
    names = declared if isinstance(declared, dict) else ()
    return {name: Secret(f"parameter {name}", None) for name in names}
