"""A command still does its work when its output is closed.

The output is a pipe without a reader (`reconciler plan | head`), or a stream that the shell closed (`>&-`).
"""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest

from tests.support.project_folder import COMMAND, COMMAND_TIMEOUT_SECONDS, CommandResult, ProjectFolder
from tests.support.small_fleet import SMALL_FLEET


def run_into_closed_pipe(folder: ProjectFolder, *arguments: str) -> CommandResult:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed_pipe:
        process = folder.start(*arguments, stdout=closed_pipe)
        _, stderr = process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    return CommandResult(process.returncode, "", stderr)


@pytest.mark.parametrize(
    ("command", "output_format"), [("plan", "text"), ("plan", "jsonl"), ("drift", "jsonl")]
)
def test_a_command_writes_its_files_even_if_its_output_is_a_closed_pipe(folder, command, output_format):
    folder.write(SMALL_FLEET)
    options = ("--out", "plan.json") if command == "plan" else ()
    closed_result = run_into_closed_pipe(
        folder, command, "--format", output_format, "--summary", "closed.md", *options
    )
    # Lost output is an error by exit code only: no message is printed.
    assert (
        closed_result.exit_code,
        "Traceback" in closed_result.stderr,
        "error" in closed_result.stderr,
    ) == (1, False, False)
    complete_result = folder.run(command, "--format", output_format, "--summary", "complete.md")
    assert complete_result.stdout
    assert (folder.path / "closed.md").read_text() == (folder.path / "complete.md").read_text()
    assert (folder.path / "plan.json").exists() == (command == "plan")


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_works_if_the_shell_has_closed_its_streams(folder, redirection):
    folder.write(SMALL_FLEET)
    process = subprocess.run(
        ["sh", "-c", f"{shlex.quote(str(COMMAND))} apply --yes {redirection}"],
        cwd=folder.path,
        env=folder.environ,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )
    assert (process.returncode, "Traceback" in process.stderr) == (0, False)
    assert folder.read_content() == SMALL_FLEET.make_expected_content()
