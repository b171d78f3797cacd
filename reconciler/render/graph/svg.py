"""The graph as an SVG that stands alone: readable in light and dark, by eye and by screen reader."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from zlib import crc32

from attrs import frozen

from reconciler.model.change import ACTIONS
from reconciler.render.graph.layout import Layout, compute_layout
from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphEdge, GraphNode, Picture
from reconciler.render.views.plan import (
    ACTION_GLYPHS,
    format_counts,
    format_kind,
    get_kind_position,
    pluralize,
)

_MARGIN, _CARD, _STEP, _THIN, _GAP = 24.0, 42.0, 54.0, 14.0, 76.0
_HEAD = 58.0
_WIDEST = 34
"""A label longer than so many letters is shortened in the middle; its tooltip has it whole."""

_ACTIONS: Mapping[str, tuple[str, str]] = {
    "create": ("#0b63a5", "#56b4e9"),
    "update": ("#8a5a00", "#e69f00"),
    "replace": ("#8e3b73", "#e7a3cb"),
    "delete": ("#b34700", "#ff8a4c"),
    "forget": ("#566573", "#aab7c4"),
}
"""Each action's colour on light and on dark."""

_FONT = "font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


@frozen
class _Box:
    """A node's card."""

    x: float
    y: float
    width: float


def render_svg(picture: Picture, *, selector: str = "") -> str:
    """A document of its own; or, `inside` the element that a selector names, a part of a page and of its theme."""
    placed = compute_layout(picture, step=_STEP, thin=_THIN)
    boxes = _boxes(picture, placed)
    legend = [*_legend(picture)]
    right = max((box.x + box.width for box in boxes.values()), default=240.0)
    width = max(right, *(x + length for x, length, _ in legend), 360.0) + _MARGIN
    height = max((box.y + _CARD for box in boxes.values()), default=_HEAD) + 64
    body = [
        *(_edge(edge, route, placed, boxes) for edge, route in placed.routes),
        *(line for node in picture.nodes for line in _node(node, boxes[node.id])),
        *(f'<g transform="translate({x:.0f} {height - 26:.0f})">{drawn}</g>' for x, _, drawn in legend),
    ]
    return "\n".join([*_head(picture, width, height, selector), *body, "</svg>\n"])


def _head(picture: Picture, width: float, height: float, inside: str) -> Iterator[str]:
    own = f"-{crc32(repr(picture).encode()):08x}" if inside else ""  # a page may have several
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title{own} desc{own}">'
    yield f'<title id="title{own}">{_xml(_title(picture))}</title>'
    yield f'<desc id="desc{own}">{_xml(_description(picture))}</desc>'
    yield f"<style>\n{_style_inside(inside, picture) if inside else _style(picture)}\n</style>"
    yield '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path class="tip" d="M0 0.8 7.5 4 0 7.2z"/></marker></defs>'
    yield '<rect class="ground" width="100%" height="100%"/>'
    yield f'<text class="name head" x="{_MARGIN:.0f}" y="30">{_xml(picture.title)}</text>'
    yield f'<text class="noun" x="{_MARGIN:.0f}" y="48">{_xml(_description(picture))}</text>'


def _boxes(picture: Picture, placed: Layout) -> Mapping[str, _Box]:
    nodes = {node.id: node for node in picture.nodes}
    boxes, x = {}, _MARGIN
    for column in placed.columns:
        width = max((_width(nodes[name]) for name in column), default=0.0)
        for name in column:
            boxes[name] = _Box(x, _HEAD + placed.middle[name] - _CARD / 2 + 4, width)
        x += width + _GAP
    return boxes


def _width(node: GraphNode) -> float:
    badge = 30 if node.action else 0
    return max(
        120.0, 54 + badge + max(_length(_short(node.label), 13 * 0.63), _length(_second(node), 11 * 0.6))
    )


def _length(text: str, letter: float = 11 * 0.55) -> float:
    """About how wide text is, by the width of a letter; wide scripts count almost double."""
    wide = sum(unicodedata.east_asian_width(mark) in "WF" for mark in text)
    return (len(text) + 0.7 * wide) * letter


