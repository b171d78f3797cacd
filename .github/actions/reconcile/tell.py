"""Writes a plan into one comment of a pull request, or drift into one issue, and keeps it up to date.

The first line of the Markdown is a hidden marker, by which the comment or the issue is found again. Only the standard
library is used, so that nothing has to be installed to tell how an installation failed.

usage: tell.py comment NUMBER FILE      the pull request's number
       tell.py issue true|false FILE    whether there is drift
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = 100
TITLE = "The registry is not as the desired state says"


def call(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """One request to GitHub's REST API about this repository."""
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
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def ours(path: str, marker: str) -> dict[str, Any] | None:
    """What has this marker. A marker without a name, as a file has that cannot be read, is that of any, if there is one."""
    subject = " ".join(marker.split()[:3])
    found = {first: item for first, item in reversed([*written(path)]) if first.startswith(f"{subject} ")}
    nameless = f"{subject} -->"
    if marker == nameless and len(found) == 1:
        return next(iter(found.values()))
    return found.get(marker, found.get(nameless))


def written(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What bots wrote, by their first lines. Anybody could write a marker, so only a bot's is taken for ours."""
    number = 1
    while page := call("GET", f"{path}{'&' if '?' in path else '?'}per_page={PAGE}&page={number}"):
        for item in page:
            if item["user"]["type"] == "Bot" and "pull_request" not in item:
                yield (item.get("body") or "").split("\n", 1)[0].rstrip("\r"), item
        if len(page) < PAGE:
            return
        number += 1


def comment(number: str, text: str) -> str:
    """One comment on the pull request, with the text."""
    if not number.isdigit():
        raise SystemExit("the pull request's number is no number")
    found = ours(f"issues/{number}/comments", text.split("\n", 1)[0])
    if found is None:
        call("POST", f"issues/{number}/comments", {"body": text})
        return "commented"
    call("PATCH", f"issues/comments/{found['id']}", {"body": text})
    return "updated the comment"


def issue(drifted: str, text: str) -> str:
    """One open issue while there is drift, none while there is not."""
    found = ours("issues?state=open", text.split("\n", 1)[0])
    if drifted != "true":
        if found is None:
            return "no drift"
        call("PATCH", f"issues/{found['number']}", {"body": text, "state": "closed"})
        return f"closed issue {found['number']}"
    if found is None:
        made = call("POST", "issues", {"title": TITLE, "body": text})
        return f"opened issue {made['number']}"
    call("PATCH", f"issues/{found['number']}", {"body": text})
    return f"updated issue {found['number']}"


def main() -> None:
    """Read the arguments, write once, and say what was done."""
    what, argument, file = sys.argv[1:]
    text = Path(file).read_text(encoding="utf-8")
    if not text.startswith("<!--"):
        raise SystemExit("the text has no marker in its first line")
    print({"comment": comment, "issue": issue}[what](argument, text))


if __name__ == "__main__":
    main()
