"""Regenerate the outputs, tables and pictures of all pages: `python -m tests.docs.generate [PAGE …]`."""

from __future__ import annotations

import re
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.docs import pictures
from tests.docs.checkout import PAGES_IN_CHECKOUT, ROOT, PageError, copy_checkout, list_pages
from tests.docs.page_runner import run_page
from tests.docs.tables import SECTIONS

PICTURES = ROOT / ".github" / "pictures"

_SECTION = re.compile(r"(<!-- generated: ([\w.-]+) -->\n)(?:(?!<!--).*\n)*?(<!-- /generated -->)")


def update_tables(page: str) -> str:
    """Return the page with its generated sections updated."""
    return _SECTION.sub(lambda match: f"{match[1]}{_render_section(match[2])}\n{match[3]}", page)


@cache
def _render_section(name: str) -> str:
    return SECTIONS[name]()


def update_page(path: Path, folder: Path) -> str:
    """Run the page in `folder`, and return it with its outputs and generated sections updated."""
    text = update_tables(path.read_text(encoding="utf-8"))
    return run_page(text, folder, is_in_checkout=path in PAGES_IN_CHECKOUT)


def main(pages: list[Path]) -> int:
    """Write the files whose content has changed, and print their names.

    With pages as arguments, only these are updated. Return 1 if a page cannot be followed. A change of the plan's digest in a
    picture is ignored.
    """
    written: list[Path] = []
    has_errors = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, path in enumerate(pages or list_pages()):
            try:
                updated = update_page(path, folder / str(number))
            except PageError as error:
                sys.stdout.write(f"{path.relative_to(ROOT)}: {error}\n\n")
                has_errors = True
            else:
                _write_if_changed(path, updated, written)
        if not pages:
            for file_name, picture in pictures.draw_pictures(copy_checkout(folder / "pictures")).items():
                path = PICTURES / file_name
                current = path.read_text(encoding="utf-8") if path.exists() else ""
                if pictures.remove_digest(current) != pictures.remove_digest(picture):
                    _write_if_changed(path, picture, written)
    report = "\n".join(f"wrote {path.relative_to(ROOT)}" for path in written)
    sys.stdout.write(f"{report or 'everything else is up to date'}\n")
    return int(has_errors)


def _write_if_changed(path: Path, text: str, written: list[Path]) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)


if __name__ == "__main__":
    sys.exit(main([Path(argument).resolve() for argument in sys.argv[1:]]))
