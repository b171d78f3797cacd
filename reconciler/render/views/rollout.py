"""Views of a rollout: many environments of one file, planned, applied or checked for drift together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.frozen_classes import field, frozen
from reconciler.model.text import join_some
from reconciler.render.views.drift import DIRECTION_LABELS, DriftView
from reconciler.render.views.grouping import format_names
from reconciler.render.views.labels import format_counts, format_duration, format_kind, join_facts, pluralize
from reconciler.render.views.note_groups import group_notes
from reconciler.render.views.plan import PlanView

STATUS_GLYPHS: Mapping[str, str] = {
    "planned": "~",
    "drifted": "~",
    "unchanged": "=",
    "applied": "✔",
    "failed": "✖",
    "rejected": "✖",
    "stopped": "◌",
    "blocked": "↷",
}
"""The sign of each status of an environment, in the order of summaries."""

STATUS_STYLES: Mapping[str, str] = {
    "planned": "update",
    "drifted": "update",
    "unchanged": "quiet",
    "applied": "applied",
    "failed": "failed",
    "rejected": "failed",
    "stopped": "canceled",
    "blocked": "skipped",
}
"""The style of each status: a color of text and a class of HTML."""

_STATUS_LABELS: Mapping[str, str] = {"planned": "with changes", "drifted": "with drift"}
"""The words of summaries for statuses that need others than their names."""

_TITLES: Mapping[str, str] = {
    "plan": "Plan",
    "drift": "Drift",
    "apply": "Apply complete",
    "destroy": "Destroy complete",
}

_INCOMPLETE_TITLES: Mapping[str, str] = {
    "plan": "Plan incomplete",
    "drift": "Drift incomplete",
    "apply": "Apply incomplete",
    "destroy": "Destroy incomplete",
}

PROBLEM_STATUSES = ("failed", "rejected", "stopped", "blocked")
"""The statuses of environments that need attention; their messages are shown."""

MAX_NAMES = 20
"""The most environments that a group lists."""


@frozen
class EnvironmentRow:
    """One environment.

    `counts` are its changes by action, its drifted resources by direction, or after an apply its steps by status. `message` is an
    error, or why it was not started, in one or more lines. `workspace` and `target` are empty if they are not known.
    """

    name: str
    status: str
    workspace: str = ""
    target: str = ""
    digest: str = ""
    counts: Mapping[str, int] = field(factory=dict)
    calls: int = 0
    seconds: float = 0.0
    warnings: int = 0
    message: tuple[str, ...] = ()

    @property
    def glyph(self) -> str:
        """The sign of the status."""
        return STATUS_GLYPHS[self.status]


@frozen
class EnvironmentGroup:
    """Environments that are alike: with one plan or drift for all of them, or with the same message."""

    rows: tuple[EnvironmentRow, ...]
    plan: PlanView | None = None
    drift: DriftView | None = None

    @property
    def sample(self) -> EnvironmentRow:
        """The first environment."""
        return self.rows[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the environments."""
        return tuple(row.name for row in self.rows)

    @property
    def title(self) -> str:
        """The environment, or the number of environments with the first one: `98 environments like prod-01`."""
        if len(self.rows) == 1:
            return self.sample.name
        return f"{pluralize(len(self.rows), 'environment')} like {self.sample.name}"


@frozen
class RolloutView:
    """A whole rollout.

    - `command`: "plan", "apply", "destroy" or "drift";
    - `digest`: the digest over all plans, or empty;
    - `groups`: the environments with changes or drift, the largest group first;
    - `unchanged`: the environments without any;
    - `problems`: the environments that failed, were rejected, stopped or not started, by status and message;
    - `applied`: the environments that were applied;
    - `counts`: changes by action or resources by direction, in all environments;
    - `calls` and `seconds`: the number of API calls of all plans, and their least time or the duration of the apply;
    - `notes`: warnings about several environments together, each with their names;
    - `edges`: how the edges of all environments were read, if not all were.
    """

    command: str
    file: str
    total: int
    digest: str = ""
    groups: tuple[EnvironmentGroup, ...] = ()
    unchanged: tuple[EnvironmentRow, ...] = ()
    problems: tuple[EnvironmentGroup, ...] = ()
    applied: tuple[EnvironmentRow, ...] = ()
    counts: Mapping[str, int] = field(factory=dict)
    calls: int = 0
    seconds: float = 0.0
    notes: tuple[tuple[tuple[str, ...], str], ...] = ()
    edges: str = ""

    @property
    def workspace(self) -> str:
        """The file, for the title of a page."""
        return self.file

    @property
    def rows(self) -> Sequence[EnvironmentRow]:
        """All environments, by group."""
        groups = (*self.groups, *self.problems)
        return [*(row for group in groups for row in group.rows), *self.applied, *self.unchanged]

    @property
    def status_counts(self) -> Mapping[str, int]:
        """Status → number of environments, for each status that occurs."""
        counts = dict.fromkeys(STATUS_GLYPHS, 0)
        for row in self.rows:
            counts[row.status] += 1
        return {status: count for status, count in counts.items() if count}

    @property
    def ok(self) -> bool:
        """Whether no environment has a problem."""
        return not self.problems


