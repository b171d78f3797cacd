"""The repository's own files and Makefile, as the README's reader has them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from reconciler.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
FILE = "desired_state.toml"
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SECURITY = ROOT / "SECURITY.md"
PAGES_IN_CHECKOUT = frozenset({README, CONTRIBUTING})
"""The pages whose readers work in a checkout of the repository."""
ENVIRONMENT: Mapping[str, str | None] = {
    **dict.fromkeys(("COLUMNS", "FORCE_COLOR", "RECONCILER_FILE", "RECONCILER_REGISTRY", "TTY_COMPATIBLE")),
    "NO_COLOR": "1",
}
"""Environment variables of `run_reconciler`; a variable with the value None is removed."""


class PageError(Exception):
    """A fault in a page that updating its outputs does not correct, such as an unknown command."""


def list_pages() -> list[Path]:
    """Return the README, CONTRIBUTING, SECURITY, and all pages in docs that are written in Markdown."""
    pages = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
    return [README, CONTRIBUTING, SECURITY, *sorted(pages)]


def copy_checkout(folder: Path) -> Path:
    """Copy the files that the README's commands need to `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / FILE, folder / FILE)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return folder


def run_reconciler(
    *words: str, environment: Mapping[str, str | None] = ENVIRONMENT, stderr: bool = True
) -> tuple[int, str]:
    """Run one `reconciler` command; return its exit code and its output, with or without stderr."""
    result = CliRunner().invoke(cli, words, env=environment, prog_name="reconciler")
    return result.exit_code, result.output if stderr else result.stdout


def read_recipe(target: str) -> list[str]:
    """Return the Makefile's commands for a target, without the `@` that keeps make from printing them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    match = re.search(rf"^{re.escape(target)}:[^\n]*\n((?:\t[^\n]*\n?)*)", makefile, re.MULTILINE)
    if not match:
        raise PageError(f"the Makefile has no target {target!r}")
    return [line.strip().lstrip("@") for line in match[1].splitlines()]
