"""The README's pictures: what the real commands draw, on the repository's own desired state."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from rich.style import Style
from rich.text import Text

from tests.docs.journey import ENVIRONMENT, FILE, UntrueError, run

EDITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "certificates.sensor-2": (('status = "INACTIVE"', 'status = "ACTIVE"'),),
    "things.pump-1": (('house = "A"', 'house = "B"'), ("attributes", 'thing_groups = ["oslo"]\nattributes')),
    "managed_things.pump-2": (
        ("pump-2.fake", "pump-1.fake"),
        ("SN-0002", "SN-0012"),
    ),
}
"""A sensor goes into the field, one pump moves to another house and joins a group, the other one gets new hardware."""

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


def pictures(folder: Path) -> Mapping[str, str]:
    """Every picture by its file's name. `folder` is a checkout in which nothing was applied yet."""
    with contextlib.chdir(folder):
        _run("graph", "--out", "graph.svg")
        graph = Path("graph.svg").read_text(encoding="utf-8")
        _run("apply", "--yes")
        path = Path(FILE)
        path.write_text(_edited(path.read_text(encoding="utf-8")), encoding="utf-8")
        shown = _run("plan", environment=_TERMINAL)
    return {"plan.svg": terminal("reconciler plan", shown), "graph.svg": graph}


def steady(picture: str) -> str:
    """Without the plan's digest: ids that only the registry assigns are part of what it is made of."""
    return re.sub(r"plan [0-9a-f]{12}", "plan", picture)


def terminal(command: str, shown: str) -> str:
    """A terminal's window, in which a command was given and showed this, its colours as ANSI codes."""
    head = Text.assemble(("$ ", "dim"), (command, "bold"))
    lines = [head, Text(), *(part for line in shown.splitlines() for part in _wrapped(Text.from_ansi(line)))]
    width = round(2 * _EDGE + _COLUMNS * _WIDE)
    height = _BAR + 2 * _EDGE + len(lines) * _HIGH - 8
    drawn = "\n".join(
        f'<text y="{_BAR + _EDGE + _SIZE + number * _HIGH}">{"".join(_runs(line))}</text>'
        for number, line in enumerate(lines)
        if line.plain.strip()
    )
    dots = "".join(f'<circle class="dot" cx="{_EDGE + 18 * place}" cy="17" r="5"/>' for place in range(3))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">
<title id="title">What `{escape(command)}` shows</title>
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
{drawn}
</svg>
"""


def _wrapped(line: Text) -> Iterator[Text]:
    """As a terminal does it."""
    return iter(line.divide(range(_COLUMNS, len(line), _COLUMNS)))


def _colors(names: str) -> str:
    color = dict(pair.split(": ") for pair in names.split("; "))
    return (
        f".ground {{ fill: {color['ground']}; stroke: {color['frame']}; }} .bar {{ fill: {color['bar']}; }} "
        f".dot {{ fill: {color['frame']}; }}\ntext {{ fill: {color['ink']}; }} .q {{ fill: {color['quiet']}; }}"
    )


def _runs(line: Text) -> Iterator[str]:
    """Pieces of one style, cut at gaps and each set at its column, so that columns hold in every font."""
    styles = [Style.null()] * len(line.plain)
    for span in line.spans:
        style = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        for place in range(span.start, min(span.end, len(styles))):
            styles[place] += style
    for word in re.finditer(r"\S+(?: \S+)*", line.plain):
        start = word.start()
        for place in range(start + 1, word.end() + 1):
            if place == word.end() or styles[place] != styles[start]:
                yield _run_of(line.plain[start:place], start, styles[start])
                start = place


def _run_of(text: str, column: int, style: Style) -> str:
    column += len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        return ""
    marks = (("b", style.bold), ("i", style.italic), ("u", style.underline), ("q", style.dim))
    names = " ".join(name for name, is_so in marks if is_so)
    color = style.color.get_truecolor().hex if style.color and not style.color.is_default else None
    shape = (f' class="{names}"' if names else "") + (f' style="fill: {color}"' if color else "")
    return f'<tspan x="{_EDGE + column * _WIDE:.1f}"{shape}>{escape(text)}</tspan>'


def _run(*words: str, environment: Mapping[str, str | None] = ENVIRONMENT) -> str:
    code, output = run(*words, environment=environment, remarks=False)
    if code:
        raise UntrueError(f"{' '.join(words)} ends with {code}:\n{output}")
    return output


def _edited(text: str) -> str:
    for table, edits in EDITS.items():
        for old, new in edits:
            part = _part(text, table)
            if old not in part:
                raise UntrueError(f"[{table}] of {FILE} has no {old}")
            text = text.replace(part, part.replace(old, new, 1))
    return text.replace(_part(text, REMOVED), "") + ADDED


def _part(text: str, table: str) -> str:
    found = re.search(rf"^\[{re.escape(table)}\]\n(?:[^\n]+\n)*", text, re.MULTILINE)
    if not found:
        raise UntrueError(f"{FILE} has no [{table}]")
    return found[0]
