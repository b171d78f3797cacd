"""Run the example workflows as GitHub would: the jobs of a YAML file, with the steps' scripts in bash.

Our own action is run, `git clone` replaces `actions/checkout`, and all other actions are skipped. The step `install` of our
action is skipped too, because the command is already installed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import define, evolve, field, frozen

from tests.support.fake_github import REPOSITORY, TOKEN
from tests.support.forked_command import get_forked_command

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/reconcile"
EXAMPLES = ROOT / ".github/examples"

_TOKEN_CONTEXT = {"github": {"token": TOKEN}}
_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")


def load_workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLES / name).read_text())


@frozen
class JobResult:
    """The status of a job (`success`, `skipped` or `failure EXIT_CODE`), its outputs, log and summary."""

    status: str
    outputs: Mapping[str, str] = field(factory=dict)
    log: str = ""
    summary: str = ""


@frozen
class ActionResult:
    """The exit code, the log and the outputs of an action.

    The exit code is that of the first failed step, or 0 if none failed. There are outputs only if no step failed.
    """

    exit_code: int
    log: str
    outputs: Mapping[str, str]


@define
class WorkflowRunner:
    """Runs workflows, each job in a new clone of the Git repository `origin` in a folder below `folder`.

    `environ` has the environment variables of all scripts. `job_count` is the number of jobs that were run, and `log` is
    everything that they have printed, with their summaries.
    """

    origin: Path
    folder: Path
    environ: dict[str, str]
    job_count: int = 0
    log: str = ""

    def run(self, name: str, event: Mapping[str, Any], ref: str = "main") -> dict[str, JobResult]:
        """Run the jobs of a workflow and return the results by the jobs' keys.

        The jobs run in the order of the file, where each job comes after the job that it needs. `name` is the workflow's
        file; `event` is what the expression `github.event` returns; `ref` is the branch to clone.
        """
        results: dict[str, JobResult] = {}
        for key, job in load_workflow(name)["jobs"].items():
            context = {
                "github": {
                    "event": event,
                    "repository": REPOSITORY,
                    "token": TOKEN,
                    "ref": f"refs/heads/{ref}",
                },
                "needs": {job_key: {"outputs": result.outputs} for job_key, result in results.items()},
                "vars": {"AWS_PLAN_ROLE": "r", "AWS_APPLY_ROLE": "r", "AWS_REGION": "eu-west-1"},
            }
            if _is_started(job, results, context):
                results[key] = self._run_job(job, context, ref)
                self.log += results[key].log + results[key].summary
            else:
                results[key] = JobResult("skipped")
        return results

    def _run_job(self, job: Mapping[str, Any], context: dict[str, Any], ref: str) -> JobResult:
        self.job_count += 1
        clone = self.folder / f"job-{self.job_count}"
        temp = self.folder / f"temp-{self.job_count}"
        # Where the step `install` would install the command.
        (temp / "reconciler/bin").mkdir(parents=True)
        (temp / "reconciler/bin/reconciler").symlink_to(get_forked_command())
        context["steps"] = {}
        log, summary = "", temp / "summary.md"
        summary.touch()
        for step in job["steps"]:
            if "actions/checkout@" in step["uses"]:
                subprocess.run(["git", "clone", "-q", "-b", ref, self.origin, clone], check=True)
            elif "/reconciler/.github/actions/reconcile@" in step["uses"]:
                environ = {**self.environ, **_expand_all(job.get("env", {}), context)}
                runner = evolve(self, environ=environ)
                result = runner.run_action(_expand_all(step["with"], context), clone, temp)
                log += result.log
                context["steps"][step.get("id", "")] = {"outputs": result.outputs}
                if result.exit_code:
                    return JobResult(f"failure {result.exit_code}", {}, log, summary.read_text())
        return JobResult("success", _expand_all(job.get("outputs", {}), context), log, summary.read_text())

    def run_action(self, inputs: Mapping[str, str], clone: Path, temp: Path) -> ActionResult:
        """Run the steps of our composite action in a clone; after a failed step, only those with `always()`.

        `inputs` are the action's inputs; `temp` is the job's folder for temporary files.
        """
        action = yaml.safe_load((ACTION / "action.yml").read_text())
        defaults = {
            name: _expand(declared.get("default", ""), _TOKEN_CONTEXT)
            for name, declared in action["inputs"].items()
        }
        assert inputs.keys() <= defaults.keys()
        context: dict[str, Any] = {"inputs": {**defaults, **inputs}, "steps": {}, **_TOKEN_CONTEXT}
        log, exit_code = "", 0
        for step in action["runs"]["steps"]:
            if "uses" in step or step["name"] == "install" or not _is_true(step.get("if", "true"), context):
                continue
            if exit_code and "always()" not in step.get("if", ""):
                continue
            process, outputs = self._run_step(step, context, clone, temp)
            log += process.stdout
            context["steps"][step.get("id", "")] = {"outputs": outputs}
            exit_code = exit_code or process.returncode
        if exit_code:
            return ActionResult(exit_code, log, {})
        values = {name: declared["value"] for name, declared in action["outputs"].items()}
        return ActionResult(0, log, _expand_all(values, context))

    def _run_step(
        self, step: Mapping[str, Any], context: Mapping[str, Any], clone: Path, temp: Path
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
        """Run the script of a step, and return the process and the step's outputs."""
        output_file = temp / "outputs"
        output_file.write_text("")
        environ = {
            **self.environ,
            **_expand_all(step.get("env", {}), context),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_OUTPUT": str(output_file),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
            "RUNNER_TEMP": str(temp),
        }
        process = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=clone,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return process, dict(line.split("=", 1) for line in output_file.read_text().splitlines())


