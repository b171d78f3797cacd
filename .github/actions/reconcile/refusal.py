"""Writes, as Markdown for a comment, that there is no plan and why: what the command said on stderr, as inert text.

The first line is the marker of the plan's own comment, so that this takes its place. It has the workspace's name, where
the file can be read so far. Only the standard library is used.

usage: refusal.py CODE FILE SAID > MARKDOWN     the exit code, the desired state, and the file with what was said
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

MOST = 60_000
"""Bytes of what was said; a comment has room for 65,536 characters with all that is around it."""
REFUSED = 3


def marker(state: Path) -> str:
    """As `reconciler plan --format markdown` writes it; without a name where none can be read."""
    for file in sorted(state.glob("*.toml")) if state.is_dir() else [state]:
        try:
            name = tomllib.loads(file.read_text(encoding="utf-8"))["workspace"]["name"]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        return f"<!-- reconciler plan {re.sub('[^A-Za-z0-9:._-]', '?', str(name))} -->"
    return "<!-- reconciler plan -->"


def inert(said: str) -> str:
    """As a block of code, which nothing in it can end; annotations are for the runner, which has had them."""
    lines = [line for line in said.splitlines() if not line.startswith("::")]
    text = "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in "\n".join(lines).strip())
    text = text.encode()[:MOST].decode(errors="ignore")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def main() -> None:
    """Read the arguments and write once."""
    code, state, said = sys.argv[1:]
    what = "The plan is refused" if int(code) == REFUSED else "There is no plan"
    told = inert(Path(said).read_text(encoding="utf-8", errors="replace"))
    sys.stdout.reconfigure(encoding="utf-8")
    print(f"{marker(Path(state))}\n### {what}\n\nNothing was sent. What was said:\n\n{told}")


if __name__ == "__main__":
    main()
