"""Parts of HTML that all views share: values, actions, statuses, and tables of fields and calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import htpy as h

from reconciler.model.change import ACTIONS
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import ValueView
from reconciler.render.views.grouping import RowGroup, format_names
from reconciler.render.views.labels import ACTION_GLYPHS, pluralize
from reconciler.render.views.plan import RequestView

MAX_UNFOLDED = 30
"""Lists with more items are folded."""

MAX_UNFOLDED_LINES = 40
"""Documents with more lines are folded."""

_SIGN_CLASSES: Mapping[str, str] = {"-": "delete", "+": "create", "~": "update"}
"""The CSS class of each sign of a field, which determines its color."""


def render_workspace_html(workspace: str, environment: str) -> Sequence[h.Node]:
    """Render a workspace and its environment, which is empty in a file without environments."""
    name = h.strong[workspace]
    return (name, " in ", h.strong[environment]) if environment else (name,)


def render_value_html(value: ValueView | None) -> h.Renderable:
    """Render a value; placeholders are quiet, and an absent value is a dash.

    A long document is folded; nothing is truncated, because a page wraps it.
    """
    if value is None:
        return h.span(".quiet")["-"]
    if value.lines:
        return h.details(open=len(value.lines) <= MAX_UNFOLDED_LINES)[
            h.summary[h.code[value.text], " ", h.span(".quiet")[pluralize(len(value.lines), "line")]],
            h.pre["\n".join(value.lines)],
        ]
    return h.span(".quiet")[value.text] if value.is_placeholder else h.code[value.text]


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


def render_group_details_html(group: RowGroup[Any], *, signs: bool) -> h.Renderable:
    """Render the values of a group, its exceptions, and the addresses that approval needs."""
    return h.div(".details")[
        h.table(".lines")[h.tbody[(_render_field(field, signs=signs) for field in group.fields)]],
        (h.p[h.strong["except"], " ", exception] for exception in group.exceptions),
        h.p[h.code[format_names(group.names, total=group.count)]] if group.names else None,
    ]


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
    sign = h.td(f".sign.{_SIGN_CLASSES[field.sign]}")[field.sign] if signs else None
    change = _render_change(field)
    if not _has_lines(field):
        return h.tr[sign, h.th(scope="row")[field.path], h.td[change, forces_replacement]]
    # A document has the whole width of the table, so that it is readable on a narrow page.
    return h.fragment[
        h.tr[sign, h.th(scope="row", colspan=2)[field.path]],
        h.tr[h.td(colspan=3 if signs else 2)[change, forces_replacement]],
    ]


def _has_lines(field: FieldLine) -> bool:
    """Return whether any value of a field is a document of several lines."""
    values = (field.before, field.after, *field.added, *field.removed)
    return any(value and value.lines for value in values)


def _render_change(field: FieldLine) -> h.Node:
    if field.added or field.removed:
        return h.fragment[
            (_render_item("+", item, "added") for item in field.added),
            (_render_item("-", item, "removed") for item in field.removed),
        ]
    if field.before is None or field.after is None:
        return render_value_html(field.before or field.after)
    before = _wrap_value(field.before, "before")[render_value_html(field.before)]
    after = _wrap_value(field.after, "after")[render_value_html(field.after)]
    return h.fragment[before, " → ", after]


def _render_item(sign: str, item: ValueView, css_class: str) -> h.Renderable:
    return h.fragment[_wrap_value(item, css_class)[f"{sign} ", render_value_html(item)], " "]


def _wrap_value(value: ValueView, css_class: str) -> h.Element:
    """Return the element around a value: a block for a document, and otherwise a part of a line."""
    return h.div(f".{css_class}") if value.lines else h.span(f".{css_class}")


def _render_request(request: RequestView) -> h.Renderable:
    rows = (h.tr[h.th(scope="row")[name], h.td[render_value_html(value)]] for name, value in request.params)
    params = h.table(".lines")[h.tbody[rows]] if request.params else None
    details = h.span(".quiet")[" ", request.details] if request.details else None
    return h.li[h.code[request.name], details, params]
