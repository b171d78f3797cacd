"""A plan is rendered change by change, with the bytes of a plan that is rendered at once."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator

import attrs
import pytest
from attrs import evolve, frozen

from reconciler.model.lazy_sequence import LazySequence
from reconciler.render.json.encode import encode_document, encode_json
from reconciler.render.json.plan_file import PlanDocument, build_plan_document, render_plan_json
from reconciler.render.views.plan import NoteView, complete_rows
from tests.support.sample_plans import FULL_PLAN, make_sample_plan


def complete_document(document: PlanDocument) -> PlanDocument:
    """Return a document whose changes and rows are all in memory."""
    return evolve(document, changes=tuple(document.changes), view=complete_rows(document.view))


def encode_at_once(document: PlanDocument) -> Iterator[str]:
    """Encode each member at once: a list of objects with a line for each, anything else as one line."""
    for name in attrs.fields_dict(PlanDocument):
        member = getattr(document, name)
        is_list = isinstance(member, tuple) and member
        items = ",\n".join(map(encode_json, member)) if is_list else ""
        yield f"{encode_json(name)}: " + (f"[\n{items}\n]" if is_list else encode_json(member))


@pytest.mark.parametrize("plan", [FULL_PLAN, make_sample_plan()])
def test_a_plan_written_in_pieces_has_the_bytes_of_the_whole_document(plan):
    text = "".join(render_plan_json(plan))
    document = evolve(complete_document(build_plan_document(plan)), seal=json.loads(text)["seal"])
    members = ",\n".join(encode_at_once(document))
    assert text == f"{{\n{members}\n}}\n"


def test_only_one_item_of_a_lazy_sequence_at_a_time_is_in_memory():
    """So the memory that a plan's JSON needs does not grow with the plan."""
    created: list[weakref.ref[NoteView]] = []

    def build_note(number: int) -> NoteView:
        note = NoteView("info", "·", "", str(number))
        created.append(weakref.ref(note))
        return note

    @frozen
    class Document:
        notes: LazySequence[int, NoteView]

    living_counts = [
        sum(reference() is not None for reference in created)
        for _ in encode_document(Document(LazySequence(build_note, range(50))))
    ]
    assert len(created) == 51  # the first one is also looked at before
    assert max(living_counts) == 1
