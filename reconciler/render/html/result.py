"""Results, comparisons and mistakes as HTML."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from reconciler.render.html import parts
from reconciler.render.views.diagnostics import Excerpt, MistakeRow, MistakesView
from reconciler.render.views.error import Trouble
from reconciler.render.views.plan import plural
from reconciler.render.views.result import ENDS, Comparison, End, Failure, Moved, Pair, ResultView, concluded


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


def comparison(view: Comparison) -> h.Renderable:
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
        ("needs", ", ".join(view.needs)),
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
            h.tbody[(_pair(pair) for pair in view.pairs)],
        ],
    ]


def mistakes(view: MistakesView) -> h.Renderable:
    """Every mistake with its place, and how many there are."""
    counted = [plural(view.errors, "mistake")] if view.errors else []
    counted += [plural(view.warnings, "warning")] if view.warnings else []
    return h.section(aria_label="Mistakes")[
        h.p(".title")[h.strong[" and ".join(counted)]], (_mistake(row) for row in view.rows)
    ]


def trouble(view: Trouble) -> h.Renderable:
    """What went wrong, and what to do next."""
    return h.div(".failure")[
        h.p[parts.word(ENDS["failed"], "failed", "error"), " ", h.strong[view.title]],
        h.ul[(h.li[point] for point in view.points)] if view.points else None,
        mistakes(view.mistakes) if view.mistakes else None,
        h.p[h.span(".quiet")["next "], view.next_step] if view.next_step else None,
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


def _pair(pair: Pair) -> h.Renderable:
    return h.tr(".differs" if pair.differs else "")[
        h.td["≠" if pair.differs else ""],
        h.th(scope="row")[pair.path],
        h.td[parts.value(pair.desired)],
        h.td[parts.value(pair.live)],
    ]


def _verdict(view: Comparison) -> h.Node:
    if view.action:
        return h.fragment[parts.action(view.action), " is what a plan would do"]
    if view.identity and view.origin:
        return parts.word(ENDS["applied"], "applied", "as the file wants it")
    return h.span(".quiet")["it is not in the file and is left alone"]


def _mistake(row: MistakeRow) -> h.Renderable:
    return h.div(".failure")[
        h.p[
            h.strong(".end.failed" if row.severity == "error" else ".end.skipped")[f"{row.severity}:"],
            " ",
            h.code[row.place],
            " ",
            h.code[row.where] if row.where else None,
        ],
        _excerpt(row.excerpt) if row.excerpt else None,
        h.p[row.problem],
        h.p[h.span(".quiet")["expected "], row.expected] if row.expected else None,
        h.p[h.span(".quiet")["did you mean "], h.strong[row.nearest], "?"] if row.nearest else None,
    ]


def _excerpt(excerpt: Excerpt) -> h.Renderable:
    start, end = excerpt.start, excerpt.start + excerpt.length
    meant = h.mark[excerpt.text[start:end]]
    return h.pre[h.span(".quiet")[f"{excerpt.number} | "], excerpt.text[:start], meant, excerpt.text[end:]]
