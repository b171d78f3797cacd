"""Files with variables and environments, and what loading them gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.address import Address
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.plan import Target
from reconciler.model.settings import DesiredState
from tests.support.json_schema_validation import assert_schema_accepts

TARGET = Target("aws", "eu-west-1", "111111111111")

TWO_ENVIRONMENTS = """
[workspace]
name = "greenhouse"

[variables]
site = "oslo"
rate = { type = "integer", description = "Messages a second" }

[environments.dev]
default = true
variables = { rate = 1 }

[environments.prod]
account = "222222222222"
region = "us-east-1"
variables = { rate = 9, site = "bergen" }
"""


ONE_THING = TWO_ENVIRONMENTS + '[things.a]\nattributes = { site = "{var.site}", rate = "{var.rate}" }\n'
"""The two environments, with a thing that has the value of each variable."""


def load_state(
    folder: Path, files: Mapping[str, str], choice: EnvironmentChoice | None = None, **environ: str
) -> DesiredState:
    """Write files, and load `desired_state.toml` for an environment."""
    write(folder, files)
    path = folder / "desired_state.toml"
    state = load(
        path,
        constraints=ServiceModelConstraints(),
        environ=environ,
        choice=choice or EnvironmentChoice(),
        find_target=lambda _settings: TARGET,
    )
    assert_schema_accepts(path)
    return state


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by name, without the indentation that all of their lines have."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))


def load_report(folder: Path, text: str, choice: EnvironmentChoice | None = None) -> list[str]:
    """Return the errors of a desired state, as text."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        load_state(folder, {"desired_state.toml": text}, choice)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def load_warnings(folder: Path, text: str) -> list[str]:
    """Return the warnings of a desired state, as text."""
    return [str(warning) for warning in load_state(folder, {"desired_state.toml": text}).warnings]


def get_attributes(state: DesiredState, name: str) -> Mapping[str, Any]:
    """Return the attributes of a thing."""
    attributes: Mapping[str, Any] = state.resources[Address("things", name)].spec.attributes
    return attributes


def choose(name: str | None = None, **variables: str) -> EnvironmentChoice:
    """Return the choice of an environment and of variables."""
    return EnvironmentChoice(name, variables)
