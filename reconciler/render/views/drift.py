"""Drift, told once: the tree of plain values that every format walks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from attrs import frozen

from reconciler.engine.plan.drift import DIRECTIONS, Drift, DriftedResource
from reconciler.model.change import FieldChange
from reconciler.model.run import Run
from reconciler.model.text import visible
from reconciler.render.views.plan import FieldLine, describe_field, format_kind_title, get_kind_position

DIRECTION_GLYPHS: Mapping[str, str] = {"missing": "-", "changed": "~", "extra": "+", "unmanaged": "?"}
"""What stands beside the word for it: as the registry differs from the file."""

DIRECTION_LABELS: Mapping[str, str] = {
    "missing": "missing there",
    "changed": "changed there",
    "extra": "this workspace's and not in the file",
    "unmanaged": "there without this workspace's mark",
}

TWO_SIDED_DIRECTIONS = frozenset({"changed", "unmanaged"})
"""The directions of what is on both sides: its attributes come, go and change; the others' all come, or all go."""


@frozen
class DriftRow:
    """One resource. In its lines `before` is the file's value and `after` the registry's."""

    direction: str
    glyph: str
    address: str
    origin: str
    lines: tuple[FieldLine, ...]
    owner_note: str


@frozen
class DriftSection:
    """What drifted of one kind."""

    kind: str
    title: str
    position: int
    rows: tuple[DriftRow, ...]


@frozen
class DriftView:
    """All of it. `counts` has every direction; `ask` says who could be asked: who applied last, where the journal knows."""

    workspace: str
    target: str
    sections: tuple[DriftSection, ...]
    counts: Mapping[str, int]
    unchanged: int
    last_apply: str
    unlisted: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many resources are not as the file says."""
        return sum(self.counts.values())


def build_drift_view(drift: Drift, last: Run | None = None) -> DriftView:
    """The drift as a tree; `last` is the workspace's last run."""
    by_kind: dict[str, list[DriftRow]] = {}
    for item in drift.items:
        by_kind.setdefault(item.address.kind, []).append(_row(item, drift.workspace))
    found = Counter(item.direction for item in drift.items)
    return DriftView(
        workspace=visible(drift.workspace),
        target=visible(str(drift.target)),
        sections=tuple(
            DriftSection(kind, format_kind_title(kind), get_kind_position(kind), tuple(by_kind[kind]))
            for kind in sorted(by_kind, key=lambda kind: (get_kind_position(kind), kind))
        ),
        counts={direction: found[direction] for direction in DIRECTIONS},
        unchanged=drift.unchanged,
        last_apply=_ask(last, drift),
        unlisted=tuple(map(visible, drift.unlisted)),
        notes=tuple(map(visible, drift.notes)),
    )


def format_drift_counts(view: DriftView) -> Sequence[str]:
    """How much there is in every direction."""
    return [
        f"{DIRECTION_GLYPHS[direction]} {count:,} {DIRECTION_LABELS[direction]}"
        for direction, count in view.counts.items()
        if count
    ]


def _row(item: DriftedResource, workspace: str) -> DriftRow:
    fields = (FieldChange(one.path, one.desired, one.live, one.sensitive) for one in item.fields)
    other = item.owner if item.owner not in (None, workspace) else None
    return DriftRow(
        direction=item.direction,
        glyph=DIRECTION_GLYPHS[item.direction],
        address=visible(str(item.address)),
        origin=visible(item.origin or ""),
        lines=tuple(line for field in fields for line in describe_field(field)),
        owner_note=f"it is the workspace {visible(other)}'s" if other else "",
    )


def _ask(run: Run | None, drift: Drift) -> str:
    """Who applied last, and whether the file is still what it was then: if it is not, the difference may be the file's."""
    told = []
    if run:
        job = f", {run.process.job}" if run.process.job else ""
        told.append(f"last applied {run.started_at:%Y-%m-%d %H:%M} UTC by {run.process}{job}")
        if run.file_digest != drift.file_digest:
            told.append("the file has changed since then")
    if drift and drift.target.endpoint == "aws":
        told.append("CloudTrail has who changed what there")
    return visible("; ".join(told))
