"""Find the links and the anchors of a page in Markdown."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.markdown import build_anchor

_INCLUDE = re.compile(r"^```\{include\} (\S+)\n.*?^```$", re.DOTALL | re.MULTILINE)
_HTML_LINK = re.compile(r"""<(?:a|img)\b[^>]*?\b(?:href|src)=["']([^"']+)""")
_HTML_ANCHOR = re.compile(r"""<\w+\b[^>]*?\b(?:id|name)=["']([^"']+)""")
_LABEL = re.compile(r"^\(([\w.-]+)\)=$", re.MULTILINE)
_parser = MarkdownIt("commonmark").enable("table")


def find_links(path: Path) -> list[str]:
    """Return the targets of all links and pictures of a page, without those of a file that it includes."""
    links = []
    for token in _parse(path.read_text(encoding="utf-8")):
        match token.type:
            case "link_open":
                links.append(str(token.attrs["href"]))
            case "image":
                links.append(str(token.attrs["src"]))
            case "html_block" | "html_inline":
                links += _HTML_LINK.findall(token.content)
    return links


@cache
def find_anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a page that exist on GitHub: those of its headings, and those in HTML."""
    text = _INCLUDE.sub(
        lambda match: (path.parent / match[1]).read_text(encoding="utf-8"), path.read_text(encoding="utf-8")
    )
    anchors = set(_HTML_ANCHOR.findall(text))
    counts: Counter[str] = Counter()
    tokens = list(_parse(text))
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            slug = _make_slug(content)
            anchors.add(f"{slug}-{counts[slug]}" if counts[slug] else slug)
            counts[slug] += 1
    return frozenset(anchors)


def find_labels(path: Path) -> list[str]:
    """Return the page's labels, `(NAME)=`, which are anchors on the site only."""
    return _LABEL.findall(path.read_text(encoding="utf-8"))


def _parse(text: str) -> list[Token]:
    """Return the tokens of a page, each inline token followed by its children."""
    tokens = []
    for token in _parser.parse(text):
        tokens += [token, *(token.children or [])]
    return tokens


def _make_slug(heading: Token) -> str:
    text = "".join(token.content for token in heading.children or [] if token.type in {"text", "code_inline"})
    return build_anchor(text)
