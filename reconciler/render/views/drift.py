"""The view of drift."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve

from reconciler.engine.plan.drift import DIRECTIONS, Drift, DriftedResource
from reconciler.frozen_classes import frozen
from reconciler.model.change import FieldChange
from reconciler.model.edge_readings import describe_edge_warnings, describe_edges
from reconciler.model.output_file import OutputFile
from reconciler.model.run import Run
from reconciler.model.secret import KeySecret
from reconciler.model.text import escape_invisible, join_some
from reconciler.render.views.fields import FieldLine, describe_field
from reconciler.render.views.grouping import LazyRows
from reconciler.render.views.labels import (
    format_age,
    format_kind_title,
    get_kind_position,
    join_facts,
    pluralize,
)
from reconciler.render.views.value_structure import get_table_members, is_table

DIRECTION_GLYPHS: Mapping[str, str] = {"missing": "-", "changed": "~", "extra": "+", "unmanaged": "?"}
"""The sign of each direction: how the live state differs from the file."""

DIRECTION_LABELS: Mapping[str, str] = {
    "missing": "missing",
    "changed": "changed",
    "extra": "managed but not in the file",
    "unmanaged": "in the file but not managed",
}

TWO_SIDED_DIRECTIONS = frozenset({"changed", "unmanaged"})
"""The directions in which a resource can have values both in the file and in the registry, so that its fields need signs."""

_MAX_TRAIL_TEXT = 160
"""The most characters of a text of CloudTrail that are shown."""

DRIFT_LEGEND = "Fields: desired → live."


@frozen
class DriftRow:
    """One resource that differs from the file.

    In `fields`, `before` is the desired value and `after` the live value. `owner_note` names the resource's owner if it is another
    workspace, and is empty otherwise. `change_note` is who changed the resource last, or why that is not known; it is empty if that
    was not looked up.
    """

    direction: str
    glyph: str
    address: str
    origin: str
    fields: tuple[FieldLine, ...]
    owner_note: str
    change_note: str = ""

    calls: ClassVar[int] = 0
    wait_seconds: ClassVar[float] = 0.0

    @property
    def label(self) -> str:
        """The direction, by which rows are grouped."""
        return self.direction

    @property
    def owner(self) -> str:
        """The notes about another owner and the last change; alike rows have the same."""
        return join_facts((self.owner_note, self.change_note))


@frozen
class DriftSection:
    """The drift of one kind; `position` is the kind's place in dependency order, and `rows` may be lazy."""

    kind: str
    title: str
    position: int
    rows: Sequence[DriftRow]


@frozen
class DriftView:
    """A whole drift.

    `counts` are the numbers of resources by direction. `last_apply` describes the last apply, if the journal has one, and for
    drift at AWS refers to CloudTrail. `unlisted` are the kinds that could not be listed, each with the reason.
    `notes` describe unmanaged resources that are not in the file. `kept_orphans` names resources that are no longer in the file,
    but stay because nothing is pruned; it is empty without any. `undeclared` is the number of the resources that the notes
    describe; `counts` does not include them. `environment` is empty in a file without environments.
    `trail_notes` are why last changes could not be looked up, and what makes remembered edges less certain; `edges` describes how the edges
    were read, if not all were.
    """

    workspace: str
    target: str
    sections: tuple[DriftSection, ...]
    counts: Mapping[str, int]
    unchanged: int
    last_apply: str
    unlisted: tuple[str, ...]
    notes: tuple[str, ...]
    kept_orphans: str = ""
    environment: str = ""
    undeclared: int = 0
    trail_notes: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The number of resources that differ from the file."""
        return sum(self.counts.values())


def build_drift_view(drift: Drift, last_run: Run | None = None) -> DriftView:
    """Build the view of a drift; `last_run` is the workspace's last apply to the same registry."""
    positions_by_kind: dict[str, array[int]] = {}
    for position, resource in enumerate(drift.items):
        positions_by_kind.setdefault(resource.address.kind, array("q")).append(position)
    kinds = sorted(positions_by_kind, key=lambda kind: (get_kind_position(kind), kind))
    counts = Counter(resource.direction for resource in drift.items)
    return DriftView(
        workspace=escape_invisible(drift.workspace),
        target=escape_invisible(str(drift.target)),
        sections=tuple(_build_section(drift, kind, positions_by_kind[kind]) for kind in kinds),
        counts={direction: counts[direction] for direction in DIRECTIONS},
        unchanged=drift.unchanged,
        last_apply=_describe_last_apply(last_run, drift),
        unlisted=tuple(map(escape_invisible, drift.unlisted)),
        notes=tuple(map(escape_invisible, drift.notes)),
        kept_orphans=escape_invisible(_describe_kept_orphans(drift)),
        environment=escape_invisible(drift.environment),
        undeclared=drift.undeclared,
        trail_notes=tuple(map(escape_invisible, (*describe_edge_warnings(drift.edges), *drift.trail_notes))),
        edges=describe_edges(drift.edges),
    )


