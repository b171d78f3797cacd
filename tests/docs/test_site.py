"""The documentation site builds without warnings, offline, and is accessible, readable and searchable."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.docs.checkout import ROOT

SCREENSHOTS = ROOT / "build" / "docs_screenshots"
"""The folder of the screenshots, which CI uploads."""
PAGES = ("index", "tutorial/first_fleet", "reference/fields", "notebooks/quickstart")
OTHER_PAGES = (
    "changelog",
    "explanation/architecture",
    "glossary",
    "how_to/index",
    "how_to/notebook",
    "reference/python_api",
    "search",
)
"""One page of every other type; axe takes seconds for a page, so not all are checked."""
WIDE = {"width": 1280, "height": 1000}
NARROW = {"width": 380, "height": 800}

pytestmark = pytest.mark.xdist_group("documentation site")  # one worker builds it


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the site as `make docs` does, and return its folder."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-n", "-d", folder / "doctrees"]
    command = [sys.executable, "-m", "sphinx", *options, ROOT / "docs", folder / "html"]
    build = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (build.stderr, build.returncode) == ("", 0)
    return folder / "html"


@pytest.fixture
def open_page(chrome, site):
    """Return a function that opens a page of the site and checks where its files come from."""
    contexts = []

    def open_page(name, viewport, color_scheme="light"):
        context = chrome.new_context(viewport=viewport, color_scheme=color_scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: urls.append(request.url))
        page.goto(f"{site.as_uri()}/{name}")
        return page

    urls = []
    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in urls if not url.startswith((site.as_uri(), "data:"))] == []


def find_loaded_urls(text):
    """Return the URLs of other hosts from which a page or style sheet loads something."""
    loading = (
        r"""<(?:script|img|iframe|source|embed|object)\b[^>]*\b(?:src|data)=["']?((?:https?:)?//[^"'\s>]+)"""
    )
    linking = r"""<link\b(?=[^>]*stylesheet|[^>]*preload|[^>]*icon)[^>]*href=["']?((?:https?:)?//[^"'\s>]+)"""
    styling = r"""(?:@import\s+|url\()["']?((?:https?:)?//[^"')\s]+)"""
    return [url for pattern in (loading, linking, styling) for url in re.findall(pattern, text)]


def test_no_page_of_the_site_loads_anything_from_another_host(site):
    texts = {
        path.relative_to(site): path.read_text(encoding="utf-8")
        for path in site.rglob("*")
        if path.suffix in {".html", ".css"}
    }
    assert len(texts) > 30
    urls = {path: find_loaded_urls(text) for path, text in texts.items()}
    assert {path: path_urls for path, path_urls in urls.items() if path_urls} == {}


@pytest.mark.parametrize(
    ("name", "color_scheme"),
    [*product(PAGES, ("light", "dark")), *((name, "light") for name in OTHER_PAGES)],
)
def test_a_page_is_accessible_and_fits_a_wide_window(open_page, name, color_scheme):
    page = open_page(f"{name}.html", WIDE, color_scheme)
    violations = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    assert get_content_width(page) == WIDE["width"]


def test_the_reference_of_the_api_shows_no_return_type_of_exceptions(site):
    text = (site / "reference" / "python_api.html").read_text(encoding="utf-8")
    objects = re.split(r'<dl class="py (?=\w)', text)
    exceptions = [part for part in objects if part.startswith("exception")]
    assert len(exceptions) > 10
    assert "Return type" in text
    assert [part for part in exceptions if "Return type" in part] == []


@pytest.mark.parametrize("name", [*PAGES, *OTHER_PAGES])
def test_a_page_does_not_scroll_sideways_in_a_narrow_window(open_page, name):
    assert get_content_width(open_page(f"{name}.html", NARROW)) == NARROW["width"]


def get_content_width(page):
    return page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize(
    ("name", "viewport", "color_scheme"),
    [
        (PAGES[0], WIDE, "light"),
        (PAGES[1], WIDE, "dark"),
        (PAGES[2], WIDE, "light"),
        (PAGES[3], NARROW, "dark"),
    ],
)
def test_a_page_is_stored_as_a_screenshot(open_page, name, viewport, color_scheme):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name.replace('/', '_')}_{color_scheme}_{viewport['width']}.png"
    open_page(f"{name}.html", viewport, color_scheme).screenshot(path=path)
    assert path.stat().st_size > 10_000


def test_the_search_finds_pages_without_a_server(open_page):
    page = open_page("search.html?q=lease", WIDE)
    results = page.locator("#search-results li a")
    expect(results.filter(has_text="Guarantees")).not_to_have_count(0)
    expect(results.filter(has_text="Glossary")).not_to_have_count(0)
