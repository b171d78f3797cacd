"""Importing the package or a command is fast, and the package exports what it promises."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import reconciler
from reconciler.cli import commands

SLOW = (
    "boto3",
    "botocore",
    "ipywidgets",
    "rich",
    "networkx",
    "cryptography",
    "click",
    "tomlkit",
    "tree_sitter",
)


def loaded_by(code: str) -> list[str]:
    told = f"import sys, json; {code}; print(json.dumps(sorted(set({SLOW!r}) & sys.modules.keys())))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_the_package_loads_no_other_library():
    assert loaded_by("import reconciler") == []


def test_importing_the_values_loads_no_other_library():
    assert loaded_by("from reconciler import Address, AwsError, Plan, ReconcilerError, Result") == []


def test_the_workspace_loads_libraries_only_when_it_is_used():
    assert loaded_by("from reconciler import Workspace; Workspace('a.toml')") == []


def test_the_public_names_are_sorted_and_each_is_there():
    assert reconciler.__all__ == sorted(reconciler.__all__)
    assert dir(reconciler) == reconciler.__all__
    assert [name for name in reconciler.__all__ if getattr(reconciler, name, None) is None] == []


def test_every_public_name_but_the_version_is_a_class_of_ours():
    homes = {
        name: getattr(reconciler, name).__module__ for name in reconciler.__all__ if name != "__version__"
    }
    assert [name for name, home in homes.items() if not home.startswith("reconciler.")] == []


def test_a_name_that_is_not_promised_is_not_there():
    assert hasattr(reconciler, "Wrokspace") is False


# ── commands ──

COMMAND_FILES = sorted(Path(commands.__path__[0]).glob("*.py"))
LIGHT = ("attrs", "click", "reconciler.cli", "reconciler.model")


def imports_of(path: Path) -> set[str]:
    """Return the modules outside the standard library that a file imports when it is imported itself."""
    modules = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    return {module for module in modules if module.partition(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda path: path.stem)
def test_a_command_imports_only_click_and_light_modules_before_it_runs(path):
    assert {module for module in imports_of(path) if not module.startswith(LIGHT)} == set()


def test_importing_all_commands_loads_no_slow_library_and_no_engine():
    imports = ", ".join(
        f"reconciler.cli.commands.{path.stem}" for path in COMMAND_FILES if path.stem != "__init__"
    )
    code = (
        f"import sys, json, {imports}; "
        "print(json.dumps([name for name in sys.modules if name.startswith(('reconciler.', 'rich', 'boto'))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    packages = {name.split(".")[1] for name in json.loads(done.stdout) if name.startswith("reconciler.")}
    assert packages == {"cli", "model"}
    assert [name for name in json.loads(done.stdout) if name.startswith(("rich", "boto"))] == []
