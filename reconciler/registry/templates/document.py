"""Template body → `Template`: the sections, the three types of resources, and which properties and settings those have.

Sections are `Parameters`, `Resources`, `Mappings` and, for fleets only and without any effect here, `DeviceConfiguration`.
`DependsOn` is documented nowhere and refused. So is `PackageVersions`: the package catalog is not served.
"""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from reconciler.registry.wire.payload import MalformedError, load_json

THING = "AWS::IoT::Thing"
CERTIFICATE = "AWS::IoT::Certificate"
POLICY = "AWS::IoT::Policy"

_SECTIONS = ("Parameters", "Resources", "Mappings", "DeviceConfiguration")
_PROPERTIES = {
    THING: ("ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup"),
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
_PLAIN = ("DO_NOTHING", "REPLACE", "FAIL")
_MERGED = (*_PLAIN, "MERGE")
_SETTINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    THING: {"AttributePayload": _MERGED, "ThingTypeName": _PLAIN, "ThingGroups": _MERGED},
    CERTIFICATE: {"Status": _PLAIN},
    POLICY: {},
}


class TemplateError(Exception):
    """What a template says cannot be done, or is not of the grammar; the message says what and where."""


@frozen
class TemplateResource:
    """One resource of a template, its properties as they are written.

    A setting that is absent is DO_NOTHING: what exists is left as it is. That is UNCONFIRMED; it overwrites nothing that
    somebody else may have written, and lets the same device be registered again.
    """

    name: str
    properties: Mapping[str, Any]
    settings: Mapping[str, str]

    def setting(self, key: str) -> str:
        """Give how a conflict about one property is resolved."""
        return self.settings.get(key, "DO_NOTHING")


@frozen
class Template:
    """What a template body says. `parameters` are the declared ones, each with its default or None."""

    parameters: Mapping[str, str | None]
    mappings: Mapping[str, Any] = field(repr=False)
    thing: TemplateResource | None
    certificate: TemplateResource | None
    policies: tuple[TemplateResource, ...]


def read_template(body: str) -> Template:
    """Read a template body. Raises TemplateError."""
    try:
        document = load_json(body.encode())
    except MalformedError as error:
        raise TemplateError("The template body is not valid JSON.") from error
    sections = _object(document, "The template body")
    _only(sections, _SECTIONS, "the template body")
    resources = _object(sections.get("Resources", {}), "Resources")
    read = {name: _resource(name, resource) for name, resource in resources.items()}
    policies = tuple(resource for kind, resource in read.values() if kind == POLICY)
    thing, certificate = _single(read, THING), _single(read, CERTIFICATE)
    if thing is None and certificate is None:
        raise TemplateError("Resources has neither a thing nor a certificate.")
    if policies and certificate is None:
        raise TemplateError("Resources has policies, but no certificate to attach them to.")
    return Template(
        {name: _default(name, declared) for name, declared in _parameters(sections).items()},
        _object(sections.get("Mappings", {}), "Mappings"),
        thing,
        certificate,
        policies,
    )


def _parameters(sections: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(sections.get("Parameters", {}), "Parameters")


def _default(name: str, declared: Any) -> str | None:
    where = f"Parameters.{name}"
    declared = _object(declared, where)
    _only(declared, ("Type", "Default"), where)
    default = declared.get("Default")
    if declared.get("Type") != "String":
        raise TemplateError(f"{where}.Type is not String.")
    if default is not None and not isinstance(default, str):
        raise TemplateError(f"{where}.Default is not a string.")
    return default


def _resource(name: str, resource: Any) -> tuple[str, TemplateResource]:
    where = f"Resources.{name}"
    resource = _object(resource, where)
    _only(resource, ("Type", "Properties", "OverrideSettings"), where)
    kind = resource.get("Type")
    if kind not in _PROPERTIES:
        raise TemplateError(f"{where}.Type is not one of {', '.join(_PROPERTIES)}.")
    properties = _object(resource.get("Properties", {}), f"{where}.Properties")
    _only(properties, _PROPERTIES[kind], f"{where}.Properties")
    settings = _object(resource.get("OverrideSettings", {}), f"{where}.OverrideSettings")
    _only(settings, tuple(_SETTINGS[kind]), f"{where}.OverrideSettings")
    for key, value in settings.items():
        if value not in _SETTINGS[kind][key]:
            allowed = ", ".join(_SETTINGS[kind][key])
            raise TemplateError(f"{where}.OverrideSettings.{key} is not one of {allowed}.")
    return str(kind), TemplateResource(name, properties, settings)


def _single(read: Mapping[str, tuple[str, TemplateResource]], kind: str) -> TemplateResource | None:
    found = [resource for type_, resource in read.values() if type_ == kind]
    if len(found) > 1:
        raise TemplateError(f"Resources has more than one resource of type {kind}.")
    return found[0] if found else None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TemplateError(f"{where} is not a JSON object.")
    return value


def _only(value: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in value:
        if key not in allowed:
            expected = ", ".join(allowed) or "nothing"
            raise TemplateError(f"{key} is not allowed in {where}; {expected} is.")
