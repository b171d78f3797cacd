"""The check of a CA certificate's inline template, which AWS makes when the template is stored.

AWS's texts, as users of AWS report them (aws-iot-device-management-workshop issue 1, boto3 issue 2903); whether it checks more
of the template at that time is unknown.
"""

from reconciler.registry.templates.document import POLICY, TemplateError
from reconciler.registry.templates.stored import check_stored_template
from reconciler.registry.wire.payload import MalformedError, load_json


def check_registration_template(body: str) -> None:
    """Raise TemplateError unless devices can be provisioned with the body."""
    try:
        document = load_json(body.encode())
    except MalformedError as error:
        raise TemplateError(
            "Invalid registration template. Template format error: JSON not well-formed"
        ) from error
    if not isinstance(document, dict):
        raise TemplateError("Invalid registration template. Template format error: it is not a JSON object")
    resources = document.get("Resources")
    for resource in resources.values() if isinstance(resources, dict) else ():
        if isinstance(resource, dict) and resource.get("Type") == POLICY and not _has_content(resource):
            raise TemplateError(
                "Invalid registration template."
                " Neither policyName nor policyDocument is present in the Template."
            )
    try:
        check_stored_template(body, "JITP")
    except TemplateError as error:
        raise TemplateError(f"Invalid registration template. {error}") from error


def _has_content(policy: dict[str, object]) -> bool:
    properties = policy.get("Properties")
    return isinstance(properties, dict) and any(
        properties.get(key) for key in ("PolicyName", "PolicyDocument")
    )
