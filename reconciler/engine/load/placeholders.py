"""Names in braces, such as `{var.prefix}` and `{aws.region}`, which are replaced with their values.

They are replaced in the keys and texts of TOML files, and in the strings of JSON documents after these were parsed. Only names of
a namespace are placeholders. Any other brace is literal, except in a table with `for_each`, where `{column}` is a placeholder too.
`${…}` is AWS's own syntax and is never replaced. `{{var.prefix}}` becomes the literal text `{var.prefix}`.

Invariant: a value is inserted unchanged. Braces in it have no meaning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Self

from attrs import Factory, define, field

from reconciler.model.diagnostic import (
    REPORTED_ALREADY,
    InvalidValueError,
    Suggestion,
    ValuePath,
    ValueProblem,
)
from reconciler.model.environment import VariableValue, format_value
from reconciler.model.plan import Target
from reconciler.model.text import quote

NAMESPACES = ("aws", "environment", "row", "var", "workspace")

_NAME = rf"(?:{'|'.join(NAMESPACES)})\.[^{{}}]*"

NAME = re.compile(_NAME)
"""A name of a namespace, without braces."""

TOKEN = re.compile(rf"\$\{{[^{{}}]*\}}|\{{\{{(?P<literal>{_NAME})\}}\}}|\{{(?P<name>{_NAME})\}}")
"""AWS's `${…}`, a `literal` in doubled braces, or the `name` of a placeholder."""

_MAYBE_IN_TOML = re.compile(rb"\{(?:%s)\.|\\[uU]0*7[bB]" % "|".join(NAMESPACES).encode())
"""A part of the bytes of a TOML file if one of its texts has a placeholder: a brace may be written as an escape."""

_JSON_OBJECT = re.compile(r'\s*\{\{?\s*["}]')
"""The beginning of a text that is a JSON object; in a table with `for_each`, its braces are doubled."""

AWS_NAMES = ("account", "partition", "region")

_MAX_DEPTH = 64
"""The maximum number of levels of tables and arrays in one table of the file."""

_MAX_CHARACTERS = 2**28
"""The maximum number of characters that are inserted in place of names, and of documents that are filled for rows."""

_WHY_UNAVAILABLE: Mapping[str, str] = {
    "aws": "the account and the Region are not known",
    "environment": "the file declares no environments",
    "row": "only a table with for_each has rows",
    "var": "the variables are not known",
    "workspace": "the name is not known",
}
"""Namespace → why it cannot be used, unless there is another reason."""


_OTHER_NAMESPACES: Mapping[str, str] = {
    "env": "environment",
    "environment": "environment",
    "environments": "environment",
    "variable": "var",
    "variables": "var",
    "vars": "var",
    "workspace": "workspace",
}
"""A word that a reader may take for a namespace, or for the name in it → the namespace."""


class TypedText(str):
    """The text of a variable that is not a string, for a field of the variable's own type."""

    __slots__ = ("value",)
    value: VariableValue

    def __new__(cls, text: str, value: VariableValue) -> Self:
        """Return the text with its value."""
        typed = super().__new__(cls, text)
        typed.value = value
        return typed


