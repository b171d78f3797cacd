"""Check versions, credentials, identity, clock, permissions and the embedded database.

Invariant: no check changes a resource. A credential is never shown, only where it comes from.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from reconciler.aws import iam
from reconciler.aws.clients import SERVICES, TRAIL_SERVICES
from reconciler.aws.session import EMBEDDED_ACCOUNT, create_remote_session, find_local_endpoint
from reconciler.frozen_classes import frozen
from reconciler.model.check_result import CheckResult
from reconciler.model.plan import Target
from reconciler.model.quota import Quotas
from reconciler.model.settings import Settings
from reconciler.model.text import quote

MAX_SKEW_SECONDS = 30.0
"""Seconds that two clocks may differ without a warning; AWS rejects a difference of 300 (IAM user guide, SigV4)."""

_ACTIONS_PER_SIMULATION = 50

ActionGroup = tuple[tuple[str, ...], list[str]]
"""The ARNs of resources, and the IAM actions that are needed for them."""


@frozen
class Needs:
    """The operations that a file needs, as pairs of service and operation name.

    `operations` has those that are required, by purpose: "Read" or "Write"; `find_outside_arns` returns the ARNs of resources of other
    services that plans for a target check, by the operation that reads them.
    """

    operations: Mapping[str, Collection[tuple[str, str]]]
    find_outside_arns: Callable[[Target], Mapping[tuple[str, str], Collection[str]]]


def check_versions() -> Iterator[CheckResult]:
    """Report the versions, and check that botocore has the models of all `SERVICES`."""
    from importlib.metadata import version

    from reconciler.service_models.loader import get_loader

    versions = f"Python {platform.python_version()}, boto3 {version('boto3')}, botocore {version('botocore')}"
    missing = set(SERVICES) - set(get_loader(None).list_available_services("service-2"))
    if missing:
        message = f"{versions}, which has no model of {', '.join(sorted(missing))}"
        yield CheckResult("error", "versions", message, "pip install --upgrade boto3")
    else:
        yield CheckResult("ok", "versions", versions)


def check_database(path: Path, region: str, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Check that the embedded registry's database is intact, writable and of a supported version."""
    from reconciler.aws.session import suggest_registry_fix
    from reconciler.registry import Registry, RegistrySettings
    from reconciler.registry.store import StoreError

    if not path.exists():
        yield CheckResult("ok", "registry", f"{path} does not exist yet; it is created when it is first used")
        return
    try:
        registry = Registry(path, RegistrySettings(account=EMBEDDED_ACCOUNT, region=region))
        with closing(registry):
            problems = registry.check_integrity()
    except (StoreError, OSError) as error:
        yield CheckResult("error", "registry", str(error), suggest_registry_fix(environ, error))
        return
    if problems:
        advice = suggest_registry_fix(environ, is_damaged=True)
        yield CheckResult("error", "registry", f"{path}: {'; '.join(problems)}", advice)
    else:
        yield CheckResult("ok", "registry", f"{path} is intact and writable")


