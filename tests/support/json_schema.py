"""What the published JSON Schema says of TOML files."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from reconciler.aws.json_schema import member_schema
from reconciler.engine.load.json_schema import schema


@cache
def validator() -> Validator:
    made = schema(member_schema)
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def complaints(text: str) -> list[str]:
    """Where the schema refuses a file, and why."""
    return [f"{found.json_path}: {found.message}" for found in validator().iter_errors(tomllib.loads(text))]


def accepted(path: Path) -> None:
    """Every file of what was loaded has to be right by the schema as well."""
    for each in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
        assert complaints(each.read_text("utf-8")) == [], each