def _node(node: GraphNode, box: _Box) -> Iterator[str]:
    classes = (
        f"k{get_kind_position(node.kind)}"
        + (f" {node.action}" if node.action else "")
        + (" implied" if node.implied else "")
    )
    yield f'<g class="{classes}" transform="translate({box.x:.1f} {box.y:.1f})">'
    yield f"<title>{_xml(_tooltip(node))}</title>"
    if node.count > 1:
        yield f'<rect class="card" x="4" y="4" width="{box.width:.1f}" height="{_CARD:.0f}" rx="9"/>'
    yield f'<rect class="card" width="{box.width:.1f}" height="{_CARD:.0f}" rx="9"/>'
    yield '<circle class="dot" cx="21" cy="21" r="12.5"/>'
    yield f'<text class="mono" x="21" y="25">{_xml(_monogram(node.kind))}</text>'
    yield f'<text class="name" x="41" y="18">{_xml(_short(node.label))}</text>'
    yield f'<text class="noun" x="41" y="33">{_xml(_second(node))}</text>'
    if node.action:
        x = box.width - 18
        yield f'<circle class="badge" cx="{x:.1f}" cy="21" r="10"/>'
        yield f'<text class="glyph" x="{x:.1f}" y="26">{ACTION_GLYPHS[node.action]}</text>'
    yield "</g>"


def _edge(edge: GraphEdge, route: Sequence[str], placed: Layout, boxes: Mapping[str, _Box]) -> str:
    first, last = boxes[edge.before], boxes[edge.after]
    x, y = first.x + first.width, first.y + _CARD / 2
    path = [f"M{x:.1f} {y:.1f}"]
    starts = [next((boxes[name] for name in column if name in boxes), None) for column in placed.columns]
    begun = next(index for index, column in enumerate(placed.columns) if edge.before in column)
    for offset, name in enumerate(route[1:], 1):
        column = starts[begun + offset]
        end_y = _HEAD + placed.middle[name] + 4 if name not in boxes else last.y + _CARD / 2
        end_x = column.x - (2 if name in boxes else 0) if column else x + _GAP
        bend = (end_x - x) / 2
        path.append(f"C{x + bend:.1f} {y:.1f} {end_x - bend:.1f} {end_y:.1f} {end_x:.1f} {end_y:.1f}")
        x, y = end_x, end_y
        if name not in boxes and column:
            x = column.x + column.width
            path.append(f"H{x:.1f}")
    told = f"<title>{edge.count:,} dependencies</title>" if edge.count > 1 else ""
    return f'<path class="edge" marker-end="url(#arrow)" d="{" ".join(path)}">{told}</path>'


def _legend(picture: Picture) -> Iterator[tuple[float, float, str]]:
    """Place, width and drawing of each entry."""
    x = _MARGIN
    counts = Counter[str]()
    for node in picture.nodes:
        counts[node.kind] += node.count
    for kind in picture.kinds:
        words = f"{counts[kind]:,} {format_kind(kind, counts[kind])}"
        drawn = f'<g class="k{get_kind_position(kind)}"><circle class="dot" cx="6" cy="-4" r="6"/></g>'
        yield x, 20 + _length(words), f'{drawn}<text class="noun" x="18">{_xml(words)}</text>'
        x += 42 + _length(words)
    for action in ACTIONS:
        if any(node.action == action for node in picture.nodes):
            drawn = (
                f'<g class="{action}"><circle class="badge" cx="7" cy="-4" r="8"/>'
                f'<text class="glyph" x="7" y="0.5" font-size="13">{ACTION_GLYPHS[action]}</text></g>'
            )
            yield x, 22 + _length(action), f'{drawn}<text class="noun" x="20">{action}</text>'
            x += 44 + _length(action)


