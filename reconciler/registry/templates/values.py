"""Property expression → value: `Ref`, and the functions Join, Select, FindInMap, Split and Sub.

Invariant: a parameter without a value has its default. A reference to a parameter with neither a value nor a default, or to none, is
an error. UNCONFIRMED: in the text of `Fn::Sub`, a policy variable such as `${iot:ClientId}` stays unchanged, and `${!name}` becomes
`${name}`, as in CloudFormation.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.templates.document import Template, TemplateError
from reconciler.registry.templates.subject import PREFIX

MAX_DEPTH = 50

# Six digits are enough for every list that fits into a template.
_MAX_INDEX_DIGITS = 6

_VARIABLE = re.compile(r"\$\{([^{}]+)\}")
_LITERAL = re.compile("!|iot:|aws:")
"""How the names in `Fn::Sub` begin that are not those of parameters."""


@frozen
class TemplateScope:
    """The names that an expression can refer to: parameters and mappings.

    `parameters` are the values in the request; `certificate_parameters` are those of `AWS::IoT::Certificate::…`.
    """

    template: Template
    parameters: Mapping[str, str]
    certificate_parameters: Mapping[str, str]

    def is_known(self, name: str) -> bool:
        """Return whether a name is a declared parameter or starts with `AWS::IoT::Certificate::`."""
        return name in self.template.parameters or name.startswith(PREFIX)

    def find_value(self, name: str) -> str | None:
        """Return a parameter's value or default, or None. Raises TemplateError when it is not declared."""
        if not self.is_known(name):
            raise TemplateError(f"The parameter {name} is not declared in Parameters.")
        default = self.template.parameters.get(name)
        return self.parameters.get(name, self.certificate_parameters.get(name, default))


def evaluate_text(scope: TemplateScope, expression: Any, path: str) -> str:
    """Evaluate a property that is a string. Raises TemplateError."""
    return _require_text(_evaluate(scope, expression, path, 0), path)


def evaluate_texts(scope: TemplateScope, expression: Any, path: str) -> list[str]:
    """Evaluate a property that is a list of strings. Raises TemplateError."""
    return _require_texts(_evaluate(scope, expression, path, 0), path)


def evaluate_text_map(scope: TemplateScope, expression: Any, path: str) -> dict[str, str]:
    """Evaluate a property that is a flat map of strings. Raises TemplateError."""
    value = _evaluate(scope, expression, path, 0)
    if not isinstance(value, dict):
        raise TemplateError(f"{path} is not a JSON object.")
    return {key: _require_text(item, f"{path}.{key}") for key, item in value.items()}


def _evaluate(scope: TemplateScope, expression: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise TemplateError(f"{path} is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(expression, list):
        return [_evaluate(scope, item, path, depth + 1) for item in expression]
    if not isinstance(expression, dict):
        return expression
    if len(expression) == 1:
        ((name, argument),) = expression.items()
        if name == "Ref":
            return _resolve_ref(scope, argument, path)
        if name in _FUNCTIONS:
            require_literal_text(name, argument, f"{name} in {path}")
            value = _evaluate(scope, argument, path, depth + 1)
            return _FUNCTIONS[name](scope, value, f"{name} in {path}")
        if name.startswith("Fn::"):
            raise TemplateError(f"{name} in {path} is not a function; expected {', '.join(_FUNCTIONS)}.")
    return {key: _evaluate(scope, item, path, depth + 1) for key, item in expression.items()}


def _resolve_ref(scope: TemplateScope, name: Any, path: str) -> str:
    if not isinstance(name, str):
        raise TemplateError(f"Ref in {path} does not name a parameter.")
    value = scope.find_value(name)
    if value is None:
        raise TemplateError(f"{path} needs the parameter {name}, which has neither a value nor a default.")
    return value


def _join(_scope: TemplateScope, argument: Any, path: str) -> str:
    delimiter, items = _require_arguments(argument, 2, path)
    return _require_text(delimiter, path).join(_require_texts(items, path))


def _select(_scope: TemplateScope, argument: Any, path: str) -> Any:
    index, items = _require_arguments(argument, 2, path)
    is_number = str(index).isdecimal() and len(str(index)) <= _MAX_INDEX_DIGITS
    position = int(index) if is_number else -1
    if not isinstance(items, list) or isinstance(index, bool) or not 0 <= position < len(items):
        raise TemplateError(f"{path} selects an index that is not in its list.")
    if None in items:
        raise TemplateError(f"{path} selects null.")
    return items[position]


def _find_in_map(scope: TemplateScope, argument: Any, path: str) -> Any:
    value: Any = scope.template.mappings
    for key in _require_texts(_require_arguments(argument, 3, path), path):
        if not isinstance(value, dict) or key not in value:
            raise TemplateError(f"{path} finds no {key} in Mappings.")
        value = value[key]
    return value


def _split(_scope: TemplateScope, argument: Any, path: str) -> list[str]:
    delimiter, text = _require_texts(_require_arguments(argument, 2, path), path)
    if not delimiter:
        raise TemplateError(f"{path} has an empty delimiter.")
    return text.split(delimiter)


def _substitute(scope: TemplateScope, argument: Any, path: str) -> str:
    """Replace each `${name}` in a text with the function's variable of this name, or else the parameter."""
    text, variables = (argument, {}) if isinstance(argument, str) else _require_arguments(argument, 2, path)
    if not isinstance(variables, dict):
        raise TemplateError(f"{path} has no JSON object of variables.")

    def substitute(match: re.Match[str]) -> str:
        name = match[1]
        if name in variables:
            return _require_text(variables[name], path)
        if _LITERAL.match(name):
            return match[0].replace("${!", "${")
        return _resolve_ref(scope, name, path)

    return _VARIABLE.sub(substitute, _require_text(text, path))


_FUNCTIONS: Mapping[str, Callable[[TemplateScope, Any, str], Any]] = {
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::Split": _split,
    "Fn::Sub": _substitute,
}

FUNCTION_NAMES = tuple(_FUNCTIONS)


def list_substituted_names(argument: Any) -> list[str]:
    """Return the names of the parameters in the text of an `Fn::Sub`."""
    match argument:
        case [text, variables]:
            pass
        case text:
            variables = {}
    names = _VARIABLE.findall(text) if isinstance(text, str) else []
    return [name for name in names if name not in variables and not _LITERAL.match(name)]


def require_literal_text(function: str, argument: Any, path: str) -> None:
    """Raise TemplateError if a delimiter, or the text of `Fn::Sub`, is itself a function."""
    if function == "Fn::Sub" and isinstance(argument, str):
        return
    if function in {"Fn::Join", "Fn::Split", "Fn::Sub"}:
        literal = argument[0] if isinstance(argument, list) and argument else None
        if not isinstance(literal, str):
            raise TemplateError(f"{path} does not begin with a text.")


def _require_arguments(argument: Any, number: int, path: str) -> Sequence[Any]:
    if not isinstance(argument, list) or len(argument) != number:
        raise TemplateError(f"{path} does not have {number} arguments.")
    return argument


def _require_text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"{path} is not a string.")
    return value


def _require_texts(value: Any, path: str) -> list[str]:
    if not isinstance(value, list | tuple):
        raise TemplateError(f"{path} is not a list.")
    return [_require_text(item, path) for item in value]
