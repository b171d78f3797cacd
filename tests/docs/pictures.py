"""Draw the README's pictures with the real commands, from the repository's own desired state."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from rich.style import Style
from rich.text import Text

from tests.docs.checkout import ENVIRONMENT, FILE, PageError, run_reconciler

EDITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "certificates.sensor-2": (('status = "INACTIVE"', 'status = "ACTIVE"'),),
    "things.pump-1": (('house = "A"', 'house = "B"'), ("attributes", 'thing_groups = ["oslo"]\nattributes')),
    "managed_things.pump-2": (
        ("pump-2.fake", "pump-1.fake"),
        ("SN-0002", "SN-0012"),
    ),
}
"""Pairs of an old and a new text, by table: a sensor's certificate is activated, one pump is moved and joins a group, the other is new hardware."""

ADDED_TABLE = """
[thing_groups.oslo]
description = "Everything in Oslo"
"""

REMOVED_TABLE = "managed_things.pump-1"

_COLUMNS = 100
_TERMINAL_ENVIRONMENT: Mapping[str, str | None] = {
    **ENVIRONMENT,
    "NO_COLOR": None,
    "FORCE_COLOR": "1",
    "COLORTERM": "truecolor",
    "TERM": "xterm-256color",
    "COLUMNS": f"{_COLUMNS}",
}

# Lengths in pixels.
_FONT_SIZE = 13
_CHARACTER_WIDTH = 7.83
_LINE_HEIGHT = 19
_MARGIN = 22
_TITLE_BAR_HEIGHT = 34

# Colors of the background, its frame, the title bar, text, and dim text.
_DARK_COLORS = {
    "ground": "#14171b",
    "frame": "#30363d",
    "bar": "#1d2127",
    "ink": "#e8ebef",
    "quiet": "#9aa3ad",
}
_LIGHT_COLORS = {
    "ground": "#ffffff",
    "frame": "#d0d7de",
    "bar": "#f6f8fa",
    "ink": "#1b1f24",
    "quiet": "#57606a",
}


def draw_pictures(folder: Path) -> Mapping[str, str]:
    """Return the pictures by file name.

    `folder` is a checkout in which nothing has been applied; its desired state is applied and then edited.
    """
    with contextlib.chdir(folder):
        _run_or_raise("graph", "--out", "graph.svg")
        graph = Path("graph.svg").read_text(encoding="utf-8")
        _run_or_raise("apply", "--yes")
        path = Path(FILE)
        path.write_text(edit_desired_state(path.read_text(encoding="utf-8")), encoding="utf-8")
        output = _run_or_raise("plan", environment=_TERMINAL_ENVIRONMENT)
    return {"plan.svg": draw_terminal("reconciler plan", output), "graph.svg": graph}


def remove_digest(picture: str) -> str:
    """Return the picture without the plan's digest, which includes IDs that only the registry assigns."""
    return re.sub(r"plan [0-9a-f]{12}", "plan", picture)


def draw_terminal(command: str, output: str) -> str:
    """Draw a terminal window with a command and its output, whose colors are ANSI codes."""
    prompt = Text.assemble(("$ ", "dim"), (command, "bold"))
    lines = [prompt, Text(), *(part for line in output.splitlines() for part in _wrap(Text.from_ansi(line)))]
    width = round(2 * _MARGIN + _COLUMNS * _CHARACTER_WIDTH)
    space_below_last_line = 8
    height = _TITLE_BAR_HEIGHT + 2 * _MARGIN + len(lines) * _LINE_HEIGHT - space_below_last_line
    texts = "\n".join(
        f'<text y="{_TITLE_BAR_HEIGHT + _MARGIN + _FONT_SIZE + number * _LINE_HEIGHT}">{"".join(_build_spans(line))}</text>'
        for number, line in enumerate(lines)
        if line.plain.strip()
    )
    dots = "".join(f'<circle class="dot" cx="{_MARGIN + 18 * index}" cy="17" r="5"/>' for index in range(3))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">
