"""One resource seen from both sides, as a tree of plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange
from reconciler.model.document import Document
from reconciler.model.resource import Live, Resource
from reconciler.render.views.document_diff import split_document_change
from reconciler.render.views.format_value import ValueView, flatten_spec, format_optional, visible
from reconciler.render.views.plan import ACTION_GLYPHS


@frozen
class FieldComparisonRow:
    """One attribute on both sides."""

    path: str
    desired: ValueView | None
    live: ValueView | None
    differs: bool


@frozen
class ResourceComparisonView:
    """One resource as the file wants it and as AWS reports it. `action` is what a plan would do, or None."""

    address: str
    origin: str
    identity: str
    owner: str
    version: str
    action: str | None
    glyph: str
    dependencies: tuple[str, ...]
    fields: tuple[FieldComparisonRow, ...]


def build_comparison_view(
    address: Address, resource: Resource | None, live: Live | None, change: Change | None
) -> ResourceComparisonView:
    """Both sides of one resource, attribute by attribute, in the kind's order."""
    differing = {field.path: field for field in change.fields} if change else {}
    wanted = dict(flatten_spec(resource.spec)) if resource else {}
    found = dict(flatten_spec(live.spec)) if live else {}
    paths = [*wanted, *(path for path in [*found, *differing] if path not in wanted)]
    pairs = [
        pair for path in dict.fromkeys(paths) for pair in _pairs(path, wanted, found, differing.get(path))
    ]
    return ResourceComparisonView(
        address=visible(str(address)),
        origin=visible(str(resource.origin)) if resource else "",
        identity=visible(live.identity) if live else "",
        owner=visible(live.owner) if live and live.owner else "",
        version=str(live.version) if live and live.version is not None else "",
        action=change.action if change else None,
        glyph=ACTION_GLYPHS[change.action] if change else "",
        dependencies=tuple(visible(str(need)) for need in sorted(resource.dependencies)) if resource else (),
        fields=tuple(pairs),
    )


def _pairs(
    path: str, wanted: Mapping[str, Any], found: Mapping[str, Any], field: FieldChange | None
) -> Iterator[FieldComparisonRow]:
    """One attribute on both sides; of a document that differs, only what does."""
    if field and isinstance(field.before, Document) and isinstance(field.after, Document):
        for part in split_document_change(field):
            yield FieldComparisonRow(
                visible(part.path), format_optional(part.after), format_optional(part.before), differs=True
            )
        return
    hide = bool(field and field.sensitive)
    left = wanted.get(path, field.after if field else None)
    right = found.get(path, field.before if field else None)
    if left not in (None, (), {}) or right not in (None, (), {}):
        yield FieldComparisonRow(
            visible(path),
            format_optional(left, hide=hide),
            format_optional(right, hide=hide),
            field is not None,
        )
