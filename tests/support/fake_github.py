"""A stand-in for GitHub's REST API: the comments and issues of one repository, served on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define, field

REPOSITORY = "garden/greenhouse"
TOKEN = "a-token"


@define
class FakeGitHub:
    """The repository's comments (by ID) and issues (by number), and the URL of the API."""

    comments: dict[int, dict[str, Any]] = field(factory=dict)
    issues: dict[int, dict[str, Any]] = field(factory=dict)
    url: str = ""

    def respond(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Return the HTTP status and the JSON document of the response."""
        path, _, query = path.partition("?")
        parts = path.removeprefix(f"/repos/{REPOSITORY}/").split("/")
        match method, parts:
            case "GET", ["issues", number, "comments"]:
                comments = [
                    comment for comment in self.comments.values() if comment["issue_number"] == number
                ]
                return 200, _select_page(comments, query)
            case "POST", ["issues", number, "comments"]:
                return 201, self.add_comment(number, body["body"])
            case "PATCH", ["issues", "comments", comment_id]:
                self.comments[int(comment_id)]["body"] = body["body"]
                return 200, self.comments[int(comment_id)]
            case "GET", ["issues"]:
                open_issues = [issue for issue in self.issues.values() if issue["state"] == "open"]
                return 200, _select_page(open_issues, query)
            case "POST", ["issues"]:
                issue_number = len(self.issues) + 1
                issue = {**body, "number": issue_number, "state": "open", "user": {"type": "Bot"}}
                self.issues[issue_number] = issue
                return 201, issue
            case "PATCH", ["issues", number]:
                self.issues[int(number)] |= body
                return 200, self.issues[int(number)]
        return 404, {"message": f"{method} {path}"}

    def add_comment(self, issue_number: str, body: str, user_type: str = "Bot") -> dict[str, Any]:
        """Add a comment to an issue or pull request, and return the comment."""
        comment_id = len(self.comments) + 1
        comment = {
            "id": comment_id,
            "issue_number": issue_number,
            "body": body,
            "user": {"type": user_type},
        }
        self.comments[comment_id] = comment
        return comment


def _select_page(items: list[Any], query: str) -> list[Any]:
    """Return the items of the page that the query asks for; page numbers start at 1."""
    parameters = dict(pair.split("=") for pair in query.split("&"))
    page_size, page_number = int(parameters["per_page"]), int(parameters["page"])
    return items[page_size * (page_number - 1) : page_size * page_number]


@contextmanager
def serve_github() -> Iterator[FakeGitHub]:
    """Serve the repository, which has no comments and issues at first, on a free port."""
    github = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            is_authorized = self.headers["Authorization"] == f"Bearer {TOKEN}"
            status, document = github.respond(self.command, self.path, body) if is_authorized else (401, {})
            response = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        do_GET = do_POST = do_PATCH = handle_request  # noqa: N815 (names that http.server prescribes)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
