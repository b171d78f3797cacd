"""Run the tests of the core with the oldest supported version of every dependency, in .venv-oldest.

usage: python -m tests.packaging.oldest [ARGUMENT OF PYTEST]...
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.packaging.environments import ROOT, UV, Environment, build_editable_wheel, run_program
from tests.support.locks import LOCKS, Pin, find_closure, read_pins

FOLDER = ROOT / ".venv-oldest"
TOOLS = ("hypothesis", "jsonschema", "pytest", "pytest-xdist")
"""Dependencies of the tests of the core, in the versions of dev.txt; oldest.txt pins further ones."""

TESTS = ("model", "kinds", "engine", "render", "cli", "aws", "registry", "rollout", "journeys")
"""Folders of tests of the core; tests with other programs are skipped where these are not installed."""


def list_tool_pins() -> list[Pin]:
    """Return the pins of the tools and of what they need, except what oldest.txt pins."""
    environment = {name: str(value) for name, value in default_environment().items()}
    pins = [pin for pin in read_pins("dev.txt") if pin.applies(environment)]
    needed = find_closure(map(Requirement, TOOLS), pins, environment)
    pinned = {pin.name for pin in read_pins("oldest.txt")}
    return [pin for pin in pins if pin.name in needed - pinned]


def create_oldest_environment(folder: Path = FOLDER) -> Environment:
    """Create an environment, or return the one that exists, with the packages that oldest.txt pins now."""
    if not folder.exists():
        run_program(UV, "venv", "--quiet", "--python", sys.executable, folder)
    environment = Environment(folder)
    tools = folder / "tools.txt"
    tools.write_text("".join(f"{pin.to_line()}\n" for pin in list_tool_pins()), encoding="utf-8")
    environment.install_locks(LOCKS / "oldest.txt", tools)
    with TemporaryDirectory() as target:
        environment.install_wheel(build_editable_wheel(Path(target)))
    environment.check()
    return environment


def main(*arguments: str) -> int:
    """Run the tests and return pytest's exit code."""
    environment = create_oldest_environment()
    paths = [str(ROOT / "tests" / name) for name in TESTS]
    command = [
        environment.python,
        "-m",
        "pytest",
        "-n",
        "auto",
        "--dist",
        "loadgroup",
        "--max-worker-restart=0",
        *paths,
        *arguments,
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
