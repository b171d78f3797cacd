"""A plan, told once: one pass over it gives the tree of plain values that every format walks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from attrs import evolve, frozen

from reconciler.engine.ownership.markers import reserved
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import ACTIONS, Change, Create, Delete, FieldChange, Forget
from reconciler.model.plan import Estimate, Note, Plan, Step
from reconciler.render.views.document_diff import MOST, inside
from reconciler.render.views.format_value import HIDDEN, Shown, flat, show, visible

GLYPHS: Mapping[str, str] = {"create": "+", "update": "~", "replace": "±", "delete": "-", "forget": "○"}
"""What stands beside the word for it, in every format."""

NOTE_GLYPHS: Mapping[str, str] = {"warning": "!", "remark": "·", "unmanaged": "?"}

_NOTHING: tuple[Any, ...] = (None, (), [], {})


@frozen
class Line:
    """One attribute. `sign` says whether it comes (+), goes (-) or changes (~).

    A list is told by what is `added` and `removed`; everything else by `before` and `after`.
    """

    sign: str
    path: str
    before: Shown | None = None
    after: Shown | None = None
    added: tuple[Shown, ...] = ()
    removed: tuple[Shown, ...] = ()
    forces_replacement: bool = False
    sensitive: bool = False


@frozen
class Request:
    """One API call as people read it. `about` says what it writes to files, and how long it may be repeated."""

    name: str
    params: tuple[tuple[str, Shown], ...]
    about: str = ""


@frozen
class Row:
    """One change. `origin` is `file:line`, empty for what the file no longer has; `requests` only where asked for.

    `waits` is for how many seconds it may wait for AWS, where that is known.
    """

    action: str
    glyph: str
    address: str
    origin: str
    lines: tuple[Line, ...]
    calls: int
    requests: tuple[Request, ...] = ()
    waits: float = 0.0


@frozen
class Section:
    """The changes of one kind. `position` is the kind's place among all kinds, which colours follow.

    `left` is how many changes there are beside `rows`, where not all were asked for.
    """

    kind: str
    title: str
    position: int
    counts: Mapping[str, int]
    rows: tuple[Row, ...]
    left: int = 0


@frozen
class Cost:
    """Calls by API, most first; the least seconds, and what decides them: so many calls under one of AWS's quotas.

    `bottleneck` is the API with that quota, and empty where several share it; `because` then tells all.
    """

    total: int
    by_api: tuple[tuple[str, int], ...]
    seconds: float
    bottleneck: str = ""
    because: str = ""


@frozen
class Remark:
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
    sections: tuple[Section, ...]
    counts: Mapping[str, int]
    unchanged: int
    cost: Cost
    remarks: tuple[Remark, ...]
    marks: int = 0
    unchanged_marks: int = 0

    @property
    def total(self) -> int:
        """How many changes."""
        return sum(self.counts.values())


def plan_view(
    plan: Plan, *, requests: bool = False, unchanged_marks: int = 0, most: int | None = None
) -> PlanView:
    """The plan as a tree; `requests` adds every API call with its parameters; `most` leaves it at so many rows a kind."""
    by_kind: dict[str, list[Step]] = {}
    for step in plan.steps:
        by_kind.setdefault(step.address.kind, []).append(step)
    ordered = sorted(by_kind, key=lambda kind: (position(kind), kind))
    marks = reserved(plan.workspace)
    return PlanView(
        workspace=visible(plan.workspace),
        target=visible(str(plan.target)),
        digest=plan.digest[:12],
        sections=tuple(_section(kind, by_kind[kind], most, requests=requests) for kind in ordered),
        counts=plan.counts,
        unchanged=plan.unchanged,
        cost=_cost(plan.estimate),
        remarks=tuple(_remark(note) for note in plan.notes),
        marks=sum(step.address in marks for step in plan.steps),
        unchanged_marks=unchanged_marks,
    )


def without_requests(view: PlanView) -> PlanView:
    """The same, without its API calls one by one."""
    return evolve(
        view,
        sections=tuple(
            evolve(section, rows=tuple(evolve(row, requests=()) for row in section.rows))
            for section in view.sections
        ),
    )


def position(kind: str) -> int:
    """The kind's place in dependency order; what is no kind of ours comes last."""
    kinds = list(all_kinds())
    return kinds.index(kind) if kind in kinds else len(kinds)


def noun(kind: str, count: int = 1) -> str:
    """What one, or many, of a kind are called: "thing", "CA certificates"."""
    known = all_kinds().get(kind)
    if known is None:
        return visible(kind)
    if count == 1:
        return known.noun
    if known.noun.endswith("y"):
        return f"{known.noun[:-1]}ies"
    return f"{known.noun}es" if known.noun.endswith("s") else f"{known.noun}s"


def title(kind: str) -> str:
    """The heading of a kind: "Device certificates"."""
    many = noun(kind, 2)
    return many[:1].upper() + many[1:]


def lines(change: Change) -> tuple[Line, ...]:
    """What differs, attribute by attribute; a creation without a list of its own tells all that is not a default."""
    if isinstance(change, Create) and not change.fields:
        return tuple(_given(change.resource.spec))
    return tuple(line for field in change.fields for line in field_lines(field))


