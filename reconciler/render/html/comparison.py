"""One resource from both sides, as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html.parts import render_action_html, render_status_html, render_value_html
from reconciler.render.views.comparison import FieldComparisonRow, ResourceComparisonView
from reconciler.render.views.result import OUTCOME_GLYPHS


def render_comparison_html(view: ResourceComparisonView) -> h.Renderable:
    """The file's side and the registry's, attribute by attribute; what differs is marked."""
    live = [
        part
        for part in (
            view.identity,
            f"version {view.version}" if view.version else "",
            f"owned by {view.owner}" if view.owner else "",
        )
        if part
    ]
    about = (
        ("in the file", view.origin),
        ("registered as", " · ".join(live) if view.identity else ""),
        ("needs", ", ".join(view.dependencies)),
    )
    return h.section(aria_label=view.address)[
        h.p(".title")[h.code(".address")[view.address], " ", _verdict(view)],
        (h.p(".quiet")[f"{name} {told}"] for name, told in about if told),
        h.table(".sides")[
            h.thead[
                h.tr[
                    h.td,
                    (h.th(scope="col")[name] for name in ("attribute", "in the file", "in the registry")),
                ]
            ],
            h.tbody[(_pair(pair) for pair in view.fields)],
        ],
    ]


def _pair(pair: FieldComparisonRow) -> h.Renderable:
    return h.tr(".differs" if pair.differs else "")[
        h.td["≠" if pair.differs else ""],
        h.th(scope="row")[pair.path],
        h.td[render_value_html(pair.desired)],
        h.td[render_value_html(pair.live)],
    ]


def _verdict(view: ResourceComparisonView) -> h.Node:
    if view.action:
        return h.fragment[render_action_html(view.action), " is what a plan would do"]
    if view.identity and view.origin:
        return render_status_html(OUTCOME_GLYPHS["applied"], "applied", "as the file wants it")
    return h.span(".quiet")["it is not in the file and is left alone"]
