"""One resource from both sides, as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html import parts
from reconciler.render.views.comparison import Comparison, Pair
from reconciler.render.views.result import ENDS


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
