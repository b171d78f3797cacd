"""Reads HTML without its style, as a reader sees it where a host removes the style."""

from __future__ import annotations

from html.parser import HTMLParser

BLOCKS = {"p", "tr", "summary", "pre", "li"}


class HtmlReader(HTMLParser):
    """The text of a page, a line for each block, and the tags it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines, self.tags, self._is_in_style = [""], set(), False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._is_in_style = tag == "style"
        if tag in BLOCKS:
            self.lines.append("")
        if tag in {"td", "th"} and self.lines[-1]:
            self.lines[-1] += " | "

    def handle_endtag(self, tag):
        self._is_in_style = False

    def handle_data(self, data):
        if not self._is_in_style:
            self.lines[-1] += data