def check_remote(
    settings: Settings,
    quotas: Quotas,
    environ: Mapping[str, str],
    needs: Needs,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[CheckResult]:
    """Check credentials, Region, endpoint and clock, and at AWS also identity and permissions."""
    from botocore.exceptions import BotoCoreError, ClientError

    from reconciler.aws.caller import build_target_error
    from reconciler.aws.rates import RateLimiter

    try:
        session = create_remote_session(settings, quotas, environ, RateLimiter())
        yield from _check_credentials(session, settings)
        if session.get_credentials() is None:
            return
        if not session.region_name:
            advice = "set region in [workspace], or AWS_REGION"
            yield CheckResult("error", "region", "no AWS Region is set", advice)
            return
        endpoint = None if settings.target == "aws" else settings.target
        client = session.client("iot", endpoint_url=endpoint)
        yield CheckResult("ok", "endpoint", f"{client.meta.endpoint_url} in {session.region_name}")
        is_aws = endpoint is None and not find_local_endpoint(settings, environ)
        if is_aws:
            yield from _check_aws(session, needs, clock)
        else:
            yield from _check_other_endpoint(client, clock)
    # botocore raises ValueError if the endpoint of the environment or the profile is not a valid URL.
    except ValueError as error:
        yield CheckResult("error", "target", f"the endpoint is not usable: {error}")
    except (BotoCoreError, ClientError) as error:
        yield CheckResult(
            "error", "target", str(build_target_error(error, f"a request to {settings.target} failed"))
        )


def _check_credentials(session: Any, settings: Settings) -> Iterator[CheckResult]:
    credentials = session.get_credentials()
    if credentials is None:
        advice = "sign in (`aws sso login`), set AWS_PROFILE, or name a profile in [workspace]"
        yield CheckResult("error", "credentials", "boto3 finds no credentials", advice)
        return
    method = credentials.method
    if method == "explicit":
        yield CheckResult("ok", "credentials", "none needed for a registry on this machine")
        return
    source = "environment variables" if method == "env" else method.replace("-", " ")
    role = f", the role {settings.role_arn}" if settings.role_arn else ""
    profile = "" if session.profile_name == "default" else f", profile {session.profile_name}"
    yield CheckResult("ok", "credentials", f"from {source}{profile}{role}")


def _check_aws(session: Any, needs: Needs, clock: Callable[[], datetime]) -> Iterator[CheckResult]:
    response = session.client("sts").get_caller_identity()
    arn, account = str(response["Arn"]), str(response["Account"])
    yield CheckResult("ok", "identity", f"{arn} in account {account}")
    yield from _check_clock(response, clock)
    target = Target("aws", session.region_name, account)
    outside_arns = needs.find_outside_arns(target)
    distinct_operations = sorted({operation for group in needs.operations.values() for operation in group})
    groups = [
        *iam.group_actions_by_resources(distinct_operations, target).items(),
        *((tuple(sorted(arns)), [iam.to_iam_action(*pair)]) for pair, arns in outside_arns.items()),
    ]
    trail_operations = {pair for pair in distinct_operations if pair[0] in TRAIL_SERVICES}
    optional_actions = {iam.to_iam_action(*pair) for pair in trail_operations.union(outside_arns)}
    yield from _check_permissions(session, arn, groups, optional_actions)


def _check_other_endpoint(client: Any, clock: Callable[[], datetime]) -> Iterator[CheckResult]:
    """Check an endpoint that the file names or that is on this machine, by listing one thing."""
    response = client.list_things(maxResults=1)
    message = f"{client.meta.endpoint_url} responds; its account is not checked"
    yield CheckResult("ok", "identity", message)
    yield from _check_clock(response, clock)


def _check_clock(response: Mapping[str, Any], clock: Callable[[], datetime]) -> Iterator[CheckResult]:
    date = response["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None:
        yield CheckResult("unknown", "clock", "the endpoint sends no Date header")
        return
    try:
        skew = (clock() - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):  # TypeError: it has no time zone
        message = f"the endpoint's Date header, {quote(date)}, is not a valid date"
        yield CheckResult("unknown", "clock", message)
        return
    if abs(skew) > MAX_SKEW_SECONDS:
        message = f"this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the endpoint"
        advice = "set the clock; AWS rejects signatures that are five minutes off"
        yield CheckResult("warning", "clock", message, advice)
    else:
        yield CheckResult("ok", "clock", "agrees with the endpoint")


def _check_permissions(
    session: Any, arn: str, groups: Sequence[ActionGroup], optional_actions: Collection[str]
) -> Iterator[CheckResult]:
    """Check the actions with IAM's policy simulator, if the caller may use it.

    Plans do without the `optional_actions`.
    """
    from botocore.exceptions import ClientError

    advice = "`reconciler permissions` prints the policy that this file needs"
    try:
        denied = [*_find_denied_actions(session.client("iam"), _find_policy_source(arn), groups)]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        message = (
            f"not checked: {code} for iam:SimulatePrincipalPolicy; only the reads are tried, by sending them"
        )
        yield CheckResult("unknown", "permissions", message, advice)
        return
    missing = [action for action in denied if action not in optional_actions]
    unchecked = [action for action in denied if action in optional_actions]
    if missing:
        yield CheckResult("error", "permissions", f"{len(missing)} missing: {', '.join(missing)}", advice)
    if unchecked:
        message = f"{len(unchecked)} missing, without which plans skip a check: {', '.join(unchecked)}"
        yield CheckResult("warning", "permissions", message, advice)
    if not denied:
        count = sum(len(actions) for _, actions in groups)
        yield CheckResult("ok", "permissions", f"IAM allows all {count} operations that an apply may send")


def _find_denied_actions(client: Any, policy_source: str, groups: Iterable[ActionGroup]) -> Iterator[str]:
    for resources, actions in groups:
        for start in range(0, len(actions), _ACTIONS_PER_SIMULATION):
            pages = client.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=policy_source,
                ActionNames=actions[start : start + _ACTIONS_PER_SIMULATION],
                ResourceArns=list(resources),
            )
            for result in pages.build_full_result()["EvaluationResults"]:
                if result["EvalDecision"] != "allowed":
                    yield result["EvalActionName"]


def _find_policy_source(arn: str) -> str:
    """Return the ARN of the user or role whose policies are simulated.

    For the session of an assumed role, that is the role. A session's ARN does not contain the role's path, so the result is
    wrong for a role that has one.
    """
    _, partition, _, _, account, resource = arn.split(":", 5)
    resource_type, _, rest = resource.partition("/")
    if resource_type != "assumed-role":
        return arn
    return f"arn:{partition}:iam::{account}:role/{rest.partition('/')[0]}"
