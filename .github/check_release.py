"""Check that tag, version and changelog of a release agree, and that no placeholder is left.

usage: check_release.py TAG
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

TAG = re.compile(r"v(\d+\.\d+\.\d+)")
PLACEHOLDERS = {
    "OWNER": "replace it with the owner of the repository",
    "COMMIT": "replace it with the release, or with the full SHA of an earlier commit",
}
PUBLISHED = ("pyproject.toml", "*.md", "docs/**/*.md", ".github/**/*.yml", ".github/CODEOWNERS")
"""Globs of the files that users read or copy from a release."""


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


def find_placeholders(texts: Mapping[str, str]) -> list[str]:
    """Return the lines that have a placeholder, given the texts of files by path."""
    return [
        f"{path}:{number}: {word} is a placeholder; {advice}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        for word, advice in PLACEHOLDERS.items()
        if re.search(rf"\b{word}\b", line)
    ]


def read_published_files(root: Path) -> dict[str, str]:
    """Return the texts of the files that users read or copy, by path."""
    paths = {path for pattern in PUBLISHED for path in root.glob(pattern)}
    generated = root / "docs" / "_build"
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(paths)
        if generated not in path.parents and path.name != "CONTRIBUTING.md"
    }


def main() -> int:
    """Print the problems; return 1 if there is one."""
    root = Path(__file__).parents[1]
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    problems = find_problems(sys.argv[1] if len(sys.argv) > 1 else "", project, changelog)
    problems += find_placeholders(read_published_files(root))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