def seconds(value: float) -> str:
    """A duration as people say it."""
    if value < 60:  # noqa: PLR2004 (a minute)
        return f"{value:.1f} s" if value >= 0.95 else f"{value:.2f} s"  # noqa: PLR2004 (tenths suffice from one on)
    minutes, rest = divmod(round(value), 60)
    hours, left = divmod(minutes, 60)
    parts = ((hours, "h"), (left, "min")) if hours else ((minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def plural(count: int, noun: str) -> str:
    """`1 call`, `1,204 calls`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def told(counts: Mapping[str, int]) -> str:
    """`2 to create, 1 to delete`."""
    return ", ".join(f"{counts[action]:,} to {action}" for action in ACTIONS if counts.get(action))


def _section(kind: str, steps: Sequence[Step], most: int | None, *, requests: bool) -> Section:
    rows = tuple(row_view(step, requests=requests) for step in steps[:most])
    counts = Counter(step.change.action for step in steps)
    return Section(kind, title(kind), position(kind), counts, rows, len(steps) - len(rows))


def row_view(step: Step, *, requests: bool) -> Row:
    """One step."""
    change = step.change
    return Row(
        action=change.action,
        glyph=GLYPHS[change.action],
        address=_address(change.address),
        origin=origin(change),
        lines=lines(change),
        calls=len(step.calls),
        requests=tuple(_request(call) for call in step.calls) if requests else (),
        waits=sum((call.patience for call in step.calls if call.patience is not None), 0.0),
    )


def origin(change: Change) -> str:
    """Where it is declared: `file:line`, or nothing for what the file no longer has."""
    if isinstance(change, Delete):
        return ""
    if isinstance(change, Forget):
        return visible(str(change.origin))
    return "for the workspace itself" if change.resource.implied else visible(str(change.resource.origin))


def _given(spec: Any) -> Iterator[Line]:
    defaults = {
        field.name: field.default for field in attrs.fields(type(spec)) if field.default is not attrs.NOTHING
    }
    for path, value in flat(spec):
        if value not in _NOTHING and defaults.get(path, attrs.NOTHING) != value:
            line = _line(FieldChange(path, None, value))
            if line:
                yield line


def field_lines(field: FieldChange) -> Iterator[Line]:
    """One attribute that differs; of a document, what differs in it."""
    parts = inside(field)
    yield from (line for part in parts[:MOST] if (line := _line(part, whole=part is not field)))
    if len(parts) > MOST:
        more = f"and {len(parts) - MOST:,} more differences in it"
        yield Line("~", visible(field.path), after=Shown(more, quiet=True))


def _line(field: FieldChange, *, whole: bool = False) -> Line | None:
    """One attribute; with `whole`, a list that is new or goes is not told by its items."""
    before, after = field.before, field.after
    came, went = before in _NOTHING, after in _NOTHING
    if came and went:
        return None
    listed = isinstance(before, list | tuple) or isinstance(after, list | tuple)
    if listed and not field.sensitive and not (whole and (came or went)):
        return _list_line(field, list(before or ()), list(after or ()))
    one = None if came else HIDDEN if field.sensitive else show(before)
    other = None if went else HIDDEN if field.sensitive else show(after)
    return Line(
        sign="+" if came else "-" if went else "~",
        path=visible(field.path),
        before=one,
        after=other,
        forces_replacement=field.forces_replacement,
        sensitive=HIDDEN in (one, other),
    )


def _list_line(field: FieldChange, before: list[Any], after: list[Any]) -> Line:
    """What a list gains and loses; one that is only in another order is told whole."""
    added = tuple(show(item) for item in after if item not in before)
    removed = tuple(show(item) for item in before if item not in after)
    reordered = not added and not removed
    return Line(
        sign="~" if before and after else "+" if after else "-",
        path=visible(field.path),
        before=show(before) if reordered else None,
        after=show(after) if reordered else None,
        added=added,
        removed=removed,
        forces_replacement=field.forces_replacement,
    )


def _request(call: ApiCall) -> Request:
    params = tuple((visible(name), show(value)) for name, value in call.params.items())
    about = [f"writes {save.member.rpartition('.')[2]} to {save.output}" for save in call.saves]
    if call.patience is not None:
        about.append(f"repeated for at most {seconds(call.patience)}")
    return Request(visible(str(call)), params, visible(", ".join(about)))


def _address(address: Address) -> str:
    return visible(str(address))


def _cost(estimate: Estimate) -> Cost:
    ordered = sorted(estimate.calls.items(), key=lambda item: (-item[1], item[0]))
    slow = estimate.bottleneck
    by_api = tuple((f"{service}:{operation}", count) for (service, operation), count in ordered)
    if slow is None:
        return Cost(estimate.total, by_api, estimate.seconds)
    because = f"at {slow.rate:g} a second: {seconds(estimate.seconds)}"
    named = next((name for name, _ in by_api if slow.operation == name.partition(":")[2]), "")
    if not named:
        because = f"{slow.calls:,} of them are {visible(slow.operation).replace('_', ' ')}, {because}"
    return Cost(estimate.total, by_api, estimate.seconds, named, because)


def _remark(note: Note) -> Remark:
    address = _address(note.address) if note.address else ""
    return Remark(note.level, NOTE_GLYPHS.get(note.level, "·"), address, visible(note.text))
