"""Write a plan into one comment of a pull request, or drift into one issue, and keep it up to date.

The first line of the Markdown is a hidden marker that identifies the comment or issue later. Only the standard library is used,
so that a failed installation can be reported too.

usage: publish.py comment NUMBER FILE      the pull request's number
       publish.py issue true|false FILE    whether there is drift
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE_SIZE = 100
ISSUE_TITLE = "The registry differs from the desired state"


def call(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Send one request about this repository to GitHub's REST API."""
    repository = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    request = urllib.request.Request(
        f"{repository}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def find_by_marker(path: str, marker: str) -> dict[str, Any] | None:
    """Return the comment or issue with this marker.

    A marker without a workspace name, which an unreadable file has, matches the only one there is.
    """
    subject = " ".join(marker.split()[:3])
    items = {first: item for first, item in reversed([*bot_items(path)]) if first.startswith(f"{subject} ")}
    nameless = f"{subject} -->"
    if marker == nameless and len(items) == 1:
        return next(iter(items.values()))
    return items.get(marker, items.get(nameless))


def bot_items(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each comment or issue that a bot wrote, with its first line.

    Anyone could write a marker, so those that people wrote are ignored.
    """
    number = 1
    while page := call("GET", f"{path}{'&' if '?' in path else '?'}per_page={PAGE_SIZE}&page={number}"):
        for item in page:
            if item["user"]["type"] == "Bot" and "pull_request" not in item:
                yield (item.get("body") or "").split("\n", 1)[0].rstrip("\r"), item
        if len(page) < PAGE_SIZE:
            return
        number += 1


def write_comment(number: str, text: str) -> str:
    """Create or update the pull request's comment."""
    if not number.isdigit():
        raise SystemExit(f"{number!r} is not a pull request number")
    existing = find_by_marker(f"issues/{number}/comments", text.split("\n", 1)[0])
    if existing is None:
        call("POST", f"issues/{number}/comments", {"body": text})
        return "created the comment"
    call("PATCH", f"issues/comments/{existing['id']}", {"body": text})
    return "updated the comment"


def write_issue(has_drift: str, text: str) -> str:
    """Keep one issue open while there is drift, and close it afterwards."""
    existing = find_by_marker("issues?state=open", text.split("\n", 1)[0])
    if has_drift != "true":
        if existing is None:
            return "no drift"
        call("PATCH", f"issues/{existing['number']}", {"body": text, "state": "closed"})
        return f"closed issue {existing['number']}"
    if existing is None:
        issue = call("POST", "issues", {"title": ISSUE_TITLE, "body": text})
        return f"opened issue {issue['number']}"
    call("PATCH", f"issues/{existing['number']}", {"body": text})
    return f"updated issue {existing['number']}"


def main() -> None:
    """Read the arguments, write once, and print what was done."""
    target, argument, file = sys.argv[1:]
    text = Path(file).read_text(encoding="utf-8")
    if not text.startswith("<!--"):
        raise SystemExit(f"{file}: the first line is not a marker")
    print({"comment": write_comment, "issue": write_issue}[target](argument, text))


if __name__ == "__main__":
    main()
