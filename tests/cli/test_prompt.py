"""Prompts: one question, one exit code when it is declined, and no prompt without a terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import reconciler.cli
from reconciler.cli.main import cli
from reconciler.cli.prompt import confirm
from reconciler.engine.ownership.lease import hold_lease
from reconciler.model.run import ProcessIdentity
from reconciler.workspace import Workspace
from tests.support.registry_client import Cloud

FILE = """
[workspace]
name = "field"

[ca_certificates.factory]
pem = { file = "ca.pem" }
certificate_mode = "SNI_ONLY"

[certificates.pump-1]
pem = { file = "pump-1.pem" }
ca = "factory"

[things.pump-1]
certificates = ["pump-1"]
"""
NO_TERMINAL = "error: cannot prompt: stdin is not a terminal; pass --yes to skip confirmation\n"


def list_commands(
    group: click.Group = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Yield the full name and the command of each command in a group and its subgroups."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from list_commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


PROMPTING_COMMANDS = {
    name: command
    for name, command in list_commands()
    if any("--yes" in parameter.opts for parameter in command.params)
}
REQUIRED_ARGUMENTS = {"adopt": ("policies.by-hand",)}
"""The arguments that a command needs to reach its prompt."""


@pytest.fixture(scope="module")
def prepared_folder(authority, tmp_path_factory):
    """Return a folder with something to rotate, delete, adopt and reset."""
    folder = tmp_path_factory.mktemp("prompt")
    (folder / "desired_state.toml").write_text(FILE)
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "pump-1.pem").write_text(authority.get_device_pem("pump-1", 1))
    workspace = Workspace(folder / "desired_state.toml")
    assert workspace.apply(workspace.plan()).ok
    (folder / "pump-1.pem").write_text(authority.get_device_pem("pump-1", 2))
    cloud = Cloud(workspace.registry_path)
    cloud.iot.create_policy(policyName="by-hand", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    return folder


@pytest.fixture
def run_prompting(run, prepared_folder, tmp_path):
    """Yield a function that runs a command by its name; each of `PROMPTING_COMMANDS` would prompt.

    It runs in a copy of the prepared folder, and another process holds the lease.
    """
    shutil.copytree(prepared_folder, tmp_path, dirs_exist_ok=True)
    holder = ProcessIdentity("alice", "another-host", 1, "", 0.0)
    with hold_lease("field", Workspace().connection.call, holder, machine="another-host"):
        yield lambda name, **options: run(*name.split(), *REQUIRED_ARGUMENTS.get(name, ()), **options)


def read_registry_and_file() -> tuple[object, str]:
    return Cloud(Workspace().registry_path).read_content(), Path("desired_state.toml").read_text()


@pytest.mark.parametrize("name", PROMPTING_COMMANDS)
def test_declining_a_prompt_changes_nothing_and_exits_with_3(run_prompting, monkeypatch, name):
    monkeypatch.setattr("reconciler.cli.prompt._has_terminal", lambda: True)
    before = read_registry_and_file()
    code, _, err = run_prompting(name, stdin="no\n")
    question, last_line = err.splitlines()[-2:]
    assert (code, last_line) == (3, "canceled: nothing was changed")
    assert re.fullmatch(r".+ Type (?:yes|field) to continue: (?:no)?", question)
    assert read_registry_and_file() == before


@pytest.mark.parametrize("answer", ["", "y", "YES", "field"])
def test_only_the_expected_word_is_consent(monkeypatch, answer):
    monkeypatch.setattr("reconciler.cli.prompt._has_terminal", lambda: True)
    monkeypatch.setattr("click.prompt", lambda *_, **__: answer)
    with pytest.raises(click.exceptions.Exit) as declined:
        confirm("Really?", yes=False)
    assert declined.value.exit_code == 3


@pytest.mark.parametrize("error", [EOFError, KeyboardInterrupt], ids=["Ctrl-D", "Ctrl-C"])
def test_ctrl_d_and_ctrl_c_decline_a_prompt(monkeypatch, capsys, error):
    def interrupt(*_, **__):
        raise click.Abort from error

    monkeypatch.setattr("reconciler.cli.prompt._has_terminal", lambda: True)
    monkeypatch.setattr("click.prompt", interrupt)
    with pytest.raises(click.exceptions.Exit) as declined:
        confirm("Really?", yes=False)
    assert (declined.value.exit_code, capsys.readouterr().err) == (3, "\n\ncanceled: nothing was changed\n")


@pytest.mark.parametrize("name", PROMPTING_COMMANDS)
def test_a_command_without_a_terminal_does_not_prompt_and_changes_nothing(run_prompting, name):
    before = read_registry_and_file()
    code, _, err = run_prompting(name, stdin="yes\nfield\n")
    assert (code, err[-len(NO_TERMINAL) :]) == (1, NO_TERMINAL)
    assert read_registry_and_file() == before


def test_only_the_prompt_module_prompts_and_only_commands_with_yes_use_it():
    sources = {path: path.read_text() for path in Path(reconciler.cli.__path__[0]).rglob("*.py")}
    prompts = [
        path.name
        for path, text in sources.items()
        if re.search(r"click\.(?:prompt|confirm)\(|\binput\(", text)
    ]
    assert prompts == ["prompt.py"]
    callers = {path for path, text in sources.items() if "prompt import confirm" in text}
    modules = {sys.modules[command.callback.__module__] for command in PROMPTING_COMMANDS.values()}
    assert callers == {Path(module.__file__) for module in modules}
