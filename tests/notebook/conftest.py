"""One JupyterLab and one browser for all tests that look at a page."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from tests.cli.conftest import fleet, run
from tests.support.jupyter_lab import Lab, browser, chromium

__all__ = ["fleet", "run"]

expect.set_options(timeout=20_000)
_MISSING = "there is no Chromium on this machine; `make browser` installs one"


@pytest.fixture(scope="session")
def chrome():
    if chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def lab(chrome, tmp_path_factory):
    started = Lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab")).start()
    yield started
    started.stop()


@pytest.fixture
def page(chrome):
    opened = chrome.new_page(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()
