"""Regenerate README.md's outputs, tables and pictures: `python -m tests.docs.generate`."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.docs import pictures, readme_runner
from tests.docs.readme_runner import ROOT, copy_checkout
from tests.docs.tables import SECTIONS

README = ROOT / "README.md"
PICTURES = ROOT / ".github" / "pictures"

_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n)(?:(?!<!--).*\n)*?(<!-- /generated -->)")


def update_tables(readme: str) -> str:
    """Return the README with its generated sections updated."""
    return _SECTION.sub(lambda match: f"{match[1]}{SECTIONS[match[2]]()}\n{match[3]}", readme)


def main() -> None:
    """Write the files whose content has changed, and print their names.

    A change is ignored if it is only of durations in the README, or of the plan's digest in a picture.
    """
    with tempfile.TemporaryDirectory() as folder:
        readme = README.read_text(encoding="utf-8")
        updated = readme_runner.update_outputs(update_tables(readme), copy_checkout(Path(folder) / "journey"))
        written = []
        if readme_runner.remove_durations(updated) != readme_runner.remove_durations(readme):
            README.write_text(updated, encoding="utf-8")
            written.append(README)
        for name, picture in pictures.draw_pictures(copy_checkout(Path(folder) / "pictures")).items():
            path = PICTURES / name
            current = path.read_text(encoding="utf-8") if path.exists() else ""
            if pictures.remove_digest(current) != pictures.remove_digest(picture):
                PICTURES.mkdir(parents=True, exist_ok=True)
                path.write_text(picture, encoding="utf-8")
                written.append(path)
    report = "\n".join(f"wrote {path.relative_to(ROOT)}" for path in written)
    sys.stdout.write(f"{report or 'README.md and its pictures are up to date'}\n")


if __name__ == "__main__":
    main()
