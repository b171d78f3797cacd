"""The example workflows run unchanged: they plan a pull request, apply its merge, report drift."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.fake_github import REPOSITORY, TOKEN, serve_github
from tests.support.registry_client import Cloud
from tests.support.registry_server import RunningServer, serve_registry
from tests.support.small_fleet import SMALL_FLEET, Fleet, get_secret_variables, replace_salted_hashes
from tests.support.workflow_runner import (
    ACTION,
    EXAMPLES,
    ROOT,
    JobResult,
    WorkflowRunner,
    load_workflow,
    make_clean_environ,
)

WORKFLOWS = ("plan.yml", "apply.yml", "drift.yml", "plan-environments.yml", "promote.yml")
GITLAB_PIPELINES = ("gitlab-ci.yml", "gitlab-environments.yml")
PULL_REQUEST = {"pull_request": {"number": 7, "head": {"repo": {"full_name": REPOSITORY}}}}
COMMENT_MARKER = "<!-- reconciler plan greenhouse -->"
PINNED_ACTION = re.compile(r"[\w./-]+@[0-9a-f]{40}|[\w-]+/reconciler/\.github/actions/reconcile@COMMIT")
ALL_SUCCEEDED = {"plan": "success", "apply": "success"}


class Repository:
    """A git repository with the small fleet on `main`, its workflow runner, and its registry."""

    def __init__(self, folder: Path, api_url: str) -> None:
        self.work_tree = folder / "work"
        self.registry_path = folder / "registry" / "registry.sqlite3"
        self.registry_path.parent.mkdir()
        self.work_tree.mkdir()
        variables = {
            **get_secret_variables(),
            "GITHUB_API_URL": api_url,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "RECONCILER_REGISTRY": str(self.registry_path),
        }
        self.runner = WorkflowRunner(self.work_tree, folder, make_clean_environ(variables))
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Gardener")
        self.git("config", "user.email", "gardener@example.org")
        self.commit(SMALL_FLEET)

    @property
    def file(self) -> Path:
        return self.work_tree / "desired_state.toml"

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.work_tree, check=True, capture_output=True)

    def commit(self, fleet: Fleet) -> None:
        fleet.write_files(self.work_tree)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "The fleet")

    def read_content(self):
        return replace_salted_hashes(Cloud(self.registry_path).read_content())

    def run_plan_workflow(self, branch: str) -> JobResult:
        """Plan a pull request from the branch, and return the result of the workflow's only job."""
        results = self.runner.run("plan.yml", PULL_REQUEST, branch)
        assert list(results) == ["plan"]
        return results["plan"]

    def run_apply_workflow(self) -> dict[str, JobResult]:
        return self.runner.run("apply.yml", {})

    def run_drift_workflow(self) -> dict[str, JobResult]:
        return self.runner.run("drift.yml", {})


@pytest.fixture
def github():
    with serve_github() as github:
        yield github


@pytest.fixture
def repository(tmp_path, github):
    return Repository(tmp_path, github.url)


def statuses(results: dict[str, JobResult]) -> dict[str, str]:
    return {name: result.status for name, result in results.items()}


def read_logs(results: dict[str, JobResult]) -> str:
    """Return the logs of all jobs, which show why one has failed."""
    return "\n".join(f"{name}: {result.log}" for name, result in results.items())


