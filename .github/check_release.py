"""Check that a release tag, the version in pyproject.toml and CHANGELOG.md agree.

usage: check_release.py TAG
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

TAG = re.compile(r"v(\d+\.\d+\.\d+)")


def find_problems(tag: str, project: str, changelog: str) -> list[str]:
    """Return the reasons not to publish, given the texts of pyproject.toml and CHANGELOG.md."""
    match = TAG.fullmatch(tag)
    if not match:
        return [f"tag: '{tag}' is not a valid release tag; expected vX.Y.Z"]
    tag_version = match[1]
    problems = []
    project_version = tomllib.loads(project)["project"]["version"]
    if project_version != tag_version:
        problems.append(
            f"pyproject.toml: the version is {project_version}, and the tag is {tag}; change one of them"
        )
    heading = re.search(r"^## \[(.+?)\] - (.+)$", changelog, re.MULTILINE)
    if not heading or heading[1] != tag_version:
        problems.append(f"CHANGELOG.md: the first section is not [{tag_version}]; add that section")
    elif not re.fullmatch(r"\d{4}-\d{2}-\d{2}", heading[2]):
        problems.append(
            f"CHANGELOG.md: '{heading[2]}' is not a valid date of [{tag_version}]; expected YYYY-MM-DD"
        )
    return problems


def main() -> int:
    """Print the problems; return 1 if there is one."""
    root = Path(__file__).parents[1]
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    problems = find_problems(sys.argv[1] if len(sys.argv) > 1 else "", project, changelog)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