@frozen
class EnvironmentProgress:
    """A running environment: its phase, and how many of its steps have finished and failed."""

    name: str
    phase: str
    finished: int
    total: int
    failed: int
    seconds: float


@frozen
class RolloutProgressView:
    """The progress of a rollout: the running environments, and the numbers of the others by status."""

    running: tuple[EnvironmentProgress, ...]
    counts: Mapping[str, int]
    waiting: int
    total: int
    seconds: float

    @property
    def finished(self) -> int:
        """The number of environments that have finished."""
        return sum(self.counts.values())


def describe_group(group: EnvironmentGroup) -> str:
    """Describe the changes of each environment of a group, its calls and its warnings."""
    sample = group.sample
    if group.drift:
        return describe_changes(group)
    each = " each" if len(group.rows) > 1 else ""
    warnings = max(row.warnings for row in group.rows)
    return join_facts(
        (
            describe_changes(group),
            f"{pluralize(sample.calls, 'call')}{each}",
            pluralize(warnings, "warning") if warnings else "",
        )
    )


def describe_changes(group: EnvironmentGroup) -> str:
    """Describe the changes, or the drifted resources, of each environment of a group."""
    return describe_row(group.sample)


def describe_row(row: EnvironmentRow) -> str:
    """Describe an environment's changes, drifted resources or steps."""
    match row.status:
        case "planned":
            return format_counts(row.counts)
        case "drifted":
            return format_direction_counts(row.counts)
        case "unchanged":
            return ""
        case _:
            return ", ".join(f"{count:,} {status}" for status, count in row.counts.items() if count)


def format_direction_counts(counts: Mapping[str, int]) -> str:
    """Format the number of resources by direction of drift."""
    return ", ".join(
        f"{counts[direction]:,} {label}"
        for direction, label in DIRECTION_LABELS.items()
        if counts.get(direction)
    )


def format_status(status: str) -> str:
    """Format a status after a number of environments."""
    return _STATUS_LABELS.get(status, status)


def describe_similarity(view: RolloutView) -> str:
    """Describe how many environments are alike: `98 of 100 environments are alike`; empty if none are."""
    sizes = [len(group.rows) for group in view.groups]
    if not sizes or sizes[0] == 1:
        return ""
    return f"{sizes[0]:,} of {view.total:,} alike"


def describe_rollout_cost(view: RolloutView) -> str:
    """Describe the API calls of a rollout's plans and their least time."""
    if not view.calls:
        return ""
    duration = format_duration(view.seconds)
    return f"{pluralize(view.calls, 'API call')}, at least {duration} under AWS quotas"


def format_rollout_title(view: RolloutView) -> str:
    """Format what a summary is about, and whether it is complete: `Apply incomplete`."""
    return _TITLES[view.command] if view.ok else _INCOMPLETE_TITLES[view.command]


def summarize_rollout(view: RolloutView) -> str:
    """Summarize a rollout in one line: its changes, and its environments by status."""
    statuses = ", ".join(f"{count:,} {format_status(status)}" for status, count in view.status_counts.items())
    environments = f"{pluralize(view.total, 'environment')}: {statuses}"
    match view.command:
        case "plan" | "drift" if not (view.groups or view.unchanged):  # none could be read
            return environments
        case "plan":
            changes = format_counts(view.counts) or "no changes"
            return f"{changes} in {environments}"
        case "drift":
            return f"{format_direction_counts(view.counts) or 'no drift'} in {environments}"
        case _:
            return f"{environments} in {format_duration(view.seconds)}"


def list_names(names: Sequence[str], *, full: bool = False) -> str:
    """List environments, up to a limit unless `full`."""
    return join_some(names, len(names) if full else MAX_NAMES)


def list_dangers(view: RolloutView) -> Sequence[tuple[str, str]]:
    """Return what needs attention before an approval, each with the environments that it is about.

    These are resources that are deleted, replaced or forgotten, then warnings, and then notes about several environments.
    """
    environments: dict[str, list[str]] = {}
    for describe in (_describe_losses, _describe_warnings):
        for group in view.groups:
            for text in describe(group.plan) if group.plan else ():
                environments.setdefault(text, []).extend(group.names)
    for names, text in view.notes:
        environments.setdefault(f"warning: {text}", []).extend(names)
    return [(_format_environments(names, view.total), text) for text, names in environments.items()]


def _format_environments(names: Sequence[str], total: int) -> str:
    is_all = len(names) == total > 1
    return f"all {pluralize(total, 'environment')}" if is_all else list_names(names)


def _describe_losses(plan: PlanView) -> Iterator[str]:
    for action in ("delete", "replace", "forget"):
        for section in plan.sections:
            addresses = [row.address for row in section.rows if row.action == action]
            if addresses:
                kind = format_kind(section.kind, len(addresses))
                yield f"{action} {len(addresses):,} {kind}: {format_names(addresses)}"


def _describe_warnings(plan: PlanView) -> Iterator[str]:
    for note in group_notes(plan.notes):
        if note.level == "warning":
            yield f"warning: {note.address}: {note.text}" if note.address else f"warning: {note.text}"