def test_the_workflows_lead_from_a_pull_request_through_its_merge_to_drift(repository, github):
    # The apply workflow on `main` creates the fleet.
    results = repository.run_apply_workflow()
    assert statuses(results) == ALL_SUCCEEDED, read_logs(results)
    assert repository.read_content() == SMALL_FLEET.make_expected_content()

    # The plan workflow comments on a pull request, and updates its comment after each push.
    repository.git("switch", "-q", "-c", "move")
    repository.commit(SMALL_FLEET.with_changes("pump-1", site="bergen"))
    github.add_comment("7", "<!-- another author's -->", "User")  # with ID 1; the plan's comment gets ID 2
    job = repository.run_plan_workflow("move")
    assert job.status == "success", job
    first_plan = github.comments[2]["body"]
    assert ("bergen" in first_plan, len(github.comments)) == (True, 2)
    fleet = SMALL_FLEET.with_changes("pump-1", site="tromso")
    repository.commit(fleet)
    assert repository.run_plan_workflow("move").status == "success"
    second_plan = github.comments[2]["body"]
    assert (len(github.comments), "bergen" in second_plan, "tromso" in second_plan) == (2, False, True)
    assert first_plan.splitlines()[0] == second_plan.splitlines()[0] == COMMENT_MARKER
    assert repository.read_content() == SMALL_FLEET.make_expected_content()

    # After the merge and the approval, the plan is applied; the next run has no changes.
    repository.git("switch", "-q", "main")
    repository.git("merge", "-q", "move")
    results = repository.run_apply_workflow()
    assert statuses(results) == ALL_SUCCEEDED, read_logs(results)
    assert re.fullmatch("[0-9a-f]{64}", results["plan"].outputs["digest"])
    assert "tromso" in results["plan"].summary
    assert repository.read_content() == fleet.make_expected_content()
    results = repository.run_apply_workflow()
    assert (statuses(results), results["plan"].outputs["changes"]) == (
        {"plan": "success", "apply": "skipped"},
        "false",
    )

    # After edits by hand, one issue shows the drift; the drift workflow closes it after an apply has removed the drift.
    assert statuses(repository.run_drift_workflow()) == {"drift": "success"}
    assert github.issues == {}
    iot = Cloud(repository.registry_path).iot
    for site in ("oslo", "bergen"):
        iot.update_thing(thingName="pump-2", attributePayload={"attributes": {"site": site}, "merge": False})
        iot.update_thing(
            thingName="pump-1", attributePayload={"attributes": {"by": "hand", "site": site}, "merge": False}
        )
        assert statuses(repository.run_drift_workflow()) == {"drift": "success"}
        issues = [(issue["state"], site in issue["body"]) for issue in github.issues.values()]
        assert issues == [("open", True)]
    assert statuses(repository.run_apply_workflow()) == ALL_SUCCEEDED
    assert statuses(repository.run_drift_workflow()) == {"drift": "success"}
    assert [issue["state"] for issue in github.issues.values()] == ["closed"]
    assert repository.read_content() == fleet.make_expected_content()

    # No log, summary or comment contains a secret.
    texts = repository.runner.log + "".join(comment["body"] for comment in github.comments.values())
    assert [secret for secret in (*get_secret_variables().values(), TOKEN) if secret in texts] == []


def test_an_approved_plan_is_not_applied_after_the_registry_has_changed(repository, monkeypatch):
    iot = Cloud(repository.registry_path).iot
    run_action = WorkflowRunner.run_action

    def change_registry_before_apply(self, inputs, clone, temp):
        if inputs["command"] == "apply":  # the reviewers have approved the plan, and then a thing is created
            iot.create_thing(thingName="pump-1")
        return run_action(self, inputs, clone, temp)

    monkeypatch.setattr(WorkflowRunner, "run_action", change_registry_before_apply)
    results = repository.run_apply_workflow()
    assert statuses(results) == {"plan": "success", "apply": "failure 3"}
    assert list(repository.read_content()["things"]) == ["pump-1"]


def test_an_error_in_the_file_fails_the_plan_and_is_in_the_comment_until_it_is_corrected(repository, github):
    repository.git("switch", "-q", "-c", "wrong")
    valid_text = repository.file.read_text()
    assert repository.run_plan_workflow("wrong").status == "success"

    def push(text: str) -> tuple[JobResult, str]:
        """Commit the text as the file and plan it; return the job's result and the only comment's text."""
        repository.file.write_text(text)
        repository.git("commit", "-qam", "A push")
        job = repository.run_plan_workflow("wrong")
        assert len(github.comments) == 1
        return job, github.comments[1]["body"]

    job, comment = push(f"{valid_text}[things.pump-9]\n'```\\u001b @everyone' = 1\n")
    assert (job.status, job.summary) == ("failure 1", comment)
    assert re.search(r"^::error .*file=desired_state.toml,line=\d+", job.log, re.MULTILINE)
    lines = comment.splitlines()
    # The fence has four backticks, because the key has three.
    assert (lines[0], lines[1], lines[-1]) == (COMMENT_MARKER, "### No plan", "````")
    assert ("@everyone" in comment, "::error" in comment, "\x1b" in comment) == (True, False, False)

    # This file is not even TOML, so the comment's marker has no workspace name; the next push corrects the file.
    job, comment = push(f"{valid_text}[things.")
    assert (job.status, comment.splitlines()[:2]) == (
        "failure 1",
        ["<!-- reconciler plan -->", "### No plan"],
    )
    job, comment = push(f"{valid_text}\n[thing_groups.new]\n")
    assert (job.status, comment.splitlines()[0]) == ("success", COMMENT_MARKER)


