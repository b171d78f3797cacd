"""A command whose output is a closed pipe, such as `reconciler plan | head`, still writes its files."""

from __future__ import annotations

import os

import pytest

from tests.support.project_folder import COMMAND_TIMEOUT_SECONDS, CommandResult, ProjectFolder
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
    closed = run_into_closed_pipe(
        folder, command, "--format", output_format, "--summary", "closed.md", *options
    )
    assert (closed.exit_code, "Traceback" in closed.stderr, "error" in closed.stderr) == (1, False, False)
    complete = folder.run(command, "--format", output_format, "--summary", "complete.md")
    assert complete.stdout
    assert (folder.path / "closed.md").read_text() == (folder.path / "complete.md").read_text()
    assert (folder.path / "plan.json").exists() == (command == "plan")