def _expand_all(texts: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, str]:
    return {name: _expand(text, context) for name, text in texts.items()}


def _expand(text: Any, context: Mapping[str, Any]) -> str:
    """Return a text with each `${{ … }}` in it replaced by its value."""
    return _EXPRESSION.sub(lambda match: _look_up(match[1], context), str(text))


def _look_up(path: str, context: Mapping[str, Any]) -> str:
    """Return the value at a path such as `github.event.number`, or an empty text if there is none."""
    value: Any = context
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return str(value)


def _is_started(job: Mapping[str, Any], results: Mapping[str, JobResult], context: Mapping[str, Any]) -> bool:
    """Return whether a job starts.

    It starts if the jobs that it needs succeeded or, with `!failure()`, if none of them failed.
    """
    condition = str(job.get("if", "true")).removeprefix("${{").removesuffix("}}").strip()
    needs = job.get("needs", [])
    statuses = {results[name].status for name in ([needs] if isinstance(needs, str) else needs)}
    allowed = {"success", "skipped"} if "!failure()" in condition else {"success"}
    return statuses <= allowed and _is_true(condition, context)


def _is_true(condition: str, context: Mapping[str, Any]) -> bool:
    """Return whether a condition holds.

    The conditions of our workflows are comparisons, `true` and functions of the status, joined by `&&`.
    """
    return all(_is_true_comparison(comparison.strip(), context) for comparison in condition.split("&&"))


def _is_true_comparison(comparison: str, context: Mapping[str, Any]) -> bool:
    if comparison in {"true", "always()", "!failure()", "!cancelled()"}:
        return True
    left, operator, right = re.fullmatch(r"(\S+) (==|!=) (\S+)", comparison).groups()
    expected = right[1:-1] if right[0] == "'" else _look_up(right, context)
    is_equal = _look_up(left, context) == expected
    return is_equal if operator == "==" else not is_equal


def make_clean_environ(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, added to those that this process inherited.

    Inherited settings of GitHub, Git, AWS and reconciler are left out.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GITHUB_", "RECONCILER_", "GIT_"))
    }
    return {**inherited, **variables}
