"""A plan as lines of JSON: the plan itself, then a line for each change, then one for each note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs
from attrs import frozen

from reconciler.engine.plan.record import ChangeRecord
from reconciler.engine.plan.saved import FORMAT, VERSION, NoteRecord, PlanRecord, to_plan_record
from reconciler.model.plan import Plan, Target
from reconciler.render.json.encode import encode_json


@frozen(kw_only=True)
class PlanLine:
    """The first line. Its members are those of a plan's JSON; `changes` and `notes` are how many lines follow."""

    type: Literal["plan"] = "plan"
    format: Literal["reconciler.plan"] = FORMAT
    version: Literal[1] = VERSION
    workspace: str
    target: Target
    file: str
    digest: str
    options: Mapping[str, Any]
    counts: Mapping[str, int]
    unchanged: int
    calls: Mapping[str, int]
    seconds: float
    changes: int
    notes: int


@frozen(kw_only=True)
class ChangeLine(ChangeRecord):
    """One change."""

    type: Literal["change"] = "change"


@frozen(kw_only=True)
class NoteLine(NoteRecord):
    """One note."""

    type: Literal["note"] = "note"


def render_plan_jsonl(plan: Plan) -> Iterator[str]:
    """The lines, each ending with its line break."""
    return render_record_jsonl(to_plan_record(plan))


def render_record_jsonl(record: PlanRecord) -> Iterator[str]:
    """The same of a plan that is written down."""
    own = attrs.fields_dict(PlanLine).keys() - {"type", "changes", "notes"}
    head = PlanLine(
        **{name: getattr(record, name) for name in own},
        changes=len(record.changes),
        notes=len(record.notes),
    )
    yield f"{encode_json(head)}\n"
    yield from (f"{encode_json(ChangeLine(**_members(change)))}\n" for change in record.changes)
    yield from (f"{encode_json(NoteLine(**_members(note)))}\n" for note in record.notes)


def _members(value: Any) -> Mapping[str, Any]:
    return {name: getattr(value, name) for name in attrs.fields_dict(type(value))}
