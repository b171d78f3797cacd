"""Parse `[workspace]` into `Settings`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

import attrs

from reconciler.engine.load.include import JOURNAL_FORMAT
from reconciler.engine.load.table_shape import check_keys, derive_plain_shape, parse_values
from reconciler.kinds import all_kinds, get_kind
from reconciler.kinds.shared.ownership_markers import build_workspace_group_address, list_reserved_addresses
from reconciler.kinds.shared.role_arns import ROLE_ARN_PATTERN
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import INVALID_JOURNAL, Suggestion, ValuePath, ValueProblem
from reconciler.model.duration import DURATION_FORMAT, DURATION_PATTERN, parse_duration
from reconciler.model.settings import ChangeLimit, ChangeLimits, Settings
from reconciler.model.text import describe_value, format_choices, quote

EMBEDDED, _AWS = "embedded", "aws"

_OTHER_OPERATIONS = "default"
"""The key in `[workspace.quotas.<service>]` for all operations that are not listed."""

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
ACCOUNT = re.compile(r"\d{12}", re.ASCII)
JOURNAL_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s]*)?")

TEXT_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "account": ACCOUNT,
    "region": _REGION,
    "role_arn": ROLE_ARN_PATTERN,
    "expires_within": DURATION_PATTERN,
}
"""The settings whose texts have to match a pattern."""

NAMED_TARGETS = (EMBEDDED, _AWS)
"""The targets that are not URLs."""

_TARGET_FORMAT = f'{format_choices(NAMED_TARGETS)} or a URL such as "http://127.0.0.1:4566"'

PERCENT_RANGE = range(101)


def parse_settings(
    table: Mapping[str, object],
    constraints: Constraints,
    other_keys: Collection[str] = (),
) -> tuple[Settings, list[ValueProblem]]:
    """Return the settings and their problems.

    A setting that cannot be converted has its default; any other keeps its value, valid or not. `other_keys` are valid in
    addition to the settings.
    """
    shape = derive_plain_shape(Settings)
    values, problems = parse_values({name: value for name, value in table.items() if name != "limits"}, shape)
    problems += check_keys(table, shape, other_keys)
    if "limits" in table:
        values["limits"], limit_problems = _parse_limits(table["limits"])
        problems += (problem.nest_under("limits") for problem in limit_problems)
    settings = Settings(**{"name": "", **values})
    invalid_keys = {problem.path[0] for problem in problems}
    if "name" not in invalid_keys:
        problems += _check_name(settings, constraints)
    problems += _check_target(settings)
    problems += _check_region(settings)
    problems += _check_account(settings)
    problems += _check_journal(settings)
    if not {"target", "role_arn"} & invalid_keys:
        problems += _check_session(settings)
    problems += _check_limits(settings)
    problems += _check_expires_within(settings)
    problems += _check_remembered(settings)
    problems += _check_quotas(settings, constraints)
    return settings, problems


def _check_name(settings: Settings, constraints: Constraints) -> Iterator[ValueProblem]:
    """Yield a problem if the name is empty, or the first reason why AWS would reject a marker's name.

    The names of the ownership markers contain the workspace's name.
    """
    if not settings.name:
        yield ValueProblem("invalid-name", "the name is empty", "a name", path=("name",))
        return
    group_kind = build_workspace_group_address(settings.name).kind
    # The workspace's group comes first, because every workspace has one.
    for address in sorted(
        list_reserved_addresses(settings.name), key=lambda address: (address.kind != group_kind, address)
    ):
        kind = get_kind(address.kind)
        assert kind.name_api
        for violation in constraints.find_violations(kind.service, kind.name_api, address.name):
            if violation.code == "pattern-mismatch":
                problem = f"the workspace's {kind.noun} would be named {quote(address.name)}, which AWS does not accept"
            else:
                problem = f"the name of the workspace's {kind.noun} would have {violation.problem}"
            yield ValueProblem(violation.code, problem, violation.expected, path=("name",))
            return


def _check_target(settings: Settings) -> Iterator[ValueProblem]:
    target, path = settings.target, ("target",)
    if target in NAMED_TARGETS:
        return
    if "://" not in target:
        problem = f"{quote(target)} is not a valid target"
        suggestion = Suggestion(target, NAMED_TARGETS)
        yield ValueProblem("invalid-choice", problem, _TARGET_FORMAT, suggestion, path=path)
        return
    try:
        url = urlsplit(target)
        is_valid = bool(url.scheme in {"http", "https"} and url.hostname and url.port != 0)
    except ValueError:
        is_valid = False
    if not is_valid or not target.isprintable() or " " in target:
        yield ValueProblem("invalid-url", "the URL is not valid", _TARGET_FORMAT, path=path)
    elif url.username is not None or url.password is not None:
        expected = "a URL without credentials (boto3 finds credentials by itself)"
        yield ValueProblem("credentials-in-url", "the URL contains credentials", expected, path=path)


def _check_region(settings: Settings) -> Iterator[ValueProblem]:
    if settings.region is not None and not _REGION.fullmatch(settings.region):
        problem = f"{quote(settings.region)} is not a valid region"
        yield ValueProblem("pattern-mismatch", problem, "a region such as 'eu-west-1'", path=("region",))


def _check_account(settings: Settings) -> Iterator[ValueProblem]:
    if settings.account is not None and not ACCOUNT.fullmatch(settings.account):
        problem = f"{quote(settings.account)} is not a valid account ID"
        yield ValueProblem("pattern-mismatch", problem, "12 digits", path=("account",))


def _check_journal(settings: Settings) -> Iterator[ValueProblem]:
    """Yield a problem if `journal` is neither the URL of an S3 bucket nor a path.

    Source: S3 user guide, "Bucket naming rules".
    """
    journal = settings.journal
    if journal is None:
        return
    is_url = "://" in journal or journal.startswith("s3:")
    if not journal.isprintable() or not journal or (is_url and not JOURNAL_URL.fullmatch(journal)):
        problem = f"{quote(journal)} is not a valid place for the runs"
        yield ValueProblem(INVALID_JOURNAL, problem, JOURNAL_FORMAT, path=("journal",))


def _check_session(settings: Settings) -> Iterator[ValueProblem]:
    """Check what an AWS session is created from: `profile`, `role_arn` and `external_id`."""
    if settings.target != _AWS:
        for name in ("profile", "role_arn", "external_id"):
            if getattr(settings, name) is not None:
                problem = "valid only with target = 'aws'; remove it or change the target"
                yield ValueProblem("conflicting-fields", problem, path=(name,))
        return
    if settings.role_arn is not None and not ROLE_ARN_PATTERN.fullmatch(settings.role_arn):
        problem = f"{quote(settings.role_arn)} is not a valid role ARN"
        expected = "an ARN such as 'arn:aws:iam::123456789012:role/deploy'"
        yield ValueProblem("invalid-arn", problem, expected, path=("role_arn",))
    elif settings.role_arn and settings.account and settings.role_account != settings.account:
        problem = f"the role is one of account {settings.role_account}, but account is {settings.account}"
        yield ValueProblem("conflicting-fields", problem, "a role of that account", path=("role_arn",))
    if settings.external_id is not None and settings.role_arn is None:
        problem = "valid only with a role_arn; add role_arn or remove external_id"
        yield ValueProblem("conflicting-fields", problem, path=("external_id",))


def list_limited_kinds() -> list[str]:
    """Return the tables of the kinds that may have limits: those whose resources can be deleted."""
    return sorted(table for table, kind in all_kinds().items() if kind.is_deletable)


def _parse_limits(value: object) -> tuple[ChangeLimits, list[ValueProblem]]:
    """Return the limits in `[workspace.limits]`, and their problems.

    The table has the limits of the whole workspace and, as tables inside it, the limits of single kinds.
    """
    if not isinstance(value, dict):
        return ChangeLimits(), [_build_not_a_table_problem(value)]
    shape, kinds = derive_plain_shape(ChangeLimit), list_limited_kinds()
    workspace_limits, problems = parse_values(value, shape)
    problems += check_keys(value, shape, kinds)
    kind_limits: dict[str, ChangeLimit] = {}
    for name in sorted(value.keys() & set(kinds)):
        if not isinstance(value[name], dict):
            problems.append(_build_not_a_table_problem(value[name]).nest_under(name))
            continue
        values, kind_problems = parse_values(value[name], shape)
        kind_problems += check_keys(value[name], shape)
        problems += (problem.nest_under(name) for problem in kind_problems)
        kind_limits[name] = ChangeLimit(**values)
    return ChangeLimits(**workspace_limits, kinds=kind_limits), problems


def _build_not_a_table_problem(value: object) -> ValueProblem:
    return ValueProblem("wrong-type", f"got {describe_value(value)}", "a table")


def _check_limits(settings: Settings) -> Iterator[ValueProblem]:
    yield from _check_limit(settings.limits, ("limits",))
    for table, limit in settings.limits.kinds.items():
        yield from _check_limit(limit, ("limits", table))


def _check_limit(limit: ChangeLimit, path: ValuePath) -> Iterator[ValueProblem]:
    for name in attrs.fields_dict(ChangeLimit):
        number = getattr(limit, name)
        if number is None:
            continue
        if name.endswith("percent") and number not in PERCENT_RANGE:
            yield ValueProblem("out-of-range", f"{number} is out of range", "0 to 100", path=(*path, name))
        elif number < 0:
            yield ValueProblem("out-of-range", f"{number} is out of range", "0 or more", path=(*path, name))


def _check_expires_within(settings: Settings) -> Iterator[ValueProblem]:
    yield from _check_duration(settings.expires_within, ("expires_within",))


def _check_remembered(settings: Settings) -> Iterator[ValueProblem]:
    remembered = settings.remembered
    yield from _check_duration(remembered.max_age, ("remembered", "max_age"))
    yield from _check_duration(remembered.scrub, ("remembered", "scrub"))


def _check_duration(text: str, path: ValuePath) -> Iterator[ValueProblem]:
    if parse_duration(text) is None:
        problem = f"{quote(text)} is not a valid duration"
        yield ValueProblem("invalid-duration", problem, DURATION_FORMAT, path=path)


def _check_quotas(settings: Settings, constraints: Constraints) -> Iterator[ValueProblem]:
    if not settings.quotas:
        return
    services = {kind.service for kind in all_kinds().values()}
    for service, rates in settings.quotas.items():
        path = ("quotas", service)
        if service not in services:
            suggestion = Suggestion(service, sorted(services), replaces_expected=True)
            expected = format_choices(sorted(services))
            yield ValueProblem("unknown-service", "unknown service", expected, suggestion, path=path)
            continue
        valid_names = [_OTHER_OPERATIONS, *sorted(constraints.list_operations(service))]
        for operation, rate in rates.items():
            if operation not in valid_names:
                problem = f"{service} has no such operation"
                suggestion = Suggestion(operation, valid_names)
                yield ValueProblem("unknown-operation", problem, None, suggestion, path=(*path, operation))
            elif not rate > 0:  # this also rejects NaN
                problem = f"the rate {rate:g} is out of range"
                expected = "a number of calls per second that is greater than 0"
                yield ValueProblem("out-of-range", problem, expected, path=(*path, operation))
