"""Every link of the documentation leads to a file and an anchor that exist, or is a valid URL."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.checkout import ROOT, list_pages
from tests.docs.links import find_anchors, find_labels, find_links

PAPERS = [*list_pages(), ROOT / "CHANGELOG.md"]


def describe_problem(page: Path, link: str) -> str | None:
    """Return what is wrong with a link of the page, or None."""
    url = urlsplit(link)
    if url.scheme == "mailto":
        return None
    if url.scheme or url.netloc:
        is_valid = (
            url.scheme == "https"
            and re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", url.netloc)
            and " " not in link
        )
        return None if is_valid else "is not a valid https URL"
    path = (page.parent / unquote(url.path)).resolve() if url.path else page
    if not path.exists():
        return "leads to no file"
    if not path.is_relative_to(ROOT):
        return "leads out of the repository"
    if url.fragment and path.suffix == ".md" and url.fragment not in find_anchors(path):
        return "has an anchor that does not exist"
    return None


@pytest.mark.parametrize("page", PAPERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    problems = {link: describe_problem(page, link) for link in find_links(page)}
    assert {link: problem for link, problem in problems.items() if problem} == {}


@pytest.mark.parametrize("page", PAPERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_labels_because_github_shows_them_as_text(page):
    assert find_labels(page) == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("nothing.md", "leads to no file"),
        ("README.md#nothing", "has an anchor that does not exist"),
        ("#nothing", "has an anchor that does not exist"),
        ("../other/README.md", "leads to no file"),
        ("http://example.com/", "is not a valid https URL"),
        ("https://example/", "is not a valid https URL"),
        ("https://example.com/a#b", None),
        ("docs/glossary.md#planning", None),
    ],
)
def test_a_wrong_link_is_a_problem(link, problem):
    assert describe_problem(ROOT / "CHANGELOG.md", link) == problem


def test_links_and_anchors_are_found_in_markdown_and_html(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`, three!\n\n## Same\n\n## Same\n\n(target)=\n<a id='html'></a>\n\n[a](b.md#c) ![d](e.svg) <img src='f.svg'>\n\n"
        "| [g](h) | <https://i.example> |\n| - | - |\n\n```text\n[no](link)\n```\n"
    )
    assert find_links(page) == ["b.md#c", "e.svg", "f.svg", "h", "https://i.example"]
    assert find_anchors(page) == {"one-two-three", "same", "same-1", "html"}
    assert find_labels(page) == ["target"]
