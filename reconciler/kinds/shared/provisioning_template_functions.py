"""The values of provisioning templates: parameters, mappings, and functions such as `Fn::Join`.

Grammar: AWS IoT developer guide, "Provisioning templates".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from reconciler.model.diagnostic import Suggestion, ValueProblem
from reconciler.model.secret import Secret
from reconciler.model.text import join_some, quote

Parameters: TypeAlias = Mapping[str, "str | Secret"]

_SUBSTITUTION = re.compile(r"\$\{([^!}][^}]*)\}")  # ${Name}, but not ${!Text}, which becomes ${Text}

_POLICY_VARIABLE = re.compile("iot:|aws:")
"""How the names of policy variables begin. UNCONFIRMED: AWS leaves them in the text of `Fn::Sub`, as an unknown name is an error."""

_TEXT_FUNCTIONS = frozenset({"Ref", "Fn::Join", "Fn::Sub"})
"""The functions that never return a list."""

_MAX_CHARACTERS = 2**20
"""The maximum number of characters that the functions of a template may produce, all together, for one thing.

Only `Fn::Join` and `Fn::Sub` are counted. It is far more than any template needs: AWS's longest values have a few thousand
characters.
"""

_MAX_SUGGESTIONS = 20
"""The maximum number of problems of one template that show the nearest valid name, as finding it takes long."""

_MAX_LISTED_PARAMETERS = 12
"""The maximum number of declared parameters that a problem lists."""


def build_template_problem(
    path: str, problem: str, expected: str | None, nearest: str | None = None
) -> ValueProblem:
    """Return a problem at a dotted path inside a template."""
    return ValueProblem("invalid-template", problem, expected, nearest, path=tuple(path.split(".")))


class TemplateProblems(list[ValueProblem]):
    """The problems of one template, in the order of the evaluation."""

    def add(
        self, path: str, problem: str, expected: str | None = None, nearest: Suggestion | None = None
    ) -> None:
        """Add a problem at a dotted path inside the template; only the first ones show the nearest name."""
        suggestion = nearest.find() if nearest and len(self) < _MAX_SUGGESTIONS else None
        self.append(build_template_problem(path, problem, expected, suggestion))

    def check_table(self, path: str, value: Any) -> Mapping[str, Any]:
        """Return the value if it is a table; else add a problem and return an empty one."""
        if isinstance(value, dict):
            return value
        self.add(path, "not a table", "a table")
        return {}

    def check_strings(self, path: str, table: Any) -> None:
        """Add a problem for each value of a table that is neither a string nor a list of strings."""
        for key, value in self.check_table(path, table).items():
            items = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str) for item in items):
                self.add(f"{path}.{key}", "not a string", "a string without references and functions")


class TemplateValues:
    """Evaluates the values of one template with one set of parameters.

    `pseudo_parameters` are the values that the device's certificate provides. They replace the defaults in the template, and
    `parameters` replace both.
    """

    def __init__(
        self,
        sections: Mapping[str, Any],
        parameters: Parameters,
        pseudo_parameters: Parameters,
        problems: TemplateProblems,
    ) -> None:
        self._problems = problems
        self._declared = problems.check_table("Parameters", sections.get("Parameters", {}))
        self._mappings = problems.check_table("Mappings", sections.get("Mappings", {}))
        self._declared_names = join_some(sorted(self._declared), _MAX_LISTED_PARAMETERS)
        self._values: dict[str, str] = {}
        self._secret_references: dict[str, str] = {}
        """The reference of each secret parameter, such as `env PIN`."""
        self._unset_secrets: set[str] = set()
        self._used_parameters: set[str] = set()
        """The parameters that the value under evaluation refers to."""
        self._characters_left = _MAX_CHARACTERS
        self._set_parameters(parameters, pseudo_parameters)
        for name, mapping in self._mappings.items():
            for key, strings in problems.check_table(f"Mappings.{name}", mapping).items():
                problems.check_strings(f"Mappings.{name}.{key}", strings)

    def evaluate(self, path: str, value: Any) -> str | Secret:
        """Return the text of a value, as a secret if it contains the value of a secret parameter."""
        self._used_parameters.clear()
        text = self._evaluate_text(path, value)
        secret_names = sorted(self._used_parameters & self._secret_references.keys())
        if not secret_names:
            return text
        # A saved plan stores one hash for each reference of a secret. `parameter Pin` alone would be the same reference for every
        # device, although its values may differ, so the reference names where the value comes from: `parameter Pin (env PIN)`.
        sources = ", ".join(f"{name} ({self._secret_references[name]})" for name in secret_names)
        is_unset = bool(self._used_parameters & self._unset_secrets)
        return Secret(f"parameter {sources}", None if is_unset else text)

    def _set_parameters(self, parameters: Parameters, pseudo_parameters: Parameters) -> None:
        for name in sorted(parameters.keys() - self._declared.keys()):
            problem = f"the parameter {quote(name)} is not declared in the template"
            self._problems.add("Parameters", problem, self._describe_declared())
        for name, declaration in self._declared.items():
            path = f"Parameters.{name}"
            if not _is_declaration(declaration):
                expected = 'the Type "String" and, if needed, a Default'
                self._problems.add(path, "not a valid parameter", expected)
                continue
            default = declaration.get("Default")
            if default is not None and not isinstance(default, str):
                self._problems.add(f"{path}.Default", "not a string", "a string")
                continue
            value = parameters.get(name, pseudo_parameters.get(name, default))
            if isinstance(value, Secret):
                self._secret_references[name] = value.reference
                if value.value is None:
                    self._unset_secrets.add(name)
                value = value.value or ""
            if value is not None:
                self._values[name] = value

    def evaluate_list(self, path: str, value: Any) -> Sequence[str | Secret]:
        """Return the texts of a value that must be a list, or a function that returns one."""
        if isinstance(value, list):
            return [self.evaluate(f"{path}.{index}", item) for index, item in enumerate(value)]
        self._used_parameters.clear()
        returns_text = not is_function(value) or not _TEXT_FUNCTIONS.isdisjoint(value)
        items = "" if returns_text else self._evaluate_value(path, value)
        if isinstance(items, list) and not self._used_parameters & self._secret_references.keys():
            return items
        if returns_text or not self._depends_on_unset_value():
            self._problems.add(path, "not a list", "a list of strings, or a function that returns one")
        return []

    def _describe_declared(self) -> str:
        if not self._declared:
            return "no parameters: the template declares none"
        return f"one of {self._declared_names}"

    def _evaluate_text(self, path: str, value: Any) -> str:
        text = self._evaluate_value(path, value)
        if isinstance(text, str):
            return text
        self._problems.add(path, "not a string", "a string, Ref, or a function that returns a string")
        return ""

    def _evaluate_value(self, path: str, value: Any) -> str | list[str]:
        match value:
            case str():
                return value
            case list():
                return [self._evaluate_text(f"{path}.{index}", item) for index, item in enumerate(value)]
            case dict() if len(value) == 1:
                ((name, argument),) = value.items()
                function = self._map_functions().get(name)
                if function:
                    return function(f"{path}.{name}", argument)
                self._problems.add(
                    f"{path}.{name}", "not a template function", ", ".join(self._map_functions())
                )
            case _:
                self._problems.add(path, "not a valid value", "a string, Ref, or a function")
        return ""

    def _map_functions(self) -> dict[str, Callable[[str, Any], str | list[str]]]:
        return {
            "Ref": self._resolve_ref,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Split": self._split,
            "Fn::Sub": self._substitute,
        }

    def _resolve_ref(self, path: str, name: Any) -> str:
        if isinstance(name, str) and name in self._values:
            self._used_parameters.add(name)
            return self._values[name]
        if isinstance(name, str) and name in self._declared:
            problem = f"the parameter {quote(name)} has neither a value nor a default"
            self._problems.add(path, problem, "a value in parameters")
        else:
            quoted_name = quote(name) if isinstance(name, str) else repr(name)
            nearest = Suggestion(name, self._declared) if isinstance(name, str) else None
            problem = f"{quoted_name} is not a parameter"
            self._problems.add(path, problem, self._describe_declared(), nearest)
        return ""

    def _join(self, path: str, argument: Any) -> str:
        match argument:
            case [str(separator), items]:
                texts = self._evaluate_value(f"{path}.1", items)
                if not isinstance(texts, list):
                    if not self._depends_on_unset_value():
                        self._problems.add(f"{path}.1", "not a list", "a list of strings")
                    return ""
                size = sum(map(len, texts)) + len(separator) * len(texts)
                return separator.join(texts) if self._reserve(path, size) else ""
        self._problems.add(path, "invalid arguments", '["separator", [values]]')
        return ""

    def _select(self, path: str, argument: Any) -> str:
        match argument:
            case [index, items]:
                texts = self._evaluate_value(f"{path}.1", items)
                is_number = isinstance(index, int) and not isinstance(index, bool)
                index_text = str(index) if is_number else self._evaluate_text(f"{path}.0", index)
                if isinstance(texts, list) and index_text.isdecimal() and int(index_text) < len(texts):
                    return texts[int(index_text)]
                if not self._depends_on_unset_value():
                    problem = f"the list has no item {index_text}"
                    self._problems.add(path, problem, "an index inside the list, from 0")
                return ""
        self._problems.add(path, "invalid arguments", "[index, [values]]")
        return ""

    def _find_in_map(self, path: str, argument: Any) -> str | list[str]:
        match argument:
            case [_, _, _]:
                keys = [self._evaluate_text(f"{path}.{index}", key) for index, key in enumerate(argument)]
                value: Any = self._mappings
                for key in keys:
                    value = value.get(key) if isinstance(value, dict) else None
                if isinstance(value, str | list):
                    return value
                if not self._depends_on_unset_value():
                    problem = f"Mappings has no {'.'.join(keys)}"
                    self._problems.add(path, problem, "a mapping and two keys inside it")
                return ""
        self._problems.add(path, "invalid arguments", '["mapping", "key", "key"]')
        return ""

    def _split(self, path: str, argument: Any) -> list[str]:
        match argument:
            case [str(separator), text] if separator:
                return self._evaluate_text(f"{path}.1", text).split(separator)
        self._problems.add(path, "invalid arguments", '["separator", "text"]')
        return []

    def _substitute(self, path: str, argument: Any) -> str:
        match argument:
            case str(text):
                own_values: dict[str, str] = {}
            case [str(text), dict(values)]:
                own_values = {
                    name: self._evaluate_text(f"{path}.1.{name}", value) for name, value in values.items()
                }
            case _:
                expected = '"text with ${Name}", or ["text", {"Name": value}]'
                self._problems.add(path, "invalid arguments", expected)
                return ""

        def substitute(match: re.Match[str]) -> str:
            name = match[1]
            if name in own_values:
                return own_values[name]
            return match[0] if _POLICY_VARIABLE.match(name) else self._resolve_ref(path, name)

        size = sum(len(substitute(match)) for match in _SUBSTITUTION.finditer(text)) + len(text)
        if not self._reserve(path, size):
            return ""
        return _SUBSTITUTION.sub(substitute, text).replace("${!", "${")

    def _depends_on_unset_value(self) -> bool:
        """Return whether the value under evaluation refers to a parameter whose value is not known."""
        return not self._used_parameters.isdisjoint(self._unset_secrets)

    def _reserve(self, path: str, characters: int) -> bool:
        """Count characters and return whether the template may still produce them.

        Nested functions can multiply the length of a short template.
        """
        self._characters_left -= characters
        if self._characters_left >= 0:
            return True
        problem = "the functions of the template produce too much text"
        self._problems.add(path, problem, f"at most {_MAX_CHARACTERS:,} characters")
        return False


def is_function(value: Any) -> bool:
    """Return whether a value has the form of a Ref or of another function."""
    return isinstance(value, dict) and len(value) == 1 and all(map(_is_function_name, value))


def _is_function_name(name: str) -> bool:
    return name == "Ref" or name.startswith("Fn::")


def _is_declaration(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.get("Type") == "String" and not value.keys() - {"Type", "Default"}
    )
