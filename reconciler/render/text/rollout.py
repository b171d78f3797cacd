"""A rollout as text: the environments in groups, the details of each group once, and a summary."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from rich.text import Text

from reconciler.render.text.colors import COLORS, OUTCOME_STYLES, QUIET
from reconciler.render.text.drift import render_drifted_resources
from reconciler.render.text.plan import render_plan_changes
from reconciler.render.views.labels import format_duration, join_facts, pluralize
from reconciler.render.views.rollout import (
    STATUS_GLYPHS,
    STATUS_STYLES,
    EnvironmentGroup,
    EnvironmentRow,
    RolloutView,
    describe_group,
    describe_rollout_cost,
    describe_row,
    describe_similarity,
    format_rollout_title,
    format_status,
    list_names,
    summarize_rollout,
)

_STYLES: Mapping[str, str] = {**OUTCOME_STYLES, "update": COLORS["update"], "quiet": QUIET}

_INDENT = "    "

_MAX_MESSAGE_LINES = 2
"""The lines of a message that the line of an environment has: a rejection has its first reason in the second."""


def render_rollout_text(view: RolloutView, width: int, *, full: bool = False) -> Iterator[Text]:
    """Render a rollout of any command; with `full`, nothing is grouped and every environment is listed."""
    yield from _render_title(view)
    for group in view.groups:
        yield Text()
        yield from _render_group(group, width, full=full)
    if view.applied:
        yield Text()
        yield from _render_applied(view, width, full=full)
    if view.unchanged:
        yield Text()
        names = tuple(row.name for row in view.unchanged)
        yield Text(f"= {pluralize(len(names), 'environment')} unchanged", "bold")
        yield from _render_names(names, width, full=full)
    for group in view.problems:
        yield Text()
        yield from _render_problem(group, width, full=full)
    for names, text in view.notes:
        yield Text()
        yield Text(f"! {pluralize(len(names), 'environment')} {text}", COLORS["warning"])
        yield from _render_names(names, width, full=full)
    yield Text()
    yield from render_rollout_summary(view)


def render_rollout_summary(view: RolloutView) -> Iterator[Text]:
    """Render a rollout in one line, and the calls of its plans in another."""
    cost = describe_rollout_cost(view)
    style = "bold" if view.ok else f"bold {COLORS['error']}"
    yield Text.assemble((f"{format_rollout_title(view)}: ", style), summarize_rollout(view))
    yield from (Text(line, QUIET) for line in (cost, view.edges) if line)


def render_environment_line(row: EnvironmentRow, name_width: int = 0) -> Text:
    """Render one finished environment in one line."""
    details = "" if row.status in {"planned", "drifted"} else describe_row(row)
    message = "; ".join(row.message[:_MAX_MESSAGE_LINES])
    return Text.assemble(
        (f"{row.glyph} {row.name.ljust(name_width)}", _STYLES[STATUS_STYLES[row.status]]),
        f"  {row.status}",
        (f"  {join_facts((details, format_duration(row.seconds)))}" if details else "", QUIET),
        f": {message}" if message else "",
    )


def render_status_count(status: str, count: int) -> Text:
    """Render a number of environments with one status."""
    style = _STYLES[STATUS_STYLES[status]]
    return Text(f"{STATUS_GLYPHS[status]} {count:,} {format_status(status)}", style)


def _render_title(view: RolloutView) -> Iterator[Text]:
    subject = {"plan": "Plan for", "drift": "Drift of"}.get(view.command)
    if subject is None:
        return  # the plan above has the title
    yield Text.assemble(f"{subject} ", (pluralize(view.total, "environment"), "bold"), f" of {view.file}")
    facts = join_facts((f"plan {view.digest}" if view.digest else "", describe_similarity(view)))
    if facts:
        yield Text(facts, QUIET)


def _render_group(group: EnvironmentGroup, width: int, *, full: bool) -> Iterator[Text]:
    glyph, style = group.sample.glyph, _STYLES[STATUS_STYLES[group.sample.status]]
    yield Text.assemble((f"{glyph} ", style), (group.title, "bold underline"))
    if len(group.rows) > 1:
        yield from _render_names(group.names, width, full=full)
    else:
        sample = group.sample
        digest = f"plan {sample.digest}" if sample.digest else ""
        yield Text(f"{_INDENT}{join_facts((sample.workspace, sample.target, digest))}", QUIET)
    yield Text(f"{_INDENT}{describe_group(group)}")
    if group.plan:
        yield from render_plan_changes(group.plan, width, full=full)
    if group.drift:
        yield from render_drifted_resources(group.drift, width, full=full)


def _render_applied(view: RolloutView, width: int, *, full: bool) -> Iterator[Text]:
    """Render the applied environments: their names or, with `full`, a line for each."""
    if full:
        name_width = max(len(row.name) for row in view.applied)
        for row in view.applied:
            yield render_environment_line(row, name_width)
        return
    yield Text(f"✔ {pluralize(len(view.applied), 'environment')} applied", OUTCOME_STYLES["applied"])
    yield from _render_names(tuple(row.name for row in view.applied), width, full=full)


def _render_problem(group: EnvironmentGroup, width: int, *, full: bool) -> Iterator[Text]:
    """Render environments with the same status and message."""
    sample = group.sample
    subject = sample.name if len(group.rows) == 1 else pluralize(len(group.rows), "environment")
    steps = describe_row(sample) if len(group.rows) == 1 else ""
    yield Text.assemble(
        (f"{sample.glyph} {subject}", f"bold {_STYLES[STATUS_STYLES[sample.status]]}"),
        f"  {sample.status}",
        (f"  {steps}" if steps else "", QUIET),
    )
    if len(group.rows) > 1:
        yield from _render_names(group.names, width, full=full)
    for line in sample.message:
        yield Text(f"{_INDENT}{line}")


def _render_names(names: tuple[str, ...], width: int, *, full: bool) -> Iterator[Text]:
    text = list_names(names, full=full)
    for line in textwrap.wrap(text, width - len(_INDENT), break_long_words=False, break_on_hyphens=False):
        yield Text(f"{_INDENT}{line}", QUIET)
