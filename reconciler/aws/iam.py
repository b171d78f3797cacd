"""The IAM policy that allows a set of API operations, limited to resources wherever IAM can.

`iam.toml` has the resource types that IAM can limit each action to, with their source.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.model.plan import Target
from reconciler.model.s3_object import S3_SCHEME
from reconciler.model.secret import StoredSecret

POLICY_VERSION = "2012-10-17"
"""The current version of IAM's policy language."""

MAX_POLICY_CHARACTERS = 6144
"""Characters of a managed policy, without white space (IAM user guide, "IAM and AWS STS quotas")."""

_PASS_ROLE_SERVICES = ("iot.amazonaws.com", "credentials.iot.amazonaws.com")
"""The services that roles are passed to: the first for provisioning templates, the second for role aliases."""

_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")

_TAGGING_OPERATIONS = frozenset({"TagResource", "UntagResource"})


@frozen
class SecretAccess:
    """The secrets that may be read, and the names of those that may be described and created."""

    read: Collection[StoredSecret] = ()
    describe: Collection[str] = ()
    create: Collection[str] = ()


def build_iam_policy(
    operations: Mapping[str, Collection[tuple[str, str]]],
    target: Target,
    roles: Collection[str] = (),
    secrets: SecretAccess | None = None,
    outside_arns: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> dict[str, Any]:
    """Return the policy that allows `operations`: pairs of service and operation name, by purpose.

    The purposes are `Read` and `Write`, and statements are named after them. An operation with several purposes is listed
    under the first. `roles` are the ARNs of roles that may be passed to AWS IoT, `secrets` what may be done with
    secrets, and `outside_arns` the ARNs of resources of other services by the operation that may read them.
    """
    statements = []
    listed = set[tuple[str, str]]()
    for purpose, requested in operations.items():
        added = sorted({*requested} - listed)
        listed |= {*added}
        any_resource_actions = [to_iam_action(*pair) for pair in added if not _list_resource_types(*pair)]
        if any_resource_actions:
            statements.append(_build_statement(f"{purpose}Any", any_resource_actions, ["*"]))
        for service in sorted({service for service, _ in added}):
            limited_operations = [
                operation
                for operation_service, operation in added
                if operation_service == service and _list_resource_types(service, operation)
            ]
            if limited_operations:
                sid = f"{purpose}{service.title().replace('-', '')}"
                actions = [to_iam_action(service, operation) for operation in limited_operations]
                statements.append(
                    _build_statement(sid, actions, _list_resource_arns(service, limited_operations, target))
                )
    if outside_arns:
        # As each action applies only to resources of its own service, one statement allows no more than several.
        actions = [to_iam_action(*pair) for pair in sorted(outside_arns)]
        arns = {arn for group in outside_arns.values() for arn in group}
        statements.append(_build_statement("ReadOutside", actions, sorted(arns)))
    if roles:
        statement = _build_statement("PassRole", ["iam:PassRole"], sorted(roles))
        condition = {"StringEquals": {"iam:PassedToService": list(_PASS_ROLE_SERVICES)}}
        statements.append({**statement, "Condition": condition})
    if secrets:
        statements += _build_secret_statements(secrets, target)
    return {"Version": POLICY_VERSION, "Statement": statements}


def _build_secret_statements(secrets: SecretAccess, target: Target) -> Iterator[dict[str, Any]]:
    """Yield the statements that allow the access to secrets.

    Source: service authorization reference, Systems Manager and Secrets Manager. BatchGetSecretValue cannot be limited to resources;
    it returns only secrets that GetSecretValue may return.
    """
    names = {stored.id.partition(":")[0] for stored in secrets.read if stored.service == "ssm"}
    ids = {stored.id for stored in secrets.read if stored.service == "secretsmanager"}
    place = f"{target.region}:{target.account}"
    if names:
        arns = [f"arn:{target.partition}:ssm:{place}:parameter/{name.removeprefix('/')}" for name in names]
        yield _build_statement("ReadParameters", ["ssm:GetParameters"], sorted(arns))
    if ids:
        arns = [build_secret_arn(identifier, target) for identifier in ids]
        yield _build_statement("ReadSecrets", ["secretsmanager:GetSecretValue"], sorted(arns))
    if len(ids) > 1:
        yield _build_statement("ReadSecretsInBulk", ["secretsmanager:BatchGetSecretValue"], ["*"])
    if secrets.describe:
        arns = sorted(build_secret_arn(name, target) for name in secrets.describe)
        yield _build_statement("DescribeKeySecrets", ["secretsmanager:DescribeSecret"], arns)
    if secrets.create:
        arns = sorted(build_secret_arn(name, target) for name in secrets.create)
        actions = ["secretsmanager:CreateSecret", "secretsmanager:TagResource"]
        yield _build_statement("CreateKeySecrets", actions, arns)


def build_object_arn(url: str, target: Target) -> str:
    """Return the ARN of the object in S3 at `s3://BUCKET/KEY`."""
    return f"arn:{target.partition}:s3:::{url.removeprefix(S3_SCHEME)}"


def build_secret_arn(identifier: str, target: Target) -> str:
    """Return the ARN of a secret for a policy.

    Question marks are for the six random characters that AWS adds to its name.
    """
    prefix = f"arn:{target.partition}:secretsmanager:{target.region}:{target.account}:secret:"
    arn = identifier if identifier.startswith("arn:") else prefix + identifier
    is_complete = arn == identifier and _SECRET_SUFFIX.search(arn)
    return arn if is_complete else f"{arn}-??????"


def _build_statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": [*resources]}


def group_actions_by_resources(
    operations: Collection[tuple[str, str]], target: Target
) -> Mapping[tuple[str, ...], list[str]]:
    """Return IAM's actions for the operations, grouped by the ARNs that they are limited to."""
    actions: dict[tuple[str, ...], list[str]] = {}
    for service, operation in sorted(operations):
        prefix = _build_arn_prefix(service, target)
        patterns = _load_facts()[service]["resources"]
        arns = tuple(f"{prefix}:{patterns[name]}" for name in _list_resource_types(service, operation))
        actions.setdefault(arns or ("*",), []).append(to_iam_action(service, operation))
    return actions


def to_iam_action(service: str, operation: str) -> str:
    """Return IAM's name of an operation, such as `iotmanagedintegrations:GetManagedThing`."""
    prefix = _load_facts()[service]["prefix"] if service in _load_facts() else service
    return f"{prefix}:{operation}"


def _list_resource_arns(service: str, operations: Collection[str], target: Target) -> list[str]:
    """Return the ARNs of all resource types that the operations use.

    A single statement with all of these actions and ARNs permits nothing more than a separate statement for each action:
    IAM applies an action only to resources of the types that the action supports. Tagging operations add no types: they tag
    the resources that the statement's other operations create or change.
    """
    types = {
        name
        for operation in operations
        if operation not in _TAGGING_OPERATIONS
        for name in _list_resource_types(service, operation)
    }
    prefix = _build_arn_prefix(service, target)
    return [
        f"{prefix}:{pattern}"
        for name, pattern in _load_facts()[service]["resources"].items()
        if name in types
    ]


def _build_arn_prefix(service: str, target: Target) -> str:
    return f"arn:{target.partition}:{_load_facts()[service]['prefix']}:{target.region}:{target.account}"


def _list_resource_types(service: str, operation: str) -> tuple[str, ...]:
    """Return the resource types that an action can be limited to, none if it cannot be limited."""
    return next(
        (
            tuple(types.split(", "))
            for types, operations in _load_facts()[service]["actions"].items()
            if operation in operations
        ),
        (),
    )


@cache
def _load_facts() -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "iam.toml").read_text("utf-8"))
