"""The view of a plan, which every format for people renders, and which a saved plan contains."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete, Forget
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.manifest_source import ManifestSource
from reconciler.model.plan import Estimate, Note, Plan, Step
from reconciler.model.text import escape_invisible
from reconciler.render.views.fields import FieldLine, describe_change
from reconciler.render.views.format_value import ValueView, format_value
from reconciler.render.views.grouping import LazyRows, RowGroup
from reconciler.render.views.labels import (
    ACTION_GLYPHS,
    NOTE_GLYPHS,
    format_duration,
    format_kind,
    format_kind_title,
    get_kind_position,
    join_facts,
    pluralize,
)

OWNERSHIP_MARKER = "ownership marker"
"""The origin of a change of an ownership marker, which is not in the file."""


@frozen
class RequestView:
    """One API call.

    `details` describes the files that the call writes and how long the call may be retried.
    """

    name: str
    params: tuple[tuple[str, ValueView], ...]
    details: str = ""


@frozen
class PlanRow:
    """One change.

    `origin` is `file:line`, "ownership marker", or empty for a deleted resource. `calls` is the number of API calls; `requests`
    are these calls, or empty if the view was built without requests. `wait_seconds` is the longest time that the change may
    wait for AWS.
    """

    action: str
    glyph: str
    address: str
    origin: str
    fields: tuple[FieldLine, ...]
    calls: int
    requests: tuple[RequestView, ...] = ()
    wait_seconds: float = 0.0

    @property
    def label(self) -> str:
        """The action, by which rows are grouped."""
        return self.action

    @property
    def owner(self) -> str:
        """Whether the change is of an ownership marker, which is not alike to resources of the file."""
        return self.origin if self.origin == OWNERSHIP_MARKER else ""


@frozen
class PlanSection:
    """The changes of one kind.

    `position` is the kind's place in dependency order. `rows` may be lazy.
    `omitted` is the number of changes that are not among the `rows`.
    """

    kind: str
    title: str
    position: int
    counts: Mapping[str, int]
    rows: Sequence[PlanRow]
    omitted: int = 0


@frozen
class CostView:
    """API calls by operation, most frequent first, and the least time they take under AWS's quotas.

    `bottleneck` is the operation whose quota decides the time, or empty if several operations share that quota. `explanation`
    is the rate of that quota and the time that its calls take; for a shared quota, it begins with the number of these calls.
    If no quota decides the time, `bottleneck` and `explanation` are empty.
    """

    total: int
    by_api: tuple[tuple[str, int], ...]
    seconds: float
    bottleneck: str = ""
    explanation: str = ""


@frozen
class NoteView:
    """A warning or a note about a plan; `address` is empty if it is about the whole plan."""

    level: str
    glyph: str
    address: str
    text: str


@frozen
class PlanView:
    """A whole plan.

    `sections` are in dependency order. `notes` may be lazy. `counts` are the numbers of changes by action; `markers` is how many of these changes
    are of ownership markers, which are not in the file. `unchanged` is the number of resources and ownership markers that do not
    change; `unchanged_markers` is how many of them are markers. `environment` is empty in a file without environments.
    `sources` describes where the rows of `for_each` come from.
    """

    workspace: str
    target: str
    digest: str
    sections: tuple[PlanSection, ...]
    counts: Mapping[str, int]
    unchanged: int
    cost: CostView
    notes: Sequence[NoteView]
    markers: int = 0
    unchanged_markers: int = 0
    environment: str = ""
    sources: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The number of changes."""
        return sum(self.counts.values())


