"""Warnings about policies that AWS accepts, but that allow more than they should, or do not work.

Each warning has a stable code, which `model/warning_codes.py` describes. Source: AWS IoT developer guide, "Security best practices in AWS
IoT Core" and "Static thing groups"; AWS IoT Device Defender, "AWS IoT policies overly permissive"; AWS IoT Greengrass developer guide,
"Device authentication and authorization".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.shared.policy_grammar import VERSION_WITH_VARIABLES, iterate_texts, list_statements
from reconciler.kinds.shared.policy_vocabulary import (
    GREENGRASS_ACTIONS,
    RESOURCE_TYPES,
    find_nearest_action,
    find_nearest_variable,
    is_known_action,
    is_known_variable,
    matches_action,
)
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.document import Document
from reconciler.model.text import quote

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAME_IN_BRACES = re.compile(r"(?:aws|environment|row|var|workspace)\..+")
_CLIENT_ID = re.compile(r"\$\{iot:ClientId\}", re.IGNORECASE)
_THING_NAME = "${iot:Connection.Thing.ThingName}"
_THING_VARIABLE = re.compile(r"\biot:Connection\.Thing\.", re.IGNORECASE)
_DISCOVER = "greengrass:Discover"
"""The only action of AWS IoT Greengrass that client devices need."""

_CLIENT_CONDITIONS = (
    "iot:clientid",
    "iot:connection.thing.isattached",
    "iot:connection.thing.thingname",
)
"""The condition keys, in lower case, that tie a client ID to a thing or name it."""


@lru_cache(maxsize=256)  # the rows of a table with `for_each` often have the same document
def find_policy_warnings(text: str) -> tuple[ValueProblem, ...]:
    """Return warnings about a policy with a valid grammar, as JSON text.

    Their paths are inside the document.
    """
    policy = Document.parse(text).value
    warnings = [*_check_version(policy, text)]
    if policy["Statement"] == []:
        warnings.append(
            _build_warning("policy-no-statement", ("Statement",), "allows nothing", "a statement")
        )
    is_for_cores = _is_for_cores(policy)
    for path, statement in list_statements(policy):
        warnings += _check_statement(path, statement, "NAME*" if is_for_cores else _THING_NAME)
        warnings += _check_thing_variables(path, statement, is_for_cores=is_for_cores)
    return tuple(warnings)


def names_greengrass(policy: Mapping[str, Any]) -> bool:
    """Return whether a policy with a valid grammar names actions of AWS IoT Greengrass and allows them."""
    return any(action.lower().startswith("greengrass:") for action in _iterate_allowed_actions(policy))


def allows_greengrass(policy: Mapping[str, Any]) -> bool:
    """Return whether a valid policy allows actions of AWS IoT Greengrass, also by a wildcard."""
    return any("NotAction" in statement for _, statement in list_statements(policy)) or any(
        matches_action(pattern, action)
        for pattern in _iterate_allowed_actions(policy)
        for action in GREENGRASS_ACTIONS
    )


def _iterate_allowed_actions(policy: Mapping[str, Any]) -> Iterator[str]:
    for _, statement in list_statements(policy):
        if statement["Effect"] == "Allow":
            yield from (action for _, action in iterate_texts(statement, "Action"))


@frozen
class _Allowance:
    """The actions and resources that one statement allows, and the keys of its conditions in lower case."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition_keys: frozenset[str]

    def includes(self, action: str) -> bool:
        return any(matches_action(pattern, action) for pattern in self.actions)

    def covers_every(self, resource_type: str) -> bool:
        """Return whether a resource covers all of a type, such as `topic`."""
        return any(_covers_every(resource, resource_type) for resource in self.resources)


def _check_version(policy: Mapping[str, Any], text: str) -> Iterator[ValueProblem]:
    if policy.get("Version") != VERSION_WITH_VARIABLES and _VARIABLE.search(text):
        problem = f"without this version, AWS takes variables such as {_THING_NAME} literally"
        yield _build_warning("policy-old-version", ("Version",), problem, quote(VERSION_WITH_VARIABLES))


def _is_for_cores(policy: Mapping[str, Any]) -> bool:
    """Return whether a policy names and allows actions that only core devices of AWS IoT Greengrass need."""
    return any(
        action.lower().startswith("greengrass:") and matches_action(action, core_action)
        for action in _iterate_allowed_actions(policy)
        for core_action in GREENGRASS_ACTIONS
        if core_action != _DISCOVER
    )


def _check_thing_variables(
    path: ValuePath, statement: Mapping[str, Any], *, is_for_cores: bool
) -> Iterator[ValueProblem]:
    """Yield a warning if a statement has thing policy variables that AWS IoT Greengrass does not support.

    They are not supported in policies of core devices, nor for actions of Greengrass.
    """
    actions = (action for _, action in iterate_texts(statement, "Action"))
    if not is_for_cores and not any(action.lower().startswith("greengrass:") for action in actions):
        return
    for name in ("Resource", "NotResource", "Condition"):
        if _THING_VARIABLE.search(json.dumps(statement.get(name))):
            problem = f"AWS IoT Greengrass does not support thing policy variables such as {_THING_NAME} here"
            expected = "a name, or a pattern such as NAME*"
            yield _build_warning("policy-greengrass-thing-variable", (*path, name), problem, expected)


