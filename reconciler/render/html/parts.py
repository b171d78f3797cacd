"""Parts of HTML that all views share: values, actions, statuses, and tables of fields and calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import htpy as h

from reconciler.model.change import ACTIONS
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import ValueView, truncate
from reconciler.render.views.labels import ACTION_GLYPHS, pluralize
from reconciler.render.views.plan import RequestView

MAX_UNFOLDED = 30
"""Lists with more items are folded."""

_MAX_VALUE_LENGTH = 400

_SIGN_CLASSES: Mapping[str, str] = {"-": "delete", "+": "create", "~": "update"}
"""The CSS class of each sign of a field, which determines its color."""


def render_value_html(value: ValueView | None) -> h.Renderable:
    """Render a value; placeholders are quiet, and an absent value is a dash."""
    if value is None:
        return h.span(".quiet")["-"]
    text = truncate(value.text, _MAX_VALUE_LENGTH)
    return h.span(".quiet")[text] if value.is_placeholder else h.code[text]


def render_action_html(action: str, label: str = "") -> h.Renderable:
    """Render an action with its sign and color; `label` replaces its name."""
    sign = h.span(".glyph", aria_hidden="true")[ACTION_GLYPHS.get(action, "·")]
    return h.strong(f".action.{action}")[sign, " ", label or action]


def render_action_counts_html(counts: Mapping[str, int]) -> Iterable[h.Node]:
    """Render the number of changes by action, for all actions that occur."""
    for action in ACTIONS:
        if counts.get(action):
            yield h.fragment[render_action_html(action, f"{counts[action]:,} to {action}"), " "]


def render_status_html(glyph: str, status: str, label: str = "") -> h.Renderable:
    """Render a status with its sign and color; `label` replaces its name."""
    sign = h.span(".glyph", aria_hidden="true")[glyph]
    return h.strong(f".status.{status}")[sign, " ", label or status]


def render_fields_html(fields: Sequence[FieldLine], *, signs: bool) -> h.Renderable:
    """Render fields with their values before and after.

    With `signs`, each has a sign that shows whether it is added, removed or changed.
    """
    if not fields:
        return h.p(".quiet")["no fields"]
    return h.table(".lines")[h.tbody[(_render_field(field, signs=signs) for field in fields)]]


def render_requests_html(requests: Sequence[RequestView]) -> h.Node:
    """Render the API calls of a change with their parameters."""
    if not requests:
        return None
    return h.details(".calls")[
        h.summary[pluralize(len(requests), "call")], h.ol(".requests")[map(_render_request, requests)]
    ]


def _render_field(field: FieldLine, *, signs: bool) -> h.Renderable:
    forces_replacement = (
        h.strong(".action.replace")[" # forces replacement"] if field.forces_replacement else None
    )
    return h.tr[
        h.td(f".sign.{_SIGN_CLASSES[field.sign]}")[field.sign] if signs else None,
        h.th(scope="row")[field.path],
        h.td[_render_change(field), forces_replacement],
    ]


def _render_change(field: FieldLine) -> h.Node:
    if field.added or field.removed:
        return h.fragment[
            (h.fragment[h.span(".added")["+ ", render_value_html(item)], " "] for item in field.added),
            (h.fragment[h.span(".removed")["- ", render_value_html(item)], " "] for item in field.removed),
        ]
    if field.before is None or field.after is None:
        return render_value_html(field.before or field.after)
    before = h.span(".before")[render_value_html(field.before)]
    after = h.span(".after")[render_value_html(field.after)]
    return h.fragment[before, " → ", after]


def _render_request(request: RequestView) -> h.Renderable:
    rows = (h.tr[h.th(scope="row")[name], h.td[render_value_html(value)]] for name, value in request.params)
    params = h.table(".lines")[h.tbody[rows]] if request.params else None
    details = h.span(".quiet")[" ", request.details] if request.details else None
    return h.li[h.code[request.name], details, params]
