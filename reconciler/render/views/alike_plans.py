"""Groups of environments with alike plans or drifts, and one view for each group. Pure.

Rows are alike if their action, their address and the names of their fields are the same. Documents and lists, which grant
permissions, must be equal, too. Before the comparison, the names that differ between environments by design, such as the account,
are replaced by their placeholders.

Invariant: the view of a group loses nothing that approval needs. Values that differ are counted, rare ones are named with their
environments, and a note of only some environments names these.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from typing import TypeAlias, TypeVar

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.model.text import join_some
from reconciler.render.views.drift import DriftRow, DriftSection, DriftView
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import ValueView, truncate_all
from reconciler.render.views.labels import pluralize
from reconciler.render.views.plan import NoteView, PlanRow, PlanSection, PlanView

_Row = TypeVar("_Row", PlanRow, DriftRow)
_Value = TypeVar("_Value", bound=Hashable)
_View: TypeAlias = PlanView | DriftView

_NEVER_MASKED = frozenset({"Allow", "Deny"})
"""Values of policy documents that are compared as they are, even if an environment has such a name."""

_MAX_NAMES = 3
"""The most environments that a note or a value names."""

_MAX_NOTES = 8
"""The most different notes on last changes that one row has."""

_MAX_VALUES = 8
"""The most values of a field that are shown; more are only counted."""

_MAX_VALUE_LENGTH = 60
"""Longer values are cut where several are shown."""


@frozen(slots=False)
class EnvironmentNames:
    """The names that differ between environments by design: those of the environment and of its target."""

    environment: str
    workspace: str
    account: str
    region: str

    @cached_property
    def _placeholders(self) -> dict[str, str]:
        names = {
            self.environment: "{environment.name}",
            self.region: "{aws.region}",
            self.account: "{aws.account}",
            self.workspace: "{workspace.name}",
        }
        return {name: text for name, text in names.items() if name and name not in _NEVER_MASKED}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self._placeholders, key=len, reverse=True)
        names = "|".join(map(re.escape, longest_first)) or r"(?!)"
        return re.compile(rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])")

    def mask(self, text: str) -> str:
        """Return a text with placeholders such as `{aws.account}` in place of these names."""
        return self._pattern.sub(lambda match: self._placeholders[match[0]], text)

    def mask_line(self, line: FieldLine) -> FieldLine:
        """Return a field's line with placeholders in its values."""
        return evolve(
            line,
            before=self._mask_value(line.before) if line.before else None,
            after=self._mask_value(line.after) if line.after else None,
            added=tuple(map(self._mask_value, line.added)),
            removed=tuple(map(self._mask_value, line.removed)),
        )

    def _mask_value(self, value: ValueView) -> ValueView:
        return evolve(value, text=self.mask(value.text), lines=tuple(map(self.mask, value.lines)))


def get_alike_key(view: _View, names: EnvironmentNames) -> Hashable:
    """Return a key that the views of alike environments share."""
    return tuple(_get_row_key(row, names) for section in view.sections for row in section.rows)


def merge_plans(plans: Sequence[tuple[EnvironmentNames, PlanView]]) -> PlanView:
    """Return one view of alike plans; its numbers of changes are those of one environment."""
    (_, sample), *others = plans
    if not others:
        return sample
    all_names = [names for names, _ in plans]
    sections = []
    for number, section in enumerate(sample.sections):
        columns = zip(*(view.sections[number].rows for _, view in plans), strict=True)
        rows = tuple(_merge_rows(rows, all_names) for rows in columns)
        sections.append(PlanSection(section.kind, section.title, section.position, section.counts, rows))
    notes = _merge_notes([(names, view.notes) for names, view in plans])
    return evolve(sample, sections=tuple(sections), notes=notes)


def merge_drifts(drifts: Sequence[tuple[EnvironmentNames, DriftView]]) -> DriftView:
    """Return one view of alike drifts; its numbers of resources are those of one environment."""
    (_, sample), *others = drifts
    if not others:
        return sample
    all_names = [names for names, _ in drifts]
    sections = []
    for number, section in enumerate(sample.sections):
        columns = zip(*(view.sections[number].rows for _, view in drifts), strict=True)
        rows = tuple(_merge_drift_rows(rows, all_names) for rows in columns)
        sections.append(DriftSection(section.kind, section.title, section.position, rows))
    return evolve(
        sample,
        sections=tuple(sections),
        last_apply="",
        unlisted=_merge_texts([(names, view.unlisted) for names, view in drifts]),
        notes=_merge_texts([(names, view.notes) for names, view in drifts]),
        trail_notes=_merge_texts([(names, view.trail_notes) for names, view in drifts]),
    )


def format_environments(names: Sequence[str], total: int) -> str:
    """Format which environments of a group something is about; an empty string for all of them."""
    if len(names) == total:
        return ""
    return f"in {join_some(names, _MAX_NAMES)}"


def _get_row_key(row: PlanRow | DriftRow, names: EnvironmentNames) -> Hashable:
    fields = tuple(_get_field_key(line, names) for line in row.fields)
    # Drifts are alike even if different people have changed the resources.
    owner = row.owner_note if isinstance(row, DriftRow) else row.owner
    return row.label, names.mask(row.address), names.mask(owner), fields