def build_plan_view(
    plan: Plan, *, requests: bool = False, unchanged_markers: int = 0, max_rows: int | None = None
) -> PlanView:
    """Build the view of a plan.

    `requests` includes every API call with its parameters. `unchanged_markers` is the number of ownership markers that the plan
    does not change. `max_rows` limits the rows of each kind.
    """
    positions_by_kind: dict[str, array[int]] = {}
    for position, change in enumerate(plan.changes):
        positions_by_kind.setdefault(change.address.kind, array("q")).append(position)
    kinds = sorted(positions_by_kind, key=lambda kind: (get_kind_position(kind), kind))
    marker_addresses = list_reserved_addresses(plan.workspace)
    return PlanView(
        workspace=escape_invisible(plan.workspace),
        target=escape_invisible(str(plan.target)),
        digest=plan.digest[:12],
        sections=tuple(
            _build_section(plan, kind, positions_by_kind[kind], max_rows, requests=requests) for kind in kinds
        ),
        counts=plan.counts,
        unchanged=plan.unchanged,
        cost=_build_cost(plan.estimate),
        notes=LazySequence(_build_note, plan.notes),
        markers=sum(change.address in marker_addresses for change in plan.changes),
        unchanged_markers=unchanged_markers,
        environment=escape_invisible(plan.environment),
        sources=tuple(map(_describe_source, plan.manifest_sources)),
    )


def build_plan_row(step: Step, *, requests: bool) -> PlanRow:
    """Build the row of one step."""
    change = step.change
    return PlanRow(
        action=change.action,
        glyph=ACTION_GLYPHS[change.action],
        address=format_address(change),
        origin=format_origin(change),
        fields=describe_change(change),
        calls=len(step.calls),
        requests=tuple(map(_build_request, step.calls)) if requests else (),
        wait_seconds=sum((call.timeout_seconds or 0.0 for call in step.calls), 0.0),
    )


def format_address(change: Change) -> str:
    """Return the address of a change as people read it."""
    return escape_invisible(str(change.address))


def _describe_source(source: ManifestSource) -> str:
    """Describe a manifest with the beginning of its digest."""
    name = f"table {source.name}" if source.form == "table" else source.name
    version = f"version {source.version}" if source.version else ""
    facts = (name, pluralize(source.rows, "row"), version, f"rows {source.digest[:12]}")
    return escape_invisible(join_facts(facts))


def remove_requests(view: PlanView) -> PlanView:
    """Return the view without the `requests` of its rows."""
    sections = (
        evolve(section, rows=LazySequence(_remove_requests, section.rows)) for section in view.sections
    )
    return evolve(view, sections=tuple(sections))


def _remove_requests(row: PlanRow) -> PlanRow:
    return evolve(row, requests=())


def complete_plan_view(view: PlanView) -> PlanView:
    """Return the view with all rows and notes in memory, so that it does not refer to the plan."""
    sections = (evolve(section, rows=tuple(section.rows)) for section in view.sections)
    return evolve(view, sections=tuple(sections), notes=tuple(view.notes))


def format_origin(change: Change) -> str:
    """Return where a resource is declared, as `file:line`.

    For a forgotten resource, that is its `[[removed]]` entry, if it has one. Deletions and ownership markers are not declared: returns an empty
    string for anything that is deleted, and "ownership marker" for any other change of an ownership marker.
    """
    match change:
        case Delete():
            return ""
        case Forget():
            return escape_invisible(str(change.origin)) if change.origin else ""
        case _:
            resource = change.resource
            return (
                OWNERSHIP_MARKER if resource.is_ownership_marker else escape_invisible(str(resource.origin))
            )


def describe_row(row: PlanRow, *, with_call_count: bool = True) -> str:
    """Describe where a resource is declared, how many calls its change needs, and how long it may wait."""
    calls = _describe_calls(row, row.calls, "its thing") if with_call_count else ""
    wait = f"waits up to {format_duration(row.wait_seconds)}" if row.wait_seconds else ""
    return join_facts((row.origin, calls, wait))


def describe_group(group: RowGroup[PlanRow]) -> str:
    """Describe a group: where it is declared, how many calls it needs, and how long each change may wait."""
    wait = f"each waits up to {format_duration(group.wait_seconds)}" if group.wait_seconds else ""
    calls = _describe_calls(group.sample, group.calls, "their things")
    return join_facts((group.origin, calls, wait))


