"""Folders to travel in."""

from __future__ import annotations

import shutil

import pytest

from tests.support.project_folder import Ended, Folder
from tests.support.small_fleet import SMALL


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="session")
def _once_applied(tmp_path_factory) -> tuple[Folder, Ended]:
    folder = Folder(tmp_path_factory.mktemp("applied")).write(SMALL)
    return folder, folder.run("apply", "--yes")


@pytest.fixture
def first(_once_applied) -> Ended:
    """How the first apply of the small fleet ended."""
    return _once_applied[1]


@pytest.fixture
def applied(_once_applied, tmp_path) -> Folder:
    """A folder in which the small fleet has been applied once."""
    shutil.copytree(_once_applied[0].path, tmp_path, dirs_exist_ok=True)
    return Folder(tmp_path)
