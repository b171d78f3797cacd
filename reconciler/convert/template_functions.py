"""Evaluate CloudFormation's intrinsic functions, as far as a template alone allows it.

A value that only a deployed stack knows becomes a variable of the desired state, and the pseudo parameters of the account become names in
braces, such as `{aws.region}`. Source: AWS CloudFormation user guide, "Intrinsic function reference" and "Pseudo parameters reference".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from reconciler.convert.fields import Variables
from reconciler.convert.source import to_text
from reconciler.engine.load.placeholders import escape_placeholders
from reconciler.model.plan import Target
from reconciler.model.text import quote

NO_VALUE = "AWS::NoValue"
_PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": "{aws.account}",
    "AWS::Partition": "{aws.partition}",
    "AWS::Region": "{aws.region}",
    "AWS::URLSuffix": "amazonaws.com",
}
_SUB_NAME = re.compile(r"\$\{(!?)([^{}]+)\}")

_DYNAMIC_REFERENCE = re.compile(r"\{\{(resolve:[^{}]*(?:\{+[\w.]+\}+[^{}]*)*)\}\}")
"""A value that CloudFormation reads from Systems Manager or Secrets Manager. Source: user guide, "Dynamic references"."""

_MAX_CONDITION_DEPTH = 100


@define
class FunctionEvaluator:
    """Evaluates the functions in one template.

    - `parameters`: the values of parameters by name; those without a value become variables;
    - `secret_parameters`: the parameters with `NoEcho`, whose values are never written;
    - `region`: the Region of the stack, if it is known;
    - `name_resource`: returns what `Ref` returns for a resource, or None if only the stack knows;
    - `build_arn`: returns a resource's ARN, or None.
    """

    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    secret_parameters: frozenset[str]
    region: str | None
    variables: Variables
    name_resource: Callable[[str], str | None]
    build_arn: Callable[[str], str | None]
    used_parameters: set[str] = field(init=False, factory=set)
    _active: set[str] = field(factory=set)
    _condition_results: dict[str, bool] = field(factory=dict)

    def evaluate(self, value: Any) -> Any:
        """Return a value with all functions replaced; None is `AWS::NoValue`. Raises ValueError."""
        result = self._evaluate_functions(value)
        if isinstance(result, str) and "{{resolve:" in result:
            return _DYNAMIC_REFERENCE.sub(self._declare_dynamic_reference, result)
        return result

    def _declare_dynamic_reference(self, match: re.Match[str]) -> str:
        """Return a variable in place of a dynamic reference: only the deployed stack has its value."""
        return self._declare_variable(match[1], f"the value of {match[1]} in the template")

    def _evaluate_functions(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self.evaluate(item) for item in value]
            return [item for item in items if item is not None]
        if not isinstance(value, Mapping):
            return escape_placeholders(value)
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = _FUNCTIONS.get(str(name))
            if function:
                return function(self, argument)
            if str(name).startswith("Fn::"):
                return self._declare_variable(str(name), f"the value of {name} in the template")
        entries = {key: self.evaluate(item) for key, item in value.items()}
        return {key: item for key, item in entries.items() if item is not None}

    # ── names ─────────────────────────────────────────────────────────────────────────────────────

    def refer(self, name: Any) -> Any:
        """Return the value of `Ref`."""
        name = str(name)
        if name == NO_VALUE:
            return None
        if name in _PSEUDO_PARAMETERS:
            return _PSEUDO_PARAMETERS[name]
        if name in self.parameters and name not in self.secret_parameters:
            self.used_parameters.add(name)
            return escape_placeholders(self.parameters[name])
        if name in self.template.get("Resources", {}):
            physical_name = self.name_resource(name)
            if physical_name is not None:
                return physical_name
            return self._declare_variable(name, f"the ID of {name} in the stack")
        return self._declare_variable(name, f"the parameter {name} of the template")

    def get_attribute(self, argument: Any) -> Any:
        """Return the value of `Fn::GetAtt`."""
        parts = argument.split(".", 1) if isinstance(argument, str) else [str(part) for part in argument]
        if len(parts) != 2:  # noqa: PLR2004 (a resource and an attribute)
            raise ValueError("Fn::GetAtt has no resource and attribute")
        resource, attribute = parts
        value = None
        if attribute.endswith("Arn"):  # such as `RoleAliasArn`
            value = self.build_arn(resource)
        elif attribute in {"Id", "Name"}:
            value = self.name_resource(resource)
        return value or self._declare_variable(
            f"{resource}_{attribute}", f"{attribute} of {resource} in the stack"
        )

    def substitute(self, argument: Any) -> str:
        """Return the value of `Fn::Sub`."""
        text, values = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
        parts = []
        end = 0
        for match in _SUB_NAME.finditer(text):
            parts.append(escape_placeholders(text[end : match.start()]))
            end = match.end()
            is_literal, name = match.groups()
            if is_literal:
                parts.append(f"${{{name}}}")
            elif name in values:
                parts.append(to_text(self.evaluate(values[name])))
            else:
                parts.append(to_text(self.get_attribute(name) if "." in name else self.refer(name)))
        return "".join([*parts, escape_placeholders(text[end:])])

    def _declare_variable(self, name: str, description: str) -> str:
        return self.variables.add(name, description)

    # ── lists, maps and conditions ────────────────────────────────────────────────────────────────

    def join(self, argument: Any) -> str:
        """Return the value of `Fn::Join`."""
        separator, items = argument
        return str(separator).join(to_text(item) for item in self.evaluate(items))

    def select(self, argument: Any) -> Any:
        """Return the value of `Fn::Select`."""
        index, items = argument
        return self.evaluate(items)[int(self.evaluate(index))]

    def split(self, argument: Any) -> list[str]:
        """Return the value of `Fn::Split`."""
        separator, text = argument
        return to_text(self.evaluate(text)).split(str(separator))

    def find_in_map(self, argument: Any) -> Any:
        """Return the value of `Fn::FindInMap`."""
        names = [self._evaluate_key(item) for item in argument[:3]]
        value = self.template.get("Mappings", {})
        for name in names:
            if name not in value:
                return self._declare_variable(
                    "_".join(names), f"the entry {'.'.join(names)} of the template's maps"
                )
            value = value[name]
        return escape_placeholders(value)

    def _evaluate_key(self, value: Any) -> str:
        """Return a text to compare with others, so with the name of the Region if it is known."""
        text = to_text(self.evaluate(value))
        if self.region is None:
            return text
        partition = Target("aws", self.region, "").partition
        return text.replace("{aws.region}", self.region).replace("{aws.partition}", partition)

    def choose(self, argument: Any) -> Any:
        """Return the value of `Fn::If`."""
        condition, if_true, if_false = argument
        return self.evaluate(if_true if self.holds(condition) else if_false)

    def holds(self, name: Any) -> bool:
        """Return whether a named condition holds. Raises ValueError if only the stack knows."""
        if name in self._condition_results:
            return self._condition_results[name]
        conditions = self.template.get("Conditions", {})
        if name not in conditions or name in self._active or len(self._active) == _MAX_CONDITION_DEPTH:
            raise ValueError(f"the condition {name} is not known")
        self._active.add(name)
        try:
            self._condition_results[name] = self._check(conditions[name])
        finally:
            self._active.discard(name)
        return self._condition_results[name]

    def describe_false_condition(self, name: str) -> str:
        """Return that a condition does not hold, and with which parameters."""
        parameters = [
            f"{parameter} = {quote(self.parameters[parameter])}"
            for parameter in sorted(self._find_parameters({"Condition": name}))
            if parameter in self.parameters and parameter not in self.secret_parameters
        ]
        if not parameters:
            return f"its condition {name} is false"
        return (
            f"its condition {name} is false with {', '.join(parameters)}; "
            "if the stack has other values, add --parameter NAME=VALUE"
        )

    def _find_parameters(self, condition: Any) -> frozenset[str]:
        """Return the names in all `Ref` of a condition, those of the conditions that it refers to included."""
        parameters: set[str] = set()
        conditions: set[str] = set()
        waiting = [condition]
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, Mapping):
                for key, item in value.items():
                    if key == "Ref":
                        parameters.add(str(item))
                    elif key == "Condition" and item not in conditions:
                        conditions.add(item)
                        waiting.append(self.template["Conditions"].get(item))
                    else:
                        waiting.append(item)
        return frozenset(parameters)

    def _check(self, condition: Any) -> bool:
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                first, second = (self._evaluate_key(item) for item in argument)
                if "{var." in first + second or "{aws." in first + second:
                    raise ValueError("a condition depends on values that are not in the template")
                return first == second
            case "Fn::Not":
                return not self._check(argument[0])
            case "Fn::And":
                return all(self._check(item) for item in argument)
            case "Fn::Or":
                return any(self._check(item) for item in argument)
            case _:
                raise ValueError(f"the condition {name} is not supported")


_FUNCTIONS: Mapping[str, Callable[[FunctionEvaluator, Any], Any]] = {
    "Ref": FunctionEvaluator.refer,
    "Fn::GetAtt": FunctionEvaluator.get_attribute,
    "Fn::Sub": FunctionEvaluator.substitute,
    "Fn::Join": FunctionEvaluator.join,
    "Fn::Select": FunctionEvaluator.select,
    "Fn::Split": FunctionEvaluator.split,
    "Fn::FindInMap": FunctionEvaluator.find_in_map,
    "Fn::If": FunctionEvaluator.choose,
}
