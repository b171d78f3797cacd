"""`python -m tests.docs.generate`: README.md and its pictures, written anew from the code."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.docs import journey, pictures
from tests.docs.journey import ROOT, checkout
from tests.docs.tables import SECTIONS

README = ROOT / "README.md"
PICTURES = ROOT / ".github" / "pictures"

_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n)(?:(?!<!--).*\n)*?(<!-- /generated -->)")


def tabulated(readme: str) -> str:
    """The README with its generated sections as they are today."""
    return _SECTION.sub(lambda found: f"{found[1]}{SECTIONS[found[2]]()}\n{found[3]}", readme)


def main() -> None:
    """Write what differs by more than what differs from run to run."""
    with tempfile.TemporaryDirectory() as folder:
        readme = README.read_text(encoding="utf-8")
        told = journey.retold(tabulated(readme), checkout(Path(folder) / "journey"))
        changed = [README] if journey.steady(told) != journey.steady(readme) else []
        if changed:
            README.write_text(told, encoding="utf-8")
        for name, drawn in pictures.pictures(checkout(Path(folder) / "pictures")).items():
            path = PICTURES / name
            there = path.read_text(encoding="utf-8") if path.exists() else ""
            if pictures.steady(there) != pictures.steady(drawn):
                PICTURES.mkdir(parents=True, exist_ok=True)
                path.write_text(drawn, encoding="utf-8")
                changed.append(path)
    told_of = "\n".join(f"wrote {path.relative_to(ROOT)}" for path in changed)
    sys.stdout.write(f"{told_of or 'everything is as the code says'}\n")


if __name__ == "__main__":
    main()
