"""`[variables]`: the declared variables, and their values in one environment."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.declarations import ENVIRONMENTS, VARIABLES
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.input_files import VARIABLE_NAME
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.table_problems import build_unknown_key_problem
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValuePath, ValueProblem
from reconciler.model.environment import EnvironmentChoice, Variable, VariableValue
from reconciler.model.errors import SelectionError
from reconciler.model.text import (
    closest_match,
    describe_value,
    format_choices,
    format_suggestion,
    is_unicode,
    join_some,
    quote,
)

ENVIRONMENT_VARIABLE_PREFIX = "RECONCILER_VAR_"
"""The beginning of the name of an environment variable that sets a variable of the file."""

INVALID_CHOICE = "the environment or its variables are not valid; nothing was sent"

VARIABLE_TYPES: Mapping[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}

DECLARATION_KEYS = ("type", "description", "default")
"""The keys of a variable's table."""

_MAX_INTEGER_BITS = 64
"""The size of TOML's integers (TOML 1.0.0, "Integer"); tomllib parses larger ones."""

_INTEGER = r"[+-]?[0-9]{1,19}"
_NUMBER = r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?"
"""The texts of numbers on the command line and in the environment."""

_MAX_LISTED = 10
"""The maximum number of variables that a message lists."""

_DECLARATION_FORMAT = 'a default, or a table such as { type = "string", description = "…" }'
_TYPE_FORMATS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}


@frozen
class VariableDeclaration:
    """A variable as `[variables]` declares it; `default` is None if it is required."""

    name: str
    type: str
    default: VariableValue | None
    description: str
    table: TomlTable


VariableDeclarations: TypeAlias = Mapping[str, VariableDeclaration | None]
"""Variables by name; None for a declaration that is not valid, which is reported already."""


def parse_variables(tables: Sequence[TomlTable], diagnostics: DiagnosticCollector) -> VariableDeclarations:
    """Return the variables that the files declare, and report the problems of those that are None."""
    declarations: dict[str, VariableDeclaration | None] = {}
    for table in tables:
        for name, value in table.entries.items():
            try:
                declaration = _parse_declaration(name, value, table)
            except InvalidValueError as error:
                diagnostics.add(table, *error.nest_under(name).problems)
                declarations.setdefault(name, None)
                continue
            first = declarations.setdefault(name, declaration)
            if first and first is not declaration:
                place = f"{first.table.file.display_name}:{first.table.find_line((name,))}"
                problem = f"already declared at {place}; remove one of the two"
                diagnostics.add(table, ValueProblem("duplicate-declaration", problem, path=(name,)))
    return declarations


def _parse_declaration(name: str, value: object, table: TomlTable) -> VariableDeclaration:
    if not VARIABLE_NAME.fullmatch(name):
        problem = f"{quote(name)} is not a valid name of a variable"
        raise _build_error(
            "invalid-variable-name", problem, "letters, digits and _, not starting with a digit"
        )
    if isinstance(value, dict) and value.keys() in ({"env"}, {"file"}):
        problem = "a variable cannot be a secret or a file, because its value is shown"
        raise _build_error("wrong-type", problem, f"{{ {next(iter(value))} = … }} in the field that needs it")
    if not isinstance(value, dict):
        return VariableDeclaration(name, _find_type(value), _check_number(value), "", table)
    problems = list(_check_keys(value))
    if problems:
        raise InvalidValueError(*problems)
    default = value.get("default")
    if default is not None:
        default = convert_value(default, value.get("type") or _find_type(default), ("default",))
    type_name = value.get("type") or _find_type(default)
    return VariableDeclaration(name, type_name, default, value.get("description", ""), table)


def _check_keys(entries: Mapping[str, object]) -> Iterator[ValueProblem]:
    """Yield the problems of a variable's table, except those of the default's value."""
    for key in entries:
        if key not in DECLARATION_KEYS:
            yield build_unknown_key_problem(key, DECLARATION_KEYS)
    description = entries.get("description", "")
    if not isinstance(description, str):
        problem = f"got {describe_value(description)}"
        yield ValueProblem("wrong-type", problem, "a string", path=("description",))
    choices = format_choices(VARIABLE_TYPES)
    if "type" in entries:
        type_name = entries["type"]
        if not (isinstance(type_name, str) and type_name in VARIABLE_TYPES):
            problem = f"got {describe_value(type_name)}"
            suggestion = Suggestion(type_name, VARIABLE_TYPES) if isinstance(type_name, str) else None
            yield ValueProblem("invalid-choice", problem, choices, suggestion, path=("type",))
    elif "default" not in entries:
        yield ValueProblem("missing-key", "required key is missing", choices, path=("type",))
    elif type(entries["default"]) not in VARIABLE_TYPES.values():
        problem = f"got {describe_value(entries['default'])}"
        expected = "a string, an integer, a number, or true or false"
        yield ValueProblem("wrong-type", problem, expected, path=("default",))


