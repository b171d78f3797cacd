"""Importing the package costs next to nothing and promises what it says."""

from __future__ import annotations

import json
import subprocess
import sys

import reconciler

SLOW = ("boto3", "botocore", "ipywidgets", "rich", "networkx", "cryptography", "click", "toml", "tree_sitter")


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
