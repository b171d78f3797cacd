"""Provisioning templates, evaluated before anything is sent: which thing, certificate and policies they make.

Grammar: AWS IoT developer guide, "Provisioning templates" and "Single thing provisioning". Where AWS is lenient and its
user would be surprised, this is strict: a parameter without value and default is refused, though AWS would leave the
reference as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.document import Document
from reconciler.model.secret import Secret

Parameters: TypeAlias = Mapping[str, "str | Secret"]

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
        "the id of a registered certificate: 64 hexadecimal digits",
    ),
    ("Status", re.compile("ACTIVE|INACTIVE"), "ACTIVE or INACTIVE"),
    (
        "ThingPrincipalType",
        re.compile("EXCLUSIVE_THING|NON_EXCLUSIVE_THING"),
        "EXCLUSIVE_THING or NON_EXCLUSIVE_THING",
    ),
)
_SUB = re.compile(r"\$\{([^!}][^}]*)\}")


class TemplateError(InvalidValueError):
    """A template that AWS would reject; its problems have paths inside the template."""


@frozen
class Part:
    """One resource of a template: its properties with everything put in, and what it does to one that is there."""

    logical_name: str
    properties: Mapping[str, Any]
    overrides: Mapping[str, str] = field(factory=dict)


@frozen
class Evaluated:
    """What a template makes of its parameters."""

    thing: Part
    certificate: Part | None
    policies: tuple[Part, ...]


def evaluate(template: Mapping[str, Any], parameters: Parameters, pseudo: Parameters) -> Evaluated:
    """The template with its parameters put in.

    `pseudo` are the `AWS::IoT::Certificate::*` parameters that the certificate itself gives. A value into which a secret
    went is a `Secret`. Raises TemplateError.
    """
    evaluation = _Evaluation(template, parameters, pseudo)
    parts = evaluation.resources()
    if evaluation.problems:
        raise TemplateError(*dict.fromkeys(evaluation.problems))  # one place may be looked at twice
    things = [part for kind, part in parts if kind == THING]
    certificates = [part for kind, part in parts if kind == CERTIFICATE]
    policies = tuple(part for kind, part in parts if kind == POLICY)
    problems = []
    if len(things) != 1:
        problems.append(
            _template_problem("Resources", f"{len(things)} resources of type {THING}", "exactly one")
        )
    if len(certificates) > 1:
        problems.append(
            _template_problem(
                "Resources", f"{len(certificates)} resources of type {CERTIFICATE}", "at most one"
            )
        )
    if policies and not certificates:
        problems.append(
            _template_problem(
                "Resources", "a policy without a certificate to attach it to", f"a {CERTIFICATE}"
            )
        )
    if problems:
        raise TemplateError(*problems)
    return Evaluated(things[0], certificates[0] if certificates else None, policies)


def preview(template: Mapping[str, Any], parameters: Parameters) -> list[Part]:
    """As much of the certificates as can be told without what certificates give; problems are not."""
    return [part for kind, part in _Evaluation(template, parameters, {}).resources() if kind == CERTIFICATE]


_MOST_TEXT = 2**20
"""Characters that the functions of one template may make for one thing; AWS's largest parts have some thousands."""