<title id="title">Output of `{escape(command)}`</title>
<style>
text {{ font: {_FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre; }}
.b {{ font-weight: 700; }} .i {{ font-style: italic; }} .u {{ text-decoration: underline; }}
{_build_style_rules(_LIGHT_COLORS)}
@media (prefers-color-scheme: dark) {{
{_build_style_rules(_DARK_COLORS)}
}}
</style>
<rect class="ground" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="9"/>
<path class="bar" d="M1 {_TITLE_BAR_HEIGHT}V9.5A8.5 8.5 0 0 1 9.5 1H{width - 9.5}A8.5 8.5 0 0 1 {width - 1} 9.5V{_TITLE_BAR_HEIGHT}Z"/>
{dots}
{texts}
</svg>
"""


def _wrap(line: Text) -> Iterator[Text]:
    """Break a line at the terminal's width."""
    return iter(line.divide(range(_COLUMNS, len(line), _COLUMNS)))


def _build_style_rules(colors: Mapping[str, str]) -> str:
    return (
        f".ground {{ fill: {colors['ground']}; stroke: {colors['frame']}; }} .bar {{ fill: {colors['bar']}; }} "
        f".dot {{ fill: {colors['frame']}; }}\ntext {{ fill: {colors['ink']}; }} .q {{ fill: {colors['quiet']}; }}"
    )


def _build_spans(line: Text) -> Iterator[str]:
    """Yield an SVG span for each piece of the line that has one style and no gap of two or more spaces.

    Each piece is placed at its column, so that columns align in every font.
    """
    styles = [Style.null()] * len(line.plain)
    for span in line.spans:
        style = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        for index in range(span.start, min(span.end, len(styles))):
            styles[index] += style
    for phrase in re.finditer(r"\S+(?: \S+)*", line.plain):
        start = phrase.start()
        for end in range(start + 1, phrase.end() + 1):
            if end == phrase.end() or styles[end] != styles[start]:
                yield _build_span(line.plain[start:end], start, styles[start])
                start = end


def _build_span(text: str, column: int, style: Style) -> str:
    """Return an SVG span for text that starts at a column, or an empty string for spaces."""
    column += len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        return ""
    classes = (("b", style.bold), ("i", style.italic), ("u", style.underline), ("q", style.dim))
    names = " ".join(name for name, is_set in classes if is_set)
    color = style.color.get_truecolor().hex if style.color and not style.color.is_default else None
    attributes = (f' class="{names}"' if names else "") + (f' style="fill: {color}"' if color else "")
    return f'<tspan x="{_MARGIN + column * _CHARACTER_WIDTH:.1f}"{attributes}>{escape(text)}</tspan>'


def _run_or_raise(*words: str, environment: Mapping[str, str | None] = ENVIRONMENT) -> str:
    """Run a command and return what it writes to stdout; raise if it fails."""
    exit_code, output = run_reconciler(*words, environment=environment, stderr=False)
    if exit_code:
        raise PageError(f"{' '.join(words)} exits with {exit_code}:\n{output}")
    return output


def edit_desired_state(text: str) -> str:
    """Return the desired state with `EDITS`, without `REMOVED_TABLE`, and with `ADDED_TABLE`."""
    for table, edits in EDITS.items():
        for old, new in edits:
            section = _find_section(text, table)
            if old not in section:
                raise PageError(f"[{table}] of {FILE} has no {old}")
            text = text.replace(section, section.replace(old, new, 1))
    return text.replace(_find_section(text, REMOVED_TABLE), "") + ADDED_TABLE


def _find_section(text: str, table: str) -> str:
    """Return a table of the desired state: its header and the lines up to the next empty one."""
    match = re.search(rf"^\[{re.escape(table)}\]\n(?:[^\n]+\n)*", text, re.MULTILINE)
    if not match:
        raise PageError(f"{FILE} has no [{table}]")
    return match[0]
