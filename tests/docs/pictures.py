"""Draw the README's pictures with the real commands, from the repository's own desired state."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from rich.style import Style
from rich.text import Text

from tests.docs.readme_runner import ENVIRONMENT, FILE, ReadmeError, run

EDITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "certificates.sensor-2": (('status = "INACTIVE"', 'status = "ACTIVE"'),),
    "things.pump-1": (('house = "A"', 'house = "B"'), ("attributes", 'thing_groups = ["oslo"]\nattributes')),
    "managed_things.pump-2": (
        ("pump-2.fake", "pump-1.fake"),
        ("SN-0002", "SN-0012"),
    ),
}
"""A sensor is activated, one pump moves to another house and joins a group, the other pump gets new hardware."""

ADDED = """
[thing_groups.oslo]
description = "Everything in Oslo"
"""

REMOVED = "managed_things.pump-1"

_COLUMNS = 100
_TERMINAL: Mapping[str, str | None] = {
    **ENVIRONMENT,
    "NO_COLOR": None,
    "FORCE_COLOR": "1",
    "COLORTERM": "truecolor",
    "TERM": "xterm-256color",
    "COLUMNS": f"{_COLUMNS}",
}

_SIZE, _WIDE, _HIGH, _EDGE, _BAR = 13, 7.83, 19, 22, 34
_DARK = "ground: #14171b; frame: #30363d; bar: #1d2127; ink: #e8ebef; quiet: #9aa3ad"
_LIGHT = "ground: #ffffff; frame: #d0d7de; bar: #f6f8fa; ink: #1b1f24; quiet: #57606a"


def draw_pictures(folder: Path) -> Mapping[str, str]:
    """Return every picture by its file name. `folder` is a checkout in which nothing was applied yet."""
    with contextlib.chdir(folder):
        _run("graph", "--out", "graph.svg")
        graph = Path("graph.svg").read_text(encoding="utf-8")
        _run("apply", "--yes")
        path = Path(FILE)
        path.write_text(edit_desired_state(path.read_text(encoding="utf-8")), encoding="utf-8")
        output = _run("plan", environment=_TERMINAL)
    return {"plan.svg": draw_terminal("reconciler plan", output), "graph.svg": graph}


def without_digest(picture: str) -> str:
    """Return the picture without the plan's digest, which includes IDs that only the registry assigns."""
    return re.sub(r"plan [0-9a-f]{12}", "plan", picture)


def draw_terminal(command: str, output: str) -> str:
    """Draw a terminal window with a command and its output, whose colors are ANSI codes."""
    head = Text.assemble(("$ ", "dim"), (command, "bold"))
    lines = [head, Text(), *(part for line in output.splitlines() for part in _wrap(Text.from_ansi(line)))]
    width = round(2 * _EDGE + _COLUMNS * _WIDE)
    height = _BAR + 2 * _EDGE + len(lines) * _HIGH - 8
    texts = "\n".join(
        f'<text y="{_BAR + _EDGE + _SIZE + number * _HIGH}">{"".join(_text_spans(line))}</text>'
        for number, line in enumerate(lines)
        if line.plain.strip()
    )
    dots = "".join(f'<circle class="dot" cx="{_EDGE + 18 * index}" cy="17" r="5"/>' for index in range(3))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">
<title id="title">Output of `{escape(command)}`</title>
<style>
text {{ font: {_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre; }}
.b {{ font-weight: 700; }} .i {{ font-style: italic; }} .u {{ text-decoration: underline; }}
{_colors(_LIGHT)}
@media (prefers-color-scheme: dark) {{
{_colors(_DARK)}
}}
</style>
<rect class="ground" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="9"/>
<path class="bar" d="M1 {_BAR}V9.5A8.5 8.5 0 0 1 9.5 1H{width - 9.5}A8.5 8.5 0 0 1 {width - 1} 9.5V{_BAR}Z"/>
{dots}
{texts}
</svg>
"""


def _wrap(line: Text) -> Iterator[Text]:
    """Break a line at the terminal's width."""
    return iter(line.divide(range(_COLUMNS, len(line), _COLUMNS)))


def _colors(names: str) -> str:
    palette = dict(pair.split(": ") for pair in names.split("; "))
    return (
        f".ground {{ fill: {palette['ground']}; stroke: {palette['frame']}; }} .bar {{ fill: {palette['bar']}; }} "
        f".dot {{ fill: {palette['frame']}; }}\ntext {{ fill: {palette['ink']}; }} .q {{ fill: {palette['quiet']}; }}"
    )


def _text_spans(line: Text) -> Iterator[str]:
    """Yield the pieces of one style, cut at gaps and placed at their columns, so that columns align in every font."""
    styles = [Style.null()] * len(line.plain)
    for span in line.spans:
        style = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        for index in range(span.start, min(span.end, len(styles))):
            styles[index] += style
    for word in re.finditer(r"\S+(?: \S+)*", line.plain):
        start = word.start()
        for end in range(start + 1, word.end() + 1):
            if end == word.end() or styles[end] != styles[start]:
                yield _text_span(line.plain[start:end], start, styles[start])
                start = end


def _text_span(text: str, column: int, style: Style) -> str:
    column += len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        return ""
    classes = (("b", style.bold), ("i", style.italic), ("u", style.underline), ("q", style.dim))
    names = " ".join(name for name, is_set in classes if is_set)
    color = style.color.get_truecolor().hex if style.color and not style.color.is_default else None
    attributes = (f' class="{names}"' if names else "") + (f' style="fill: {color}"' if color else "")
    return f'<tspan x="{_EDGE + column * _WIDE:.1f}"{attributes}>{escape(text)}</tspan>'


def _run(*words: str, environment: Mapping[str, str | None] = ENVIRONMENT) -> str:
    code, output = run(*words, environment=environment, stderr=False)
    if code:
        raise ReadmeError(f"{' '.join(words)} exits with {code}:\n{output}")
    return output


def edit_desired_state(text: str) -> str:
    """Return the desired state with `EDITS`, without `REMOVED`, and with `ADDED`."""
    for table, edits in EDITS.items():
        for old, new in edits:
            section = _section(text, table)
            if old not in section:
                raise ReadmeError(f"[{table}] of {FILE} has no {old}")
            text = text.replace(section, section.replace(old, new, 1))
    return text.replace(_section(text, REMOVED), "") + ADDED


def _section(text: str, table: str) -> str:
    match = re.search(rf"^\[{re.escape(table)}\]\n(?:[^\n]+\n)*", text, re.MULTILINE)
    if not match:
        raise ReadmeError(f"{FILE} has no [{table}]")
    return match[0]
