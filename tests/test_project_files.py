"""Workflows, other files about the project, the changelog and the release check are consistent."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from typing import Any

import pytest
import yaml

from tests.docs.checkout import ROOT, list_pages
from tests.support.repository_files import list_repository_files

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
EXAMPLES = [
    GITHUB / "examples" / f"{name}.yml" for name in ("plan", "apply", "drift", "plan-environments", "promote")
]
ACTION = GITHUB / "actions" / "reconcile" / "action.yml"
YAML_FILES = [*sorted(GITHUB.rglob("*.yml")), ROOT / ".pre-commit-config.yaml"]

PINNED = re.compile(r"uses: ([\w-]+/[\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")
EXAMPLE_ACTION = re.compile(r"uses: [\w-]+/reconciler/\.github/actions/reconcile@(?:COMMIT|[0-9a-f]{40})$")
PAGES_WITH_ACTIONS = [
    path
    for path in list_pages()
    if re.search(r"^ *(?:- )?uses:", path.read_text(encoding="utf-8"), re.MULTILINE)
]
FILES_WITH_ACTIONS = [*WORKFLOWS, *EXAMPLES, ACTION, *PAGES_WITH_ACTIONS]
CHANGELOG_SECTIONS = ["Added", "Changed", "Fixed", "Removed"]
MAX_CHANGELOG_LINES = 50

CHECK_RELEASE = runpy.run_path(str(GITHUB / "check_release.py"))
find_release_problems = CHECK_RELEASE["find_problems"]
find_placeholders = CHECK_RELEASE["find_placeholders"]
read_published_files = CHECK_RELEASE["read_published_files"]


def load(path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def load_container() -> dict[str, Any]:
    """Return the settings of the development container, whose file may have comments."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    return json.loads(re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE))


def list_make_targets() -> set[str]:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    return {match[1] for line in lines if (match := re.match(r"([a-z][a-z-]*):(?!=)", line))}


def list_steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


# ── workflows ──


def test_the_project_has_a_ci_a_nightly_and_a_release_workflow():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly.yml", "release.yml"]


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_every_yaml_file_is_a_mapping(path):
    assert isinstance(load(path), dict)


@pytest.mark.parametrize("path", FILES_WITH_ACTIONS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit_with_its_version(path):
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    uses = [line for line in lines if re.match(r"(?:- )?uses:", line)]
    wrong = [line for line in uses if not PINNED.search(line) and not EXAMPLE_ACTION.search(line)]
    assert (bool(uses), wrong) == (True, [])


def test_the_readme_and_the_page_about_github_show_actions():
    """A test checks their pins only if it finds them."""
    assert {path.name for path in PAGES_WITH_ACTIONS} == {"README.md", "ci_on_github.md"}


def test_each_action_has_the_same_pin_in_every_file():
    pins = defaultdict(set)
    for path in FILES_WITH_ACTIONS:
        for name, commit, version in re.findall(PINNED.pattern, path.read_text(), re.MULTILINE):
            pins[name].add((commit, version))
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("path", [*WORKFLOWS, *EXAMPLES], ids=lambda path: path.name)
def test_a_workflow_has_no_permissions_and_each_job_lists_its_own(path):
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert [name for name, job in workflow["jobs"].items() if not job.get("permissions")] == []
    assert [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job] == []


def test_only_the_release_workflow_has_write_permissions():
    permissions = {
        f"{path.stem}/{name}": job["permissions"]
        for path in WORKFLOWS
        for name, job in load(path)["jobs"].items()
        if job["permissions"] != {"contents": "read"}
    }
    assert permissions == {
        "release/attest": {"attestations": "write", "id-token": "write"},
        "release/publish": {"id-token": "write"},
    }


@pytest.mark.parametrize("path", [*WORKFLOWS, *EXAMPLES], ids=lambda path: path.name)
def test_a_checkout_keeps_no_credentials(path):
    checkouts = [
        step for step in list_steps(load(path)) if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_only_make_targets_that_exist(path):
    commands = [step["run"] for step in list_steps(load(path)) if "run" in step]
    targets = [re.fullmatch(r'make ([a-z-]+)(?: TAG="\$GITHUB_REF_NAME")?', command) for command in commands]
    assert [command for command, target in zip(commands, targets, strict=True) if not target] == []
    assert {target[1] for target in targets} - list_make_targets() == set()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_reads_no_secret(path):
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_a_release_is_tested_built_attested_and_published_after_approval():
    jobs = load(GITHUB / "workflows" / "release.yml")["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "test": None,
        "build": "test",
        "attest": "build",
        "publish": "attest",
    }
    assert jobs["publish"]["environment"] == "pypi"
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == [
        'make check-release TAG="$GITHUB_REF_NAME"',
        "make check",
        "make test",
        "make wheel-test",
    ]


def test_ci_measures_the_coverage_and_requires_95_percent():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]
    assert settings["report"]["fail_under"] >= 95
    jobs = load(GITHUB / "workflows" / "ci.yml")["jobs"]
    assert "make coverage" in [step.get("run") for step in jobs["coverage"]["steps"]]


def test_ci_tests_every_python_version_that_the_project_declares():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    versions = {match[1] for text in declared if (match := re.search(r":: (3\.\d+)$", text))}
    matrix = load(GITHUB / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert set(matrix["python"]) == versions


# ── other files ──


def test_every_pre_commit_hook_runs_locally():
    repositories = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["language"] for hook in repositories[0]["hooks"]} == {"system"}


def test_pre_commit_and_the_container_run_make_targets_that_exist():
    hooks = load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    commands = [load_container()["postCreateCommand"], *(hook["entry"] for hook in hooks)]
    targets = {command.split()[1] for command in commands if command.startswith("make ")}
    assert ("check-workflows" in targets, targets - list_make_targets()) == (True, set())


def test_the_container_has_an_exact_version_of_its_image():
    image = load_container()["image"]
    assert re.search(r":\d+\.\d+\.\d+-3\.\d+-\w+$|@sha256:[0-9a-f]{64}$", image), image


def test_the_checks_and_the_hooks_cover_all_python_code():
    """All scripts, too: those of the action, of the release check and of the commit hook."""
    names = [name for name in list_repository_files(ROOT) if name.endswith(".py")]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (folders,) = re.findall(r"^PYTHON_CODE := (.*)$", makefile, re.MULTILINE)
    assert [name for name in names if not name.startswith(tuple(folders.split()))] == []
    commands = re.findall(r"^\t\$\(BIN\)/(ruff .*)$", makefile, re.MULTILINE)
    assert commands == [
        "ruff format --check $(PYTHON_CODE)",
        "ruff check $(PYTHON_CODE)",
        "ruff format $(PYTHON_CODE)",
        "ruff check --fix $(PYTHON_CODE)",
    ]
    hooks = {hook["id"]: hook for hook in load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]}
    for hook in (hooks["ruff-format"], hooks["ruff-check"]):
        assert [name for name in names if not re.search(hook["files"], name)] == []