def _get_field_key(line: FieldLine, names: EnvironmentNames) -> Hashable:
    if line.is_document or line.added or line.removed:
        return names.mask_line(line)
    return line.path, line.sign, line.forces_replacement, line.sensitive


def _merge_rows(rows: Sequence[_Row], names: Sequence[EnvironmentNames]) -> _Row:
    sample = rows[0]
    addresses = {row.address for row in rows}
    address = sample.address if len(addresses) == 1 else names[0].mask(sample.address)
    columns = zip(*(row.fields for row in rows), strict=True)
    return evolve(sample, address=address, fields=tuple(_merge_lines(lines, names) for lines in columns))


def _merge_drift_rows(rows: Sequence[DriftRow], names: Sequence[EnvironmentNames]) -> DriftRow:
    """Return one row, with some of the notes on who made the last change in each environment."""
    row = _merge_rows(rows, names)
    if not any(own_row.change_note for own_row in rows):
        return row
    notes = _merge_texts([(own, (own_row.change_note,)) for own, own_row in zip(names, rows, strict=True)])
    shown, omitted = notes[:_MAX_NOTES], len(notes) - _MAX_NOTES
    suffix = (pluralize(omitted, "other change"),) if omitted > 0 else ()
    return evolve(row, change_note="; ".join((*shown, *suffix)))


def _merge_lines(lines: Sequence[FieldLine], names: Sequence[EnvironmentNames]) -> FieldLine:
    """Return one line: as it is if all are equal, else with placeholders, else with every value counted."""
    sample = lines[0]
    if all(line == sample for line in lines):
        return sample
    masked = [own_names.mask_line(line) for own_names, line in zip(names, lines, strict=True)]
    if all(line == masked[0] for line in masked):
        return masked[0]
    variants = _find_variants(
        (own_names.environment, _get_texts(line), _get_texts(masked_line))
        for own_names, line, masked_line in zip(names, lines, masked, strict=True)
    )
    return evolve(sample, before=None, after=ValueView(_format_values(variants)))


def _get_texts(line: FieldLine) -> tuple[str, ...]:
    """Return the text of a line's value, or the texts before and after."""
    return tuple(value.text for value in (line.before, line.after) if value)


def _find_variants(items: Iterable[tuple[str, _Value, _Value]]) -> Sequence[tuple[_Value, Sequence[str]]]:
    """Return the different values, each with its environments.

    An item is an environment, its value, and that value with placeholders. These are shown only where the environments have different names.
    """
    values: dict[_Value, set[_Value]] = {}
    environments: dict[_Value, dict[str, None]] = {}
    for environment, value, masked in items:
        values.setdefault(masked, set()).add(value)
        environments.setdefault(masked, {})[environment] = None
    return [
        (next(iter(own_values)) if len(own_values) == 1 else masked, tuple(environments[masked]))
        for masked, own_values in values.items()
    ]


def _format_values(variants: Iterable[tuple[tuple[str, ...], Sequence[str]]]) -> str:
    """Format values, the most frequent first, each with its environments or their number.

    A value is its text, or the texts before and after.
    """
    values = sorted(variants, key=lambda variant: -len(variant[1]))
    listed, omitted = values[:_MAX_VALUES], values[_MAX_VALUES:]
    length = max(len(texts) for texts, _ in listed)
    columns = [
        truncate_all([texts[index] if index < len(texts) else "" for texts, _ in listed], _MAX_VALUE_LENGTH)
        for index in range(length)
    ]
    changes = [" → ".join(filter(None, texts)) for texts in zip(*columns, strict=True)]
    texts = [f"{text} ({_format_few(names)})" for text, (_, names) in zip(changes, listed, strict=True)]
    if omitted:
        texts.append(
            f"{pluralize(len(omitted), 'other value')} ({sum(len(names) for _, names in omitted):,})"
        )
    return ", ".join(texts)


def _format_few(names: Sequence[str]) -> str:
    return join_some(names) if len(names) <= _MAX_NAMES else f"{len(names):,} environments"


def _merge_notes(notes: Sequence[tuple[EnvironmentNames, Sequence[NoteView]]]) -> tuple[NoteView, ...]:
    """Return each distinct note once, with the environments that have it unless all have it."""
    variants = _find_variants(
        (names.environment, note, evolve(note, address=names.mask(note.address), text=names.mask(note.text)))
        for names, own_notes in notes
        for note in own_notes
    )
    return tuple(
        evolve(note, text=_add_environments(note.text, own_names, len(notes))) for note, own_names in variants
    )


def _merge_texts(texts: Sequence[tuple[EnvironmentNames, Sequence[str]]]) -> tuple[str, ...]:
    variants = _find_variants(
        (names.environment, text, names.mask(text)) for names, own_texts in texts for text in own_texts
    )
    return tuple(_add_environments(text, own_names, len(texts)) for text, own_names in variants)


def _add_environments(text: str, names: Sequence[str], total: int) -> str:
    environments = format_environments(names, total)
    return f"{text} ({environments})" if environments else text
