"""Write or update a pull request's comment with its plan, or the issue about drift.

The first line of the Markdown is a hidden marker, by which the next run finds the comment or issue. Only the standard library is
used, because this runs outside the environment in which reconciler is installed.

usage: publish.py comment NUMBER FILE      NUMBER: the pull request's number
       publish.py issue true|false FILE    true or false: whether there is drift
FILE is the Markdown.
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


def send_request(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Send one request about this repository to GitHub's REST API, and return the parsed response.

    `path` is the path below the repository's URL.
    """
    repository = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    request = urllib.request.Request(  # noqa: S310 (GitHub sets the URL)
        f"{repository}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (GitHub sets the URL)
        return json.load(response)


def find_by_marker(path: str, marker: str) -> dict[str, Any] | None:
    """Return the first listed comment or issue with this marker, or None.

    A marker has no workspace name if the desired state could not be read. Such a marker also matches the marker of a workspace, if
    that is the only marker of the same command (`plan` or `drift`). If no comment or issue has the marker, the first whose marker has no
    workspace name is returned.
    """
    command_prefix = " ".join(marker.split()[:3])  # <!-- reconciler plan
    items: dict[str, dict[str, Any]] = {}
    for first_line, item in list_bot_items(path):
        if first_line.startswith(f"{command_prefix} "):
            items.setdefault(first_line, item)
    nameless_marker = f"{command_prefix} -->"
    if marker == nameless_marker and len(items) == 1:
        return next(iter(items.values()))
    return items.get(marker, items.get(nameless_marker))


def list_bot_items(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the first line of each comment or issue that a bot wrote, with the comment or issue.

    Anyone could write a marker, so comments and issues that people wrote are ignored.
    """
    separator = "&" if "?" in path else "?"
    page_number = 1
    while page := send_request("GET", f"{path}{separator}per_page={PAGE_SIZE}&page={page_number}"):
        for item in page:
            # GitHub lists pull requests with the issues.
            if item["user"]["type"] == "Bot" and "pull_request" not in item:
                yield (item.get("body") or "").split("\n", 1)[0].rstrip("\r"), item
        if len(page) < PAGE_SIZE:
            return
        page_number += 1


def write_comment(number: str, text: str) -> str:
    """Create or update the pull request's comment, and return what was done."""
    if not number.isdigit():
        raise SystemExit(f"{number!r} is not a pull request number")
    existing = find_by_marker(f"issues/{number}/comments", text.split("\n", 1)[0])
    if existing is None:
        send_request("POST", f"issues/{number}/comments", {"body": text})
        return "created the comment"
    send_request("PATCH", f"issues/comments/{existing['id']}", {"body": text})
    return "updated the comment"


def write_issue(has_drift: str, text: str) -> str:
    """Keep one issue open while there is drift, close it afterwards, and return what was done."""
    existing = find_by_marker("issues?state=open", text.split("\n", 1)[0])
    if has_drift != "true":
        if existing is None:
            return "no drift"
        send_request("PATCH", f"issues/{existing['number']}", {"body": text, "state": "closed"})
        return f"closed issue {existing['number']}"
    if existing is None:
        issue = send_request("POST", "issues", {"title": ISSUE_TITLE, "body": text})
        return f"opened issue {issue['number']}"
    send_request("PATCH", f"issues/{existing['number']}", {"body": text})
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