def complete_drift_view(view: DriftView) -> DriftView:
    """Return the view with all rows in memory, so that it does not refer to the drift."""
    sections = (evolve(section, rows=tuple(section.rows)) for section in view.sections)
    return evolve(view, sections=tuple(sections))


def format_drift_counts(view: DriftView) -> Sequence[str]:
    """Format the number of resources in every direction that occurs, with the direction's sign."""
    return [
        f"{DIRECTION_GLYPHS[direction]} {count:,} {DIRECTION_LABELS[direction]}"
        for direction, count in view.counts.items()
        if count
    ]


def format_unchanged_count(view: DriftView) -> str:
    """Format the number of resources that match the file, and of unmanaged ones that are not in it."""
    verb = "matches" if view.unchanged == 1 else "match"
    unchanged = f"{pluralize(view.unchanged, 'resource')} {verb} the file"
    return (
        f"{unchanged}, {view.undeclared:,} neither in the file nor managed" if view.undeclared else unchanged
    )


def describe_drift_row(row: DriftRow) -> str:
    """Describe where a resource is declared and, if another workspace owns it, which one."""
    return join_facts((row.origin, row.owner_note))


def _build_section(drift: Drift, kind: str, positions: Sequence[int]) -> DriftSection:
    rows = LazyRows(
        lambda position: _build_row(drift.items[position], drift.workspace),
        positions,
        lambda position: _format_address(drift.items[position]),
    )
    return DriftSection(kind, format_kind_title(kind), get_kind_position(kind), rows)


def _format_address(resource: DriftedResource) -> str:
    return escape_invisible(str(resource.address))


def _build_row(resource: DriftedResource, workspace: str) -> DriftRow:
    changes = (
        FieldChange(field.path, _describe_missing_outputs(field.desired), field.live, field.sensitive)
        for field in resource.fields
    )
    has_other_owner = resource.owner not in (None, workspace)
    return DriftRow(
        direction=resource.direction,
        glyph=DIRECTION_GLYPHS[resource.direction],
        address=_format_address(resource),
        origin=escape_invisible(resource.origin or ""),
        fields=tuple(line for change in changes for line in describe_field(change)),
        owner_note=escape_invisible(f"owned by workspace {resource.owner}") if has_other_owner else "",
        change_note=escape_invisible(_describe_last_change(resource)),
    )


@frozen
class _MissingOutput:
    """A file or a secret that the desired state names and that does not exist."""

    text: str

    def __str__(self) -> str:
        return f"{self.text} does not exist"


def _describe_missing_outputs(value: Any) -> Any:
    """Return a desired value with a statement in place of each file or secret that does not exist."""
    match value:
        case OutputFile() if not value.is_written:
            return _MissingOutput(value.name)
        case KeySecret() if not value.exists:
            return _MissingOutput(f"the secret {value.name}")
        case _ if is_table(value):
            members = {
                name: _describe_missing_outputs(item) for name, item in get_table_members(value).items()
            }
            outputs = [item for item in members.values() if isinstance(item, _MissingOutput)]
            if len(outputs) == len(members) == 1:
                return outputs[0]  # the name of its only member adds nothing
            return members if outputs else value
        case _:
            return value


def _describe_last_change(resource: DriftedResource) -> str:
    """Describe who changed a resource last, when and from where."""
    change = resource.last_change
    if change is None:
        return resource.unknown_change
    call = change.operation
    if change.is_from_reconciler:
        call += f", run {change.run}" if change.run else ", by reconciler"
    principal, source, call = (_shorten(text) for text in (change.principal, change.source, call))
    origin = f" from {source}" if source else ""
    return (
        f"changed by {principal or 'an unknown principal'} {format_age(change.age_seconds)}{origin} ({call})"
    )


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TRAIL_TEXT else f"{text[:_MAX_TRAIL_TEXT]}…"


def _describe_kept_orphans(drift: Drift) -> str:
    if not drift.kept_orphans:
        return ""
    count = len(drift.kept_orphans)
    subject = f"{pluralize(count, 'resource')} no longer in the file"
    verb = "stays" if count == 1 else "stay"
    return f'{subject}, {verb} because workspace.prune is "never": {join_some(map(str, drift.kept_orphans))}'


def _describe_last_apply(run: Run | None, drift: Drift) -> str:
    """Describe the last apply, if any, and whether the file has changed since.

    If the file has changed, the drift may be due to the file and not to the registry. For drift at AWS, also name the option that shows who
    changed the resources, unless that was looked up.
    """
    facts = []
    if run:
        job = f", {run.process.job}" if run.process.job else ""
        facts.append(f"last applied {run.started_at:%Y-%m-%d %H:%M} UTC by {run.process}{job}")
        if run.file_digest != drift.file_digest:
            facts.append("the file has changed since")
    was_looked_up = drift.trail_notes or any(item.last_change or item.unknown_change for item in drift.items)
    if drift and drift.target.endpoint == "aws" and not was_looked_up:
        facts.append("--who shows who changed the live resources")
    return escape_invisible("; ".join(facts))
