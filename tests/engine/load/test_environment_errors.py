"""Any value of any key of the settings tables is used, or is an error at its place."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.check_environments import check_environments
from reconciler.engine.load.environment_loader import LoadInputs
from reconciler.engine.load.environments import OWN_KEYS
from reconciler.engine.load.variables import DECLARATION_KEYS
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InvalidDesiredStateError, SelectionError
from reconciler.model.settings import Settings
from reconciler.model.text import is_visible
from reconciler.workspace import Workspace
from tests.support.environment_files import choose, load_report

VALUES = (
    "1",
    "'x'",
    "[[]]",
    "{ a = 1 }",
    "1979-05-27",
    "'{var.v}'",
    "['{var.v}']",
    "['{aws.account}']",
    "['{row.x}']",
    '"\\u001b\\u0000\\u202e"',
    "{ env = 'X' }",
)
THING = "[things.t]\nattributes = { a = '{var.v}' }\n"
SETTINGS = tuple(field.name for field in attrs.fields(Settings))


def list_diagnostics(folder: Path, text: str) -> list[Diagnostic]:
    path = folder / "desired_state.toml"
    path.write_text(text)
    try:
        return [*check_environments(path, ["*"], LoadInputs(ServiceModelConstraints(), {})).warnings]
    except InvalidDesiredStateError as error:
        return [*error.diagnostics]


def assert_clear(diagnostics: list[Diagnostic], line: int) -> None:
    for diagnostic in diagnostics:
        if diagnostic.line == line:
            assert diagnostic.field or diagnostic.address, diagnostic
        assert all(map(is_visible, str(diagnostic)))
        assert "internal error" not in str(diagnostic)


@pytest.mark.parametrize("key", [*SETTINGS, *OWN_KEYS, "unknown"])
def test_each_value_of_a_key_of_an_environment_is_used_or_an_error_there(tmp_path, key):
    for value in VALUES:
        text = f"[workspace]\nname = 'w'\n[variables]\nv = 'q'\n[environments.a]\n{key} = {value}\n{THING}"
        assert_clear(list_diagnostics(tmp_path, text), 6)


@pytest.mark.parametrize("key", [*SETTINGS, "unknown"])
def test_each_value_of_a_key_of_the_workspace_is_used_or_an_error_there(tmp_path, key):
    for value in VALUES:
        name = "" if key == "name" else "name = 'w'\n"
        text = f"[workspace]\n{key} = {value}\n{name}[variables]\nv = 'q'\n[environments.a]\n{THING}"
        assert_clear(list_diagnostics(tmp_path, text), 2)


@pytest.mark.parametrize("key", [*DECLARATION_KEYS, "unknown", ""])
def test_each_value_of_a_variable_is_used_or_an_error_there(tmp_path, key):
    for value in VALUES:
        declaration = f"{{ {key} = {value} }}" if key else value
        text = f"[workspace]\nname = 'w'\n[variables]\nv = {declaration}\n[environments.a]\n{THING}"
        assert_clear(list_diagnostics(tmp_path, text), 4)


def test_all_problems_of_a_variable_are_reported_at_once(tmp_path):
    text = "[workspace]\nname = 'w'\n[variables]\nv = { type = 'strin', description = 5, kind = 1 }\n[things.t]\n"
    assert load_report(tmp_path, text) == [
        "desired_state.toml:4: error: variables.v.description: got the integer 5; expected a string",
        "desired_state.toml:4: error: variables.v.kind: unknown key; expected one of 'type', 'description', 'default'",
        (
            "desired_state.toml:4: error: variables.v.type: got the string 'strin'; expected one of 'string', 'integer', "
            "'number', 'boolean'; did you mean 'string'?"
        ),
    ]


def test_each_item_of_after_has_its_own_error(tmp_path):
    text = "[workspace]\nname = 'w'\n[environments.a]\n[environments.b]\nafter = ['a', 1, 'x*']\n[things.t]\n"
    assert load_report(tmp_path, text, choose("a")) == [
        "desired_state.toml:5: error: environments.b.after[1]: got the integer 1; expected the name of an environment or a glob",
        "desired_state.toml:5: error: environments.b.after[2]: 'x*' matches no environment; expected a name or glob of a, b",
    ]


def test_include_cannot_have_names_that_included_files_or_settings_decide(tmp_path):
    text = (
        "[workspace]\nname = 'w'\n[variables]\nv = 'x'\n[environments.a]\n"
        "include = ['{var.v}', '{aws.region}', '{workspace.name}']\n[things.t]\n"
    )
    reasons = [line.partition(": error: ")[2] for line in load_report(tmp_path, text, choose("a"))]
    decided = "[workspace] and [environments] decide it"
    assert reasons == [
        "environments.a.include[0]: {var.v} cannot be used here; an included file may declare variables",
        f"environments.a.include[1]: {{aws.region}} cannot be used here; {decided}",
        f"environments.a.include[2]: {{workspace.name}} cannot be used here; {decided}",
    ]


@pytest.mark.parametrize("source", ["--var v", "RECONCILER_VAR_v"])
def test_a_value_that_is_not_unicode_is_an_error(tmp_path, source):
    (tmp_path / "desired_state.toml").write_text(f"[workspace]\nname = 'w'\n[variables]\nv = ''\n{THING}")
    invalid = b"\xff".decode(errors="surrogateescape")
    variables = {"v": invalid} if source == "--var v" else {}
    workspace = Workspace(
        tmp_path / "desired_state.toml", variables=variables, environ={"RECONCILER_VAR_v": invalid}
    )
    with pytest.raises(SelectionError, match=f"{source}: .* is not valid; expected valid Unicode text"):
        _ = workspace.desired


def test_a_loop_of_links_is_not_a_folder_of_runs(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    path = tmp_path / "desired_state.toml"
    path.write_text("[workspace]\nname = 'w'\njournal = 'loop'\n[things.t]\n")
    with pytest.raises(InvalidDesiredStateError, match="'loop' is not a folder"):
        _ = Workspace(path, environ={}).desired


def test_the_time_of_unknown_names_does_not_grow_with_the_valid_ones(tmp_path, monkeypatch):
    count = 300
    searches = []
    monkeypatch.setattr(
        "reconciler.model.diagnostic.closest_match", lambda word, _valid: searches.append(word)
    )
    variables = "".join(f"v{number} = 1\n" for number in range(count))
    things = "".join(
        f"[things.t{number}]\nattributes = {{ a = '{{var.w{number}}}' }}\n" for number in range(count)
    )
    load_report(tmp_path, f"[workspace]\nname = 'w'\n[variables]\n{variables}{things}")
    assert len(searches) <= 50
