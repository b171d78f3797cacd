"""A runner for the workflows: jobs of a YAML file, their steps in the shell that GitHub gives them, and its API on loopback.

Actions of others are not run, but have to be pinned. `install` is not run either: the command is there already.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field, frozen

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/reconcile"
EXAMPLES = ROOT / ".github/examples"
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}|OWNER/reconciler/\.github/actions/reconcile@COMMIT")
REPOSITORY = "garden/greenhouse"


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLES / name).read_text())


@frozen
class Job:
    """What became of a job: its result as GitHub says it, its outputs, and all that it printed."""

    result: str
    outputs: Mapping[str, str] = field(factory=dict)
    printed: str = ""
    summary: str = ""


@define
class Runner:
    """Runs workflows on a clone of a repository, with a registry that outlives the jobs; `told` is all that they said."""

    origin: Path
    folder: Path
    environ: dict[str, str]
    count: int = 0
    told: str = ""

    def run(self, name: str, event: Mapping[str, Any], ref: str = "main") -> dict[str, Job]:
        """Every job of a workflow in the order of the file, which is that of their needs."""
        done: dict[str, Job] = {}
        for key, job in workflow(name)["jobs"].items():
            context = {
                "github": {"event": event, "repository": REPOSITORY, "token": "a-token"},
                "needs": {other: {"outputs": found.outputs} for other, found in done.items()},
                "vars": {"AWS_PLAN_ROLE": "r", "AWS_APPLY_ROLE": "r", "AWS_REGION": "eu-west-1"},
            }
            needed = [done[other] for other in ([job["needs"]] if "needs" in job else [])]
            if any(found.result != "success" for found in needed) or not _true(
                job.get("if", "true"), context
            ):
                done[key] = Job("skipped")
            else:
                done[key] = self._job(job, context, ref)
                self.told += done[key].printed + done[key].summary
        return done

    def _job(self, job: Mapping[str, Any], context: dict[str, Any], ref: str) -> Job:
        self.count += 1
        work, temp = self.folder / f"job-{self.count}", self.folder / f"temp-{self.count}"
        (temp / "reconciler/bin").mkdir(parents=True)
        (temp / "reconciler/bin/reconciler").symlink_to(Path(sys.executable).with_name("reconciler"))
        context["steps"] = {}
        printed, summary = "", temp / "summary.md"
        summary.touch()
        for step in job["steps"]:
            if "actions/checkout@" in step["uses"]:
                subprocess.run(["git", "clone", "-q", "-b", ref, self.origin, work], check=True)
            elif "OWNER/reconciler" in step["uses"]:
                given = {name: _filled(value, context) for name, value in step["with"].items()}
                code, told, outputs = self._action(given, work, temp)
                printed += told
                context["steps"][step.get("id", "")] = {"outputs": outputs}
                if code:
                    return Job(f"failure {code}", {}, printed, summary.read_text())
        outputs = {name: _filled(value, context) for name, value in job.get("outputs", {}).items()}
        return Job("success", outputs, printed, summary.read_text())

    def _action(self, given: Mapping[str, str], work: Path, temp: Path) -> tuple[int, str, dict[str, str]]:
        """The composite action: its exit code, what it printed, and its outputs."""
        action = yaml.safe_load((ACTION / "action.yml").read_text())
        known = {name: _filled(found.get("default", ""), _TOKEN) for name, found in action["inputs"].items()}
        assert given.keys() <= known.keys()
        context: dict[str, Any] = {"inputs": {**known, **given}, "steps": {}, **_TOKEN}
        printed, failed = "", 0
        for step in action["runs"]["steps"]:
            if "uses" in step or step["name"] == "install" or not _true(step.get("if", "true"), context):
                continue
            if failed and "always()" not in step.get("if", ""):
                continue
            outputs = temp / "outputs"
            outputs.write_text("")
            environ = {
                **self.environ,
                **{name: _filled(value, context) for name, value in step.get("env", {}).items()},
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(ACTION),
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
                "RUNNER_TEMP": str(temp),
            }
            ended = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=work,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
            )
            printed += ended.stdout
            said = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
            context["steps"][step.get("id", "")] = {"outputs": said}
            failed = failed or ended.returncode
        if failed:
            return failed, printed, {}
        told = {name: _filled(found["value"], context) for name, found in action["outputs"].items()}
        return 0, printed, told


_TOKEN = {"github": {"token": "a-token"}}
_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")


def _filled(text: Any, context: Mapping[str, Any]) -> str:
    return _EXPRESSION.sub(lambda found: _value(found[1], context), str(text))


def _value(path: str, context: Mapping[str, Any]) -> str:
    found: Any = context
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return str(found)


def _true(condition: str, context: Mapping[str, Any]) -> bool:
    """Comparisons joined by &&, which is all that these workflows use."""
    return all(_holds(part.strip(), context) for part in condition.split("&&"))


def _holds(part: str, context: Mapping[str, Any]) -> bool:
    if part in {"true", "always()"}:
        return True
    left, operator, right = re.fullmatch(r"(\S+) (==|!=) (\S+)", part).groups()
    same = _value(left, context) == (right[1:-1] if right[0] == "'" else _value(right, context))
    return same if operator == "==" else not same


@define
class Hub:
    """GitHub's comments and issues, as far as they are written here; `requests` are methods and paths."""

    comments: dict[int, dict[str, Any]] = field(factory=dict)
    issues: dict[int, dict[str, Any]] = field(factory=dict)
    requests: list[str] = field(factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        self.requests.append(f"{method} {path}")
        parts = path.removeprefix(f"/repos/{REPOSITORY}/").split("/")
        match method, parts:
            case "GET", ["issues", number, "comments"]:
                found = [each for each in self.comments.values() if each["on"] == number]
                return 200, _page(found, query)
            case "POST", ["issues", number, "comments"]:
                return 201, self.write(number, body["body"])
            case "PATCH", ["issues", "comments", identity]:
                self.comments[int(identity)]["body"] = body["body"]
                return 200, self.comments[int(identity)]
            case "GET", ["issues"]:
                return 200, _page([each for each in self.issues.values() if each["state"] == "open"], query)
            case "POST", ["issues"]:
                number = len(self.issues) + 1
                self.issues[number] = {**body, "number": number, "state": "open", "user": {"type": "Bot"}}
                return 201, self.issues[number]
            case "PATCH", ["issues", number]:
                self.issues[int(number)] |= body
                return 200, self.issues[int(number)]
        return 404, {"message": f"{method} {path}"}

    def write(self, number: str, body: str, who: str = "Bot") -> dict[str, Any]:
        identity = len(self.comments) + 1
        self.comments[identity] = {"id": identity, "on": number, "body": body, "user": {"type": who}}
        return self.comments[identity]


def _page(found: list[Any], query: str) -> list[Any]:
    said = dict(pair.split("=") for pair in query.split("&"))
    size, number = int(said["per_page"]), int(said["page"])
    return found[size * (number - 1) : size * number]


@contextmanager
def hub() -> Iterator[Hub]:
    """The API on a port of the loopback interface."""
    made = Hub()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            authorized = self.headers["Authorization"] == "Bearer a-token"
            status, told = made.answer(self.command, self.path, body) if authorized else (401, {})
            raw = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def clean_environ(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what a CI system or AWS's tools have put into it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GITHUB_", "RECONCILER_", "GIT_"))
    }
    return {**kept, **more}
