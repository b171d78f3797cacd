"""One resource from both sides, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.text import Text

from reconciler.render.text.plan import COLORS, render_value
from reconciler.render.views.comparison import FieldComparisonRow, ResourceComparisonView
from reconciler.render.views.result import OUTCOME_GLYPHS


def render_comparison_text(view: ResourceComparisonView, width: int) -> Iterator[Text]:
    """The file's side and the registry's, attribute by attribute; what differs is marked."""
    yield Text(view.address, "bold")
    if view.origin:
        yield Text(f"in the file    {view.origin}", "dim")
    about = [
        f"version {view.version}" if view.version else "",
        f"owned by {view.owner}" if view.owner else "",
    ]
    if view.identity:
        yield Text(" · ".join(["registered as  " + view.identity, *filter(None, about)]), "dim")
    if view.dependencies:
        yield Text(f"needs          {', '.join(view.dependencies)}", "dim")
    yield Text()
    yield from _sides(view.fields, width)
    yield Text()
    yield _verdict(view)


def _sides(pairs: Sequence[FieldComparisonRow], width: int) -> Iterator[Text]:
    """Three columns; a value that is too long for its own goes on in the next line."""
    names = max(len(pair.path) for pair in pairs) if pairs else 0
    names = max(names, len("attribute"))
    longest = max((len(pair.desired.text) for pair in pairs if pair.desired), default=0)
    room = max(16, min(max(longest, len("in the file")), (width - names - 6) // 2))
    yield Text.assemble(
        "  ",
        ("attribute", "bold underline"),
        " " * (names - 7),
        ("in the file", "bold underline"),
        " " * (room - 9),
        ("in the registry", "bold underline"),
    )
    for pair in pairs:
        style = COLORS["update"] if pair.differs else ""
        left, right = (_folded(render_value(value, style), room) for value in (pair.desired, pair.live))
        for place, (one, other) in enumerate(zip_longest(left, right, fillvalue=Text())):
            head = (
                f"{'≠' if pair.differs else ' '} {pair.path.ljust(names)}  "
                if not place
                else " " * (names + 4)
            )
            line = Text.assemble((head, style), one, " " * (room - len(one) + 2), other)
            line.rstrip()
            yield line


def _folded(text: Text, room: int) -> Sequence[Text]:
    return [text[start : start + room] for start in range(0, max(len(text), 1), room)]


def _verdict(view: ResourceComparisonView) -> Text:
    if view.action:
        return Text.assemble(
            (f"{view.glyph} {view.action}", f"bold {COLORS[view.action]}"), " is what a plan would do."
        )
    if view.identity and view.origin:
        return Text(f"{OUTCOME_GLYPHS['applied']} as the file wants it", COLORS["applied"])
    return Text("it is not in the file and is left alone", "dim")
