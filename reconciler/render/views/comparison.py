"""One resource seen from both sides, as a tree of plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange
from reconciler.model.document import Document
from reconciler.model.resource import Live, Resource
from reconciler.render.views.document_diff import inside
from reconciler.render.views.format_value import Shown, flat, side, visible
from reconciler.render.views.plan import GLYPHS


@frozen
class Pair:
    """One attribute on both sides."""

    path: str
    desired: Shown | None
    live: Shown | None
    differs: bool


@frozen
class Comparison:
    """One resource as the file wants it and as AWS reports it. `action` is what a plan would do, or None."""

    address: str
    origin: str
    identity: str
    owner: str
    version: str
    action: str | None
    glyph: str
    needs: tuple[str, ...]
    pairs: tuple[Pair, ...]


def comparison(
    address: Address, resource: Resource | None, live: Live | None, change: Change | None
) -> Comparison:
    """Both sides of one resource, attribute by attribute, in the kind's order."""
    differing = {field.path: field for field in change.fields} if change else {}
    wanted = dict(flat(resource.spec)) if resource else {}
    found = dict(flat(live.spec)) if live else {}
    paths = [*wanted, *(path for path in [*found, *differing] if path not in wanted)]
    pairs = [
        pair for path in dict.fromkeys(paths) for pair in _pairs(path, wanted, found, differing.get(path))
    ]
    return Comparison(
        address=visible(str(address)),
        origin=visible(str(resource.origin)) if resource else "",
        identity=visible(live.identity) if live else "",
        owner=visible(live.owner) if live and live.owner else "",
        version=str(live.version) if live and live.version is not None else "",
        action=change.action if change else None,
        glyph=GLYPHS[change.action] if change else "",
        needs=tuple(visible(str(need)) for need in sorted(resource.needs)) if resource else (),
        pairs=tuple(pairs),
    )


def _pairs(
    path: str, wanted: Mapping[str, Any], found: Mapping[str, Any], field: FieldChange | None
) -> Iterator[Pair]:
    """One attribute on both sides; of a document that differs, only what does."""
    if field and isinstance(field.before, Document) and isinstance(field.after, Document):
        for part in inside(field):
            yield Pair(visible(part.path), side(part.after), side(part.before), differs=True)
        return
    hide = bool(field and field.sensitive)
    left = wanted.get(path, field.after if field else None)
    right = found.get(path, field.before if field else None)
    if left not in (None, (), {}) or right not in (None, (), {}):
        yield Pair(visible(path), side(left, hide=hide), side(right, hide=hide), field is not None)
