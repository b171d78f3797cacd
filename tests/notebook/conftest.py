"""One JupyterLab server and one browser for all tests of the notebook's panel."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from tests.cli.conftest import run, run_in_starter
from tests.support.jupyter_lab import Lab, find_chromium, launch_browser

# Fixtures of the tests of the command line, which these tests use too.
__all__ = ["run", "run_in_starter"]

expect.set_options(timeout=20_000)
_NO_BROWSER = "Chromium is not installed; run `make browser`"


@pytest.fixture(scope="session")
def chrome():
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(_NO_BROWSER)
        pytest.skip(_NO_BROWSER)
    with launch_browser() as chromium_browser:
        yield chromium_browser


@pytest.fixture(scope="session")
def lab(chrome, tmp_path_factory):
    server = Lab(
        folder=tmp_path_factory.mktemp("notebooks"), state_folder=tmp_path_factory.mktemp("lab")
    ).start()
    yield server
    server.stop()


@pytest.fixture
def page(chrome):
    new_page = chrome.new_page(viewport={"width": 1280, "height": 1000})
    new_page.set_default_timeout(20_000)
    yield new_page
    new_page.close()
