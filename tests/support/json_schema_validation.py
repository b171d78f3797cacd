"""Validate TOML files with the JSON Schema that is published for editors."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from reconciler.aws.json_schema import build_member_schema
from reconciler.engine.load.json_schema import build_json_schema


@cache
def _build_validator() -> Validator:
    schema = build_json_schema(build_member_schema)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def find_schema_errors(toml_text: str) -> list[str]:
    """Return the errors that the schema finds in a TOML text, each with the JSON path of its value."""
    return [
        f"{error.json_path}: {error.message}"
        for error in _build_validator().iter_errors(tomllib.loads(toml_text))
    ]


def assert_schema_accepts(path: Path) -> None:
    """Assert that a TOML file, or every TOML file directly in a folder, is valid."""
    for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
        assert find_schema_errors(file.read_text("utf-8")) == [], file
