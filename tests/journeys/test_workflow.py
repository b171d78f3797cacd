"""The workflows that one copies: pull request, plan, merge, approval, apply, drift, run as they are written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.registry_client import Cloud
from tests.support.small_fleet import SMALL, environ, masked
from tests.support.workflow_runner import (
    ACTION,
    EXAMPLES,
    PINNED,
    REPOSITORY,
    ROOT,
    Runner,
    clean_environ,
    hub,
    workflow,
)

WORKFLOWS = ("plan.yml", "apply.yml", "drift.yml")
PULL = {"pull_request": {"number": 7, "head": {"repo": {"full_name": REPOSITORY}}}}


class Repository:
    """A git repository with the small fleet on `main`, and what runs its workflows."""

    def __init__(self, folder: Path, url: str) -> None:
        self.work = folder / "work"
        self.registry = folder / "registry" / "registry.sqlite3"
        self.registry.parent.mkdir()
        self.work.mkdir()
        more = {
            **environ(),
            "GITHUB_API_URL": url,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "RECONCILER_REGISTRY": str(self.registry),
        }
        self.runner = Runner(self.work, folder, clean_environ(more))
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Gardener")
        self.git("config", "user.email", "gardener@example.org")
        self.commit(SMALL)

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.work, check=True, capture_output=True)

    def commit(self, fleet) -> None:
        fleet.write(self.work)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "The fleet")

    def content(self):
        return masked(Cloud(self.registry).content())

    def merge_and_apply(self):
        return self.runner.run("apply.yml", {})


@pytest.fixture
def github():
    with hub() as made:
        yield made


@pytest.fixture
def repository(tmp_path, github):
    return Repository(tmp_path, github.url)


def results(jobs):
    return {name: job.result for name, job in jobs.items()}


def test_from_a_pull_request_over_its_merge_to_drift(repository, github):
    # the fleet as it is comes to be
    jobs = repository.merge_and_apply()
    assert results(jobs) == {"plan": "success", "apply": "success"}, jobs
    assert repository.content() == SMALL.content()

    # a pull request is planned, and its comment follows its pushes
    repository.git("switch", "-q", "-c", "move")
    repository.commit(SMALL.having("pump-1", site="bergen"))
    github.write("7", next(iter(["<!-- somebody else's -->"])), "User")
    jobs = repository.runner.run("plan.yml", PULL, "move")
    assert results(jobs) == {"plan": "success"}, jobs
    first = github.comments[2]["body"]
    assert ("bergen" in first, len(github.comments)) == (True, 2)
    fleet = SMALL.having("pump-1", site="tromso")
    repository.commit(fleet)
    assert results(repository.runner.run("plan.yml", PULL, "move")) == {"plan": "success"}
    second = github.comments[2]["body"]
    assert (len(github.comments), "bergen" in second, "tromso" in second) == (2, False, True)
    assert (first.splitlines()[0] == second.splitlines()[0], first[:4]) == (True, "<!--")
    assert repository.content() == SMALL.content()

    # it is merged, approved and applied; a second run has nothing to do
    repository.git("switch", "-q", "main")
    repository.git("merge", "-q", "move")
    jobs = repository.merge_and_apply()
    assert results(jobs) == {"plan": "success", "apply": "success"}, jobs
    assert re.fullmatch("[0-9a-f]{64}", jobs["plan"].outputs["digest"])
    assert "tromso" in jobs["plan"].summary
    assert repository.content() == fleet.content()
    jobs = repository.merge_and_apply()
    assert (results(jobs), jobs["plan"].outputs["changes"]) == (
        {"plan": "success", "apply": "skipped"},
        "false",
    )

    # somebody edits the registry: one issue says so, until it is put right
    assert results(repository.runner.run("drift.yml", {})) == {"drift": "success"}
    assert github.issues == {}
    cloud = Cloud(repository.registry)
    for site in ("oslo", "bergen"):
        cloud.iot.update_thing(
            thingName="pump-2", attributePayload={"attributes": {"site": site}, "merge": False}
        )
        cloud.iot.update_thing(
            thingName="pump-1", attributePayload={"attributes": {"by": "hand", "site": site}, "merge": False}
        )
        assert results(repository.runner.run("drift.yml", {})) == {"drift": "success"}
        assert [(found["state"], site in found["body"]) for found in github.issues.values()] == [
            ("open", True)
        ]
    assert results(repository.merge_and_apply()) == {"plan": "success", "apply": "success"}
    assert results(repository.runner.run("drift.yml", {})) == {"drift": "success"}
    assert [found["state"] for found in github.issues.values()] == ["closed"]
    assert repository.content() == fleet.content()

    # and nobody was told a secret
    told = repository.runner.told + "".join(found["body"] for found in github.comments.values())
    assert [secret for secret in (*environ().values(), "a-token") if secret in told] == []


def test_a_plan_that_nobody_approved_is_not_applied(repository, monkeypatch):
    edited = Cloud(repository.registry)
    act = Runner._action

    def meddled(self, given, work, temp):
        if given["command"] == "apply":  # while the reviewers think about it
            edited.iot.create_thing(thingName="pump-1")
        return act(self, given, work, temp)

    monkeypatch.setattr(Runner, "_action", meddled)
    jobs = repository.merge_and_apply()
    assert results(jobs) == {"plan": "success", "apply": "failure 3"}
    assert list(repository.content()["things"]) == ["pump-1"]


def test_a_mistake_fails_the_plan_on_its_line_and_the_comment_says_so_until_it_is_mended(repository, github):
    repository.git("switch", "-q", "-c", "wrong")
    file, marker = repository.work / "desired_state.toml", "<!-- reconciler plan greenhouse -->"
    right = file.read_text()
    assert results(repository.runner.run("plan.yml", PULL, "wrong")) == {"plan": "success"}

    def pushed(text):
        file.write_text(text)
        repository.git("commit", "-qam", "A push")
        job = repository.runner.run("plan.yml", PULL, "wrong")["plan"]
        assert len(github.comments) == 1
        return job, github.comments[1]["body"]

    job, told = pushed(f"{right}[things.pump-9]\n'```\\u001b @everyone' = 1\n")
    assert (job.result, job.summary) == ("failure 1", told)
    assert re.search(r"^::error .*file=desired_state.toml,line=\d+", job.printed, re.MULTILINE)
    first, heading, *_, fence, last = (marker, *told.splitlines()[1:], "")
    assert (told.splitlines()[0], heading, fence, last) == (first, "### No plan", "````", "")
    assert ("@everyone" in told, "::error" in told, "\x1b" in told) == (True, False, False)

    # a file in which not even the name can be read, and one that a later push mends
    job, told = pushed(f"{right}[things.")
    assert (job.result, told.splitlines()[:2]) == (
        "failure 1",
        ["<!-- reconciler plan -->", "### No plan"],
    )
    job, told = pushed(f"{right}\n[thing_groups.new]\n")
    assert (job.result, told.splitlines()[0]) == ("success", marker)


def test_a_plan_that_is_refused_is_commented(repository, github):
    repository.merge_and_apply()
    repository.git("switch", "-q", "-c", "less")
    repository.commit(SMALL.without("pump-2"))
    file = repository.work / "desired_state.toml"
    file.write_text(file.read_text().replace("delete_percent = 100", "delete_percent = 0, delete_count = 0"))
    repository.git("commit", "-qam", "No limits")
    job = repository.runner.run("plan.yml", PULL, "less")["plan"]
    told = github.comments[1]["body"].splitlines()
    assert (job.result, told[:2]) == (
        "failure 3",
        ["<!-- reconciler plan greenhouse -->", "### The plan was rejected"],
    )
    assert "error: the plan is rejected; nothing was sent" in told


def test_a_pull_request_from_a_fork_is_not_planned(repository):
    fork = {"pull_request": {"number": 8, "head": {"repo": {"full_name": "stranger/greenhouse"}}}}
    assert results(repository.runner.run("plan.yml", fork)) == {"plan": "skipped"}


# ── what can be seen without running them ──


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_no_more_than_it_needs(name):
    made = workflow(name)
    assert made["permissions"] == {}
    events = made[True]  # so YAML 1.1 reads `on`
    assert "pull_request_target" not in events
    assert all("permissions" in job for job in made["jobs"].values())
    granted = {
        f"{key}: {value}" for job in made["jobs"].values() for key, value in job["permissions"].items()
    }
    writes = {"plan.yml": {"pull-requests: write"}, "drift.yml": {"issues: write"}, "apply.yml": set()}[name]
    assert granted == {"contents: read", "id-token: write", *writes}


def test_every_action_is_pinned_and_no_expression_stands_in_a_script():
    steps = [
        *yaml.safe_load((ACTION / "action.yml").read_text())["runs"]["steps"],
        *(step for name in WORKFLOWS for job in workflow(name)["jobs"].values() for step in job["steps"]),
    ]
    assert [step["uses"] for step in steps if "uses" in step and not PINNED.fullmatch(step["uses"])] == []
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    checkouts = [step for step in steps if "actions/checkout@" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_every_example_is_tested():
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted([*WORKFLOWS, "gitlab-ci.yml"])


def test_gitlab_s_jobs_run_commands_that_there_are():
    from reconciler.cli.main import cli

    jobs = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())
    lines = [line for job in ("plan", "apply", "drift") for line in jobs[job]["script"]]
    used = re.findall(r"reconciler ([a-z]+)(.*?)(?:\||$)", "\n".join(lines), re.MULTILINE)
    assert [name for name, _ in used] == ["plan", "show", "apply", "drift"]
    for name, rest in used:
        command = cli.get_command(None, name)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


def test_the_hook_for_pre_commit_validates(tmp_path):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["entry"], hook["language"], hook["pass_filenames"]) == (
        "reconciler validate",
        "python",
        False,
    )
    assert [bool(re.search(hook["files"], name)) for name in ("desired_state.toml", "pki/a.pem", "a.py")] == [
        True,
        True,
        False,
    ]
