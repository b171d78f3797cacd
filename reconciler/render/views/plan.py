"""A plan, told once: one pass over it gives the tree of plain values that every format walks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from attrs import evolve, frozen

from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import ACTIONS, Change, Create, Delete, FieldChange, Forget
from reconciler.model.plan import Estimate, Note, Plan, Step
from reconciler.render.views.document_diff import MAX_DIFFERENCES, split_document_change
from reconciler.render.views.format_value import (
    REDACTED_VALUE,
    ValueView,
    flatten_spec,
    format_value,
    visible,
)

ACTION_GLYPHS: Mapping[str, str] = {
    "create": "+",
    "update": "~",
    "replace": "±",
    "delete": "-",
    "forget": "○",
}
"""What stands beside the word for it, in every format."""

NOTE_GLYPHS: Mapping[str, str] = {"warning": "!", "info": "·", "unmanaged": "?"}

_NOTHING: tuple[Any, ...] = (None, (), [], {})


@frozen
class FieldLine:
    """One attribute. `sign` says whether it comes (+), goes (-) or changes (~).

    A list is told by what is `added` and `removed`; everything else by `before` and `after`.
    """

    sign: str
    path: str
    before: ValueView | None = None
    after: ValueView | None = None
    added: tuple[ValueView, ...] = ()
    removed: tuple[ValueView, ...] = ()
    forces_replacement: bool = False
    sensitive: bool = False


@frozen
class RequestView:
    """One API call as people read it. `about` says what it writes to files, and how long it may be repeated."""

    name: str
    params: tuple[tuple[str, ValueView], ...]
    details: str = ""


@frozen
class PlanRow:
    """One change. `origin` is `file:line`, empty for what the file no longer has; `requests` only where asked for.

    `waits` is for how many seconds it may wait for AWS, where that is known.
    """

    action: str
    glyph: str
    address: str
    origin: str
    fields: tuple[FieldLine, ...]
    calls: int
    requests: tuple[RequestView, ...] = ()
    wait_seconds: float = 0.0


@frozen
class PlanSection:
    """The changes of one kind. `position` is the kind's place among all kinds, which colours follow.

    `left` is how many changes there are beside `rows`, where not all were asked for.
    """

    kind: str
    title: str
    position: int
    counts: Mapping[str, int]
    rows: tuple[PlanRow, ...]
    omitted: int = 0


@frozen
class CostView:
    """Calls by API, most first; the least seconds, and what decides them: so many calls under one of AWS's quotas.

    `bottleneck` is the API with that quota, and empty where several share it; `because` then tells all.
    """

    total: int
    by_api: tuple[tuple[str, int], ...]
    seconds: float
    bottleneck: str = ""
    explanation: str = ""


@frozen
class NoteView:
    """Something to know that is no change."""

    level: str
    glyph: str
    address: str
    text: str


@frozen
class PlanView:
    """A whole plan. `sections` are in dependency order.

    `marks` are the changes of what the workspace itself adds to the file, `unchanged_marks` what it leaves of those;
    `counts` and `unchanged` have both in them.
    """

    workspace: str
    target: str
    digest: str
    sections: tuple[PlanSection, ...]
    counts: Mapping[str, int]
    unchanged: int
    cost: CostView
    notes: tuple[NoteView, ...]
    markers: int = 0
    unchanged_markers: int = 0

    @property
    def total(self) -> int:
        """How many changes."""
        return sum(self.counts.values())


def build_plan_view(
    plan: Plan, *, requests: bool = False, unchanged_markers: int = 0, max_rows: int | None = None
) -> PlanView:
    """The plan as a tree; `requests` adds every API call with its parameters; `most` leaves it at so many rows a kind."""
    by_kind: dict[str, list[Step]] = {}
    for step in plan.steps:
        by_kind.setdefault(step.address.kind, []).append(step)
    ordered = sorted(by_kind, key=lambda kind: (get_kind_position(kind), kind))
    marks = reserved_addresses(plan.workspace)
    return PlanView(
        workspace=visible(plan.workspace),
        target=visible(str(plan.target)),
        digest=plan.digest[:12],
        sections=tuple(_section(kind, by_kind[kind], max_rows, requests=requests) for kind in ordered),
        counts=plan.counts,
        unchanged=plan.unchanged,
        cost=_cost(plan.estimate),
        notes=tuple(_remark(note) for note in plan.notes),
        markers=sum(step.address in marks for step in plan.steps),
        unchanged_markers=unchanged_markers,
    )


def remove_requests(view: PlanView) -> PlanView:
    """The same, without its API calls one by one."""
    return evolve(
        view,
        sections=tuple(
            evolve(section, rows=tuple(evolve(row, requests=()) for row in section.rows))
            for section in view.sections
        ),
    )


def get_kind_position(kind: str) -> int:
    """The kind's place in dependency order; what is no kind of ours comes last."""
    kinds = list(all_kinds())
    return kinds.index(kind) if kind in kinds else len(kinds)


