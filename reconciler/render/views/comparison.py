"""The view of one resource, desired and live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from reconciler.engine.status import Status
from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange
from reconciler.model.document import Document
from reconciler.model.resource import NOT_COMPARED, Live, Resource
from reconciler.model.text import escape_invisible
from reconciler.render.views.document_diff import split_document_change
from reconciler.render.views.format_value import ValueView, flatten_spec, format_optional, format_value
from reconciler.render.views.labels import ACTION_GLYPHS

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
    reports in addition to the fields; `denied` are the operations that would report more, but that the caller may not send.
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
    )


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
    changes = {field.path: field for field in change.fields} if change else {}
    desired_values = dict(flatten_spec(desired.spec)) if desired else {}
    live_values = dict(flatten_spec(live.spec)) if live else {}
    other_paths = (path for path in [*live_values, *changes] if path not in desired_values)
    for path in dict.fromkeys([*desired_values, *other_paths]):
        yield from _compare_field(path, desired_values, live_values, changes.get(path))


def _compare_field(
    path: str, desired_values: Mapping[str, Any], live_values: Mapping[str, Any], change: FieldChange | None
) -> Iterator[FieldComparisonRow]:
    """Compare one field; of two documents that differ, yield a row for each part that differs."""
    if change and isinstance(change.before, Document) and isinstance(change.after, Document):
        for part in split_document_change(change):
            yield FieldComparisonRow(
                escape_invisible(part.path),
                format_optional(part.after),
                format_optional(part.before),
                differs=True,
            )
        return
    redact = bool(change and change.sensitive)
    desired = desired_values.get(path, change.after if change else None)
    live = live_values.get(path, change.before if change else None)
    if desired not in _EMPTY or live not in _EMPTY:
        yield FieldComparisonRow(
            escape_invisible(path),
            format_optional(desired, redact=redact),
            format_optional(live, redact=redact),
            differs=change is not None,
        )
