"""View of the environments of a file: their settings and variables, and where each value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from reconciler.frozen_classes import frozen
from reconciler.model.environment import format_value
from reconciler.model.settings import Environment, Settings
from reconciler.model.text import escape_invisible

NO_ENVIRONMENTS = "The file declares no environments; add [environments.NAME] tables."

_ALWAYS_SHOWN = ("name", "target", "account", "region")
"""The settings that are shown even if they have their default."""

_OWN_TABLE = "this environment"


@frozen
class ValueRow:
    """A setting or a variable; the name of a variable is as in braces, such as `var.prefix`."""

    name: str
    value: str
    source: str


@frozen
class EnvironmentView:
    """An environment with its values; `after` are the environments that a rollout completes before."""

    name: str
    is_default: bool
    after: tuple[str, ...]
    rows: tuple[ValueRow, ...]


def build_environment_views(environments: Sequence[Environment]) -> tuple[EnvironmentView, ...]:
    """Build the view of each environment."""
    return tuple(
        EnvironmentView(
            name=escape_invisible(environment.name),
            is_default=environment.is_default,
            after=tuple(map(escape_invisible, environment.after)),
            rows=tuple(_iterate_rows(environment)),
        )
        for environment in environments
    )


def _iterate_rows(environment: Environment) -> Iterator[ValueRow]:
    settings, own_table = environment.settings, f"[environments.{environment.name}]"
    if settings.account is None and settings.role_account:
        settings = attrs.evolve(settings, account=settings.role_account)
    for field in attrs.fields(Settings):
        value = getattr(settings, field.name)
        if value is None or not (field.name in environment.sources or field.name in _ALWAYS_SHOWN):
            continue
        is_from_role = field.name == "account" and environment.settings.account is None
        source = "role_arn" if is_from_role else environment.sources.get(field.name, "default")
        yield _build_row(field.name, _format_setting(value), source, own_table)
    for variable in environment.variables:
        yield _build_row(f"var.{variable.name}", format_value(variable.value), variable.source, own_table)


def _build_row(name: str, value: str, source: str, own_table: str) -> ValueRow:
    short_source = _OWN_TABLE if source == own_table else escape_invisible(source)
    return ValueRow(escape_invisible(name), escape_invisible(value), short_source)


def _format_setting(value: Any) -> str:
    if isinstance(value, str):
        return value
    plain = _drop_unset(attrs.asdict(value)) if attrs.has(type(value)) else value
    return json.dumps(plain, ensure_ascii=False)


def _drop_unset(value: Any) -> Any:
    """Return a table without the keys that have no value."""
    if not isinstance(value, dict):
        return value
    return {key: _drop_unset(item) for key, item in value.items() if item not in (None, {})}
