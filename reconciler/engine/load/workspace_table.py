"""`[workspace]` → `Settings`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

import attrs

from reconciler.engine.load.converters import converter
from reconciler.engine.load.table_shape import key_wrongs, shape_of, understood
from reconciler.engine.load.value_error import Wrong
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import reserved_addresses, workspace_group_address
from reconciler.model.constraints import Constraints
from reconciler.model.duration import DURATION_FORMAT, DURATION_PATTERN, parse_duration
from reconciler.model.settings import ChangeLimit, ChangeLimits, Settings
from reconciler.model.text import closest_match, describe_value, format_choices, quote

_EMBEDDED, _AWS = "embedded", "aws"

_REST = "default"
"""In `[workspace.quotas.<service>]`: every operation that is not named."""

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\x21-\x7e]+")

FORMS: Mapping[str, re.Pattern[str]] = {
    "region": _REGION,
    "role_arn": _ROLE,
    "expires_within": DURATION_PATTERN,
}
"""The settings that are texts of one form."""

TARGETS = (_EMBEDDED, _AWS)
"""Those that are words."""

PERCENT = range(101)


def settings_of(
    table: Mapping[str, object], limits: Constraints, services: Collection[str]
) -> tuple[Settings, list[Wrong]]:
    """The settings, as far as they are right, and what is wrong with them; quotas can be given for `services`."""
    shape = shape_of(Settings, converter())
    values, wrongs = understood({name: value for name, value in table.items() if name != "limits"}, shape)
    wrongs += key_wrongs(table, shape)
    if "limits" in table:
        values["limits"], more = _limits(table["limits"])
        wrongs += (wrong.under("limits") for wrong in more)
    said = Settings(**{"name": "", **values})
    malformed = {wrong.path[0] for wrong in wrongs}
    return said, [
        *wrongs,
        *(() if "name" in malformed else _name(said, limits)),
        *_target(said),
        *_region(said),
        *(() if {"target", "role_arn"} & malformed else _session(said)),
        *_fuses(said),
        *_expiry(said),
        *_quotas(said, limits, services),
    ]


def _name(settings: Settings, limits: Constraints) -> Iterator[Wrong]:
    if not settings.name:
        yield Wrong("the name is empty", "a name", path=("name",))
        return
    group_kind = workspace_group_address(settings.name).kind
    for address in sorted(
        reserved_addresses(settings.name), key=lambda address: (address.kind != group_kind, address)
    ):
        kind = all_kinds()[address.kind]
        assert kind.name_api
        for breach in limits.violations(kind.service, kind.name_api, address.name):
            problem = f"not usable in the name of the {kind.noun} that marks what is owned: {breach.problem}"
            yield Wrong(problem, breach.expected, path=("name",))
            return


def _target(settings: Settings) -> Iterator[Wrong]:
    target, where = settings.target, ("target",)
    if target in TARGETS:
        return
    if "://" not in target:
        nearest = closest_match(target, TARGETS)
        yield Wrong(f"{quote(target)} is not valid", _one_target(), nearest, where)
        return
    try:
        url = urlsplit(target)
        usable = url.scheme in {"http", "https"} and url.hostname and url.port != 0 and target.isprintable()
    except ValueError:
        usable = False
    if not usable or " " in target:
        yield Wrong("the URL is not usable", _one_target(), path=where)
    elif url.username is not None or url.password is not None:
        yield Wrong("the URL has credentials in it", "a URL without; boto3 finds the credentials", path=where)


def _one_target() -> str:
    return f'{format_choices(TARGETS)} or a URL such as "http://127.0.0.1:4566"'


def _region(settings: Settings) -> Iterator[Wrong]:
    if settings.region is not None and not _REGION.fullmatch(settings.region):
        yield Wrong(
            f"{quote(settings.region)} is not a region", "a region such as 'eu-west-1'", path=("region",)
        )


def _session(settings: Settings) -> Iterator[Wrong]:
    if settings.target != _AWS:
        for name in ("profile", "role_arn", "external_id"):
            if getattr(settings, name) is not None:
                yield Wrong("only for the target 'aws'", path=(name,))
        return
    if settings.role_arn is not None and not _ROLE.fullmatch(settings.role_arn):
        problem = f"{quote(settings.role_arn)} is not the ARN of a role"
        yield Wrong(problem, "such as 'arn:aws:iam::123456789012:role/deploy'", path=("role_arn",))
    if settings.external_id is not None and settings.role_arn is None:
        yield Wrong("there is no role_arn that it is for", path=("external_id",))


def _limits(given: object) -> tuple[ChangeLimits, list[Wrong]]:
    """The limits of the whole, and those of single kinds beside them."""
    if not isinstance(given, dict):
        return ChangeLimits(), [Wrong(describe_value(given), "a table")]
    shape, kinds = shape_of(ChangeLimit, converter()), all_kinds()
    whole, wrongs = understood(given, shape)
    wrongs += key_wrongs(given, shape, sorted(kinds))
    single: dict[str, ChangeLimit] = {}
    for name in sorted(given.keys() & kinds.keys()):
        if not isinstance(given[name], dict):
            wrongs.append(Wrong(describe_value(given[name]), "a table", path=(name,)))
            continue
        values, more = understood(given[name], shape)
        wrongs += (wrong.under(name) for wrong in [*more, *key_wrongs(given[name], shape)])
        single[name] = ChangeLimit(**values)
    return ChangeLimits(**whole, kinds=single), wrongs


def _fuses(settings: Settings) -> Iterator[Wrong]:
    for path, limit in (
        ((), settings.limits),
        *(((n,), found) for n, found in settings.limits.kinds.items()),
    ):
        for name in attrs.fields_dict(ChangeLimit):
            number = getattr(limit, name)
            where = ("limits", *path, name)
            if number is not None and name.endswith("percent") and number not in PERCENT:
                yield Wrong(f"the integer {number}", "0 to 100", path=where)
            elif number is not None and number < 0:
                yield Wrong(f"the integer {number}", "0 or more", path=where)


def _expiry(settings: Settings) -> Iterator[Wrong]:
    if parse_duration(settings.expires_within) is None:
        yield Wrong(f"{quote(settings.expires_within)} is no time", DURATION_FORMAT, path=("expires_within",))


def _quotas(settings: Settings, limits: Constraints, services: Collection[str]) -> Iterator[Wrong]:
    for service, rates in settings.quotas.items():
        if service not in services:
            valid = sorted(services)
            nearest = closest_match(service, valid)
            yield Wrong(
                "unknown service", None if nearest else format_choices(valid), nearest, ("quotas", service)
            )
            continue
        valid = [_REST, *sorted(limits.operations(service))]
        for operation, rate in rates.items():
            where = ("quotas", service, operation)
            if operation not in valid:
                yield Wrong(
                    f"{service} has no such operation", nearest=closest_match(operation, valid), path=where
                )
            elif not rate > 0:
                yield Wrong(f"the rate {rate:g}", "calls a second, more than 0", path=where)