def format_kind(kind: str, count: int = 1) -> str:
    """What one, or many, of a kind are called: "thing", "CA certificates"."""
    known = all_kinds().get(kind)
    if known is None:
        return visible(kind)
    if count == 1:
        return known.noun
    if known.noun.endswith("y"):
        return f"{known.noun[:-1]}ies"
    return f"{known.noun}es" if known.noun.endswith("s") else f"{known.noun}s"


def format_kind_title(kind: str) -> str:
    """The heading of a kind: "Device certificates"."""
    many = format_kind(kind, 2)
    return many[:1].upper() + many[1:]


def describe_change(change: Change) -> tuple[FieldLine, ...]:
    """What differs, attribute by attribute; a creation without a list of its own tells all that is not a default."""
    if isinstance(change, Create) and not change.fields:
        return tuple(_given(change.resource.spec))
    return tuple(line for field in change.fields for line in describe_field(field))


def format_duration(value: float) -> str:
    """A duration as people say it."""
    if value < 60:  # noqa: PLR2004 (a minute)
        return f"{value:.1f} s" if value >= 0.95 else f"{value:.2f} s"  # noqa: PLR2004 (tenths suffice from one on)
    minutes, rest = divmod(round(value), 60)
    hours, left = divmod(minutes, 60)
    parts = ((hours, "h"), (left, "min")) if hours else ((minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def pluralize(count: int, noun: str) -> str:
    """`1 call`, `1,204 calls`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_counts(counts: Mapping[str, int]) -> str:
    """`2 to create, 1 to delete`."""
    return ", ".join(f"{counts[action]:,} to {action}" for action in ACTIONS if counts.get(action))


def _section(kind: str, steps: Sequence[Step], most: int | None, *, requests: bool) -> PlanSection:
    rows = tuple(build_plan_row(step, requests=requests) for step in steps[:most])
    counts = Counter(step.change.action for step in steps)
    return PlanSection(
        kind, format_kind_title(kind), get_kind_position(kind), counts, rows, len(steps) - len(rows)
    )


def build_plan_row(step: Step, *, requests: bool) -> PlanRow:
    """One step."""
    change = step.change
    return PlanRow(
        action=change.action,
        glyph=ACTION_GLYPHS[change.action],
        address=_address(change.address),
        origin=format_origin(change),
        fields=describe_change(change),
        calls=len(step.calls),
        requests=tuple(_request(call) for call in step.calls) if requests else (),
        wait_seconds=sum(
            (call.timeout_seconds for call in step.calls if call.timeout_seconds is not None), 0.0
        ),
    )


def format_origin(change: Change) -> str:
    """Where it is declared: `file:line`, or nothing for what the file no longer has."""
    if isinstance(change, Delete):
        return ""
    if isinstance(change, Forget):
        return visible(str(change.origin))
    return (
        "for the workspace itself"
        if change.resource.is_ownership_marker
        else visible(str(change.resource.origin))
    )


def _given(spec: Any) -> Iterator[FieldLine]:
    defaults = {
        field.name: field.default for field in attrs.fields(type(spec)) if field.default is not attrs.NOTHING
    }
    for path, value in flatten_spec(spec):
        if value not in _NOTHING and defaults.get(path, attrs.NOTHING) != value:
            line = _line(FieldChange(path, None, value))
            if line:
                yield line


def describe_field(field: FieldChange) -> Iterator[FieldLine]:
    """One attribute that differs; of a document, what differs in it."""
    parts = split_document_change(field)
    yield from (line for part in parts[:MAX_DIFFERENCES] if (line := _line(part, whole=part is not field)))
    if len(parts) > MAX_DIFFERENCES:
        more = f"and {len(parts) - MAX_DIFFERENCES:,} more differences in it"
        yield FieldLine("~", visible(field.path), after=ValueView(more, is_placeholder=True))


def _line(field: FieldChange, *, whole: bool = False) -> FieldLine | None:
    """One attribute; with `whole`, a list that is new or goes is not told by its items."""
    before, after = field.before, field.after
    came, went = before in _NOTHING, after in _NOTHING
    if came and went:
        return None
    listed = isinstance(before, list | tuple) or isinstance(after, list | tuple)
    if listed and not field.sensitive and not (whole and (came or went)):
        return _list_line(field, list(before or ()), list(after or ()))
    one = None if came else REDACTED_VALUE if field.sensitive else format_value(before)
    other = None if went else REDACTED_VALUE if field.sensitive else format_value(after)
    return FieldLine(
        sign="+" if came else "-" if went else "~",
        path=visible(field.path),
        before=one,
        after=other,
        forces_replacement=field.forces_replacement,
        sensitive=REDACTED_VALUE in (one, other),
    )


def _list_line(field: FieldChange, before: list[Any], after: list[Any]) -> FieldLine:
    """What a list gains and loses; one that is only in another order is told whole."""
    added = tuple(format_value(item) for item in after if item not in before)
    removed = tuple(format_value(item) for item in before if item not in after)
    reordered = not added and not removed
    return FieldLine(
        sign="~" if before and after else "+" if after else "-",
        path=visible(field.path),
        before=format_value(before) if reordered else None,
        after=format_value(after) if reordered else None,
        added=added,
        removed=removed,
        forces_replacement=field.forces_replacement,
    )


def _request(call: ApiCall) -> RequestView:
    params = tuple((visible(name), format_value(value)) for name, value in call.params.items())
    about = [f"writes {save.member.rpartition('.')[2]} to {save.file}" for save in call.output_files]
    if call.timeout_seconds is not None:
        about.append(f"repeated for at most {format_duration(call.timeout_seconds)}")
    return RequestView(visible(str(call)), params, visible(", ".join(about)))


def _address(address: Address) -> str:
    return visible(str(address))


def _cost(estimate: Estimate) -> CostView:
    ordered = sorted(estimate.calls.items(), key=lambda item: (-item[1], item[0]))
    slow = estimate.bottleneck
    by_api = tuple((f"{service}:{operation}", count) for (service, operation), count in ordered)
    if slow is None:
        return CostView(estimate.total_calls, by_api, estimate.seconds)
    because = f"at {slow.rate:g} a second: {format_duration(estimate.seconds)}"
    named = next((name for name, _ in by_api if slow.operation == name.partition(":")[2]), "")
    if not named:
        because = f"{slow.calls:,} of them are {visible(slow.operation).replace('_', ' ')}, {because}"
    return CostView(estimate.total_calls, by_api, estimate.seconds, named, because)


def _remark(note: Note) -> NoteView:
    address = _address(note.address) if note.address else ""
    return NoteView(note.level, NOTE_GLYPHS.get(note.level, "·"), address, visible(note.text))
