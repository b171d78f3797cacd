"""Results, comparisons and mistakes as HTML."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from reconciler.render.html import parts
from reconciler.render.views.plan import plural
from reconciler.render.views.result import ENDS, End, Failure, Moved, ResultView, concluded


def result(view: ResultView) -> h.Renderable:
    """What was done, what was not and why, what to do next, and every step with its end."""
    end, first, rest = concluded(view)
    return h.section(aria_label=f"Result of applying {view.workspace}")[
        h.p(".title")[parts.word(ENDS[end], end, first), rest],
        (_failure(failure) for failure in view.failures),
        (_skipped(address, count) for address, count in view.skipped),
        _cancelled(view.counts["cancelled"]),
        ends(view) if view.ends else None,
    ]


def ends(view: ResultView) -> h.Renderable:
    """Every step and what became of it."""
    return h.details(".kind")[
        h.summary[h.strong["Steps"], " ", h.span(".quiet")[_counted(view)]],
        h.table(".rows")[h.tbody[(_end(end) for end in view.ends)]],
        h.p(".quiet")[f"and {view.left:,} more"] if view.left else None,
    ]


def _counted(view: ResultView) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in view.counts.items() if count)


def _failure(failure: Failure) -> h.Renderable:
    code = h.fragment[h.strong[failure.code], ": "] if failure.code else None
    about: tuple[tuple[str, h.Node], ...] = (
        ("answer", h.fragment[code, failure.message]),
        ("request", failure.request_id),
        ("next", failure.next_step),
    )
    return h.div(".failure")[
        h.p[parts.word(ENDS["failed"], "failed"), " ", h.strong[failure.doing]],
        h.table(".lines")[
            h.tbody[(h.tr[h.th(scope="row")[name], h.td[told]] for name, told in about if told)]
        ],
        _moved(failure.moved) if failure.moved else None,
    ]


def _moved(found: Sequence[Moved]) -> h.Renderable:
    """What somebody else changed: as the plan saw it, as it would make it, and as it is now."""
    heads = ("attribute", "the plan saw", "it would be", "it is now")
    return h.table(".sides")[
        h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
        h.tbody[
            (
                h.tr[
                    h.th(scope="row")[one.path],
                    (h.td[parts.value(v)] for v in (one.seen, one.planned, one.live)),
                ]
                for one in found
            )
        ],
    ]


def _skipped(address: str, count: int) -> h.Renderable:
    said = parts.word(ENDS["skipped"], "skipped", f"{count:,} skipped")
    return h.p[said, " because ", h.code[address], " failed"]


def _cancelled(count: int) -> h.Node:
    if not count:
        return None
    said = parts.word(ENDS["cancelled"], "cancelled", plural(count, "step"))
    return h.p[said, " not begun, because the run was stopped; apply again to go on"]


def _end(end: End) -> h.Renderable:
    return h.tr[
        h.td(".action")[parts.action(end.action)],
        h.td[h.code(".address")[end.address]],
        h.td[parts.word(end.glyph, end.word)],
        h.td(".quiet")[end.about],
    ]
