"""The grammar of policy documents, without the state of the registry.

AWS answers MalformedPolicyException with "Policy document is Malformed: " and a reason. Two reasons are known from public reports:
"Invalid policy syntax." (aws-cdk#32414) and "The following resources are invalid : …" (simplerobotservice#1). The grammar is that
of the AWS IoT developer guide ("AWS IoT policy elements") and, where it is silent, of IAM's policies. UNCONFIRMED: NotAction,
NotResource and an empty array of statements are accepted; a document that is too long has the same error code.
"""

import re
from collections.abc import Iterator
from typing import Any

from reconciler.registry.errors import ApiError
from reconciler.registry.wire.payload import MalformedError, load_json

MAX_CHARACTERS = 2048

_WHITESPACE = re.compile(r"\s")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn(?::[^:]*){4}:.+", re.DOTALL)
_VERSIONS = ("2012-10-17", "2008-10-17")
_EFFECTS = ("Allow", "Deny")
_POLICY_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_OPERATOR = (
    "(?:ForAllValues:|ForAnyValue:)?(?:"
    "String(?:Not)?Equals(?:IgnoreCase)?|String(?:Not)?Like|(?:Numeric|Date)(?:(?:Not)?Equals|(?:Less|Greater)Than(?:Equals)?)|"
    "Bool|BinaryEquals|(?:Not)?IpAddress|Arn(?:Not)?(?:Equals|Like)"
    ")(?:IfExists)?|(?:ForAllValues:|ForAnyValue:)?Null"
)


def require_document(document: str) -> None:
    """Raise MalformedPolicy unless AWS accepts the document."""
    if len(_WHITESPACE.sub("", document)) > MAX_CHARACTERS:
        raise _malformed(f"it has more than {MAX_CHARACTERS} characters that are not whitespace")
    try:
        policy = load_json(document.encode())
    except MalformedError as error:
        raise _malformed("it is not valid JSON") from error
    if not isinstance(policy, dict) or not _has_valid_syntax(policy):
        raise _malformed("Invalid policy syntax.")
    statements = _list_items(policy["Statement"])
    resources = [resource for statement in statements for resource in _list_resources(statement)]
    invalid_resources = [resource for resource in resources if not _RESOURCE.fullmatch(resource)]
    if invalid_resources:
        raise _malformed(f"The following resources are invalid : {', '.join(invalid_resources)}")


def _has_valid_syntax(policy: dict[str, Any]) -> bool:
    """Return whether everything but the resources' format is valid."""
    statements = _list_items(policy.get("Statement", []))
    return (
        policy.keys() <= _POLICY_KEYS
        and policy.get("Version", _VERSIONS[0]) in _VERSIONS
        and "Statement" in policy
        and all(isinstance(statement, dict) and _is_statement(statement) for statement in statements)
    )


def _is_statement(statement: dict[str, Any]) -> bool:
    actions = [statement[key] for key in ("Action", "NotAction") if key in statement]
    resources = [statement[key] for key in ("Resource", "NotResource") if key in statement]
    return (
        statement.keys() <= _STATEMENT_KEYS
        and isinstance(statement.get("Sid", ""), str)
        and statement.get("Effect") in _EFFECTS
        and len(actions) == len(resources) == 1
        and _are_texts(actions[0])
        and all(_ACTION.fullmatch(action) for action in _list_items(actions[0]))
        and _are_texts(resources[0])
        and _is_condition(statement.get("Condition", {}))
    )


def _is_condition(condition: Any) -> bool:
    return isinstance(condition, dict) and all(
        re.fullmatch(_OPERATOR, operator) and isinstance(keys, dict) and all(map(_are_values, keys.values()))
        for operator, keys in condition.items()
    )


def _are_values(value: Any) -> bool:
    return all(isinstance(item, str | bool | int | float) for item in _list_items(value))


def _are_texts(value: Any) -> bool:
    """Return whether a value is a string, or a list of at least one string."""
    items = _list_items(value)
    return bool(items) and all(isinstance(item, str) for item in items)


def _list_resources(statement: dict[str, Any]) -> Iterator[str]:
    for key in ("Resource", "NotResource"):
        yield from _list_items(statement.get(key, []))


def _list_items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _malformed(reason: str) -> ApiError:
    return ApiError("MalformedPolicyException", f"Policy document is Malformed: {reason}")
