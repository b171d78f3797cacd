"""Write a Markdown comment that reports why there is no plan: the command's stderr as inert text.

The first line is the same marker as in the comment of a plan: publish.py finds the pull request's earlier comment by it, and replaces
that comment. The marker of one workspace contains its name if it can be read from the desired state, and that of several environments
the path of the desired state. Only the standard library is used.

usage: plan_failed.py EXIT_CODE STATE STDERR SUBJECT > MARKDOWN
  EXIT_CODE  the exit code of `reconciler plan`
  STATE      the desired state: a TOML file, or a folder of TOML files
  STDERR     the file with what the command wrote to stderr
  SUBJECT    plan, or rollout-plan for several environments
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

MAX_BYTES = 60_000
"""The most bytes of stderr to include; a whole GitHub comment has at most 65,536 characters."""
EXIT_REJECTED = 3
"""The same as `reconciler.cli.exit_codes.REJECTED`, which this script does not import."""


def build_marker(state: Path, subject: str) -> str:
    """Return the marker that `reconciler plan --format markdown` writes.

    It has no workspace name if none can be read.
    """
    if subject != "plan":
        return f"<!-- reconciler {subject} {escape(str(state))} -->"
    for file in sorted(state.glob("*.toml")) if state.is_dir() else [state]:
        try:
            name = tomllib.loads(file.read_text(encoding="utf-8"))["workspace"]["name"]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        return f"<!-- reconciler plan {escape(str(name))} -->"
    return "<!-- reconciler plan -->"


def escape(name: str) -> str:
    """Return a name as it is in a marker."""
    return re.sub("[^A-Za-z0-9:._-]", "?", name)


def format_code_block(stderr: str) -> str:
    """Return stderr as a code block that its content cannot end.

    Lines such as `::error …` are left out: they are annotations for GitHub.
    """
    lines = [line for line in stderr.splitlines() if not line.startswith("::")]
    text = "\n".join(lines).strip()
    text = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
    text = text.encode()[:MAX_BYTES].decode(errors="ignore")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def main() -> None:
    """Read the arguments and write the comment."""
    exit_code, state, stderr_file, subject = sys.argv[1:]
    heading = "The plan was rejected" if int(exit_code) == EXIT_REJECTED else "No plan"
    message = format_code_block(Path(stderr_file).read_text(encoding="utf-8", errors="replace"))
    comment = f"{build_marker(Path(state), subject)}\n### {heading}\n\nNothing was sent. The command reported:\n\n{message}\n"
    sys.stdout.buffer.write(comment.encode())


if __name__ == "__main__":
    main()
