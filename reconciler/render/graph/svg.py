"""The dependency graph as SVG, for light and dark themes and for screen readers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from zlib import crc32

from reconciler.frozen_classes import frozen
from reconciler.model.change import ACTIONS
from reconciler.model.outcome import Applied, Failed
from reconciler.render.graph.layout import Layout, compute_layout
from reconciler.render.graph.picture import GraphEdge, GraphNode, Picture
from reconciler.render.graph.svg_style import build_scoped_style, build_style
from reconciler.render.views.labels import (
    ACTION_GLYPHS,
    format_counts,
    format_kind,
    get_kind_position,
    join_facts,
    pluralize,
    shorten,
)
from reconciler.render.views.result import PAST_TENSE

# Sizes in pixels.
_MARGIN = 24.0
_CARD_HEIGHT = 42.0
_NODE_HEIGHT = 54.0
"""The height of a card with the gaps above and below it."""

_VIRTUAL_NODE_HEIGHT = 14.0
_COLUMN_GAP = 76.0
_HEADER_HEIGHT = 58.0
_FOOTER_HEIGHT = 64.0
_LAYOUT_TOP = _HEADER_HEIGHT + 4
"""The y coordinate of the top of the layout."""

_MIN_WIDTH = 360.0

_MAX_LABEL_LENGTH = 34
"""Longer labels are shortened in the middle; the tooltip has the whole label."""

_NAME_LETTER_WIDTH = 13 * 0.63
"""The average width of a letter in a node's name: a part of the font size of 13 pixels."""

_SUBTITLE_LETTER_WIDTH = 11 * 0.6
"""The average width of a letter below a node's name: a part of the font size of 11 pixels."""

_LEGEND_LETTER_WIDTH = 11 * 0.55
"""The average width of a letter in the legend: about half the font size of 11 pixels."""


@frozen
class _Box:
    """The place of a node's card; all cards have the same height."""

    x: float
    y: float
    width: float


@frozen
class _LegendEntry:
    """An entry of the legend: its position, its width, and its drawing."""

    x: float
    width: float
    svg: str


def render_svg(picture: Picture, *, selector: str = "") -> str:
    """Render a picture as a document of its own, or as a part of a page.

    For a part of a page, `selector` is the CSS selector of the element that will contain the picture. The cards of its nodes then
    have room for the progress of an apply; `data-node` is a node's index.
    """
    layout = compute_layout(picture, node_height=_NODE_HEIGHT, virtual_node_height=_VIRTUAL_NODE_HEIGHT)
    boxes = _place_boxes(picture, layout, has_progress=bool(selector))
    legend = [*_build_legend(picture)]
    right = max((box.x + box.width for box in boxes.values()), default=240.0)
    width = max(right, *(entry.x + entry.width for entry in legend), _MIN_WIDTH) + _MARGIN
    bottom = max((box.y + _CARD_HEIGHT for box in boxes.values()), default=_HEADER_HEIGHT)
    height = bottom + _FOOTER_HEIGHT
    body = [
        *(_render_edge(edge, route, layout, boxes) for edge, route in layout.routes),
        *_render_nodes(picture, boxes, has_progress=bool(selector)),
        *(f'<g transform="translate({entry.x:.0f} {height - 26:.0f})">{entry.svg}</g>' for entry in legend),
    ]
    return "\n".join([*_render_header(picture, width, height, selector), *body, "</svg>\n"])


def _render_header(picture: Picture, width: float, height: float, selector: str) -> Iterator[str]:
    # A page may have several pictures, whose titles need different IDs; the arrow is the same in all of them.
    id_suffix = f"-{crc32(repr(picture).encode()):08x}" if selector else ""
    title, description = describe_title(picture), describe_picture(picture)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    fit = 'style="max-width: 100%; height: auto"'
    labels = f'role="img" aria-labelledby="title{id_suffix} desc{id_suffix}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} {fit} {labels}>'
    yield f'<title id="title{id_suffix}">{_escape(title)}</title>'
    yield f'<desc id="desc{id_suffix}">{_escape(description)}</desc>'
    yield f"<style>\n{build_scoped_style(selector, picture) if selector else build_style(picture)}\n</style>"
    yield '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path class="arrowhead" d="M0 0.8 7.5 4 0 7.2z"/></marker></defs>'
    yield '<rect class="background" width="100%" height="100%"/>'
    yield f'<text class="name heading" x="{_MARGIN:.0f}" y="30">{_escape(picture.title)}</text>'
    yield f'<text class="subtitle" x="{_MARGIN:.0f}" y="48">{_escape(description)}</text>'


