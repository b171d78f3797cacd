"""What all HTML is made of: values, marks, attributes before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import htpy as h

from reconciler.model.change import ACTIONS
from reconciler.render.views.format_value import ValueView, truncate
from reconciler.render.views.plan import ACTION_GLYPHS, FieldLine, RequestView, pluralize

_LONGEST = 400
"""Of one value."""


def render_value_html(shown: ValueView | None) -> h.Renderable:
    """A value; words of ours in a value's place are quiet, its absence is a dash."""
    if shown is None:
        return h.span(".quiet")["-"]
    text = truncate(shown.text, _LONGEST)
    return h.span(".quiet")[text] if shown.is_placeholder else h.code[text]


def render_action_html(word: str, count: int | None = None) -> h.Renderable:
    """An action as glyph, word and colour; with a count, as the summary has it."""
    told = word if count is None else f"{count:,} {word}"
    return h.strong(f".act.{word}")[
        h.span(".glyph", aria_hidden="true")[ACTION_GLYPHS.get(word, "·")], " ", told
    ]


def render_action_counts_html(counts: Mapping[str, int]) -> Iterable[h.Node]:
    """The counts of all actions that occur."""
    for word in ACTIONS:
        if counts.get(word):
            yield h.fragment[render_action_html(word, counts[word]), " "]


def render_status_html(glyph: str, name: str, told: str = "") -> h.Renderable:
    """What became of something, as glyph, word and colour."""
    return h.strong(f".end.{name}")[h.span(".glyph", aria_hidden="true")[glyph], " ", told or name]


def render_fields_html(found: Sequence[FieldLine], *, signs: bool) -> h.Renderable:
    """Attributes, each with what it was and what it will be."""
    if not found:
        return h.p(".quiet")["no attributes"]
    return h.table(".lines")[h.tbody[(_line(line, signs=signs) for line in found)]]


def _line(line: FieldLine, *, signs: bool) -> h.Renderable:
    forced = h.strong(".act.replace")[" # forces replacement"] if line.forces_replacement else None
    return h.tr[
        h.td(f".sign.s{'-+~'.index(line.sign)}")[line.sign] if signs else None,
        h.th(scope="row")[line.path],
        h.td[_told(line), forced],
    ]


def _told(line: FieldLine) -> h.Node:
    if line.added or line.removed:
        return h.fragment[
            (h.fragment[h.span(".added")["+ ", render_value_html(item)], " "] for item in line.added),
            (h.fragment[h.span(".removed")["- ", render_value_html(item)], " "] for item in line.removed),
        ]
    if line.before is None or line.after is None:
        return render_value_html(line.before or line.after)
    return h.fragment[
        h.span(".before")[render_value_html(line.before)],
        " → ",
        h.span(".after")[render_value_html(line.after)],
    ]


def render_requests_html(found: Sequence[RequestView]) -> h.Node:
    """The API calls of a change, each with its parameters."""
    if not found:
        return None
    return h.details(".calls")[
        h.summary[pluralize(len(found), "call")], h.ol(".requests")[(_request(request) for request in found)]
    ]


def _request(request: RequestView) -> h.Renderable:
    params = h.table(".lines")[
        h.tbody[
            (h.tr[h.th(scope="row")[name], h.td[render_value_html(shown)]] for name, shown in request.params)
        ]
    ]
    about = h.span(".quiet")[" ", request.details] if request.details else None
    return h.li[h.code[request.name], about, params if request.params else None]
