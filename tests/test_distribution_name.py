"""No file installs the other project called reconciler, and a clash with it is reported."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import reconciler
from reconciler.cli.main import cli
from reconciler.model.distribution import PackageProblem, find_package_problem

ROOT = Path(__file__).parents[1]


# ── install commands ──

INSTALL_COMMAND = re.compile(
    r"\b(?:pip3?|pipx|uv|poetry|pdm|conda|mamba|pipenv)\b[^\n`|;&#]*?\b(?:install|add|inject|download|wheel|run)\b"
    r"[^\n`|;&#]*?(?<![\w./@${-])reconciler\b(?![\w/-]|\.\w)",
    re.IGNORECASE,
)
RUN_COMMAND = re.compile(r"\buvx(?: --(?:with|python) \S+| --?(?!from)\S+)* reconciler\b(?![\w/-]|\.\w)")
REQUIREMENT = re.compile(
    r"(?<![\w./-])reconciler(?:\[[a-z, ]+\]| *@ *git\+| *[=~>]= *\d)"
    r"|dependencies *[:=] *\[[^\]]*(?<![\w./-])reconciler\b(?![\w./-])",
    re.IGNORECASE,
)
RUN_FROM = re.compile(r"--(?:from|spec)[ =][\"\']?iot-reconciler\S* +reconciler\b|\buv run reconciler\b")


def find_installs_of_the_other_project(text: str) -> list[str]:
    """Return the commands and requirements that would install the other project."""
    text = RUN_FROM.sub("", text.replace("\\\n", " "))
    return [
        match[0]
        for pattern in (INSTALL_COMMAND, RUN_COMMAND, REQUIREMENT)
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "pip install reconciler",
        "python -m pip install --upgrade 'reconciler'",
        "pip install boto3 reconciler==1.0",
        "pip install \\\n  reconciler",
        "pipx install reconciler",
        "pipx run reconciler plan",
        "uv add reconciler",
        "uv tool install reconciler",
        "uv pip install reconciler[notebook]",
        "uvx reconciler plan",
        "uvx --with boto3 reconciler plan",
        "To repair it, run pip install reconciler.",
        "pip install Reconciler",
        'dependencies = ["boto3", "reconciler"]',
        "additional_dependencies: [reconciler]",
        "%pip install reconciler",
        "install reconciler[serve]",
        'RECONCILER: "reconciler @ git+https://example.org/reconciler@COMMIT"',
        "reconciler>=0.1",
    ],
)
def test_a_command_that_installs_the_other_project_is_found(text):
    assert find_installs_of_the_other_project(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "pip install iot-reconciler",
        "pip install iot-reconciler && reconciler init",
        "pip install iot-reconciler  # the command is reconciler",
        "After `pip install iot-reconciler`, run `reconciler init`.",
        'pip install "iot-reconciler @ git+https://github.com/OWNER/reconciler@COMMIT"',
        "pip install --editable .reconciler/x /tmp/reconciler",
        "pip uninstall reconciler",
        "uvx --from iot-reconciler reconciler plan",
        "pipx run --spec iot-reconciler reconciler plan",
        "uv run reconciler plan",
        "iot-reconciler[notebook]",
    ],
)
def test_a_command_that_installs_this_project_is_allowed(text):
    assert find_installs_of_the_other_project(text) == []


def test_no_file_installs_the_other_project():
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.is_file() and path != Path(__file__)
    }
    commands = {
        str(path): commands
        for path, text in texts.items()
        if (commands := find_installs_of_the_other_project(text))
    }
    assert (commands, len(texts) > 100) == ({}, True)


# ── the other project, installed too ──

CLASH = "reconciler 0.4, which is another project, shares files with iot-reconciler"
REPAIR = "uninstall both, then install iot-reconciler only"


@pytest.fixture
def other_project(tmp_path, monkeypatch):
    """Install a distribution called `reconciler`."""
    metadata = tmp_path / "site/reconciler-0.4.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: reconciler\nVersion: 0.4\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def run(*words):
    result = CliRunner().invoke(cli, words, env={"NO_COLOR": "1"}, prog_name="reconciler")
    return result.exit_code, result.stdout, result.stderr


def test_without_the_other_project_nothing_is_reported():
    assert find_package_problem() is None


@pytest.mark.usefixtures("other_project")
def test_the_doctor_reports_the_other_project_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("doctor")
    assert code == 1
    assert out.splitlines()[:2] == [f"✖ error   package     {CLASH}", f"{' ' * 22}next: {REPAIR}"]


@pytest.mark.usefixtures("other_project")
def test_other_commands_work_while_no_file_is_overwritten():
    assert run("version")[0] == 0


@pytest.mark.usefixtures("other_project")
def test_every_command_reports_overwritten_files(monkeypatch):
    monkeypatch.setattr(reconciler, "__all__", ["reconcile"])
    for words in (("version",), ("doctor",), ("plan",), ("registry", "path")):
        assert run(*words) == (1, "", f"error: package: {CLASH}; {REPAIR}\n")


def test_missing_files_are_reported_after_the_other_project_is_uninstalled(monkeypatch):
    monkeypatch.setattr(reconciler, "__all__", [])
    assert find_package_problem() == PackageProblem(
        "files of iot-reconciler are missing", "uninstall iot-reconciler, then install it again"
    )
    assert run("plan")[0] == 1
