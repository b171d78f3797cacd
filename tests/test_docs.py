"""Nothing that a user can say is left undocumented."""

from __future__ import annotations

import re

import attrs
import click
import pytest

from reconciler.cli.main import cli
from reconciler.engine.load.resources import Around
from reconciler.kinds import all_kinds
from reconciler.model.resource import Lifecycle
from reconciler.model.settings import Fuses, Settings
from tests.docs.journey import ROOT
from tests.docs.tables import calls_of, said


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def every_command(group: click.Group = cli, path: str = "reconciler") -> list[tuple[str, click.Command]]:
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        inner = every_command(command, f"{path} {name}") if isinstance(command, click.Group) else None
        found += inner or [(f"{path} {name}", command)]
    return found


@pytest.mark.parametrize("path", [path for path, _ in every_command()])
def test_every_command_is_in_the_readme(readme, path):
    assert re.search(rf"^\| `{path}[` ]", readme, re.MULTILINE)


def test_every_option_is_in_the_readme(readme):
    options = {max(option.opts, key=len) for _, command in every_command() for option in command.params}
    options = {name for name in options if name.startswith("--")} - {"--help"}
    assert sorted(name for name in options if not re.search(rf"`{name}[` ]", readme)) == []


@pytest.mark.parametrize("table", all_kinds())
def test_every_kind_and_each_of_its_fields_is_in_the_readme(readme, table):
    assert f"| `[{table}.*]` |" in readme
    found = re.search(rf"<details><summary><code>\[{table}\.NAME\].*?</details>", readme, re.DOTALL)
    assert found, f"there is no reference of {table}"
    told = re.findall(r"^\| `([a-z_]+)` \|", found[0], re.MULTILINE)
    assert told == list(all_kinds()[table].members)


@pytest.mark.parametrize("table", all_kinds())
def test_the_calls_of_every_kind_are_known(table):
    found = calls_of(all_kinds()[table])
    assert [verb for verb in ("read", "create") if not found[verb]] == []


def test_the_docstring_of_every_kind_says_how_it_is_found_and_whose_it_is():
    silent = {
        table: [words for words in ("found by", "owned") if not said(kind, rf"({words}) ")]
        for table, kind in all_kinds().items()
    }
    assert {table: words for table, words in silent.items() if words} == {}


def test_what_a_workspace_may_say_is_in_the_readme(readme):
    names = {field.name for field in attrs.fields(Settings)} - {"limits", "quotas"}
    limits = {field.name for field in attrs.fields(Fuses)} - {"kinds"}
    names |= {f"limits.{name}" for name in limits} | {
        "limits.things.delete_count",
        "quotas.SERVICE.OPERATION",
    }
    assert sorted(name for name in names if f"`{name}`" not in readme) == []


def test_what_every_resource_may_say_is_in_the_readme(readme):
    names = {field.name for field in attrs.fields(Around)} - {"lifecycle"}
    names |= {f"lifecycle.{field.name}" for field in attrs.fields(Lifecycle)}
    assert sorted(name for name in names if f"| `{name}` |" not in readme) == []


def test_every_promised_name_of_the_package_has_a_docstring():
    import reconciler

    names = [name for name in reconciler.__all__ if name != "__version__"]
    assert [name for name in names if not getattr(reconciler, name).__doc__] == []


def test_every_environment_variable_of_ours_is_in_the_readme(readme):
    said = {
        name
        for path in (ROOT / "reconciler").rglob("*.py")
        for name in re.findall(r"\bRECONCILER_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    assert sorted(name for name in said if f"`{name}`" not in readme) == []
