"""Project folders, empty or with the small fleet applied."""

from __future__ import annotations

import shutil

import pytest

from tests.support.project_folder import CommandResult, ProjectFolder
from tests.support.small_fleet import SMALL_FLEET


@pytest.fixture
def folder(tmp_path) -> ProjectFolder:
    return ProjectFolder(tmp_path)


@pytest.fixture(scope="session")
def _applied_once(tmp_path_factory) -> tuple[ProjectFolder, CommandResult]:
    folder = ProjectFolder(tmp_path_factory.mktemp("applied")).write(SMALL_FLEET)
    return folder, folder.run("apply", "--yes")


@pytest.fixture
def first_apply(_applied_once) -> CommandResult:
    """Return the result of the first apply of the small fleet."""
    return _applied_once[1]


@pytest.fixture
def applied_folder(_applied_once, tmp_path) -> ProjectFolder:
    """Return a folder in which the small fleet has been applied once."""
    shutil.copytree(_applied_once[0].path, tmp_path, dirs_exist_ok=True)
    return ProjectFolder(tmp_path)
