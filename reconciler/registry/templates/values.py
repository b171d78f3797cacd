"""A property as it is written → its value: `Ref`, and the functions Join, Select, FindInMap, Split and Sub.

Law: a parameter that was not given has its default. One without a default is not replaced, and a property that needs it
cannot be made: that is an error, but for `Fn::Sub`, whose text keeps what is not known as it stands.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.registry.templates.document import Template, TemplateError
from reconciler.registry.templates.subject import PREFIX

MAX_DEPTH = 50

_VARIABLE = re.compile(r"\$\{([^{}]+)\}")


@frozen
class TemplateScope:
    """What names stand for: the template's declarations and mappings, what was given, and what a certificate tells."""

    template: Template
    given: Mapping[str, str]
    certificate: Mapping[str, str]

    def lookup(self, name: str) -> str | None:
        """Give a parameter's value, or None when it has none. Raises TemplateError for one that is not declared."""
        if name not in self.template.parameters and not name.startswith(PREFIX):
            raise TemplateError(f"The parameter {name} is not declared in Parameters.")
        declared = self.template.parameters.get(name)
        return self.given.get(name, self.certificate.get(name, declared))


def evaluate_text(scope: TemplateScope, written: Any, where: str) -> str:
    """Give the value of a property that is a string. Raises TemplateError."""
    value = _value(scope, written, where, 0)
    if not isinstance(value, str):
        raise TemplateError(f"{where} is not a string.")
    return value


def evaluate_texts(scope: TemplateScope, written: Any, where: str) -> list[str]:
    """Give the value of a property that is a list of strings. Raises TemplateError."""
    return _texts(_value(scope, written, where, 0), where)


def evaluate_text_map(scope: TemplateScope, written: Any, where: str) -> dict[str, str]:
    """Give the value of a property that is a flat map of strings. Raises TemplateError."""
    value = _value(scope, written, where, 0)
    if not isinstance(value, dict):
        raise TemplateError(f"{where} is not a JSON object.")
    return {key: _text(item, f"{where}.{key}") for key, item in value.items()}


def _value(scope: TemplateScope, written: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise TemplateError(f"{where} is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(written, list):
        return [_value(scope, item, where, depth + 1) for item in written]
    if not isinstance(written, dict):
        return written
    if len(written) == 1:
        ((name, argument),) = written.items()
        if name == "Ref":
            return _ref(scope, argument, where)
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](scope, _value(scope, argument, where, depth + 1), f"{name} in {where}")
        if name.startswith("Fn::"):
            raise TemplateError(f"{name} in {where} is not a function; {', '.join(_FUNCTIONS)} are.")
    return {key: _value(scope, item, where, depth + 1) for key, item in written.items()}


def _ref(scope: TemplateScope, name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise TemplateError(f"Ref in {where} does not name a parameter.")
    value = scope.lookup(name)
    if value is None:
        raise TemplateError(f"{where} needs the parameter {name}, which has neither a value nor a default.")
    return value


def _join(_scope: TemplateScope, argument: Any, where: str) -> str:
    delimiter, items = _arguments(argument, 2, where)
    return _text(delimiter, where).join(_texts(items, where))


def _select(_scope: TemplateScope, argument: Any, where: str) -> Any:
    index, items = _arguments(argument, 2, where)
    number = int(index) if str(index).isdecimal() and len(str(index)) < len("1000000") else -1
    if not isinstance(items, list) or isinstance(index, bool) or not 0 <= number < len(items):
        raise TemplateError(f"{where} selects what is not there.")
    if items[number] is None:
        raise TemplateError(f"{where} selects null.")
    return items[number]


def _find_in_map(scope: TemplateScope, argument: Any, where: str) -> Any:
    found: Any = scope.template.mappings
    for key in _texts(_arguments(argument, 3, where), where):
        if not isinstance(found, dict) or key not in found:
            raise TemplateError(f"{where} finds no {key} in Mappings.")
        found = found[key]
    return found


def _split(_scope: TemplateScope, argument: Any, where: str) -> list[str]:
    delimiter, text = _texts(_arguments(argument, 2, where), where)
    if not delimiter:
        raise TemplateError(f"{where} has an empty delimiter.")
    return text.split(delimiter)


def _sub(scope: TemplateScope, argument: Any, where: str) -> str:
    """Substitute `${name}` in a text, from the map beside it if there is one, else from the parameters."""
    text, variables = (argument, {}) if isinstance(argument, str) else _arguments(argument, 2, where)
    if not isinstance(variables, dict):
        raise TemplateError(f"{where} has no JSON object of variables.")

    def known(match: re.Match[str]) -> str:
        name = match[1]
        if name in variables:
            return _text(variables[name], where)
        declared = name in scope.template.parameters or name.startswith(PREFIX)
        value = scope.lookup(name) if declared else None
        return match[0] if value is None else value

    return _VARIABLE.sub(known, _text(text, where))


_FUNCTIONS: Mapping[str, Callable[[TemplateScope, Any, str], Any]] = {
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}


def _arguments(argument: Any, number: int, where: str) -> Sequence[Any]:
    if not isinstance(argument, list) or len(argument) != number:
        raise TemplateError(f"{where} does not have {number} arguments.")
    return argument


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"{where} is not a string.")
    return value


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list | tuple):
        raise TemplateError(f"{where} is not a list.")
    return [_text(item, where) for item in value]