class _Evaluation:
    """One walk through a template; problems are collected on the way."""

    def __init__(self, template: Mapping[str, Any], parameters: Parameters, pseudo: Parameters) -> None:
        self.problems: list[ValueProblem] = []
        self._template = template
        self._used: set[str] = set()
        self._secrets: dict[str, str] = {}  # parameters that are secret, with what each was read from
        self._unset: set[str] = set()
        self._declared = self._table("Parameters", template.get("Parameters", {}))
        self._mappings = self._table("Mappings", template.get("Mappings", {}))
        self._room = _MOST_TEXT
        self._values: dict[str, str] = {}
        for name in sorted(template.keys() - _SECTIONS):
            self._add_problem(name, "no section of a template", ", ".join(sorted(_SECTIONS)))
        self._take(parameters, pseudo)
        self._flat()

    def resources(self) -> list[tuple[str, Part]]:
        """Every resource with its type."""
        declared = self._template.get("Resources")
        if not isinstance(declared, dict) or not declared:
            self._add_problem("Resources", "no resources", "a table of them")
            return []
        found = [self._resource(name, body) for name, body in declared.items()]
        return [part for part in found if part]

    def _take(self, parameters: Parameters, pseudo: Parameters) -> None:
        for name in sorted(parameters.keys() - self._declared.keys()):
            self._add_problem("Parameters", f"{name!r} is given and not declared", self._one_declared())
        for name, body in self._declared.items():
            where = f"Parameters.{name}"
            if (
                not isinstance(body, dict)
                or body.get("Type") != "String"
                or body.keys() - {"Type", "Default"}
            ):
                self._add_problem(where, "not a parameter", 'a Type of "String" and perhaps a Default')
                continue
            value = parameters.get(name, pseudo.get(name, body.get("Default")))
            if isinstance(value, Secret):
                self._secrets[name] = value.reference
                if value.value is None:
                    self._unset.add(name)
                value = value.value or ""
            if isinstance(value, str):
                self._values[name] = value
            elif value is not None:
                self._add_problem(f"{where}.Default", "not a string", "a string")

    def _flat(self) -> None:
        """Sections into which nothing is put: mappings of two levels, and the device's configuration."""
        for name, mapping in self._mappings.items():
            for key, found in self._table(f"Mappings.{name}", mapping).items():
                self._strings(f"Mappings.{name}.{key}", found)
        self._strings("DeviceConfiguration", self._template.get("DeviceConfiguration", {}))

    def _strings(self, path: str, given: Any) -> None:
        for key, value in self._table(path, given).items():
            if not isinstance(value, str):
                self._add_problem(f"{path}.{key}", "not a string", "a string; nothing is put in here")

    def _table(self, path: str, given: Any) -> Mapping[str, Any]:
        if isinstance(given, dict):
            return given
        self._add_problem(path, "not a table", "a table")
        return {}

    def _resource(self, name: str, body: Any) -> tuple[str, Part] | None:
        where = f"Resources.{name}"
        kind = body.get("Type") if isinstance(body, dict) else None
        if not isinstance(kind, str) or kind not in _PROPERTIES:
            self._add_problem(f"{where}.Type", "no type of resource", " or ".join(_PROPERTIES))
            return None
        for key in sorted(body.keys() - {"Type", "Properties", "OverrideSettings"}):
            self._add_problem(
                f"{where}.{key}", "not part of a resource", "Type, Properties, OverrideSettings"
            )
        properties = self._properties(where, kind, body.get("Properties", {}))
        overrides = self._overrides(where, kind, body.get("OverrideSettings", {}))
        self._check(where, kind, properties)
        return kind, Part(name, properties, overrides)

    def _properties(self, where: str, kind: str, given: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self._table(f"{where}.Properties", given).items():
            path = f"{where}.Properties.{key}"
            if key not in _PROPERTIES[kind]:
                self._add_problem(path, f"no property of {kind}", ", ".join(sorted(_PROPERTIES[kind])))
            elif key in {"AttributePayload", "PackageVersions"}:
                table = self._table(path, value)
                found[key] = {name: self._one(f"{path}.{name}", item) for name, item in table.items()}
            elif key == "ThingGroups":
                items = value if isinstance(value, list) else [value]
                found[key] = [self._one(f"{path}.{index}", item) for index, item in enumerate(items)]
            else:
                found[key] = self._one(path, value)
        return found

    def _overrides(self, where: str, kind: str, given: Any) -> dict[str, str]:
        settings = self._table(f"{where}.OverrideSettings", given)
        for key, value in settings.items():
            valid = _OVERRIDES[kind].get(key)
            if valid is None or not isinstance(value, str) or value not in valid:
                expected = (
                    " or ".join(sorted(valid))
                    if valid
                    else ", ".join(_OVERRIDES[kind]) or "none for a policy"
                )
                self._add_problem(f"{where}.OverrideSettings.{key}", f"{value!r} is no setting", expected)
        return {key: value for key, value in settings.items() if isinstance(value, str)}

    def _check(self, where: str, kind: str, properties: Mapping[str, Any]) -> None:
        def one_of(*names: str) -> None:
            if sum(name in properties for name in names) != 1:
                self._add_problem(
                    f"{where}.Properties", f"{kind} has one of {', '.join(names)}", "exactly one"
                )

        if kind == THING and "ThingName" not in properties:
            self._add_problem(f"{where}.Properties", "a thing without ThingName", "ThingName")
        elif kind == CERTIFICATE:
            one_of("CertificateSigningRequest", "CertificateId", "CertificatePem")
            for name, pattern, expected in _PATTERNS:
                if isinstance(value := properties.get(name), str) and not pattern.fullmatch(value):
                    self._add_problem(f"{where}.Properties.{name}", f"{value!r} is none", expected)
        elif kind == POLICY:
            one_of("PolicyName", "PolicyDocument")
            self._document(f"{where}.Properties.PolicyDocument", properties.get("PolicyDocument"))

    def _document(self, path: str, text: Any) -> None:
        if isinstance(text, str):
            try:
                Document.parse(text)
            except InvalidValueError as error:
                self._add_problem(path, error.problems[0].problem, "a policy document as JSON text")

    def _one(self, path: str, value: Any) -> Any:
        """A string, or a `Secret` where a secret went into it."""
        self._used.clear()
        text = self._text(path, value)
        secret = sorted(self._used & self._secrets.keys())
        if not secret:
            return text
        # With what it was read from: a saved plan keeps one hash for each reference, and every device has a parameter Pin.
        told = ", ".join(f"{name} ({self._secrets[name]})" for name in secret)
        return Secret(f"parameter {told}", None if self._used & self._unset else text)

    def _text(self, path: str, value: Any) -> str:
        found = self._value(path, value)
        if isinstance(found, str):
            return found
        self._add_problem(path, "not a string", "a string, Ref, or a function that gives one")
        return ""

    def _value(self, path: str, value: Any) -> str | list[str]:
        match value:
            case str():
                return value
            case bool() | int() | float():
                return str(value).lower() if isinstance(value, bool) else str(value)
            case list():
                return [self._text(f"{path}.{index}", item) for index, item in enumerate(value)]
            case dict() if len(value) == 1:
                ((name, argument),) = value.items()
                function = self._functions().get(name)
                if function:
                    return function(f"{path}.{name}", argument)
                self._add_problem(f"{path}.{name}", "no function of templates", ", ".join(self._functions()))
            case _:
                self._add_problem(path, "not a value of a template", "a string, Ref, or a function")
        return ""

    def _functions(self) -> dict[str, Callable[[str, Any], str | list[str]]]:
        return {
            "Ref": self._ref,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::FindInMap": self._find,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }

    def _ref(self, path: str, name: Any) -> str:
        if isinstance(name, str) and name in self._values:
            self._used.add(name)
            return self._values[name]
        if isinstance(name, str) and name in self._declared:
            self._add_problem(
                path, f"the parameter {name!r} has neither value nor default", "a value in parameters"
            )
        else:
            self._add_problem(path, f"{name!r} is no parameter", self._one_declared())
        return ""

    def _one_declared(self) -> str:
        return (
            f"one of {', '.join(sorted(self._declared))}"
            if self._declared
            else "none: no Parameters are declared"
        )

    def _join(self, path: str, argument: Any) -> str:
        match argument:
            case [str(separator), items]:
                found = self._value(f"{path}.1", items)
                if not isinstance(found, list):
                    return found
                size = sum(map(len, found)) + len(separator) * len(found)
                return separator.join(found) if self._has_room(path, size) else ""
        self._add_problem(path, "wrong arguments", '["separator", [values]]')
        return ""

    def _select(self, path: str, argument: Any) -> str:
        match argument:
            case [index, items]:
                found = self._value(f"{path}.1", items)
                place = self._text(f"{path}.0", index)
                if isinstance(found, list) and place.isdecimal() and int(place) < len(found):
                    return found[int(place)]
                self._add_problem(
                    path, f"there is no item {place} in the list", "an index inside the list, from 0"
                )
                return ""
        self._add_problem(path, "wrong arguments", "[index, [values]]")
        return ""

    def _find(self, path: str, argument: Any) -> str:
        match argument:
            case [table, first, second]:
                keys = [
                    self._text(f"{path}.{index}", key) for index, key in enumerate((table, first, second))
                ]
                found: Any = self._mappings
                for key in keys:
                    found = found.get(key) if isinstance(found, dict) else None
                if isinstance(found, str):
                    return found
                self._add_problem(path, f"Mappings has no {'.'.join(keys)}", "two keys inside a mapping")
                return ""
        self._add_problem(path, "wrong arguments", '["mapping", "key", "key"]')
        return ""

    def _split(self, path: str, argument: Any) -> list[str]:
        match argument:
            case [str(separator), text] if separator:
                return self._text(f"{path}.1", text).split(separator)
        self._add_problem(path, "wrong arguments", '["separator", "text"]')
        return []

    def _sub(self, path: str, argument: Any) -> str:
        match argument:
            case str(text):
                own: dict[str, str] = {}
            case [str(text), dict(given)]:
                own = {name: self._text(f"{path}.1.{name}", value) for name, value in given.items()}
            case _:
                self._add_problem(
                    path, "wrong arguments", '"text with ${Name}", or ["text", {"Name": value}]'
                )
                return ""

        def put(match: re.Match[str]) -> str:
            name = match[1]
            return own[name] if name in own else self._ref(path, name)

        size = sum(len(put(match)) for match in _SUB.finditer(text)) + len(text)
        return _SUB.sub(put, text).replace("${!", "${") if self._has_room(path, size) else ""

    def _has_room(self, path: str, size: int) -> bool:
        """A short text may name a long one thousands of times, and so on upwards."""
        self._room -= size
        if self._room >= 0:
            return True
        self._add_problem(path, "the template makes too much text", f"at most {_MOST_TEXT:,} characters")
        return False

    def _add_problem(self, path: str, problem: str, expected: str | None = None) -> None:
        self.problems.append(_template_problem(path, problem, expected))


def _template_problem(path: str, problem: str, expected: str | None) -> ValueProblem:
    return ValueProblem("invalid-template", problem, expected, path=tuple(path.split(".")))
