"""A plan as text, laid out for a width in characters.

Some lines may still be wider; they are wrapped elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial

from rich.text import Text

from reconciler.model.change import ACTIONS
from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.text.parts import (
    indent,
    measure_addresses,
    render_fields,
    render_group_details,
    render_head,
    render_long_value,
    render_sections,
    render_workspace,
)
from reconciler.render.views.grouping import RowGroup, group_rows
from reconciler.render.views.labels import format_counts, pluralize
from reconciler.render.views.note_groups import group_notes
from reconciler.render.views.plan import (
    CostView,
    NoteView,
    PlanRow,
    PlanSection,
    PlanView,
    RequestView,
    describe_group,
    describe_markers,
    describe_minimum_time,
    describe_no_changes,
    describe_omitted,
    describe_row,
    describe_unchanged,
)


def render_plan_text(
    view: PlanView, width: int, *, full: bool = False, max_rows: int | None = None
) -> Iterator[Text]:
    """Render a whole plan: alike changes and notes as groups, and long values truncated, unless `full`.

    `max_rows` limits the changes and groups of each kind, and the notes; more are only counted.
    """
    yield Text.assemble("Plan for ", render_workspace(view.workspace, view.environment))
    yield Text(f"{view.target} · plan {view.digest}", QUIET)
    yield from (Text(source, QUIET) for source in view.sources)
    yield from render_plan_changes(view, width, full=full, max_rows=max_rows)
    if view.total:
        yield Text()
        yield from _render_cost(view.cost)
    yield Text()
    yield render_plan_summary(view)


def render_plan_changes(
    view: PlanView, width: int, *, full: bool = False, max_rows: int | None = None
) -> Iterator[Text]:
    """Render the changes by kind and the notes; the options are those of `render_plan_text`."""
    render = partial(_render_section, width=width, full=full, max_rows=max_rows)
    yield from render_sections(view.sections, render, max_rows)
    if view.notes:
        yield Text()
        notes = group_notes(view.notes, full=full)
        yield from map(render_note, notes[:max_rows])
        if max_rows is not None and len(notes) > max_rows:
            yield Text(f"  and {pluralize(len(notes) - max_rows, 'more note')}", QUIET)


def render_plan_summary(view: PlanView) -> Text:
    """Render in one line how many changes a plan has, by action, and how much it leaves unchanged."""
    if not view.total:
        return Text(describe_no_changes(view), "bold")
    counts = [
        Text(f"{view.counts[action]:,} to {action}", f"bold {COLORS[action]}")
        for action in ACTIONS
        if view.counts.get(action)
    ]
    summary = Text.assemble(("Plan: ", "bold"), Text(", ").join(counts))
    markers, unchanged = describe_markers(view), describe_unchanged(view)
    summary.append(f" ({markers})" if markers else "", QUIET)
    summary.append(f"; {unchanged}" if unchanged else "", QUIET)
    return summary


def render_plan_row(row: PlanRow, address_width: int, width: int, *, full: bool = False) -> Iterator[Text]:
    """Render one change: its action, address and fields, and its API calls if the view has them.

    With `full`, no value is truncated.
    """
    head = Text.assemble(
        (f"  {row.glyph} {row.action:<7}", f"bold {COLORS[row.action]}"),
        "  ",
        (row.address.ljust(address_width), "bold"),
    )
    description = describe_row(row)
    yield from render_head(head, description, width)
    yield from render_fields(row.fields, width, signs=row.action in ("update", "replace"), in_full=full)
    for number, request in enumerate(row.requests, 1):
        yield from _render_request(number, request)


def render_note(note: NoteView) -> Text:
    """Render one note."""
    style = COLORS["warning"] if note.level == "warning" else QUIET
    address = f"{note.address}  " if note.address else ""
    return Text.assemble((f"  {note.glyph} {note.level:<9}  ", style), (address, "bold"), note.text)


def render_plan_group(group: RowGroup[PlanRow], width: int) -> Iterator[Text]:
    """Render a group of alike changes: their number, their calls and their values."""
    sample = group.sample
    yield from render_head(
        Text.assemble(
            (f"  {sample.glyph} {sample.action:<7}", f"bold {COLORS[sample.action]}"),
            "  ",
            (group.title, "bold"),
        ),
        describe_group(group),
        width,
    )
    yield from render_group_details(group, width, signs=sample.action in ("update", "replace"))


def _render_section(
    section: PlanSection, width: int, *, full: bool, max_rows: int | None
) -> Generator[Text, None, bool]:
    """Render the changes of a kind, and return whether some of them are in a group."""
    yield Text.assemble((section.title, "bold underline"), "  ", (format_counts(section.counts), QUIET))
    entries = group_rows(section.rows, full=full)[:max_rows]
    address_width = measure_addresses(entries)
    for entry in entries:
        if isinstance(entry, PlanRow):
            yield from render_plan_row(entry, address_width, width, full=full)
        else:
            yield from render_plan_group(entry, width)
    omitted_count = section.omitted + len(section.rows) - entries.row_count
    if omitted_count:
        yield Text(f"  {describe_omitted(section.kind, omitted_count)}", QUIET)
    return bool(entries.groups)


def _render_request(number: int, request: RequestView) -> Iterator[Text]:
    details = f"  {request.details}" if request.details else ""
    yield indent(Text.assemble((f"{number}. ", QUIET), (request.name, "italic"), (details, QUIET)))
    name_width = max((len(name) for name, _ in request.params), default=0)
    for name, value in request.params:
        head = indent(f"   {name.ljust(name_width)}  ", QUIET)
        yield from render_long_value(head, value)


def _render_cost(cost: CostView) -> Iterator[Text]:
    yield Text.assemble(("API calls  ", "bold"), f"{cost.total:,}, {describe_minimum_time(cost)}")
    largest_count = max((count for _, count in cost.by_api), default=0)
    count_width = len(f"{largest_count:,}")
    for name, count in cost.by_api:
        explanation = f"  {cost.explanation}" if name == cost.bottleneck else ""
        yield Text.assemble((f"  {count:>{count_width},}  {name}", QUIET), explanation)
    if cost.explanation and not cost.bottleneck:
        yield Text(f"  {cost.explanation}")
