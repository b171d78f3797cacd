"""One resource, desired and live, as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html.parts import render_action_html, render_status_html, render_value_html
from reconciler.render.views.comparison import (
    FieldComparisonRow,
    ResourceComparisonView,
    describe_action,
    describe_denied,
    describe_live,
)
from reconciler.render.views.labels import OUTCOME_GLYPHS, join_facts


def render_comparison_html(view: ResourceComparisonView) -> h.Renderable:
    """Render the desired and live values of a resource, field by field, with a sign where they differ."""
    facts = (
        ("declared in", view.origin),
        ("live", join_facts(describe_live(view))),
        ("depends on", ", ".join(view.dependencies)),
    )
    headings = (h.th(scope="col")[heading] for heading in ("field", "desired", "live"))
    return h.section(aria_label=view.address)[
        h.p(".title")[h.code(".address")[view.address], " ", _render_verdict(view)],
        (h.p(".quiet")[f"{label} {fact}"] for label, fact in facts if fact),
        h.table(".with-headings")[
            h.thead[h.tr[h.td, headings]],
            h.tbody[map(_render_field, view.fields)],
        ],
        _render_status(view),
    ]


def _render_status(view: ResourceComparisonView) -> h.Node:
    if not view.status and not view.denied:
        return None
    rows = (h.tr[h.th(scope="row")[row.name], h.td[render_value_html(row.value)]] for row in view.status)
    denied = describe_denied(view)
    return h.fragment[
        h.p["status in AWS"],
        h.table[h.tbody[rows]] if view.status else None,
        h.p(".quiet")[denied] if denied else None,
    ]


def _render_field(row: FieldComparisonRow) -> h.Renderable:
    return h.tr(".differs" if row.differs else "")[
        h.td["≠" if row.differs else ""],
        h.th(scope="row")[row.path],
        h.td[render_value_html(row.desired)],
        h.td[render_value_html(row.live)],
    ]


def _render_verdict(view: ResourceComparisonView) -> h.Node:
    if view.action:
        return h.fragment[render_action_html(view.action), f" {describe_action(view)}"]
    if view.identity and view.origin:
        return render_status_html(OUTCOME_GLYPHS["applied"], "applied", "matches the file")
    return h.span(".quiet")["not in the file; left unchanged"]
