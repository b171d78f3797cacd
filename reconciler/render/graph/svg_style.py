"""The style of the graph's SVG: fonts, shapes, and colors on light and on dark backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import Picture
from reconciler.render.views.labels import get_kind_position

_ACTION_COLORS: Mapping[str, tuple[str, str]] = {
    "create": ("#0b63a5", "#56b4e9"),
    "update": ("#8a5a00", "#e69f00"),
    "replace": ("#8e3b73", "#e7a3cb"),
    "delete": ("#b34700", "#ff8a4c"),
    "forget": ("#566573", "#aab7c4"),
}
"""Each action's color on a light and on a dark background."""

_FONT = "font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

_SHAPES = (
    f"text {{ {_FONT}; }}",
    ".name { font-size: 13px; font-weight: 600; } .subtitle { font-size: 11px; } .heading { font-size: 17px; }",
    ".abbreviation { font-size: 10px; font-weight: 700; text-anchor: middle; }",
    ".glyph { font-size: 15px; font-weight: 700; text-anchor: middle; }",
    ".edge { fill: none; stroke-width: 1.3; } .card { stroke-width: 1.2; }",
    ".marker .card { stroke-dasharray: 4 3; }",
)


def build_style(picture: Picture) -> str:
    """Build the style of a picture that is a document of its own; it follows the reader's color scheme."""
    light = _build_theme(picture, lambda light_color, _dark_color: light_color)
    dark = _build_theme(picture, lambda _light_color, dark_color: dark_color)
    return "\n".join([*_SHAPES, *light, "@media (prefers-color-scheme: dark) {", *dark, "}"])


def build_scoped_style(selector: str, picture: Picture) -> str:
    """Build the style of a picture inside the element of a page that `selector` matches.

    The picture has the page's background and color scheme.
    """
    theme = _build_theme(picture, lambda light_color, dark_color: f"light-dark({light_color}, {dark_color})")
    return "\n".join([f"{selector} svg {{", *_SHAPES, *theme, ".background { fill: none; }", "}"])


def _build_theme(picture: Picture, choose: Callable[[str, str], str]) -> Iterator[str]:
    """Yield the rules for colors.

    `choose` gets the color for a light and the color for a dark background, and returns what the rule contains.
    """
    background, text = choose("#ffffff", "#14171b"), choose("#1b1f24", "#e8ebef")
    quiet, line = choose("#57606a", "#a9b1bb"), choose("#98a1ab", "#6b7480")
    yield f".background {{ fill: {background}; }} .name {{ fill: {text}; }} .subtitle {{ fill: {quiet}; }}"
    yield f".edge {{ stroke: {line}; }} .arrowhead {{ fill: {line}; }} .abbreviation, .glyph {{ fill: {background}; }}"
    for kind in picture.kinds:
        position = get_kind_position(kind)
        # A shade has the hue of the kind, and a lightness and a chroma of its own.
        strong = choose(_compute_shade(position, 0.52, 0.11), _compute_shade(position, 0.76, 0.11))
        faint = choose(_compute_shade(position, 0.97, 0.025), _compute_shade(position, 0.26, 0.025))
        border = choose(_compute_shade(position, 0.80, 0.07), _compute_shade(position, 0.45, 0.07))
        yield f".k{position} .card {{ fill: {faint}; stroke: {border}; }} .k{position} .dot {{ fill: {strong}; }}"
    if picture.planned:
        for action, colors in _ACTION_COLORS.items():
            color = choose(*colors)
            yield f".{action} .badge {{ fill: {color}; }} .{action} .card {{ stroke: {color}; stroke-width: 2; }}"


def _compute_shade(position: int, lightness: float, chroma: float) -> str:
    return compute_color(position, lightness=lightness, chroma=chroma)
