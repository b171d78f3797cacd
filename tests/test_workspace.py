"""The arguments of the Python API, and its errors, are as the command line's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler import InvalidDesiredStateError, Workspace
from reconciler.cli.main import cli

FILE = """
[workspace]
name = "demo"
[things.a]
[things.b]
[things.long-name]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    file = tmp_path_factory.mktemp("workspace") / "fleet.toml"
    file.write_text(FILE)
    return Workspace(file)


def list_things(plan):
    return [
        step.address.name for step in plan.steps if step.change.resource.origin.file.endswith("fleet.toml")
    ]


def test_a_text_is_one_selector_and_not_taken_apart(workspace):
    assert list_things(workspace.plan(select="things.long-name")) == ["long-name"]
    assert list_things(workspace.plan(exclude="things.a")) == ["b", "long-name"]
    assert [str(item.address) for item in workspace.drift(select="things.b").items] == ["things.b"]
    assert [str(resource.address) for resource in workspace.show_selected("things.a")] == ["things.a"]
    assert list(map(str, workspace.graph(exclude="things.long-name"))) == ["things.a", "things.b"]


def test_one_address_to_adopt_is_not_taken_apart(workspace):
    workspace.client().create_thing(thingName="a")
    plan = workspace.plan(adopt="things.a")
    assert list(map(str, plan.options.adopt)) == ["things.a"]


def test_a_limit_can_be_a_number(workspace):
    assert workspace.plan(allow={"delete": 1}).options.limit_overrides["delete"].count == 1


def test_an_unknown_action_in_allow_is_an_error_with_the_nearest_one(workspace):
    with pytest.raises(
        ValueError,
        match="allow: 'deletes' has no limit; expected 'delete' or 'replace'; did you mean 'delete'",
    ):
        workspace.plan(allow={"deletes": "5"})


def test_a_missing_file_has_a_next_step():
    with pytest.raises(InvalidDesiredStateError) as error:
        Workspace("nope.toml").plan()
    assert str(error.value).split("\n")[1] == (
        "nope.toml:1: error: no such file; expected a TOML file or a folder of TOML files; create one with `reconciler init`"
    )


@pytest.mark.parametrize("command", [["registry", "serve"], ["history"]])
def test_help_describes_ranges_in_words_only(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])
    assert "x" not in "".join(
        line for line in capsys.readouterr().out.split("\n") if "<=" in line or ">=" in line
    )


@pytest.mark.parametrize("words", [["plan", "--out", "/dev/full"], ["schema", "file", "--out", "/dev/full"]])
def test_a_file_on_a_full_disk_is_named(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desired_state.toml").write_text(FILE)
    with pytest.raises(SystemExit):
        cli.main(words)
    assert "error: /dev/full: No space left on device" in capsys.readouterr().err


def test_workspaces_in_several_threads_load_at_the_same_time(tmp_path, monkeypatch):
    """A load may call AWS for the account of `{aws.account}`."""
    both_load = threading.Barrier(2, timeout=5)
    monkeypatch.setattr(Workspace, "_load", lambda _workspace: both_load.wait())
    with ThreadPoolExecutor(2) as threads:
        loads = [threads.submit(lambda: Workspace(tmp_path / "fleet.toml").desired) for _ in range(2)]
        assert sorted(load.result() for load in loads) == [0, 1]
