"""Groups of alike notes: one note with examples and a count in place of hundreds. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from attrs import evolve

from reconciler.render.views.group_values import mask_numbers
from reconciler.render.views.grouping import format_names, merge_alike
from reconciler.render.views.plan import NoteView

_MAX_EXAMPLES = 3
"""The most addresses that a group of notes has as examples."""


def group_notes(notes: Sequence[NoteView], *, full: bool = False) -> Sequence[NoteView]:
    """Return the notes, with one note in place of each `MIN_GROUP_SIZE` or more that are alike.

    Alike notes have the same level and kind, and the same text but for their own names and numbers. The note of a group stands where
    its first note stood. With `full`, there are no groups.
    """
    if full:
        return notes
    return merge_alike(notes, _get_key, _merge)


def _get_key(note: NoteView) -> Hashable:
    kind, _, name = note.address.partition(".")
    text = note.text.replace(name, "<name>") if name else note.text
    return note.level, kind, mask_numbers(text)


def _merge(notes: Sequence[NoteView]) -> NoteView:
    first_note = notes[0]
    has_same_text = all(note.text == first_note.text for note in notes)
    text = first_note.text if has_same_text else f"for example: {first_note.text}"
    if not first_note.address:
        return evolve(first_note, text=f"{len(notes):,} alike, {text}")
    examples = [note.address for note in notes[:_MAX_EXAMPLES]]
    return evolve(first_note, address=format_names(examples, _MAX_EXAMPLES, total=len(notes)), text=text)