def test_a_rejected_plan_is_reported_in_the_comment(repository, github):
    repository.run_apply_workflow()
    repository.git("switch", "-q", "-c", "less")
    repository.commit(SMALL_FLEET.without_device("pump-2"))
    text = repository.file.read_text()
    repository.file.write_text(text.replace("delete_percent = 100", "delete_percent = 0, delete_count = 0"))
    repository.git("commit", "-qam", "Allow no deletions")
    job = repository.run_plan_workflow("less")
    comment = github.comments[1]["body"].splitlines()
    assert (job.status, comment[:2]) == ("failure 3", [COMMENT_MARKER, "### The plan was rejected"])
    assert "error: the plan is rejected; nothing was sent" in comment


def test_a_pull_request_from_a_fork_is_not_planned(repository):
    fork = {"pull_request": {"number": 8, "head": {"repo": {"full_name": "stranger/greenhouse"}}}}
    assert statuses(repository.runner.run("plan.yml", fork)) == {"plan": "skipped"}


# ── many environments ──

ENVIRONMENTS_FILE = """\
[workspace]
name = "fleet"
target = "aws"
region = "eu-west-1"

[variables]
role = { type = "string", description = "the role in each account" }
site = "oslo"

[environments.dev]
role_arn = "arn:aws:iam::111111111111:role/{var.role}"

[environments.staging]
role_arn = "arn:aws:iam::222222222222:role/{var.role}"
after = ["dev"]

[environments."prod-{account}"]
for_each = [{ account = "333333333333" }, { account = "444444444444" }]
role_arn = "arn:aws:iam::{account}:role/{var.role}"
after = ["staging"]

[things.pump]
attributes = { site = "{var.site}" }
"""
ACCOUNTS = ("111111111111", "222222222222", "333333333333", "444444444444")


@pytest.fixture
def served(tmp_path, github):
    """Return a repository with several environments, and the server with their accounts."""
    with serve_registry() as server:
        repository = Repository(tmp_path, github.url)
        repository.runner.environ["AWS_ENDPOINT_URL"] = server.url
        repository.git("rm", "-q", "-r", ".")
        push_text(repository, ENVIRONMENTS_FILE)
        yield repository, server


def push_text(repository: Repository, text: str) -> None:
    repository.file.write_text(text)
    repository.git("add", "-A")
    repository.git("commit", "-qm", "A push")


def read_sites(server: RunningServer) -> list[str]:
    """Return the site of the pump in each account; empty where there is no pump."""
    things = [server.create_client(account=account).list_things()["things"] for account in ACCOUNTS]
    return ["".join(thing["attributes"]["site"] for thing in pumps) for pumps in things]


