"""Names in braces in ARNs become the account and the Region of the environment, in every field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.toml_types import accepts_external, select_toml_type
from reconciler.kinds import all_kinds
from reconciler.kinds.base.schema import is_spec_class
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.plan import Target
from tests.support.environment_files import load_report

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
EXAMPLE_TEXTS = {path.stem: path.read_text() for path in sorted(EXAMPLES.glob("*.toml"))}
EXAMPLE_NAMES = [name for name, text in EXAMPLE_TEXTS.items() if "arn:aws:" in text and "file = " not in text]
ONLY_IN_PARTITION_AWS = {
    table for table, kind in all_kinds().items() if kind.service == "iot-managed-integrations"
}
"""The tables with ARNs for which the service model accepts only the partition `aws`."""
ARN = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):(\d{12}):")
NAMED_ARN = "arn:{aws.partition}:iot:{aws.region}:{aws.account}:x/y"
TARGETS = {
    "dev": Target("aws", "eu-west-1", "111111111111"),
    "china": Target("aws", "cn-north-1", "222222222222"),
}
HEADER = """
[workspace]
name = "ws"
[environments.dev]
account = "111111111111"
region = "eu-west-1"
[environments.china]
account = "222222222222"
region = "cn-north-1"
"""


def is_arn_field(field: attrs.Attribute[Any], annotation: Any) -> bool:
    return accepts_external(annotation) or re.search(r"(^|_)arns?$", field.name) is not None


def build_value(annotation: Any, arn: str, *, is_arn: bool = False) -> Any:
    """Return a value of the file in which every ARN is `arn`; None if there is none in it."""
    if accepts_external(annotation):
        return {"arn": arn}
    toml_type = select_toml_type(annotation)
    origin = get_origin(toml_type)
    if origin in {tuple, Mapping}:
        item = get_args(toml_type)[0 if origin is tuple else 1]
        value = build_value(item, arn, is_arn=is_arn)
        if value is None:
            return None
        return [value, value] if origin is tuple else {"key": value}
    if isinstance(toml_type, type) and is_spec_class(toml_type):
        return build_table(toml_type, arn) or None
    return arn if is_arn and origin is not Literal else None


def build_table(spec_class: type, arn: str) -> dict[str, Any]:
    """Return a table with every field that takes an ARN, also in inner tables."""
    types = get_type_hints(spec_class)
    values = {
        field.name: build_value(types[field.name], arn, is_arn=is_arn_field(field, types[field.name]))
        for field in attrs.fields(spec_class)
    }
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize("environment", TARGETS)
def test_names_are_replaced_in_every_field_of_every_kind_that_takes_an_arn(environment):
    target = TARGETS[environment]
    placeholders = Placeholders(find_target=lambda: target)
    arn = f"arn:{target.partition}:iot:{target.region}:{target.account}:x/y"
    tables = {table: build_table(kind.spec_class, NAMED_ARN) for table, kind in all_kinds().items()}
    assert placeholders.replace_in_value(tables) == (
        {table: build_table(kind.spec_class, arn) for table, kind in all_kinds().items()},
        [],
    )
    assert {table for table, fields in tables.items() if fields} >= {
        "account.audit",
        "authorizers",
        "role_aliases",
        "topic_rules",
    }


def list_cases() -> list[tuple[str, str]]:
    """Return the examples and the environments in which AWS has what they declare."""
    return [
        (name, environment)
        for name in EXAMPLE_NAMES
        for environment in TARGETS
        if environment != "china"
        or ONLY_IN_PARTITION_AWS.isdisjoint({name, *tomllib.loads(EXAMPLE_TEXTS[name])})
    ]


@pytest.mark.parametrize(("name", "environment"), list_cases())
def test_a_file_with_names_in_its_arns_is_loaded_like_one_with_their_values(tmp_path, name, environment):
    target = TARGETS[environment]
    example = EXAMPLE_TEXTS[name]

    def load_with(replace_arn: Any) -> dict[Any, Any]:
        path = tmp_path / "desired_state.toml"
        path.write_text(
            HEADER + ARN.sub(replace_arn, example).replace("arn:aws:", f"arn:{target.partition}:")
        )
        state = load(
            path,
            constraints=ServiceModelConstraints(),
            environ={},
            choice=EnvironmentChoice(environment, {}),
            find_target=lambda _settings: target,
        )
        return {address: resource.spec for address, resource in state.resources.items()}

    with_names = load_with(
        lambda match: (
            f"arn:{{aws.partition}}:{match[1]}:{'{aws.region}' if match[2] else ''}:{{aws.account}}:"
        )
    )
    with_values = load_with(
        lambda match: (
            f"arn:{target.partition}:{match[1]}:{target.region if match[2] else ''}:{target.account}:"
        )
    )
    assert with_names == with_values


def test_names_without_their_namespace_are_errors_in_the_account_and_region_of_an_arn(tmp_path):
    text = """
        [workspace]
        name = "ws"
        [role_aliases.r]
        role_arn = "arn:aws:iam::{account}:role/{literal}"
        [things.a]
        thing_type = { arn = "arn:aws:iot:{region}:123456789012:thingtype/x" }
        [topic_rules.x]
        sql = "SELECT * FROM 'a'"
        actions = [{ lambda_function = { function_arn = "arn:{partition}:lambda:eu-west-1:123456789012:function:f" } }]
        """
    errors = [line.partition("error: ")[2] for line in load_report(tmp_path, text)]
    assert [error for error in errors if error] == [
        "role_aliases.r.role_arn: {account} in the ARN is not replaced; expected {aws.account}",
        "things.a.thing_type: {region} in the ARN is not replaced; expected {aws.region}",
        "topic_rules.x.actions[0].lambda_function.function_arn: {partition} in the ARN is not replaced; expected {aws.partition}",
    ]
