"""Template body → `Template`: sections, resources, properties and settings.

The sections are `Parameters`, `Resources`, `Mappings` and `DeviceConfiguration`. The last is for fleet provisioning and has no
effect on RegisterThing. `DependsOn` is rejected: AWS does not document it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import field, frozen
from reconciler.registry.wire.payload import MalformedError, load_json

THING = "AWS::IoT::Thing"
CERTIFICATE = "AWS::IoT::Certificate"
POLICY = "AWS::IoT::Policy"

_SECTIONS = ("Parameters", "Resources", "Mappings", "DeviceConfiguration")
_PROPERTIES = {
    THING: (
        "ThingName",
        "AttributePayload",
        "ThingTypeName",
        "ThingGroups",
        "BillingGroup",
        "PackageVersions",
    ),
    CERTIFICATE: (
        "CertificateSigningRequest",
        "CertificateId",
        "CertificatePem",
        "CACertificatePem",
        "Status",
        "ThingPrincipalType",
    ),
    POLICY: ("PolicyName", "PolicyDocument"),
}
_SCALAR_SETTINGS = ("DO_NOTHING", "REPLACE", "FAIL")
_MERGEABLE_SETTINGS = (*_SCALAR_SETTINGS, "MERGE")
_SETTINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    THING: {
        "AttributePayload": _MERGEABLE_SETTINGS,
        "ThingTypeName": _SCALAR_SETTINGS,
        "ThingGroups": _MERGEABLE_SETTINGS,
    },
    CERTIFICATE: {"Status": _SCALAR_SETTINGS},
    POLICY: {},
}


class TemplateError(Exception):
    """A template is invalid or cannot be evaluated; the message has the problem and where it is."""


@frozen
class TemplateResource:
    """A resource of a template, with its properties before their evaluation.

    `settings` are its OverrideSettings, by property.

    UNCONFIRMED: the default of a setting is DO_NOTHING, which leaves an existing resource unchanged. This default
    overwrites no changes by others, and lets the same device be registered again.
    """

    name: str
    properties: Mapping[str, Any]
    settings: Mapping[str, str]

    def get_setting(self, key: str) -> str:
        """Return the setting for a property that differs from the existing resource's."""
        return self.settings.get(key, "DO_NOTHING")


@frozen
class Template:
    """A parsed template; a thing or certificate that it does not have is None.

    `parameters` has each declared parameter with its default, or with None.
    """

    parameters: Mapping[str, str | None]
    mappings: Mapping[str, Any] = field(repr=False)
    thing: TemplateResource | None
    certificate: TemplateResource | None
    policies: tuple[TemplateResource, ...]


def read_template(body: str, *, needs_resources: bool = True) -> Template:
    """Parse a template body. Raises TemplateError.

    Without `needs_resources`, a body that has no resources is valid.
    """
    try:
        document = load_json(body.encode())
    except MalformedError as error:
        raise TemplateError("The template body is not valid JSON.") from error
    sections = _require_object(document, "The template body")
    _require_keys_in(sections, _SECTIONS, "the template body")
    _require_flat_configuration(sections.get("DeviceConfiguration", {}))
    resources = [
        _parse_resource(name, resource)
        for name, resource in _require_object(sections.get("Resources", {}), "Resources").items()
    ]
    policies = tuple(resource for resource_type, resource in resources if resource_type == POLICY)
    thing, certificate = _find_only(resources, THING), _find_only(resources, CERTIFICATE)
    if thing is None and certificate is None and (resources or needs_resources):
        raise TemplateError("Resources has neither a thing nor a certificate.")
    if policies and certificate is None:
        raise TemplateError("Resources has policies, but no certificate to attach them to.")
    return Template(
        parameters=_parse_parameters(sections.get("Parameters", {})),
        mappings=_parse_mappings(sections.get("Mappings", {})),
        thing=thing,
        certificate=certificate,
        policies=policies,
    )


def _parse_mappings(section: Any) -> dict[str, Any]:
    """Return the mappings, whose values are strings, or lists of strings."""
    mappings = _require_object(section, "Mappings")
    for name, keys in mappings.items():
        for key, values in _require_object(keys, f"Mappings.{name}").items():
            path = f"Mappings.{name}.{key}"
            for member, value in _require_object(values, path).items():
                items = value if isinstance(value, list) else [value]
                if not all(isinstance(item, str) for item in items):
                    raise TemplateError(f"{path}.{member} is neither a string nor a list of strings.")
    return mappings


def _require_flat_configuration(section: Any) -> None:
    """Raise TemplateError if the device configuration has nested objects.

    Source: AWS IoT developer guide, "Provisioning templates": intrinsic functions are allowed, nested JSON objects are not.
    """
    for name, value in _require_object(section, "DeviceConfiguration").items():
        is_nested = isinstance(value, list) or (isinstance(value, dict) and not is_function(value))
        if is_nested or value is None:
            raise TemplateError(f"DeviceConfiguration.{name} is not a string or a function.")


def is_function(value: Any) -> bool:
    """Return whether a value has the form of a `Ref` or of another function."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and all(key == "Ref" or key[:4] == "Fn::" for key in value)
    )


def _parse_parameters(section: Any) -> dict[str, str | None]:
    """Return each declared parameter with its default, or with None."""
    declarations = _require_object(section, "Parameters")
    return {name: _parse_parameter(name, declaration) for name, declaration in declarations.items()}


def _parse_parameter(name: str, declaration: Any) -> str | None:
    path = f"Parameters.{name}"
    declaration = _require_object(declaration, path)
    _require_keys_in(declaration, ("Type", "Default"), path)
    default = declaration.get("Default")
    if declaration.get("Type") != "String":
        raise TemplateError(f"{path}.Type is not String.")
    if default is not None and not isinstance(default, str):
        raise TemplateError(f"{path}.Default is not a string.")
    return default


def _parse_resource(name: str, resource: Any) -> tuple[str, TemplateResource]:
    """Return a resource's type and the resource."""
    path = f"Resources.{name}"
    resource = _require_object(resource, path)
    _require_keys_in(resource, ("Type", "Properties", "OverrideSettings"), path)
    resource_type = resource.get("Type")
    if resource_type not in _PROPERTIES:
        raise TemplateError(f"{path}.Type is not one of {', '.join(_PROPERTIES)}.")
    properties = _require_object(resource.get("Properties", {}), f"{path}.Properties")
    _require_keys_in(properties, _PROPERTIES[resource_type], f"{path}.Properties")
    settings = _require_object(resource.get("OverrideSettings", {}), f"{path}.OverrideSettings")
    _require_keys_in(settings, tuple(_SETTINGS[resource_type]), f"{path}.OverrideSettings")
    for key, value in settings.items():
        if value not in _SETTINGS[resource_type][key]:
            allowed = ", ".join(_SETTINGS[resource_type][key])
            raise TemplateError(f"{path}.OverrideSettings.{key} is not one of {allowed}.")
    return str(resource_type), TemplateResource(name, properties, settings)


def _find_only(
    resources: Sequence[tuple[str, TemplateResource]], resource_type: str
) -> TemplateResource | None:
    matches = [resource for candidate_type, resource in resources if candidate_type == resource_type]
    if len(matches) > 1:
        raise TemplateError(f"Resources has more than one resource of type {resource_type}.")
    return matches[0] if matches else None


def _require_object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TemplateError(f"{path} is not a JSON object.")
    return value


def _require_keys_in(value: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> None:
    for key in value:
        if key not in allowed:
            expected = ", ".join(allowed) or "no keys"
            raise TemplateError(f"{key} is not allowed in {path}; expected {expected}.")
