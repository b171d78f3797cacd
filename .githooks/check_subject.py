"""Check a commit subject: capitalized, imperative, at most 72 characters, no final period.

usage: check_subject.py MESSAGE_FILE
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

MAX_SUBJECT = 72
AUTOSQUASHED = ("fixup! ", "squash! ", "amend! ")
"""How the subjects of commits begin that a rebase combines with others."""

NOT_IMPERATIVE = re.compile(
    r"^(?:an?|the|this|that|these|those|what|who|which|where|when|while|how|why|of|in|on|for|with|and|no|not|it|there|one|two|wip"
    r"|all|any|better|big|each|every|few|fewer|large|less|many|minor|more|new|other|several|small|some"
    r"|became|began|broke|brought|built|came|chose|did|done|drawn|drew|found|gave|given|got|had|kept|left|made|ran|sent|taken"
    r"|took|went|were|written|wrote|\w+(?:ed|ing)|\w*[^\Ws]s)\b",
    re.IGNORECASE,
)
"""Openings that show that a sentence is not imperative, unless its first word is in `IMPERATIVE`."""

IMPERATIVE = frozenset(
    {
        "alias",
        "bias",
        "bring",
        "canvas",
        "embed",
        "exceed",
        "feed",
        "focus",
        "need",
        "ping",
        "proceed",
        "seed",
        "shed",
        "speed",
        "spring",
        "string",
    }
)


def problems(subject: str) -> list[str]:
    """Return what is wrong with a subject, an empty list if nothing is."""
    if subject.startswith(AUTOSQUASHED):
        return []
    first = subject.split(" ", 1)[0]
    checks = {
        "is empty": not subject,
        f"has {len(subject)} characters; expected at most {MAX_SUBJECT}": len(subject) > MAX_SUBJECT,
        "ends with a period; remove it": subject.endswith("."),
        "begins in lower case; capitalize the first word": first[:1].islower(),
        'is not imperative; begin with a verb, as in "Add", "Fix", "Rename"': bool(
            NOT_IMPERATIVE.match(subject)
        )
        and first.lower() not in IMPERATIVE,
    }
    return [problem for problem, applies in checks.items() if applies]


def main() -> int:
    """Print the problems of the message's subject; return 1 if there is one."""
    message = Path(sys.argv[1]).read_text(encoding="utf-8")
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    for problem in problems(subject):
        print(f"commit subject: {problem}\n  {subject}", file=sys.stderr)
    return 1 if problems(subject) else 0


if __name__ == "__main__":
    sys.exit(main())
