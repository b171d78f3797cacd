"""The grammar of AWS IoT policies: what AWS rejects with MalformedPolicyException.

Source: AWS IoT developer guide, "AWS IoT Core policies" and "AWS IoT policy elements" (Version, Effect, Action and Resource); IAM user
guide, "Grammar of the IAM JSON policy language" (the rest: AWS IoT's policies "follow the same conventions as IAM policies").
UNCONFIRMED: whether AWS IoT accepts NotAction, NotResource and an empty array of statements; they are accepted here, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.document import Document
from reconciler.model.text import closest_match, describe_value, format_choices, quote

INVALID_POLICY = "invalid-policy"
"""The code of all errors about a policy document's grammar."""

VERSION_WITH_VARIABLES = "2012-10-17"
VERSIONS = (VERSION_WITH_VARIABLES, "2008-10-17")
EFFECTS = ("Allow", "Deny")

_POLICY_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_PRINCIPAL_KEYS = frozenset({"Principal", "NotPrincipal"})

_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn(?::[^:]*){4}:.+", re.DOTALL)

_OPERATORS = (
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan"),
    *("NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals"),
    *("DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals"),
    *("ArnNotLike", "Null"),
)
_OPERATOR_PREFIX = re.compile("ForAllValues:|ForAnyValue:")
_IF_EXISTS = "IfExists"


@lru_cache(maxsize=256)  # the rows of a table with `for_each` often have the same document
def find_grammar_problems(text: str) -> tuple[ValueProblem, ...]:
    """Return the problems of a policy document, which is JSON text; their paths are inside the document."""
    return tuple(_check_policy(Document.parse(text).value))


def list_statements(policy: Mapping[str, Any]) -> Iterator[tuple[ValuePath, Mapping[str, Any]]]:
    """Yield each statement of a policy with a valid grammar, and its path."""
    statements = policy["Statement"]
    if isinstance(statements, list):
        for index, statement in enumerate(statements):
            yield ("Statement", index), statement
    else:
        yield ("Statement",), statements


def iterate_texts(statement: Mapping[str, Any], name: str) -> Iterator[tuple[ValuePath, str]]:
    """Yield each text of an element of a valid statement, such as Action, and its path in the statement."""
    value = statement.get(name, [])
    if isinstance(value, list):
        for index, text in enumerate(value):
            yield (name, index), text
    else:
        yield (name,), value


def _check_policy(policy: Mapping[str, Any]) -> Iterator[ValueProblem]:
    yield from _check_keys(policy, _POLICY_KEYS)
    if "Version" in policy and policy["Version"] not in VERSIONS:
        problem = f"{describe_value(policy['Version'])} is not a version of the policy language"
        yield _build_problem(("Version",), problem, quote(VERSION_WITH_VARIABLES))
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        yield from _check_statement(statements, ("Statement",))
    elif isinstance(statements, list):
        for index, statement in enumerate(statements):
            path: ValuePath = ("Statement", index)
            if isinstance(statement, dict):
                yield from _check_statement(statement, path)
            else:
                yield _build_problem(path, f"got {describe_value(statement)}", "a statement: a JSON object")
    elif "Statement" in policy:
        problem = f"got {describe_value(statements)}"
        yield _build_problem(("Statement",), problem, "a statement, or an array of statements")
    elif not _has_similar_key(policy, "Statement", _POLICY_KEYS):
        yield _build_problem((), "the policy has no Statement", "a statement, or an array of statements")


def _check_statement(statement: Mapping[str, Any], path: ValuePath) -> Iterator[ValueProblem]:
    yield from _check_keys(statement, _STATEMENT_KEYS, path)
    if "Sid" in statement and not isinstance(statement["Sid"], str):
        yield _build_problem((*path, "Sid"), f"got {describe_value(statement['Sid'])}", "a string")
    yield from _check_effect(statement, path)
    yield from _check_element(statement, path, "Action", _ACTION, "an action such as iot:Connect, or *")
    yield from _check_element(statement, path, "Resource", _RESOURCE, "an ARN, or *")
    if "Condition" in statement:
        yield from _check_condition(statement["Condition"], (*path, "Condition"))


