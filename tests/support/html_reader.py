"""Read an HTML page's text as it looks without the style sheet, which GitHub and other sites remove."""

from __future__ import annotations

from html.parser import HTMLParser

BLOCK_TAGS = {"p", "tr", "summary", "pre", "li"}


class HtmlReader(HTMLParser):
    """The text lines of a page, and the names of its tags.

    Each element in `BLOCK_TAGS` begins a new line; table cells in one line are separated by ` | `.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines = [""]
        self.tags = set()
        self._is_in_style = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._is_in_style = tag == "style"
        if tag in BLOCK_TAGS:
            self.lines.append("")
        if tag in {"td", "th"} and self.lines[-1]:
            self.lines[-1] += " | "

    def handle_endtag(self, tag):
        self._is_in_style = False

    def handle_data(self, data):
        if not self._is_in_style:
            self.lines[-1] += data