def _find_type(value: object) -> str:
    """Return the name of a default's type. Raises InvalidValueError."""
    for name, python_type in VARIABLE_TYPES.items():
        if type(value) is python_type:
            return name
    raise _build_error("wrong-type", f"got {describe_value(value)}", _DECLARATION_FORMAT)


def convert_value(value: object, type_name: str, path: ValuePath = ()) -> VariableValue:
    """Return a TOML value as a value of a variable's type. Raises InvalidValueError."""
    is_whole_number = type_name == "number" and type(value) is int
    if not is_whole_number and type(value) is not VARIABLE_TYPES[type_name]:
        expected = _TYPE_FORMATS[type_name]
        raise _build_error("wrong-type", f"got {describe_value(value)}", expected).nest_under(*path)
    try:
        return _check_number(value)
    except InvalidValueError as error:
        raise error.nest_under(*path) from None


def convert_text(text: str, type_name: str) -> VariableValue:
    """Return a text from the command line or the environment as a value of a variable's type.

    Raises InvalidValueError.
    """
    match type_name:
        case "string" if is_unicode(text):
            return text
        case "string":
            raise _build_error("invalid-unicode", f"{quote(text)} is not valid", "valid Unicode text")
        case "integer" | "number" if re.fullmatch(_INTEGER, text):
            return _check_number(int(text))
        case "number" if re.fullmatch(_NUMBER, text):
            return float(text)
        case "boolean" if text in {"true", "false"}:
            return text == "true"
        case _:
            expected = _TYPE_FORMATS[type_name]
            raise _build_error("wrong-type", f"{quote(text)} is not valid", expected)


def _check_number(value: object) -> VariableValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise _build_error("wrong-type", "not a finite number", _TYPE_FORMATS["number"])
    if isinstance(value, int) and value.bit_length() >= _MAX_INTEGER_BITS:
        raise _build_error(
            "wrong-type", "the integer is too large", f"an integer of {_MAX_INTEGER_BITS} bits"
        )
    assert isinstance(value, str | int | float | bool)
    return value


def check_chosen_variables(
    declarations: VariableDeclarations, choice: EnvironmentChoice, environ: Mapping[str, str]
) -> None:
    """Check the variables that the command line and the environment set.

    Raises SelectionError with all problems: a variable that the files do not declare, or a text that is not of its type.
    """
    problems = []
    for name, text, source in _iterate_chosen(choice, environ):
        if name not in declarations and source == _OPTION:
            suggestion = format_suggestion(closest_match(name, declarations))
            hint = suggestion or f"; the file declares {join_some(declarations, _MAX_LISTED) or 'none'}"
            problems.append(f"{source} {name}: there is no such variable{hint}")
        elif name not in declarations:
            problems += _check_case(name, source, declarations)
        declaration = declarations.get(name)
        if declaration is None:
            continue
        try:
            convert_text(text, declaration.type)
        except InvalidValueError as error:
            problems.append(f"{_format_source(source, name)}: {error}")
    if problems:
        raise SelectionError(problems, INVALID_CHOICE)


def _check_case(name: str, source: str, declarations: Collection[str]) -> Iterator[str]:
    """Yield a problem if an environment variable differs from a variable's name only in its case."""
    for declared in declarations:
        if declared.lower() == name.lower():
            expected = f"{ENVIRONMENT_VARIABLE_PREFIX}{declared}"
            yield f"{source}: names are case-sensitive; did you mean {quote(expected)}?"


_OPTION = "--var"


