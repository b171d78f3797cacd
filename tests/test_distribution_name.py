"""No file installs the other project called reconciler, and a clash with it is reported."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import reconciler
from reconciler.cli.main import cli
from reconciler.model.distribution import PackageProblem, find_package_problem
from tests.support.other_project import find_installs_of_the_other_project
from tests.support.repository_files import list_repository_files

ROOT = Path(__file__).parents[1]


# ── install commands ──


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
        "pip install\nreconciler",
        "To repair it, run pip install --upgrade\n  reconciler, and try again.",
        "# Install it with pip\n# install reconciler first.",
        "pip install git+https://example.org/x?a&b reconciler",
        "pip install 'x; python_version < \"3.12\"' reconciler",
        "pip install x#egg=y reconciler",
        'subprocess.run([sys.executable, "-m", "pip", "install", "reconciler"])',
        "uv run --with reconciler python",
        "uv run --with=reconciler python",
        "uvx --from reconciler reconciler plan",
        "uv tool run reconciler plan",
        "pip3.12 install reconciler",
        "cat > requirements.txt <<'EOF'\n> boto3\n> reconciler\n> EOF",
        "```text\n# requirements.txt\nboto3\nreconciler\n```",
        "dependencies:\n  - boto3\n  - pip:\n    - reconciler\n",
        "additional_dependencies:\n  - reconciler\n",
        "Install `reconciler` first.",
        "pip install `reconciler`",
        "Then install\nthe package `reconciler[notebook]`.",
    ],
)
def test_a_command_that_installs_the_other_project_is_found(text):
    assert find_installs_of_the_other_project(text) != []


@pytest.mark.parametrize("path", ["requirements/runtime.txt", "requirements.txt", "docs/constraints-3.12.in"])
@pytest.mark.parametrize("line", ["reconciler", "reconciler ; python_version < '3.12'", "reconciler==0.4 \\"])
def test_a_line_of_a_requirements_file_that_installs_the_other_project_is_found(path, line):
    assert find_installs_of_the_other_project(f"boto3\n{line}\n", path) != []
    assert find_installs_of_the_other_project(f"boto3\niot-{line}\n", path) == []


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
        "$ pip install iot-reconciler\n$ reconciler init",
        "pip install iot-reconciler\nreconciler init",
        "pip install iot-reconciler & reconciler plan",
        "pip install iot-reconciler; reconciler plan",
        "Run pip install iot-reconciler, then reconciler init.",
        "Run pip install iot-reconciler and then reconciler init.",
        "Run `pip install .`, and then `reconciler init`.",
        "make install\nreconciler plan",
        "uv run --with iot-reconciler reconciler plan",
        "uvx --from 'iot-reconciler[serve]' reconciler registry serve",
        "Its name is `reconciler`; do not install `reconciler`.",
        "The command is\nreconciler\n",
        "requirements/runtime.txt\n\nreconciler\n",
        "commands:\n  - reconciler\n",
        "changes = reconciler[address]",
        "Another project on the package index is called `reconciler`; do not install both.",
    ],
)
def test_a_command_that_installs_this_project_is_allowed(text):
    assert find_installs_of_the_other_project(text) == []


def test_no_file_installs_the_other_project():
    paths = [name for name in list_repository_files(ROOT) if name != str(Path(__file__).relative_to(ROOT))]
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for name in paths
        if (ROOT / name).is_file()
    }
    commands = {
        name: commands
        for name, text in texts.items()
        if (commands := find_installs_of_the_other_project(text, name))
    }
    assert (commands, len(texts) > 100) == ({}, True)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an unpacked sdist is not a git repository")
def test_the_repository_has_the_files_that_git_lists():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listing.split("\0") if name and os.path.lexists(ROOT / name)]
    assert list_repository_files(ROOT) == sorted(names)


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