def test_the_checks_read_the_types_of_every_script():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (patterns,) = re.findall(r"^\t\$\(BIN\)/mypy (.+)$", makefile, re.MULTILINE)
    checked = {str(path.relative_to(ROOT)) for pattern in patterns.split() for path in ROOT.glob(pattern)}
    scripts = {name for name in list_repository_files(ROOT) if re.match(r"\.git\w+/.*\.py$", name)}
    assert (checked, len(scripts) > 3) == (scripts, True)


def test_every_file_has_an_owner_who_reviews_it():
    lines = (GITHUB / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0][0] == "*"
    assert [rule for rule in rules if not all(re.fullmatch(r"@[\w/-]+", owner) for owner in rule[1:])] == []
    assert min(len(rule) for rule in rules) > 1


def test_dependabot_updates_folders_that_exist():
    updates = load(GITHUB / "dependabot.yml")["updates"]
    folders = [
        folder for update in updates for folder in update.get("directories", [update.get("directory")])
    ]
    assert [folder for folder in folders if not (ROOT / folder.strip("/")).is_dir()] == []


# ── SECURITY ──


def test_security_promises_no_time_for_an_answer():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert re.findall(r"\bwithin [\w-]+ (?:hours?|days?|weeks?|months?)\b", text) == []
    assert "if you get no answer, open an issue that only asks for a contact" in text


def test_security_names_what_the_apply_role_trusts_on_each_platform():
    """The pages have the same trust policies; IAM compares GitLab's `sub`, which has no environment."""
    subjects = {
        "ci_on_github": "repo:EXAMPLE/fleet:environment:production",
        "ci_on_gitlab": "project_path:example/fleet:ref_type:branch:ref:main",
    }
    for page, subject in subjects.items():
        text = (ROOT / f"docs/how_to/{page}.md").read_text(encoding="utf-8")
        step = re.search(r"^\d\. Create the apply role .*?\n\n", text, re.MULTILINE | re.DOTALL)
        assert re.findall(r'`"([^"]*)"`', step[0]) == [subject]
    policy = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    assert (
        "On GitHub, the role that applies trusts only the protected environment. "
        "On GitLab it trusts only the branch `main`, which must be protected."
    ) in policy


# ── changelog ──


def test_the_readme_has_at_most_150_lines():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def read_cells(text: str, row: str) -> list[str]:
    """Return the cells of a table's row, without its first one."""
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", text, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def test_the_readme_and_the_comparison_have_the_same_figures():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    comparison = (ROOT / "docs/explanation/comparison.md").read_text(encoding="utf-8")
    rows = ("Terraform", "Terraform `-refresh=false`", "reconciler")
    figures = [read_cells(comparison, row)[:2] for row in rows]
    shown = read_cells(readme, "Plan 300 devices, no changes")
    assert shown == [f"{calls} calls, {seconds} of CPU time" for calls, seconds in figures]
    sees_drift = [read_cells(comparison, row)[2] == "yes" for row in rows]
    assert [cell == "seen" for cell in read_cells(readme, "An edit by hand before the plan")] == sees_drift
    versions = re.compile(r"Terraform (\d[\d.]*\d) (?:and|with) AWS provider (\d[\d.]*\d)")
    command = re.compile(r"`python -m tests\.benchmarks\.race[^`]*`")
    for pattern in (versions, command):
        assert (pattern.findall(readme), len(pattern.findall(readme))) == (pattern.findall(comparison), 1)


