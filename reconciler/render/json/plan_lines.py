"""A plan as JSON Lines: the plan's summary, a line for each change, and a line for each note."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from reconciler.engine.plan.record import ChangeRecord
from reconciler.engine.plan.saved_plan import NoteRecord, PlanRecord, PlanSummary, to_plan_record
from reconciler.frozen_classes import frozen
from reconciler.model.plan import Plan
from reconciler.render.json.encode import encode_json, get_fields


@frozen(kw_only=True)
class PlanLine(PlanSummary):
    """The first line; `changes` and `notes` are the numbers of change lines and note lines that follow."""

    type: Literal["plan"] = "plan"
    changes: int
    notes: int


@frozen(kw_only=True)
class ChangeLine(ChangeRecord):
    """A line for one change."""

    type: Literal["change"] = "change"


@frozen(kw_only=True)
class NoteLine(NoteRecord):
    """A line for one note."""

    type: Literal["note"] = "note"


def render_plan_jsonl(plan: Plan) -> Iterator[str]:
    """Render the lines of a plan, each with its line break."""
    return render_record_jsonl(to_plan_record(plan))


def render_record_jsonl(record: PlanRecord) -> Iterator[str]:
    """Render the lines of a plan's record, such as a saved plan's."""
    summary = get_fields(record, PlanSummary)
    head = PlanLine(**summary, changes=len(record.changes), notes=len(record.notes))
    yield f"{encode_json(head)}\n"
    for change in record.changes:
        yield f"{encode_json(ChangeLine(**get_fields(change, ChangeRecord)))}\n"
    for note in record.notes:
        yield f"{encode_json(NoteLine(**get_fields(note, NoteRecord)))}\n"
