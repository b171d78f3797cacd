"""A plan as a JSON file: one line for each change, the same bytes for the same plan.

`view` is what people are shown of it, by `reconciler show` for one; `seal` is the SHA-256 of the whole text with zeros in the
seal's own place. It finds every edit, by accident or in passing. It does not say who wrote the file: whoever can write a plan
can write its seal. That is why an apply plans anew, and takes from the file nothing but what it must be equal to.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs
import msgspec
from attrs import frozen

from reconciler.engine.plan.saved import FORMAT, VERSION, PlanRecord, to_plan_record
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Plan
from reconciler.model.text import visible
from reconciler.render.json.encode import encode_document, encode_json
from reconciler.render.views.plan import PlanView, build_plan_view

_BLANK = "0" * 64

_LAST = 2
"""The pieces that end a document: the seal, which is its last member, and what closes it."""


@frozen(kw_only=True)
class PlanDocument(PlanRecord):
    """A plan as JSON, with what people are shown of it, and the seal over all of it."""

    view: PlanView
    seal: str = _BLANK


def build_plan_document(plan: Plan, *, unchanged_marks: int = 0) -> PlanDocument:
    """The plan as a document that has no seal yet."""
    record = to_plan_record(plan)
    shown = build_plan_view(plan, requests=True, unchanged_markers=unchanged_marks)
    return PlanDocument(**{name: getattr(record, name) for name in attrs.fields_dict(PlanRecord)}, view=shown)


def render_plan_json(plan: Plan, *, unchanged_marks: int = 0) -> Iterator[str]:
    """The text of the file, in pieces: of a large fleet's plan it is hundreds of megabytes."""
    return seal_document(build_plan_document(plan, unchanged_marks=unchanged_marks))


def seal_document(blank: PlanDocument) -> Iterator[str]:
    """The text of a document that has no seal yet, with its seal, in pieces."""
    whole, held = hashlib.sha256(), deque[str]()
    for piece in encode_document(blank):
        whole.update(piece.encode())
        held.append(piece)
        if len(held) > _LAST:
            yield held.popleft()
    _, end = held
    yield f"{encode_json(whole.hexdigest())}{end}"


def parse_plan_file(raw: bytes) -> PlanDocument:
    """What a file holds. Raises PlanRejectedError when it is no plan of ours, of another version, or edited."""
    try:
        found: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise PlanRejectedError([f"it is no saved plan: {error}"]) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise PlanRejectedError([f'it is no saved plan, which would say "format": "{FORMAT}"'])
    if found.get("version") != VERSION:
        raise PlanRejectedError(
            [
                f"it is written in version {found.get('version')!r} of the format; this reconciler reads version {VERSION}"
            ]
        )
    _check_seal(raw, found.get("seal"))
    try:
        return msgspec.convert({**found, "view": _inert(found.get("view"))}, PlanDocument)
    except msgspec.ValidationError as error:
        raise PlanRejectedError([f"it is no saved plan: {error}"]) from None


def check_view(document: PlanDocument, anew: Plan) -> None:
    """Raises PlanRejectedError where a file shows people something else than the changes that it holds."""
    then, now = document.view, build_plan_view(anew, requests=True)
    if any(
        getattr(then, name) != getattr(now, name)
        for name in ("workspace", "target", "digest", "sections", "counts")
    ):
        raise PlanRejectedError(["it shows other changes than those that it holds"])


def _check_seal(raw: bytes, seal: Any) -> None:
    told = seal if isinstance(seal, str) else ""
    head, found, tail = raw.rpartition(told.encode() or b"\0")
    actual = hashlib.sha256(head + _BLANK.encode() + tail).hexdigest() if found else "none"
    if actual != told:
        raise PlanRejectedError(
            [
                f"it was edited after it was written: its seal is {told or 'missing'}, and its content's is {actual}"
            ]
        )


def _inert(value: Any) -> Any:
    """Texts that whoever wrote the file means to be shown, with nothing in them that acts on a terminal."""
    match value:
        case str():
            return visible(value)
        case dict():
            return {visible(key): _inert(item) for key, item in value.items()}
        case list():
            return [_inert(item) for item in value]
        case _:
            return value
