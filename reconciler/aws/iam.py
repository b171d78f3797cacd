"""API operations → the IAM policy that allows them, held to resources wherever IAM can."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from reconciler.model.plan import Target

VERSION = "2012-10-17"
"""Of IAM's policy language; there is no later one."""

LARGEST = 6144
"""Characters of a managed policy, spaces aside (IAM user guide, "IAM and AWS STS quotas")."""

_PASSED_TO = ("iot.amazonaws.com", "credentials.iot.amazonaws.com")
"""Whom roles are passed to: provisioning templates, and role aliases."""


def policy(
    operations: Mapping[str, Collection[tuple[str, str]]], target: Target, roles: Collection[str] = ()
) -> dict[str, Any]:
    """The policy that allows the operations: by what they are for (`Read`, `Write`), pairs of service and operation.

    `roles` are ARNs that may be passed to AWS IoT. What several purposes need stands with the first.
    """
    statements = []
    told = set[tuple[str, str]]()
    for purpose, wanted in operations.items():
        new = sorted({*wanted} - told)
        told |= {*new}
        free = [action_of(*each) for each in new if not _types(*each)]
        if free:
            statements.append(_statement(f"{purpose}Any", free, ["*"]))
        for service in sorted({service for service, _ in new}):
            held = [operation for other, operation in new if other == service and _types(service, operation)]
            if held:
                sid = f"{purpose}{service.title().replace('-', '')}"
                actions = [action_of(service, operation) for operation in held]
                statements.append(_statement(sid, actions, _resources(service, held, target)))
    if roles:
        passing = _statement("PassRole", ["iam:PassRole"], sorted(roles))
        to = {"StringEquals": {"iam:PassedToService": list(_PASSED_TO)}}
        statements.append({**passing, "Condition": to})
    return {"Version": VERSION, "Statement": statements}


def _statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": [*resources]}


def by_resources(
    operations: Collection[tuple[str, str]], target: Target
) -> Mapping[tuple[str, ...], list[str]]:
    """The actions by the ARNs that each is held to."""
    found: dict[tuple[str, ...], list[str]] = {}
    for service, operation in sorted(operations):
        where = _where(service, target)
        arns = tuple(f"{where}:{_facts()[service]['resources'][each]}" for each in _types(service, operation))
        found.setdefault(arns or ("*",), []).append(action_of(service, operation))
    return found


def action_of(service: str, operation: str) -> str:
    """IAM's name of an operation: `iotmanagedintegrations:GetManagedThing`."""
    return f"{_facts()[service]['prefix']}:{operation}"


def _resources(service: str, operations: Collection[str], target: Target) -> list[str]:
    """The ARNs of all types that the operations are about.

    One statement for all of them grants no more than one for each: an action is held against resources of its own types
    alone. Tagging goes with what is made or changed beside it, and adds none.
    """
    facts = _facts()[service]
    types = {each for found in operations if found not in _TAGGING for each in _types(service, found)}
    where = _where(service, target)
    return [f"{where}:{name}" for each, name in facts["resources"].items() if each in types]


def _where(service: str, target: Target) -> str:
    return f"arn:{target.partition}:{_facts()[service]['prefix']}:{target.region}:{target.account}"


_TAGGING = frozenset({"TagResource", "UntagResource"})


def _types(service: str, operation: str) -> tuple[str, ...]:
    """The types of the resources that an action can be held to; none where it cannot."""
    return next(
        (
            tuple(types.split(", "))
            for types, operations in _facts()[service]["actions"].items()
            if operation in operations
        ),
        (),
    )


@cache
def _facts() -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "iam.toml").read_text("utf-8"))