def _check_statement(
    path: ValuePath, statement: Mapping[str, Any], device_name: str
) -> Iterator[ValueProblem]:
    for name in ("Action", "NotAction"):
        for action_path, action in iterate_texts(statement, name):
            yield from _check_action(action, (*path, *action_path))
    for name in ("Resource", "NotResource", "Condition"):
        yield from _check_variables(statement.get(name), (*path, name))
    if statement["Effect"] != "Allow":
        return
    negated = [name for name in ("NotAction", "NotResource") if name in statement]
    if not negated:
        yield from _check_resource_types(path, _read_allowance(statement))
    for name in negated:
        problem = f"Allow with {name} allows everything that it does not list"
        yield _build_warning("policy-negated-element", (*path, name), problem, name.removeprefix("Not"))
    if not negated:
        yield from _check_allowance(path, _read_allowance(statement), device_name)


def _check_action(action: str, path: ValuePath) -> Iterator[ValueProblem]:
    if not is_known_action(action):
        problem = f"{quote(action)} is not an action of connected devices, so it has no effect"
        yield _build_warning("policy-unknown-action", path, problem, None, find_nearest_action(action))


def _check_variables(value: Any, path: ValuePath) -> Iterator[ValueProblem]:
    match value:
        case str():
            for name in dict.fromkeys(_VARIABLE.findall(value)):
                if not is_known_variable(name):
                    problem = f"AWS IoT does not define the policy variable {quote(f'${{{name}}}')}"
                    nearest = find_nearest_variable(name)
                    suggestion = f"${{{nearest}}}" if nearest else None
                    if _NAME_IN_BRACES.fullmatch(name):  # `${var.prefix}`, as Terraform writes it
                        suggestion = f"{{{name}}}"
                    yield _build_warning("policy-unknown-variable", path, problem, None, suggestion)
        case list():
            for index, item in enumerate(value):
                yield from _check_variables(item, (*path, index))
        case dict():
            for key, item in value.items():
                yield from _check_variables(item, (*path, key))


def _check_resource_types(path: ValuePath, allowance: _Allowance) -> Iterator[ValueProblem]:
    """Yield a warning for each action that applies to none of the statement's resources."""
    for action in allowance.actions:
        resource_type = RESOURCE_TYPES.get(action.lower())
        if resource_type and not any(_may_be(resource, resource_type) for resource in allowance.resources):
            problem = f"{action} applies to none of the resources, so it has no effect"
            expected = f"a resource such as arn:aws:iot:REGION:ACCOUNT:{resource_type}/NAME"
            yield _build_warning("policy-wrong-resource", (*path, "Resource"), problem, expected)


def _may_be(resource: str, resource_type: str) -> bool:
    """Return whether a resource, which is an ARN or `*`, may be of a type such as `topic`."""
    if resource == "*":
        return True
    prefix = resource.split(":", 5)[5].partition("/")[0]
    return "$" in prefix or fnmatchcase(resource_type, prefix)


def _check_allowance(path: ValuePath, allowance: _Allowance, device_name: str) -> Iterator[ValueProblem]:
    allows_all_actions = any(action in {"*", "*:*", "iot:*"} for action in allowance.actions)
    if allows_all_actions and "*" in allowance.resources:
        problem = "allows every action on every resource"
        yield _build_warning(
            "policy-full-wildcard", path, problem, "the actions and resources that the devices need"
        )
        return
    if allows_all_actions:
        problem = "allows every action"
        yield _build_warning(
            "policy-all-actions", (*path, "Action"), problem, "the actions that the devices need"
        )
    if allowance.includes("iot:Publish") and allowance.covers_every("topic"):
        problem = "allows publishing to every topic, also to those of other devices"
        expected = f"topics of the device, such as topic/{device_name}/*"
        yield _build_warning("policy-publish-every-topic", (*path, "Resource"), problem, expected)
    if allowance.includes("iot:Subscribe") and allowance.covers_every("topicfilter"):
        problem = "allows subscribing to every topic, also to those of other devices"
        expected = f"topic filters of the device, such as topicfilter/{device_name}/*"
        yield _build_warning("policy-subscribe-every-topic", (*path, "Resource"), problem, expected)
    if (
        allowance.includes("iot:Connect")
        and allowance.covers_every("client")
        and allowance.condition_keys.isdisjoint(_CLIENT_CONDITIONS)
    ):
        problem = "allows connecting with every client ID, so a device can disconnect another one and take its place"
        expected = f"client/{device_name}"
        if device_name == _THING_NAME:
            expected += ", or a condition on iot:Connection.Thing.IsAttached"
        yield _build_warning("policy-any-client-id", (*path, "Resource"), problem, expected)


def _read_allowance(statement: Mapping[str, Any]) -> _Allowance:
    keys = (key for keys in statement.get("Condition", {}).values() for key in keys)
    return _Allowance(
        tuple(action for _, action in iterate_texts(statement, "Action")),
        tuple(resource for _, resource in iterate_texts(statement, "Resource")),
        frozenset(key.lower() for key in keys),
    )


def _covers_every(resource: str, resource_type: str) -> bool:
    """Return whether a resource, which is an ARN or `*`, covers all resources of a type.

    Each client may choose its ID, so the variable for it allows every ID.
    """
    name = resource if resource == "*" else resource.split(":", 5)[5]
    if resource_type == "client":
        name = _CLIENT_ID.sub("*", name)
    prefix, _, rest = name.partition("/")
    if not rest:
        return prefix in {"*", f"{resource_type}*"}
    is_every_filter = resource_type == "topicfilter" and rest == "#"
    return prefix in {"*", resource_type} and (not rest.strip("*") or is_every_filter)


def _build_warning(
    code: str, path: ValuePath, problem: str, expected: str | None, nearest: str | None = None
) -> ValueProblem:
    return ValueProblem(code, problem, expected, nearest, path=path, severity="warning")
