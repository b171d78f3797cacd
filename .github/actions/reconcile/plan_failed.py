"""Write a Markdown comment that reports why there is no plan: the command's stderr as inert text.

The first line is the marker of the plan's own comment, so that this text replaces it. The marker has the workspace's name if the
file can be read far enough. Only the standard library is used.

usage: plan_failed.py EXIT_CODE FILE STDERR > MARKDOWN     the desired state, and the file with the command's stderr
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

MAX_BYTES = 60_000
"""Bytes of stderr to include; a GitHub comment has room for 65,536 characters with everything around it."""
EXIT_REJECTED = 3


def marker(state: Path) -> str:
    """Return the marker that `reconciler plan --format markdown` writes.

    It has no workspace name if none can be read.
    """
    for file in sorted(state.glob("*.toml")) if state.is_dir() else [state]:
        try:
            name = tomllib.loads(file.read_text(encoding="utf-8"))["workspace"]["name"]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        return f"<!-- reconciler plan {re.sub('[^A-Za-z0-9:._-]', '?', str(name))} -->"
    return "<!-- reconciler plan -->"


def code_block(stderr: str) -> str:
    """Return stderr as a code block that its content cannot end, without the runner's annotations."""
    lines = [line for line in stderr.splitlines() if not line.startswith("::")]
    text = "\n".join(lines).strip()
    text = "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)
    text = text.encode()[:MAX_BYTES].decode(errors="ignore")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def main() -> None:
    """Read the arguments and write the comment."""
    exit_code, state, stderr = sys.argv[1:]
    heading = "The plan was rejected" if int(exit_code) == EXIT_REJECTED else "No plan"
    message = code_block(Path(stderr).read_text(encoding="utf-8", errors="replace"))
    sys.stdout.reconfigure(encoding="utf-8")
    print(f"{marker(Path(state))}\n### {heading}\n\nNothing was sent. The command reported:\n\n{message}")


if __name__ == "__main__":
    main()
