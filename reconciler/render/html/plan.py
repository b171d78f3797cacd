"""A plan as HTML."""

from __future__ import annotations

from collections.abc import Iterator

import htpy as h

from reconciler.render.html import parts
from reconciler.render.text import plan as text
from reconciler.render.views.plan import Cost, PlanView, Remark, Row, Section, plural, seconds, told

_SMALL = 30
"""Plans up to this many changes show the attributes of updates and replacements at once; those of larger ones unfold."""


def plan(view: PlanView) -> h.Renderable:
    """The whole plan: what it comes to, the changes by kind, what there is to know, what it costs."""
    small = view.total <= _SMALL
    return h.section(aria_label=f"Plan for {view.workspace}")[
        h.p(".title")["Plan for ", h.strong[view.workspace]],
        h.p(".quiet")[f"{view.target} · plan {view.digest}"],
        summary(view),
        (remark(found) for found in view.remarks),
        (_section(section, unfolded=small) for section in view.sections),
        _cost(view.cost) if view.total else None,
    ]


def summary(view: PlanView, line: h.Element = h.p) -> h.Renderable:
    """The plan in one line."""
    if not view.total:
        return line(".summary")[h.strong[text.summary(view).plain]]
    return line(".summary")[parts.actions(view.counts), h.span(".quiet")[unchanged(view)]]


def unchanged(view: PlanView) -> str:
    """What a plan leaves as it is, and what of it is the workspace's own."""
    files, marks = view.unchanged - view.unchanged_marks, view.unchanged_marks
    own = f" and {plural(marks, 'own mark')}" if marks else ""
    among = f"{plural(view.marks, 'own mark')} among them" if view.marks else ""
    return " · ".join(part for part in (among, f"{files:,}{own} unchanged" if view.unchanged else "") if part)


def details(row: Row) -> h.Renderable:
    """All that is behind one change: its attributes and its calls."""
    return h.div(".details")[
        parts.lines(row.lines, signs=row.action in ("update", "replace")), parts.requests(row.requests)
    ]


def about(row: Row) -> str:
    """Where it is declared and what it takes, in a few words."""
    waits = f"waits for at most {seconds(row.waits)}" if row.waits else ""
    calls = "" if row.requests else plural(row.calls, "call")
    return " · ".join(part for part in (row.origin, calls, waits) if part)


def _section(section: Section, *, unfolded: bool) -> h.Renderable:
    more = f"and {section.left:,} more {section.title[:1].lower()}{section.title[1:]}"
    return h.details(".kind", open=len(section.rows) + section.left <= _SMALL)[
        h.summary[h.strong[section.title], " ", h.span(".quiet")[told(section.counts)]],
        h.table(".rows")[h.tbody[(_row(row, unfolded=unfolded) for row in section.rows)]],
        h.p(".quiet")[more] if section.left else None,
    ]


def _row(row: Row, *, unfolded: bool) -> h.Renderable:
    unfold = unfolded and row.action in ("update", "replace")
    return h.tr[
        h.td(".action")[parts.action(row.action)],
        h.td[
            h.details(open=unfold)[
                h.summary[h.code(".address")[row.address], " ", h.span(".quiet")[about(row)]], details(row)
            ]
        ],
    ]


def remark(found: Remark) -> h.Renderable:
    """Something to know that is no change."""
    address = h.fragment[h.code[found.address], " "] if found.address else None
    said = h.strong[f"{found.glyph} {found.level}"]
    return h.p(f".remark.{found.level}")[said, " ", address, found.text]


def _cost(cost: Cost) -> h.Renderable:
    least = f"{cost.total:,}, at the least {seconds(cost.seconds)} under AWS's quotas"
    because = cost.because if cost.because and not cost.bottleneck else None
    return h.details(".kind")[
        h.summary[h.strong["API calls"], " ", h.span(".quiet")[least]],
        h.table(".lines")[h.tbody[_calls(cost)]],
        h.p(".quiet")[because] if because else None,
    ]


def _calls(cost: Cost) -> Iterator[h.Node]:
    for name, count in cost.by_api:
        why = h.td(".quiet")[cost.because if name == cost.bottleneck else ""]
        yield h.tr[h.td(".number")[f"{count:,}"], h.th(scope="row")[name], why]
