"""What a plan says beside its changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.engine.advice import advice
from reconciler.engine.survey import Comparison
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.errors import Mistake
from reconciler.model.plan import Note, Step
from reconciler.model.quotas import Quotas


def notes(
    warnings: Sequence[Mistake], found: Comparison, steps: Sequence[Step], quotas: Quotas
) -> Iterator[Note]:
    """The file's warnings, what the kinds have to say, and advice."""
    yield from map(_warning, warnings)
    yield from _remarks(found)
    yield from advice(steps, quotas)


def _warning(found: Mistake) -> Note:
    if found.address is None:
        return Note("warning", str(found))
    where = f"{found.field}: " if found.field else ""
    return Note(
        "warning", f"{where}{found.problem} ({found.file}:{found.line})", Address.parse(found.address)
    )


def _remarks(found: Comparison) -> Iterator[Note]:
    for address, change in found.changes.items():
        yield from (Note("warning", told, address) for told in all_kinds()[address.kind].forewarnings(change))
    for address, live in found.live.items():
        if address not in found.changes:
            yield from (Note("remark", told, address) for told in all_kinds()[address.kind].remarks(live))
