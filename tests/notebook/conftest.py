"""One JupyterLab server for the tests of the panel in a browser, and a shell for the others."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell
from playwright.sync_api import expect

from tests.cli.conftest import run, run_in_starter
from tests.support.jupyter_lab import Lab

# Fixtures of the tests of the command line, which these tests use too.
__all__ = ["run", "run_in_starter"]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def lab(chrome, tmp_path_factory):
    server = Lab(
        folder=tmp_path_factory.mktemp("notebooks"), state_folder=tmp_path_factory.mktemp("lab")
    ).start()
    yield server
    server.stop()


@pytest.fixture
def shell():
    """The shell of this process, without which IPython displays and captures nothing."""
    return InteractiveShell.instance()


@pytest.fixture
def page(chrome):
    new_page = chrome.new_page(viewport={"width": 1370, "height": 1200})
    new_page.set_default_timeout(20_000)
    yield new_page
    new_page.close()
