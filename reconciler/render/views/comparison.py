"""The view of one resource, desired and live."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from reconciler.engine.status import Status
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange, Replace
from reconciler.model.resource import NOT_COMPARED, External, Live, Resource
from reconciler.model.text import escape_invisible, join_some
from reconciler.render.views.format_value import ValueView, format_optional, format_value
from reconciler.render.views.labels import ACTION_GLYPHS
from reconciler.render.views.value_diff import split_change, split_items
from reconciler.render.views.value_structure import flatten_spec

_EMPTY: tuple[Any, ...] = (None, (), {}, NOT_COMPARED)
"""A field is not shown if both its desired and its live value are among these."""


@frozen
class FieldComparisonRow:
    """One field: its desired and its live value; `differs` is whether the planned change has this field."""

    path: str
    desired: ValueView | None
    live: ValueView | None
    differs: bool


@frozen
class StatusRow:
    """One value that AWS reports about the live resource and that no file can declare."""

    name: str
    value: ValueView


@frozen
class ResourceComparisonView:
    """One resource, desired and live.

    `origin` is `file:line`, or empty if the file does not declare the resource. `identity` is AWS's identity of
    the live resource, or empty if there is none. `owner` is the workspace that manages it, or empty. `action` is the action of the
    change that a plan would make, or None without a change. `dependencies` are those of the desired resource. `status` is what AWS
    reports in addition to the fields; `reason` is why the resource is replaced although the file has not changed, or empty. `denied` are the operations that would report more, but that the caller may not send.
    """

    address: str
    origin: str
    identity: str
    owner: str
    version: str
    action: str | None
    glyph: str
    dependencies: tuple[str, ...]
    fields: tuple[FieldComparisonRow, ...]
    status: tuple[StatusRow, ...] = ()
    denied: tuple[str, ...] = ()
    reason: str = ""


def build_comparison_view(
    address: Address,
    desired: Resource | None,
    live: Live | None,
    change: Change | None,
    status: Status | None = None,
) -> ResourceComparisonView:
    """Build the comparison of one resource.

    The desired fields come first, in the kind's order, and then the fields that are only live or only in the change.
    """
    return ResourceComparisonView(
        address=escape_invisible(str(address)),
        origin=escape_invisible(str(desired.origin)) if desired else "",
        identity=escape_invisible(live.identity) if live else "",
        owner=escape_invisible(live.owner) if live and live.owner else "",
        version=str(live.version) if live and live.version is not None else "",
        action=change.action if change else None,
        glyph=ACTION_GLYPHS[change.action] if change else "",
        dependencies=tuple(
            escape_invisible(str(dependency))
            for dependency in (sorted(desired.dependencies) if desired else ())
        ),
        fields=tuple(_compare_fields(desired, live, change)),
        status=tuple(
            StatusRow(escape_invisible(name), format_value(value))
            for name, value in (status.values.items() if status else ())
        ),
        denied=status.denied if status else (),
        reason=escape_invisible(_explain_replacement(change)) if isinstance(change, Replace) else "",
    )


def describe_action(view: ResourceComparisonView) -> str:
    """Describe the planned action after its name, and the reason if it does not follow from the fields."""
    return f"is planned, because {view.reason}" if view.reason else "is planned"


def _explain_replacement(change: Replace) -> str:
    """Return which referenced resources get new IDs; empty if the fields explain the replacement."""
    members = all_kinds()[change.address.kind].members
    replaced = [
        f"{members[field.path].references}.{field.after}"
        for field in change.fields
        if isinstance(field.before, External) and isinstance(field.after, str) and field.path in members
    ]
    subject = "the ID of" if len(replaced) == 1 else "the IDs of"
    return f"{subject} {join_some(replaced)} will change" if replaced else ""


def describe_denied(view: ResourceComparisonView) -> str:
    """Return which operations lack permission, and how to get it; empty if none does."""
    if not view.denied:
        return ""
    problem = f"no permission for {', '.join(view.denied)}"
    return f"{problem}; `reconciler permissions --for show` prints what this needs"


def describe_live(view: ResourceComparisonView) -> tuple[str, ...]:
    """Return AWS's identity of the live resource, its version and its owner, where they are known."""
    if not view.identity:
        return ()
    facts = [view.identity]
    if view.version:
        facts.append(f"version {view.version}")
    if view.owner:
        facts.append(f"owned by workspace {view.owner}")
    elif not view.origin:
        facts.append("not managed by this workspace")
    return tuple(facts)


def _compare_fields(
    desired: Resource | None, live: Live | None, change: Change | None
) -> Iterator[FieldComparisonRow]:
    """Compare every field; a changed document, table or list has a row for each part that differs."""
    changes = {field.path: field for field in change.fields} if change else {}
    desired_values = dict(flatten_spec(desired.spec)) if desired else {}
    live_values = dict(flatten_spec(live.spec)) if live else {}
    remaining_changes = dict(changes)
    for path in dict.fromkeys([*desired_values, *live_values]):
        changed_path = _find_path(path, changes)
        if changed_path is None:
            yield from _compare_items(path, desired_values.get(path), live_values.get(path))
        elif changed_path in remaining_changes:
            yield from _compare_change(remaining_changes.pop(changed_path))
    for field in remaining_changes.values():
        yield from _compare_change(field)


def _find_path(path: str, changes: Collection[str]) -> str | None:
    """Return the path of the change that includes a field, or None without one."""
    names = path.split(".")
    parents = (".".join(names[:length]) for length in range(len(names), 0, -1))
    return next((parent for parent in parents if parent in changes), None)


def _compare_change(change: FieldChange) -> Iterator[FieldComparisonRow]:
    for part in split_change(change):
        if part.after not in _EMPTY or part.before not in _EMPTY:
            yield FieldComparisonRow(
                escape_invisible(part.path),
                format_optional(part.after, redact=part.sensitive),
                format_optional(part.before, redact=part.sensitive),
                differs=True,
            )


def _compare_items(path: str, desired: Any, live: Any) -> Iterator[FieldComparisonRow]:
    """Show a field that does not change; of a list of tables, every item in a row of its own."""
    desired_items, live_items = dict(split_items(path, desired)), dict(split_items(path, live))
    for item_path in dict.fromkeys([*desired_items, *live_items]):
        desired_item, live_item = desired_items.get(item_path), live_items.get(item_path)
        if desired_item not in _EMPTY or live_item not in _EMPTY:
            yield FieldComparisonRow(
                escape_invisible(item_path),
                format_optional(desired_item),
                format_optional(live_item),
                differs=False,
            )
