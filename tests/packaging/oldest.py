"""Run the tests of the core with the oldest supported version of every dependency, in .venv-oldest.

usage: python -m tests.packaging.oldest [ARGUMENT OF PYTEST]...
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from packaging.requirements import Requirement
from tests.packaging.environments import LOCKS, ROOT, UV, Environment, run_program

FOLDER = ROOT / ".venv-oldest"
TOOLS = ("hypothesis", "jsonschema", "packaging", "pytest", "pytest-xdist", "pyyaml")
"""Dependencies of the tests of the core, in their newest versions."""

TESTS = ("model", "kinds", "engine", "render", "cli", "aws", "registry", "journeys")
"""Folders of tests of the core; tests with other programs are skipped where these are not installed."""


def create_oldest_environment() -> Environment:
    """Create .venv-oldest, or return the one that exists with the packages that oldest.txt pins now."""
    if not FOLDER.exists():
        run_program(UV, "venv", "--quiet", "--python", sys.executable, FOLDER)
    environment = Environment(FOLDER)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tools = [text for text in extras["optional-dependencies"]["dev"] if Requirement(text).name in TOOLS]
    environment.install("--require-hashes", "--requirement", LOCKS / "oldest.txt")
    environment.install("--constraint", LOCKS / "oldest.txt", *tools)
    environment.install("--no-deps", "--editable", ROOT)
    return environment


def main(*arguments: str) -> int:
    """Run the tests and return pytest's exit code."""
    environment = create_oldest_environment()
    paths = [str(ROOT / "tests" / name) for name in TESTS]
    command = [environment.python, "-m", "pytest", "-n", "auto", "--dist", "loadgroup", *paths, *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