def _place_boxes(picture: Picture, layout: Layout, *, has_progress: bool) -> Mapping[str, _Box]:
    nodes = {node.id: node for node in picture.nodes}
    boxes, x = {}, _MARGIN
    for column in layout.columns:
        width = max(
            (_measure_card(nodes[node_id], has_progress=has_progress) for node_id in column), default=0.0
        )
        for node_id in column:
            boxes[node_id] = _Box(x, _LAYOUT_TOP + layout.centers[node_id] - _CARD_HEIGHT / 2, width)
        x += width + _COLUMN_GAP
    return boxes


def _measure_card(node: GraphNode, *, has_progress: bool) -> float:
    badge_width = 30 if node.action else 0
    label_width = _measure_text(shorten(node.label, _MAX_LABEL_LENGTH), _NAME_LETTER_WIDTH)
    subtitles = [_describe_kind_and_action(node)]
    if has_progress and node.action:
        counts = dict.fromkeys((Applied.status, Failed.status), node.count)
        subtitles.append(describe_node_progress(node, counts))
    subtitle_width = max(_measure_text(subtitle, _SUBTITLE_LETTER_WIDTH) for subtitle in subtitles)
    return max(120.0, 54 + badge_width + max(label_width, subtitle_width))


def _measure_text(text: str, letter_width: float = _LEGEND_LETTER_WIDTH) -> float:
    """Estimate the width of text from the width of a letter; letters of wide scripts count almost double."""
    wide_letters = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return (len(text) + 0.7 * wide_letters) * letter_width


def _render_nodes(picture: Picture, boxes: Mapping[str, _Box], *, has_progress: bool) -> Iterator[str]:
    for index, node in enumerate(picture.nodes):
        yield from _render_node(node, boxes[node.id], f' data-node="{index}"' if has_progress else "")


def _render_node(node: GraphNode, box: _Box, attributes: str) -> Iterator[str]:
    classes = [f"k{get_kind_position(node.kind)}"]
    classes += [node.action] if node.action else []
    classes += ["marker"] if node.is_marker else []
    yield f'<g class="{" ".join(classes)}"{attributes} transform="translate({box.x:.1f} {box.y:.1f})">'
    yield f"<title>{_escape(_describe_node(node))}</title>"
    if node.count > 1:
        yield f'<rect class="card" x="4" y="4" width="{box.width:.1f}" height="{_CARD_HEIGHT:.0f}" rx="9"/>'
    yield f'<rect class="card" width="{box.width:.1f}" height="{_CARD_HEIGHT:.0f}" rx="9"/>'
    yield '<circle class="dot" cx="21" cy="21" r="12.5"/>'
    yield f'<text class="abbreviation" x="21" y="25">{_escape(_abbreviate_kind(node.kind))}</text>'
    yield f'<text class="name" x="41" y="18">{_escape(shorten(node.label, _MAX_LABEL_LENGTH))}</text>'
    yield f'<text class="subtitle" x="41" y="33">{_escape(_describe_kind_and_action(node))}</text>'
    if node.action:
        x = box.width - 18
        yield f'<circle class="badge" cx="{x:.1f}" cy="21" r="10"/>'
        yield f'<text class="glyph" x="{x:.1f}" y="26">{ACTION_GLYPHS[node.action]}</text>'
    yield "</g>"


