"""What stands between us and a registry: versions, credentials, who we are, the clock, permissions, the database.

Law: everything here reads. Nothing of a credential is told but where it comes from.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from reconciler.aws import iam
from reconciler.aws.session import EMBEDDED_ACCOUNT, SERVICES, local_endpoint, remote_session
from reconciler.model.check_result import CheckResult
from reconciler.model.plan import Target
from reconciler.model.quota import Quotas
from reconciler.model.settings import Settings

MAX_SKEW_SECONDS = 30.0
"""Seconds that two clocks may differ without a word; AWS refuses signatures from 300 on (IAM user guide, SigV4)."""

_AT_ONCE = 50
"""Actions in one question to IAM."""

Operations = Mapping[str, Collection[tuple[str, str]]]


def check_versions() -> Iterator[CheckResult]:
    """Python, boto3, and whether botocore knows both services."""
    from importlib.metadata import version

    from reconciler.aws.service_model import loader

    told = f"Python {platform.python_version()}, boto3 {version('boto3')}, botocore {version('botocore')}"
    missing = set(SERVICES) - set(loader(None).list_available_services("service-2"))
    if missing:
        what = f"{told}, which knows nothing of {', '.join(sorted(missing))}"
        yield CheckResult("error", "versions", what, "pip install --upgrade boto3")
    else:
        yield CheckResult("ok", "versions", told)


def check_database(path: Path, region: str) -> Iterator[CheckResult]:
    """The embedded registry's file: sound, writable, of a version that we know."""
    from reconciler.registry import Registry, RegistrySettings
    from reconciler.registry.store import StoreError

    reset = "`reconciler registry reset` begins a new one"
    if not path.exists():
        yield CheckResult("ok", "registry", f"there is none at {path} yet; the first plan makes it")
        return
    try:
        registry = Registry(path, RegistrySettings(account=EMBEDDED_ACCOUNT, region=region))
    except (StoreError, OSError) as error:
        yield CheckResult("error", "registry", str(error), reset)
        return
    if problems := registry.check_integrity():
        yield CheckResult("error", "registry", f"{path}: {'; '.join(problems)}", reset)
    else:
        yield CheckResult("ok", "registry", f"{path} is sound and can be written to")
    registry.close()


def check_remote(
    settings: Settings,
    quotas: Quotas,
    environ: Mapping[str, str],
    wanted: Operations,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[CheckResult]:
    """Credentials, identity, region, endpoint, clock, and what IAM says of the operations that are `wanted`."""
    from botocore.exceptions import BotoCoreError, ClientError

    from reconciler.aws.caller import unreachable_error

    try:
        session = remote_session(settings, quotas, environ)
        yield from _credentials(session, settings)
        if session.get_credentials() is None:
            return
        if not session.region_name:
            yield CheckResult(
                "error", "region", "none is said", "say region in [workspace], or set AWS_REGION"
            )
            return
        endpoint = None if settings.target == "aws" else settings.target
        client = session.client("iot", endpoint_url=endpoint)
        yield CheckResult("ok", "endpoint", f"{client.meta.endpoint_url} in {session.region_name}")
        if endpoint is None and not local_endpoint(settings, environ):
            yield from _at_aws(session, wanted, clock)
        else:
            answer = client.list_things(maxResults=1)
            yield CheckResult(
                "ok", "identity", f"{client.meta.endpoint_url} answers, and is not asked whose account it is"
            )
            yield from _clock(answer, clock)
    except (
        ValueError
    ) as error:  # so botocore says that an endpoint of the environment or the profile is no URL
        yield CheckResult("error", "target", f"the endpoint cannot be used: {error}")
    except (BotoCoreError, ClientError) as error:
        yield CheckResult(
            "error", "target", str(unreachable_error(error, f"{settings.target} does not answer"))
        )


def _credentials(session: Any, settings: Settings) -> Iterator[CheckResult]:
    found = session.get_credentials()
    if found is None:
        advice = "sign in (`aws sso login`), set AWS_PROFILE, or name a profile in [workspace]"
        yield CheckResult("error", "credentials", "boto3 finds none", advice)
        return
    source = {"env": "environment variables"}.get(found.method, found.method.replace("-", " "))
    whose = f", the role {settings.role_arn}" if settings.role_arn else ""
    profile = "" if session.profile_name == "default" else f", profile {session.profile_name}"
    yield CheckResult("ok", "credentials", f"from {source}{profile}{whose}")


def _at_aws(session: Any, wanted: Operations, clock: Callable[[], datetime]) -> Iterator[CheckResult]:
    answer = session.client("sts").get_caller_identity()
    arn, account = str(answer["Arn"]), str(answer["Account"])
    yield CheckResult("ok", "identity", f"{arn} of account {account}")
    yield from _clock(answer, clock)
    yield from _permissions(session, arn, Target("aws", session.region_name, account), wanted)


def _clock(answer: Mapping[str, Any], clock: Callable[[], datetime]) -> Iterator[CheckResult]:
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if told is None:
        yield CheckResult("unknown", "clock", "the endpoint does not tell its time")
        return
    skew = (clock() - parsedate_to_datetime(told)).total_seconds()
    if abs(skew) > MAX_SKEW_SECONDS:
        what = f"this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the endpoint"
        yield CheckResult(
            "warning", "clock", what, "set it right: AWS refuses signatures that are five minutes off"
        )
    else:
        yield CheckResult("ok", "clock", "agrees with the endpoint's")


def _permissions(session: Any, arn: str, target: Target, wanted: Operations) -> Iterator[CheckResult]:
    """What IAM's simulator says, where we may ask it."""
    from botocore.exceptions import ClientError

    everything = sorted({each for operations in wanted.values() for each in operations})
    advice = "`reconciler permissions` prints the policy that this file needs"
    try:
        denied = [*_denied(session.client("iam"), _policy_source(arn), target, everything)]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        told = f"not looked at: {code} for iam:SimulatePrincipalPolicy, so only what reading shows is known"
        yield CheckResult("unknown", "permissions", told, advice)
        return
    if denied:
        yield CheckResult("error", "permissions", f"{len(denied)} missing: {', '.join(denied)}", advice)
    else:
        yield CheckResult("ok", "permissions", f"all {len(everything)} operations that apply may send")


def _denied(client: Any, source: str, target: Target, wanted: Sequence[tuple[str, str]]) -> Iterator[str]:
    for resources, operations in iam.actions_by_resources(wanted, target).items():
        for start in range(0, len(operations), _AT_ONCE):
            pages = client.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=source,
                ActionNames=operations[start : start + _AT_ONCE],
                ResourceArns=list(resources),
            )
            results = pages.build_full_result()["EvaluationResults"]
            yield from (found["EvalActionName"] for found in results if found["EvalDecision"] != "allowed")


def _policy_source(arn: str) -> str:
    """Whose policies are asked about: of a session of a role, the role's (its path is not in the session's ARN)."""
    partition, account, resource = (arn.split(":", 5)[index] for index in (1, 4, 5))
    kind, _, rest = resource.partition("/")
    if kind != "assumed-role":
        return arn
    return f"arn:{partition}:iam::{account}:role/{rest.partition('/')[0]}"