def test_environments_are_planned_in_one_comment_and_promoted_one_after_another(served, github, monkeypatch):
    repository, server = served
    repository.git("switch", "-q", "-c", "change")

    # One comment has the plans of all environments, or the reason why there are none.
    def plan() -> tuple[str, str]:
        job = repository.runner.run("plan-environments.yml", PULL_REQUEST, "change")["plan"]
        (comment,) = github.comments.values()
        assert comment["body"].startswith("<!-- reconciler rollout-plan desired_state.toml -->\n")
        return job.status, comment["body"].splitlines()[1]

    assert plan() == ("success", "### Plan for 4 environments of `desired_state.toml`: 8 to create")
    push_text(repository, f"{ENVIRONMENTS_FILE}[things.")
    assert plan() == ("failure 1", "### No plan")

    # Each stage is applied after the one before it, with the plan that was made for it.
    repository.git("switch", "-q", "main")
    results = repository.runner.run("promote.yml", {})
    assert statuses(results) == dict.fromkeys(("plan", "dev", "staging", "prod"), "success"), read_logs(
        results
    )
    assert read_sites(server) == ["oslo"] * 4

    # Stages without changes are skipped, and a plan that was not approved is not applied.
    push_text(repository, ENVIRONMENTS_FILE.replace("for_each", 'variables = { site = "moss" }\nfor_each'))
    run_action = WorkflowRunner.run_action

    def change_prod_before_apply(self, inputs, clone, temp):
        if inputs["command"] == "apply":
            iot = server.create_client(account=ACCOUNTS[2])
            iot.update_thing(thingName="pump", attributePayload={"attributes": {"site": "hand"}})
        return run_action(self, inputs, clone, temp)

    monkeypatch.setattr(WorkflowRunner, "run_action", change_prod_before_apply)
    results = repository.runner.run("promote.yml", {})
    assert statuses(results) == {
        "plan": "success",
        "dev": "skipped",
        "staging": "skipped",
        "prod": "failure 3",
    }
    assert read_sites(server) == ["oslo", "oslo", "hand", "oslo"]


# ── what can be checked without running the workflows ───────────────────────────────────────────


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_only_the_permissions_that_it_needs(name):
    workflow = load_workflow(name)
    assert workflow["permissions"] == {}
    events = workflow[True]  # YAML 1.1 reads the key `on` as a boolean
    assert "pull_request_target" not in events
    jobs = workflow["jobs"].values()
    assert all("permissions" in job for job in jobs)
    permissions = {f"{scope}: {access}" for job in jobs for scope, access in job["permissions"].items()}
    writes = {
        "plan.yml": {"pull-requests: write"},
        "plan-environments.yml": {"pull-requests: write"},
        "drift.yml": {"issues: write"},
    }
    assert permissions == {"contents: read", "id-token: write", *writes.get(name, ())}


def test_every_action_is_pinned_and_no_script_contains_an_expression():
    steps = yaml.safe_load((ACTION / "action.yml").read_text())["runs"]["steps"]
    for name in WORKFLOWS:
        for job in load_workflow(name)["jobs"].values():
            steps += job["steps"]
    actions = [step["uses"] for step in steps if "uses" in step]
    assert [action for action in actions if not PINNED_ACTION.fullmatch(action)] == []
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    checkouts = [step for step in steps if "actions/checkout@" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_every_example_is_tested():
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted([*WORKFLOWS, *GITLAB_PIPELINES])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gitlab-ci.yml", ["plan", "show", "apply", "drift"]),
        ("gitlab-environments.yml", ["plan", "plan", "apply", "drift"]),
    ],
)
def test_the_jobs_for_gitlab_run_existing_commands_with_existing_options(name, expected):
    from reconciler.cli.main import cli

    jobs = yaml.safe_load((EXAMPLES / name).read_text())
    lines = dict.fromkeys(  # jobs that are alike have the same lines
        line for job in jobs.values() if isinstance(job, dict) for line in job.get("script", ())
    )
    commands = re.findall(r"reconciler ([a-z]+)(.*?)(?:\||$)", "\n".join(lines), re.MULTILINE)
    assert [command for command, _ in commands] == expected
    for command_name, arguments in commands:
        command = cli.get_command(None, command_name)
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", arguments)) <= options


def test_the_pre_commit_hook_runs_validate_for_toml_and_pem_files():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["entry"], hook["language"], hook["pass_filenames"]) == (
        "reconciler validate",
        "python",
        False,
    )
    matches = {
        name: bool(re.search(hook["files"], name)) for name in ("desired_state.toml", "pki/a.pem", "a.py")
    }
    assert matches == {"desired_state.toml": True, "pki/a.pem": True, "a.py": False}