_SHAPES = (
    f"text {{ {_FONT}; }}",
    ".name { font-size: 13px; font-weight: 600; } .noun { font-size: 11px; } .head { font-size: 17px; }",
    ".mono { font-size: 10px; font-weight: 700; text-anchor: middle; }",
    ".glyph { font-size: 15px; font-weight: 700; text-anchor: middle; }",
    ".edge { fill: none; stroke-width: 1.3; } .card { stroke-width: 1.2; }",
    ".implied .card { stroke-dasharray: 4 3; }",
)


def _style(picture: Picture) -> str:
    light, dark = _theme(picture, lambda light, _dark: light), _theme(picture, lambda _light, dark: dark)
    return "\n".join([*_SHAPES, *light, "@media (prefers-color-scheme: dark) {", *dark, "}"])


def _style_inside(selector: str, picture: Picture) -> str:
    """The same for what is in there alone: on the page's own ground, and as light or dark as that is."""
    theme = _theme(picture, lambda light, dark: f"light-dark({light}, {dark})")
    return "\n".join([f"{selector} svg {{", *_SHAPES, *theme, ".ground { fill: none; }", "}"])


def _theme(picture: Picture, pick: Callable[[str, str], str]) -> Iterator[str]:
    """The colours; `pick` chooses between the one on light and the one on dark."""
    ground, ink, quiet, line = (
        pick("#ffffff", "#14171b"),
        pick("#1b1f24", "#e8ebef"),
        pick("#57606a", "#a9b1bb"),
        pick("#98a1ab", "#6b7480"),
    )
    yield f".ground {{ fill: {ground}; }} .name {{ fill: {ink}; }} .noun {{ fill: {quiet}; }}"
    yield f".edge {{ stroke: {line}; }} .tip {{ fill: {line}; }} .mono, .glyph {{ fill: {ground}; }}"
    for kind in picture.kinds:
        at = get_kind_position(kind)
        strong = pick(
            compute_color(at, lightness=0.52, chroma=0.11), compute_color(at, lightness=0.76, chroma=0.11)
        )
        faint = pick(
            compute_color(at, lightness=0.97, chroma=0.025), compute_color(at, lightness=0.26, chroma=0.025)
        )
        edge = pick(
            compute_color(at, lightness=0.80, chroma=0.07), compute_color(at, lightness=0.45, chroma=0.07)
        )
        yield f".k{at} .card {{ fill: {faint}; stroke: {edge}; }} .k{at} .dot {{ fill: {strong}; }}"
    if picture.planned:
        for action, tones in _ACTIONS.items():
            tone = pick(*tones)
            yield f".{action} .badge {{ fill: {tone}; }} .{action} .card {{ stroke: {tone}; stroke-width: 2; }}"


def _title(picture: Picture) -> str:
    return f"Dependency graph of {picture.title}" if picture.title else "Dependency graph"


def _description(picture: Picture) -> str:
    changes = Counter[str]()
    for node in picture.nodes:
        if node.action:
            changes[node.action] += node.count
    parts = [pluralize(picture.total, "resource")]
    if picture.planned:
        parts.append(format_counts(changes) or "nothing to do")
    if picture.collapsed:
        parts.append("drawn as one for each kind and action")
    return "; ".join(parts)


def _tooltip(node: GraphNode) -> str:
    what = f"{node.label}, {format_kind(node.kind)}" if node.count == 1 else node.label
    return f"{what}: {node.action}" if node.action else what


def _second(node: GraphNode) -> str:
    what = format_kind(node.kind) if node.count == 1 else ""
    return " · ".join(part for part in (what, f"to {node.action}" if node.action else "") if part)


def _monogram(kind: str) -> str:
    words = format_kind(kind).replace("_", " ").split()
    return words[0] if words[0].isupper() else "".join(word[0] for word in words[:2]).upper()


def _short(label: str) -> str:
    if len(label) <= _WIDEST:
        return label
    half = (_WIDEST - 1) // 2
    return f"{label[:half]}…{label[-half:]}"


def _xml(text: str) -> str:
    return escape(text, quote=True)