def test_the_changelog_is_short_and_its_sections_are_in_order():
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_CHANGELOG_LINES
    releases = "\n".join(lines).split("\n## ")[1:]
    assert releases
    for release in releases:
        sections = re.findall(r"^### (.+)$", release, re.MULTILINE)
        assert sections == [name for name in CHANGELOG_SECTIONS if name in sections]


# ── release check ──

PROJECT = '[project]\nversion = "1.2.0"\n'
CHANGELOG = "# Changelog\n\n## [1.2.0] - 2026-05-04\n\n## [1.1.0] - 2026-01-02\n"


def test_a_release_passes_if_tag_version_and_changelog_agree():
    assert find_release_problems("v1.2.0", PROJECT, CHANGELOG) == []


@pytest.mark.parametrize(
    ("tag", "project", "changelog", "problems"),
    [
        ("1.2.0", PROJECT, CHANGELOG, ["tag: '1.2.0' is not a valid release tag; expected vX.Y.Z"]),
        ("v1.2.0rc1", PROJECT, CHANGELOG, ["tag: 'v1.2.0rc1' is not a valid release tag; expected vX.Y.Z"]),
        (
            "v1.3.0",
            PROJECT,
            CHANGELOG,
            [
                "pyproject.toml: the version is 1.2.0, and the tag is v1.3.0; change one of them",
                "CHANGELOG.md: the first section is not [1.3.0]; add that section",
            ],
        ),
        (
            "v1.2.0",
            PROJECT,
            CHANGELOG.replace("2026-05-04", "Unreleased"),
            ["CHANGELOG.md: 'Unreleased' is not a valid date of [1.2.0]; expected YYYY-MM-DD"],
        ),
        ("v1.2.0", PROJECT, "", ["CHANGELOG.md: the first section is not [1.2.0]; add that section"]),
    ],
)
def test_a_release_is_rejected_for_every_difference(tag, project, changelog, problems):
    assert find_release_problems(tag, project, changelog) == problems


def test_the_release_check_fails_for_a_tag_that_is_not_this_version():
    script = GITHUB / "check_release.py"
    process = subprocess.run([sys.executable, script, "v0.0.0"], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr.startswith("pyproject.toml: the version is ")) == (1, True)


def test_a_release_is_rejected_for_every_line_with_a_placeholder():
    texts = {
        "README.md": "Clone https://github.com/OWNER/reconciler\n\nuses: OWNER/reconciler/x@COMMIT\n",
        "pyproject.toml": 'Source = "https://github.com/example/reconciler"\n',
        "docs/index.md": "The OWNERS and a COMMITTED file\n",
    }
    owner = "OWNER is a placeholder; replace it with the owner of the repository"
    commit = "COMMIT is a placeholder; replace it with the release, or with the full SHA of an earlier commit"
    assert find_placeholders(texts) == [
        f"README.md:1: {owner}",
        f"README.md:3: {owner}",
        f"README.md:3: {commit}",
    ]


def test_the_release_check_reads_every_file_that_has_a_placeholder():
    """Tests may have placeholders; CONTRIBUTING and the check itself explain them."""
    expected = {
        name
        for name in list_repository_files(ROOT)
        if re.search(r"\bOWNER\b|@COMMIT\b", (ROOT / name).read_text(encoding="utf-8", errors="replace"))
        if not name.startswith("tests/") and name not in {"CONTRIBUTING.md", ".github/check_release.py"}
    }
    texts = read_published_files(ROOT)
    assert expected - set(texts) == set()
    assert {problem.partition(":")[0] for problem in find_placeholders(texts)} == expected
    assert {"README.md", "pyproject.toml", "SECURITY.md", ".github/workflows/release.yml"} <= set(texts)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            'echo "pyenv: version 3.11 is not installed" >&2; echo more >&2; exit 1',
            "does not run; name another interpreter of Python 3.11 or newer, such as: make apply PYTHON=python3.12",
        ),
        (
            'case "$2" in *version_info*) exit 1;; *) echo 3.9.2;; esac',
            "is Python 3.9.2, but 3.11 or newer is needed; run: make apply PYTHON=python3.12",
        ),
    ],
)
def test_installing_with_an_unusable_python_names_it_in_one_line(tmp_path, script, message):
    (tmp_path / "requirements").mkdir()
    install = shutil.copy(ROOT / "requirements" / "install.sh", tmp_path / "requirements")
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    result = subprocess.run(
        [install, "runtime.txt"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{python} {message}\n")