def _render_edge(edge: GraphEdge, route: Sequence[str], layout: Layout, boxes: Mapping[str, _Box]) -> str:
    """Render an edge as curves between columns, and straight lines across the columns that it passes."""
    source, target = boxes[edge.before], boxes[edge.after]
    x, y = source.x + source.width, source.y + _CARD_HEIGHT / 2
    path = [f"M{x:.1f} {y:.1f}"]
    # The boxes of a column have the same x and width, so any of them gives the column's place. A column with only virtual
    # nodes has no box.
    column_boxes = [boxes[column[0]] if column else None for column in layout.columns]
    first_index = next(index for index, column in enumerate(layout.columns) if edge.before in column)
    # After the source, the route has one ID in each column: those of virtual nodes, and last the target's.
    for column_index, stop_id in enumerate(route[1:], first_index + 1):
        column_box, is_target = column_boxes[column_index], stop_id in boxes
        end_y = target.y + _CARD_HEIGHT / 2 if is_target else _LAYOUT_TOP + layout.centers[stop_id]
        arrow_gap = 2 if is_target else 0
        end_x = column_box.x - arrow_gap if column_box else x + _COLUMN_GAP
        bend = (end_x - x) / 2
        path.append(f"C{x + bend:.1f} {y:.1f} {end_x - bend:.1f} {end_y:.1f} {end_x:.1f} {end_y:.1f}")
        x, y = end_x, end_y
        if not is_target and column_box:
            x = column_box.x + column_box.width
            path.append(f"H{x:.1f}")
    title = f"<title>{pluralize(edge.count, 'dependency')}</title>" if edge.count > 1 else ""
    return f'<path class="edge" marker-end="url(#arrow)" d="{" ".join(path)}">{title}</path>'


def _build_legend(picture: Picture) -> Iterator[_LegendEntry]:
    """Build the entries of the legend: the kinds with their counts, then the actions that occur."""
    x = _MARGIN
    counts = Counter[str]()
    for node in picture.nodes:
        counts[node.kind] += node.count
    for kind in picture.kinds:
        label = f"{counts[kind]:,} {format_kind(kind, counts[kind])}"
        dot = f'<g class="k{get_kind_position(kind)}"><circle class="dot" cx="6" cy="-4" r="6"/></g>'
        label_width = _measure_text(label)
        yield _LegendEntry(x, 20 + label_width, f'{dot}<text class="subtitle" x="18">{_escape(label)}</text>')
        x += 42 + label_width
    for action in ACTIONS:
        if any(node.action == action for node in picture.nodes):
            badge = (
                f'<g class="{action}"><circle class="badge" cx="7" cy="-4" r="8"/>'
                f'<text class="glyph" x="7" y="0.5" font-size="13">{ACTION_GLYPHS[action]}</text></g>'
            )
            label_width = _measure_text(action)
            yield _LegendEntry(x, 22 + label_width, f'{badge}<text class="subtitle" x="20">{action}</text>')
            x += 44 + label_width


def describe_title(picture: Picture) -> str:
    """Return the picture's title in words."""
    return f"Dependency graph of {picture.title}" if picture.title else "Dependency graph"


def describe_picture(picture: Picture) -> str:
    """Return the numbers of resources and changes in words."""
    changes = Counter[str]()
    for node in picture.nodes:
        if node.action:
            changes[node.action] += node.count
    parts = [pluralize(picture.total, "resource")]
    if picture.planned:
        parts.append(format_counts(changes) or "no changes")
    if picture.collapsed:
        parts.append("grouped by kind and action")
    return "; ".join(parts)


def _describe_node(node: GraphNode) -> str:
    text = f"{node.label}, {format_kind(node.kind)}" if node.count == 1 else node.label
    return f"{text}: {node.action}" if node.action else text


def _describe_kind_and_action(node: GraphNode) -> str:
    kind = format_kind(node.kind) if node.count == 1 else ""
    return join_facts((kind, f"to {node.action}" if node.action else ""))


def describe_node_progress(node: GraphNode, counts: Mapping[str, int]) -> str:
    """Describe how far the apply of a node with an action is: `1,200 of 2,000 created, 3 failed`.

    `counts` has the numbers of its resources by status; a node of one resource has its kind and status.
    """
    assert node.action
    applied, failed = counts.get(Applied.status, 0), counts.get(Failed.status, 0)
    if node.count > 1:
        parts = [f"{applied:,} of {node.count:,} {PAST_TENSE[node.action]}"]
        return ", ".join([*parts, f"{failed:,} failed"] if failed else parts)
    statuses = [status for status, count in counts.items() if count]
    status = PAST_TENSE[node.action] if applied else statuses[0] if statuses else f"to {node.action}"
    return join_facts((format_kind(node.kind), status))


def _abbreviate_kind(kind: str) -> str:
    words = format_kind(kind).replace("_", " ").split()
    return words[0] if words[0].isupper() else "".join(word[0] for word in words[:2]).upper()


def _escape(text: str) -> str:
    return escape(text, quote=True)