def _describe_calls(row: PlanRow, count: int, owners: str) -> str:
    """Return the number of calls of alike rows, or why imported certificates need none."""
    kind = all_kinds().get(row.address.partition(".")[0])
    if not count and row.action == "update" and kind and kind.owned_through:
        return f"owned through {owners}"
    return pluralize(count, "call")


def describe_minimum_time(cost: CostView) -> str:
    """Describe the least time that a plan's calls take."""
    return f"at least {format_duration(cost.seconds)} under AWS quotas"


def describe_unchanged(view: PlanView) -> str:
    """Describe how many resources and ownership markers a plan leaves unchanged; an empty string for none."""
    if not view.unchanged:
        return ""
    if not view.unchanged_markers:
        return f"{view.unchanged:,} unchanged"
    resources = pluralize(view.unchanged - view.unchanged_markers, "resource")
    return f"{resources} and {_count_markers(view.unchanged_markers)} unchanged"


def describe_markers(view: PlanView) -> str:
    """Describe how many of the changes are of ownership markers; an empty string for none."""
    return f"including {_count_markers(view.markers)}" if view.markers else ""


def describe_no_changes(view: PlanView) -> str:
    """Describe a plan without changes in one sentence."""
    if not view.unchanged:
        return "No changes: the workspace manages no resources."
    resources, markers = view.unchanged - view.unchanged_markers, view.unchanged_markers
    subject = pluralize(resources, "resource") + (f" and {_count_markers(markers)}" if markers else "")
    verb = "matches" if view.unchanged == 1 else "match"
    return f"No changes: {subject} {verb} the file."


def describe_omitted(kind: str, count: int) -> str:
    """Describe how many changes of a kind are not shown."""
    return f"and {count:,} more {format_kind(kind, count)}"


def _count_markers(count: int) -> str:
    return pluralize(count, "ownership marker")


def _build_section(
    plan: Plan, kind: str, positions: Sequence[int], max_rows: int | None, *, requests: bool
) -> PlanSection:
    steps, changes = plan.steps, plan.changes
    rows = LazyRows(
        lambda position: build_plan_row(steps[position], requests=requests),
        positions[:max_rows],
        lambda position: format_address(changes[position]),
    )
    counts = Counter(changes[position].action for position in positions)
    omitted_count = len(positions) - len(rows)
    return PlanSection(kind, format_kind_title(kind), get_kind_position(kind), counts, rows, omitted_count)


def _build_request(call: ApiCall) -> RequestView:
    params = tuple((escape_invisible(name), format_value(value)) for name, value in call.params.items())
    details = [f"writes {output.member.rpartition('.')[2]} to {output.file}" for output in call.output_files]
    if call.timeout_seconds is not None:
        details.append(f"retried for up to {format_duration(call.timeout_seconds)}")
    return RequestView(escape_invisible(str(call)), params, escape_invisible(", ".join(details)))


def _build_cost(estimate: Estimate) -> CostView:
    counts = sorted(estimate.calls.items(), key=lambda item: (-item[1], item[0]))
    by_api = tuple((f"{service}:{operation}", count) for (service, operation), count in counts)
    bottleneck = estimate.bottleneck
    if bottleneck is None:
        return CostView(estimate.total_calls, by_api, estimate.seconds)
    explanation = f"at {bottleneck.rate:g} per second: {format_duration(estimate.seconds)}"
    names = [name for name, _ in by_api if name.partition(":")[2] == bottleneck.operation]
    if names:
        return CostView(estimate.total_calls, by_api, estimate.seconds, names[0], explanation)
    # Several operations share this quota, which has a name of its own, such as `device_certificate_registrations`.
    quota = escape_invisible(bottleneck.operation).replace("_", " ")
    explanation = f"{bottleneck.calls:,} of them are {quota}, {explanation}"
    return CostView(estimate.total_calls, by_api, estimate.seconds, "", explanation)


def _build_note(note: Note) -> NoteView:
    address = escape_invisible(str(note.address)) if note.address else ""
    return NoteView(note.level, NOTE_GLYPHS.get(note.level, "·"), address, escape_invisible(note.text))