def _check_effect(statement: Mapping[str, Any], path: ValuePath) -> Iterator[ValueProblem]:
    if "Effect" not in statement:
        if not _has_similar_key(statement, "Effect", _STATEMENT_KEYS):
            yield _build_problem(path, "the statement has no Effect", format_choices(EFFECTS))
        return
    effect = statement["Effect"]
    if effect not in EFFECTS:
        nearest = _find_nearest(effect, EFFECTS)
        problem = f"{describe_value(effect)} is not a valid effect"
        yield _build_problem((*path, "Effect"), problem, format_choices(EFFECTS), nearest)


def _check_element(
    statement: Mapping[str, Any], path: ValuePath, name: str, pattern: re.Pattern[str], expected: str
) -> Iterator[ValueProblem]:
    """Check Action or Resource, or the element that stands in its place: NotAction or NotResource."""
    names = [key for key in (name, f"Not{name}") if key in statement]
    if len(names) > 1:
        yield _build_problem(path, f"the statement has both {name} and Not{name}", "one of them")
    if not names and not _has_similar_key(statement, name, _STATEMENT_KEYS):
        yield _build_problem(path, f"the statement has no {name}", f"{name}: {expected}")
    for key in names:
        value = statement[key]
        if isinstance(value, list) and value:
            for index, item in enumerate(value):
                yield from _check_item(item, (*path, key, index), pattern, expected)
        elif isinstance(value, list):
            yield _build_problem((*path, key), "the array is empty", expected)
        else:
            yield from _check_item(value, (*path, key), pattern, expected)


def _check_item(
    item: Any, path: ValuePath, pattern: re.Pattern[str], expected: str
) -> Iterator[ValueProblem]:
    if not isinstance(item, str):
        yield _build_problem(path, f"got {describe_value(item)}", f"{expected}; or an array of these")
    elif not pattern.fullmatch(item):
        yield _build_problem(path, f"{quote(item)} is not valid here", expected)


def _check_condition(condition: Any, path: ValuePath) -> Iterator[ValueProblem]:
    if not isinstance(condition, dict):
        yield _build_problem(path, f"got {describe_value(condition)}", "a JSON object of operators")
        return
    for operator, keys in condition.items():
        base = _OPERATOR_PREFIX.sub("", operator, count=1) if _OPERATOR_PREFIX.match(operator) else operator
        if base.removesuffix(_IF_EXISTS) not in _OPERATORS or base == f"Null{_IF_EXISTS}":
            nearest = _find_nearest(base, _OPERATORS)
            problem = "not a condition operator"
            yield _build_problem((*path, operator), problem, "an operator such as StringEquals", nearest)
        elif not isinstance(keys, dict):
            yield _build_problem(
                (*path, operator), f"got {describe_value(keys)}", "a JSON object of condition keys"
            )
        else:
            yield from _check_condition_values(keys, (*path, operator))


def _check_condition_values(keys: Mapping[str, Any], path: ValuePath) -> Iterator[ValueProblem]:
    for key, value in keys.items():
        values = value if isinstance(value, list) else [value]
        for item in values:
            if not isinstance(item, str | bool | int | float):
                yield _build_problem(
                    (*path, key), f"got {describe_value(item)}", "a string, or an array of strings"
                )


def _check_keys(
    table: Mapping[str, Any], names: Sequence[str], path: ValuePath = ()
) -> Iterator[ValueProblem]:
    for key in table:
        if key in names:
            continue
        if key in _PRINCIPAL_KEYS and "Effect" in names:
            problem = "not allowed: a policy of AWS IoT applies to what it is attached to"
            yield _build_problem((*path, key), problem, f"no {key}")
            continue
        nearest = _find_nearest(key, names)
        yield _build_problem((*path, key), "unknown key", None if nearest else format_choices(names), nearest)


def _has_similar_key(table: Mapping[str, Any], name: str, names: Sequence[str]) -> bool:
    """Return whether an unknown key is probably a misspelling of `name`, so that one problem is enough."""
    unknown_keys = [key for key in table if key not in names]
    return any(_find_nearest(key, names) in {name, f"Not{name}"} for key in unknown_keys)


def _find_nearest(value: Any, names: Collection[str]) -> str | None:
    return closest_match(value, names) if isinstance(value, str) else None


def _build_problem(
    path: ValuePath, problem: str, expected: str | None, nearest: str | None = None
) -> ValueProblem:
    return ValueProblem(INVALID_POLICY, problem, expected, nearest, path=path)
