"""Included files."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.errors import InvalidDesiredStateError
from tests.support.environment_files import get_attributes, load_state


class TestInclude:
    MAIN = '[workspace]\nname = "greenhouse"\ninclude = ["../common"]\n[things.a]\nattributes = { f = "{var.f}" }\n'

    def test_included_files_are_read_from_their_own_folder(self, tmp_path):
        (tmp_path / ".git").mkdir()
        files = {
            "desired_state.toml": self.MAIN,
            "../common/x.toml": '[variables]\nf = "1"\n[thing_groups.g]\ndescription = { file = "d.txt" }\n',
            "../common/d.txt": "text",
        }
        (tmp_path / "app").mkdir()
        state = load_state(tmp_path / "app", files)
        assert state.resources[Address("thing_groups", "g")].spec.description == "text"
        assert state.resources[Address("thing_groups", "g")].origin.file == "../common/x.toml"

    def test_a_folder_outside_the_repository_needs_permission(self, tmp_path):
        (tmp_path / "app").mkdir()
        files = {"desired_state.toml": self.MAIN, "../common/x.toml": '[variables]\nf = "1"\n'}
        with pytest.raises(InvalidDesiredStateError, match="--allow-outside DIR"):
            load_state(tmp_path / "app", files)
        choice = EnvironmentChoice(allowed_folders=(tmp_path / "common",))
        assert get_attributes(load_state(tmp_path / "app", files, choice), "a") == {"f": "1"}

    def test_an_included_file_has_neither_workspace_nor_environments(self, tmp_path):
        files = {
            "desired_state.toml": '[workspace]\nname = "a"\ninclude = ["more/x.toml"]\n',
            "more/x.toml": '[workspace]\nname = "b"\n[environments.dev]\n',
        }
        with pytest.raises(InvalidDesiredStateError) as caught:
            load_state(tmp_path, files)
        assert [str(diagnostic) for diagnostic in caught.value.diagnostics] == [
            "more/x.toml:1: error: workspace: an included file cannot have [workspace]; expected it in the main file",
            "more/x.toml:3: error: environments: an included file cannot have [environments]; expected it in the main file",
        ]

    def test_a_missing_file_or_folder_is_reported_with_the_nearest_one(self, tmp_path):
        files = {
            "desired_state.toml": '[workspace]\nname = "a"\ninclude = ["more/thing.toml", "mores", "../mores"]\n',
            "more/things.toml": "",
        }
        (tmp_path / "mores2").mkdir()
        with pytest.raises(InvalidDesiredStateError) as caught:
            load_state(tmp_path / "app", files)
        place = "desired_state.toml:3: error: workspace.include"
        *missing, outside = map(str, caught.value.diagnostics)
        assert missing == [
            f"{place}[0]: 'more/thing.toml' does not exist; did you mean 'more/things.toml'?",
            f"{place}[1]: 'mores' does not exist; did you mean 'more'?",
        ]
        assert "did you mean" not in outside

    def test_a_file_outside_the_repository_is_not_the_nearest_one(self, tmp_path):
        files = {
            "desired_state.toml": '[workspace]\nname = "a"\ninclude = ["link.toml", "linkd/secret.toml"]\n',
            "../outside/secret.toml": "",
        }
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "links.toml").symlink_to("../outside/secret.toml")
        (tmp_path / "app" / "links").symlink_to("../outside")
        with pytest.raises(InvalidDesiredStateError) as caught:
            load_state(tmp_path / "app", files)
        expected = (
            "does not exist; expected the path of a TOML file or of a folder, from the main file's folder"
        )
        assert [diagnostic.split(": ", 3)[-1] for diagnostic in map(str, caught.value.diagnostics)] == [
            f"'link.toml' {expected}",
            f"'linkd/secret.toml' {expected}",
        ]

    def test_a_path_with_a_null_character_is_invalid(self, tmp_path):
        files = {"desired_state.toml": '[workspace]\nname = "a"\ninclude = ["x\\u0000.toml"]\n'}
        with pytest.raises(InvalidDesiredStateError) as caught:
            load_state(tmp_path, files)
        (diagnostic,) = caught.value.diagnostics
        assert str(diagnostic) == (
            "desired_state.toml:3: error: workspace.include[0]: 'x\\x00.toml' is not a valid path; "
            "expected the path of a TOML file or of a folder, from the main file's folder"
        )