@define
class Placeholders:
    """The values of all names in braces.

    - `values`: namespace → name → value. A namespace that is missing here cannot be used;
    - `unavailable`: namespace → why it cannot be used;
    - `unresolved`: the declared variables without a valid value, which is reported already;
    - `find_target`: returns the target that `{aws.…}` describes. It is called only if such a name is used;
    - `used`: the value of each name that was used, by namespace and name.
    """

    values: Mapping[str, Mapping[str, VariableValue]] = field(factory=dict)
    unavailable: Mapping[str, str] = field(factory=dict)
    unresolved: frozenset[str] = frozenset()
    find_target: Callable[[], Target] | None = None
    used: dict[str, VariableValue] = Factory(dict)
    _characters_left: int = field(default=_MAX_CHARACTERS, init=False)

    def look_up(self, name: str) -> VariableValue:
        """Return the value of a name such as `var.prefix`. Raises InvalidValueError."""
        namespace, _, key = name.partition(".")
        if namespace == "aws" and self.find_target and key in AWS_NAMES:
            value: VariableValue = getattr(self.find_target(), key)
        else:
            value = self._look_up_in(namespace, key)
        self.used[name] = value
        return value

    def _look_up_in(self, namespace: str, key: str) -> VariableValue:
        valid_names = AWS_NAMES if namespace == "aws" and self.find_target else self.values.get(namespace)
        if valid_names is None:
            reason = self.unavailable.get(namespace) or _WHY_UNAVAILABLE[namespace]
            problem = f"{{{namespace}.{key}}} cannot be used here; {reason}"
            raise InvalidValueError(ValueProblem("unavailable-name", problem))
        if namespace == "var" and key in self.unresolved:
            raise InvalidValueError(ValueProblem(REPORTED_ALREADY, f"the variable {quote(key)} has no value"))
        if namespace == "var":
            valid_names = (*valid_names, *sorted(self.unresolved))
        if key not in valid_names:
            raise InvalidValueError(_build_unknown_name_problem(namespace, key, tuple(valid_names)))
        return self.values[namespace][key]

    def suggest(self, word: str) -> str | None:
        """Return the name that a word in braces probably means: `var.site` for `site` and `vars.site`."""
        prefix, _, key = word.rpartition(".")
        namespace = _OTHER_NAMESPACES.get(prefix or word, prefix)
        candidates = [f"{namespace}.{key}"] if prefix else [f"var.{word}", f"{namespace}.name", f"aws.{word}"]
        return next((name for name in candidates if self._is_name(name)), None)

    def _is_name(self, name: str) -> bool:
        namespace, _, key = name.partition(".")
        if namespace == "aws":
            return self.find_target is not None and key in AWS_NAMES
        return key in self.values.get(namespace, ()) or (namespace == "var" and key in self.unresolved)

    def insert(self, name: str, *, is_json: bool) -> str:
        """Return what is inserted in place of a name. Raises InvalidValueError."""
        text = escape_for(format_value(self.look_up(name)), is_json=is_json)
        self.reserve(len(text))
        return text

    def reserve(self, count: int) -> None:
        """Subtract a number of characters from what is left of the limit. Raises InvalidValueError."""
        self._characters_left -= count
        if self._characters_left < 0:
            expected = (
                f"at most {_MAX_CHARACTERS:,} characters in all texts and documents with names in braces"
            )
            raise InvalidValueError(ValueProblem("too-long", "the values of names are too long", expected))

    def replace_in_text(self, text: str) -> str:
        """Return a text with the values of its names; a `TypedText` if it is one name of another type.

        In a text that is a JSON object, a value is inserted as JSON writes it in a string. Raises InvalidValueError.
        """
        if "{" not in text:
            return text
        is_json = is_json_object(text)
        problems_by_name: dict[str, Sequence[ValueProblem]] = {}

        def replace(match: re.Match[str]) -> str:
            name = match["name"]
            if name is None:
                return f"{{{match['literal']}}}" if match["literal"] else match[0]
            try:
                return self.insert(name, is_json=is_json)
            except InvalidValueError as error:
                problems_by_name[name] = error.problems
                return match[0]

        replaced = TOKEN.sub(replace, text)
        if problems_by_name:
            raise InvalidValueError(*chain.from_iterable(problems_by_name.values()))
        match = TOKEN.fullmatch(text)
        value = self.used[match["name"]] if match and match["name"] else replaced
        return replaced if isinstance(value, str) else TypedText(replaced, value)

    def replace_in_value(self, value: Any) -> tuple[Any, list[ValueProblem]]:
        """Return a value of TOML or JSON with the values of all names in it, and the problems."""
        problems: list[ValueProblem] = []
        return self._replace(value, (), problems), problems

    def _replace(self, value: Any, path: ValuePath, problems: list[ValueProblem]) -> Any:
        match value:
            case str():
                try:
                    return self.replace_in_text(value)
                except InvalidValueError as error:
                    problems += error.nest_under(*path).problems
                    return value
            case dict() | list() if len(path) > _MAX_DEPTH:
                expected = f"at most {_MAX_DEPTH} levels"
                problems.append(ValueProblem("nested-too-deeply", "nested too deeply", expected, path=path))
                return value
            case dict():
                return self._replace_in_table(value, path, problems)
            case list():
                return [self._replace(item, (*path, index), problems) for index, item in enumerate(value)]
            case _:
                return value

    def _replace_in_table(
        self, table: Mapping[str, Any], path: ValuePath, problems: list[ValueProblem]
    ) -> dict[str, Any]:
        replaced: dict[str, Any] = {}
        for key, item in table.items():
            new_key = self._replace(key, (*path, key), problems)
            if new_key in replaced:
                problem = f"two keys become {quote(new_key)}"
                problems.append(ValueProblem("duplicate-key", problem, "unique keys", path=(*path, key)))
            replaced[str(new_key)] = self._replace(item, (*path, key), problems)
        return replaced


def escape_placeholders(value: Any) -> Any:
    """Return a value in whose texts names such as `{var.x}` are escaped, so that they stay as they are."""
    match value:
        case str():
            return TOKEN.sub(_escape_token, value) if "{" in value else value
        case Mapping():
            return {escape_placeholders(key): escape_placeholders(item) for key, item in value.items()}
        case list():
            return [escape_placeholders(item) for item in value]
        case _:
            return value


def _escape_token(match: re.Match[str]) -> str:
    text = match[0]
    return text if text.startswith("$") else f"{{{text}}}"


def may_have_placeholders(raw: bytes) -> bool:
    """Return whether a TOML file may have placeholders; false only if it has none."""
    return _MAYBE_IN_TOML.search(raw) is not None


def is_json_object(text: str) -> bool:
    """Return whether a text looks like a JSON object, and not like a text that starts with a placeholder."""
    return _JSON_OBJECT.match(text) is not None


def escape_for(text: str, *, is_json: bool) -> str:
    """Return the text as it is inserted into a text that is a JSON object, or into any other."""
    return json.dumps(text, ensure_ascii=False)[1:-1] if is_json else text


def _build_unknown_name_problem(namespace: str, key: str, valid_names: tuple[str, ...]) -> ValueProblem:
    if namespace == "var":
        problem = f"there is no variable {quote(key)}"
        expected = "a name that [variables] declares"
    else:
        problem = f"there is no name {quote(key)} in {namespace}"
        expected = f"one of {', '.join(valid_names)}"
    suggestion = Suggestion(key, valid_names, prefix=f"{namespace}.", replaces_expected=True)
    return ValueProblem("unknown-name", problem, expected, suggestion)
