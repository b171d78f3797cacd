"""The environments of a file as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from reconciler.frozen_classes import frozen
from reconciler.model.settings import Environment
from reconciler.render.json.encode import encode_document

ENVIRONMENTS_FORMAT: Literal["reconciler.environments"] = "reconciler.environments"
ENVIRONMENTS_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class SettingRecord:
    """A setting.

    `source` is where its value comes from: `[workspace]`, the environment's table, `its name` or `default`.
    """

    value: Any
    source: str


@frozen(kw_only=True)
class VariableRecord:
    """A variable.

    `type` is "string", "integer", "number" or "boolean". `source` is where its value comes from: `--var`, the name of an environment
    variable, the environment's table or `[variables]`. `description` may be empty.
    """

    value: str | int | float | bool
    type: str
    source: str
    description: str


@frozen(kw_only=True)
class EnvironmentRecord:
    """An environment.

    - `default`: whether it is used if none is selected;
    - `after`: the environments that a rollout completes before this one;
    - `account`: the account as far as it is known without a call: the setting, or that of `role_arn`, or null;
    - `settings`: the settings of `[workspace]` and of the environment, by key;
    - `variables`: the variables by name;
    - `row`: the values of its row by column, if its table has `for_each`.
    """

    name: str
    default: bool
    after: tuple[str, ...]
    account: str | None
    settings: Mapping[str, SettingRecord]
    variables: Mapping[str, VariableRecord]
    row: Mapping[str, str]


@frozen(kw_only=True)
class EnvironmentsDocument:
    """The environments, in the order of the file."""

    format: Literal["reconciler.environments"] = ENVIRONMENTS_FORMAT
    version: Literal[1] = ENVIRONMENTS_VERSION
    environments: tuple[EnvironmentRecord, ...]


def render_environments_json(environments: Sequence[Environment]) -> Iterator[str]:
    """Render the environments as one JSON document, in pieces."""
    yield from encode_document(EnvironmentsDocument(environments=tuple(map(_to_record, environments))))


def _to_record(environment: Environment) -> EnvironmentRecord:
    settings = attrs.asdict(environment.settings)
    return EnvironmentRecord(
        name=environment.name,
        default=environment.is_default,
        after=environment.after,
        account=environment.settings.account or environment.settings.role_account,
        settings={
            key: SettingRecord(value=value, source=environment.sources.get(key, "default"))
            for key, value in settings.items()
        },
        variables={
            variable.name: VariableRecord(
                value=variable.value,
                type=variable.type,
                source=variable.source,
                description=variable.description,
            )
            for variable in environment.variables
        },
        row=environment.row,
    )
