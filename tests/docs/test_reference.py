"""Every command, option, field and environment variable is documented."""

from __future__ import annotations

import re

import attrs
import click
import pytest
import yaml

from reconciler.cli.main import cli
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.engine.load.resources import CommonKeys
from reconciler.kinds import all_kinds
from reconciler.model.resource import Lifecycle
from reconciler.model.settings import ChangeLimits, Settings
from reconciler.render.json.schemas import OUTPUTS
from tests.docs.checkout import ROOT, list_pages
from tests.docs.field_tables import EXAMPLES_FOLDER, build_header, build_heading_anchor
from tests.docs.tables import SECTIONS, search_docstring

REFERENCE = ROOT / "docs" / "reference"


def list_commands(group: click.Group = cli, path: str = "reconciler") -> list[tuple[str, click.Command]]:
    """Return every command with its full name, such as "reconciler registry path"."""
    commands = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            commands += list_commands(command, f"{path} {name}")
        else:
            commands.append((f"{path} {name}", command))
    return commands


@pytest.mark.parametrize(("path", "command"), list_commands())
def test_every_command_and_each_of_its_options_is_in_the_reference(path, command):
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    section = re.search(rf"^## `{path}`\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, path
    shown = section[1] + page[: page.index("<!-- generated: command_reference -->")]
    options = {max(option.opts, key=len) for option in command.params if isinstance(option, click.Option)}
    assert sorted(name for name in options - {"--help"} if not re.search(rf"`{name}[` ]", shown)) == []


@pytest.mark.parametrize("table", all_kinds())
def test_every_kind_and_each_of_its_fields_is_in_the_reference(table):
    assert f"| [`{table}`](fields.md#{build_heading_anchor(all_kinds()[table])})" in (
        REFERENCE / "aws_mapping.md"
    ).read_text(encoding="utf-8")
    page = (REFERENCE / "fields.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## `{re.escape(build_header(all_kinds()[table]))}`.*?\n(.*?)(?=^## |\Z)",
        page,
        re.DOTALL | re.MULTILINE,
    )
    assert section, table
    assert re.findall(r"^\| `([a-z_]+)` \|", section[1], re.MULTILINE) == list(all_kinds()[table].members)


def test_every_field_in_the_reference_has_a_description():
    page = (REFERENCE / "fields.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.\[\]]+)` \|.*\| (.*) \|$", page, re.MULTILINE)
    assert {"rotation.grace", "propagating_attributes[].thing_attribute"} <= {name for name, _ in rows}
    assert [name for name, description in rows if not description.strip()] == []


@pytest.mark.parametrize("table", all_kinds())
def test_every_kind_declares_operations_that_read_and_create_it(table):
    operations = all_kinds()[table].operations
    assert [verb for verb in ("read", "create") if not getattr(operations, verb)] == []


def test_the_docstring_of_every_kind_states_identity_and_ownership():
    missing = {
        table: [words for words in ("found by", "owned") if not search_docstring(kind, rf"({words}) ")]
        for table, kind in all_kinds().items()
    }
    assert {table: words for table, words in missing.items() if words} == {}


def test_the_pre_commit_hook_in_the_reference_exists(desired_state_page):
    blocks = re.findall(r"^```yaml\n(.*?)^```$", desired_state_page, re.DOTALL | re.MULTILINE)
    (shown,) = [yaml.safe_load(block) for block in blocks if "hooks:" in block]
    (repository,) = shown["repos"]
    offered = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repository["hooks"]} == offered


def test_every_public_name_of_the_package_has_a_docstring():
    import reconciler

    names = [name for name in reconciler.__all__ if name != "__version__"]
    assert [name for name in names if not getattr(reconciler, name).__doc__] == []


@pytest.fixture(scope="module")
def desired_state_page():
    return (REFERENCE / "desired_state.md").read_text(encoding="utf-8")


def test_every_kind_has_an_example_in_the_reference():
    assert sorted(path.stem for path in EXAMPLES_FOLDER.glob("*.toml")) == sorted(all_kinds())


def test_every_generated_section_is_in_a_page():
    pages = [path.read_text(encoding="utf-8") for path in list_pages()]
    assert [
        name for name in SECTIONS if not any(f"<!-- generated: {name} -->" in page for page in pages)
    ] == []


def test_every_workspace_key_is_in_the_reference(desired_state_page):
    keys = {field.name for field in attrs.fields(Settings)}
    keys |= {f"limits.{field.name}" for field in attrs.fields(ChangeLimits) if field.name != "kinds"}
    assert sorted(key for key in keys if f"| `{key}` |" not in desired_state_page) == []


def test_every_common_resource_key_is_in_the_reference(desired_state_page):
    names = {field.name for field in attrs.fields(CommonKeys)} - {"lifecycle"}
    names |= {f"lifecycle.{field.name}" for field in attrs.fields(Lifecycle)} | {FOR_EACH}
    assert sorted(name for name in names if f"| `{name}` |" not in desired_state_page) == []


def test_every_output_format_is_in_the_reference():
    page = (REFERENCE / "json_formats.md").read_text(encoding="utf-8")
    sections = [f"<!-- generated: format_{output.replace('-', '_')} -->" for output in OUTPUTS]
    assert [section for section in sections if section not in page] == []


def test_every_environment_variable_of_the_project_is_in_the_reference():
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    names = {
        name
        for path in (ROOT / "reconciler").rglob("*.py")
        for name in re.findall(r"\bRECONCILER_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    # The beginning of a name ends with an underscore.
    missing = [name for name in names if f"| `{name}{'' if name.endswith('_') else '` |'}" not in page]
    assert sorted(missing) == []


def test_every_public_name_is_in_the_reference_of_the_api():
    import reconciler
    from reconciler.model import errors

    page = (REFERENCE / "python_api.md").read_text(encoding="utf-8")
    names = {
        name for name in reconciler.__all__ if not hasattr(errors, name)
    }  # the errors' module is a whole section
    assert sorted(name for name in names if f"`{name}`" not in page) == []