def _iterate_chosen(choice: EnvironmentChoice, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the text and the source of each value; the command line comes first."""
    for name, text in choice.variables.items():
        yield name, text, _OPTION
    for key, text in environ.items():
        if key.startswith(ENVIRONMENT_VARIABLE_PREFIX):
            yield key.removeprefix(ENVIRONMENT_VARIABLE_PREFIX), text, key


def _format_source(source: str, name: str) -> str:
    return f"{source} {name}" if source == _OPTION else source


def find_chosen_texts(
    declarations: Collection[str], choice: EnvironmentChoice, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the texts of the declared variables that the command line or the environment sets."""
    texts: dict[str, str] = {}
    for name, text, _ in _iterate_chosen(choice, environ):
        if name in declarations:
            texts.setdefault(name, text)
    return texts


class VariableResolver:
    """Finds the values of the variables in an environment.

    The first of these that has a value counts: the command line, the process's environment, the environment's `variables`, the
    default.
    """

    def __init__(
        self,
        declarations: VariableDeclarations,
        choice: EnvironmentChoice,
        environ: Mapping[str, str],
    ) -> None:
        self._declarations = declarations
        self._chosen: dict[str, tuple[str, str]] = {}
        for name, text, source in _iterate_chosen(choice, environ):
            self._chosen.setdefault(name, (text, source))

    @property
    def names(self) -> frozenset[str]:
        """The names of all declared variables."""
        return frozenset(self._declarations)

    def resolve(
        self,
        environment: str | None,
        values: Mapping[str, object],
        placeholders: Placeholders,
        report: Callable[[Declaration | None, ValueProblem], None],
    ) -> tuple[Variable, ...]:
        """Return the variables of an environment, whose table has `values` for some of them.

        `placeholders` has the names that defaults may contain. `report` takes a problem, with the declaration of the variable, or with
        None for a problem of `values`.
        """
        for name in values:
            if name not in self._declarations:
                suggestion = Suggestion(name, tuple(self._declarations), replaces_expected=True)
                expected = f"a name that [{VARIABLES}] declares"
                report(
                    None,
                    ValueProblem(
                        "unknown-variable", "there is no such variable", expected, suggestion, path=(name,)
                    ),
                )
        variables = []
        for declaration in filter(None, self._declarations.values()):
            try:
                variable = self._resolve_one(declaration, environment, values)
            except InvalidValueError as error:
                for problem in error.problems:
                    report(None, problem.nest_under(declaration.name))
                continue
            variable = variable or self._resolve_default(declaration, placeholders, environment, report)
            if variable:
                variables.append(variable)
        return tuple(variables)

    def _resolve_default(
        self,
        declaration: VariableDeclaration,
        placeholders: Placeholders,
        environment: str | None,
        report: Callable[[Declaration | None, ValueProblem], None],
    ) -> Variable | None:
        """Return a variable with its default; report that it has none, or the problems of the names in it."""
        name, default = declaration.name, declaration.default
        if default is None:
            report(declaration.table, self._build_missing_problem(name, environment))
            return None
        if isinstance(default, str):
            try:
                default = str(placeholders.replace_in_text(default))
            except InvalidValueError as error:
                is_table = isinstance(declaration.table.entries[name], dict)
                path = (name, "default") if is_table else (name,)
                for problem in error.nest_under(*path).problems:
                    report(declaration.table, problem)
                return None
        return Variable(name, declaration.type, default, f"[{VARIABLES}]", declaration.description)

    def _resolve_one(
        self, declaration: VariableDeclaration, environment: str | None, values: Mapping[str, object]
    ) -> Variable | None:
        name, description = declaration.name, declaration.description
        if name in self._chosen:
            text, source = self._chosen[name]
            return Variable(name, declaration.type, convert_text(text, declaration.type), source, description)
        if name in values:
            value = convert_value(values[name], declaration.type)
            return Variable(name, declaration.type, value, f"[{ENVIRONMENTS}.{environment}]", description)
        return None

    def _build_missing_problem(self, name: str, environment: str | None) -> ValueProblem:
        ways = [f"--var {name}=VALUE", f"{ENVIRONMENT_VARIABLE_PREFIX}{name}"]
        if environment is not None:
            ways.append(f"variables in [{ENVIRONMENTS}.{environment}]")
        return ValueProblem(
            "missing-variable",
            "the variable has no value",
            f"a default, {', '.join(ways[:-1])} or {ways[-1]}",
            path=(name,),
        )


def _build_error(code: str, problem: str, expected: str) -> InvalidValueError:
    return InvalidValueError(ValueProblem(code, problem, expected))
