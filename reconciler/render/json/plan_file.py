"""A saved plan as a JSON file: one line for each change, the same bytes for the same plan.

`view` is what is shown to people, for example by `reconciler show`. `seal` is the SHA-256 of the whole text with
zeros in place of the seal, so an edit that does not also compute a new seal is detected. The seal does not authenticate the
author: anyone who can write a plan can write its seal. That is why an apply plans again, and only compares its plan with the file.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec
from attrs import evolve

from reconciler.engine.plan.record import ChangeRecord
from reconciler.engine.plan.saved_plan import FORMAT, VERSION, PlanRecord, to_plan_record
from reconciler.engine.threads import prepare_decoding
from reconciler.frozen_classes import frozen
from reconciler.model.errors import PlanRejectedError
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.plan import Plan
from reconciler.model.text import escape_invisible
from reconciler.render.json.encode import encode_document, encode_json, get_fields
from reconciler.render.json.rollout_file import ROLLOUT_PLAN_FORMAT
from reconciler.render.views.plan import PlanRow, PlanView, build_plan_view

ItemT = TypeVar("ItemT")

_Members: TypeAlias = Mapping[str, msgspec.Raw]
"""The members of an object, which refer to the bytes of the file."""

_LARGE_MEMBERS = {"changes", "view", "sections", "rows"}
_NULL = msgspec.Raw(b"null")

_NO_SEAL = "0" * 64

_TRAILING_PIECES = 2
"""The last pieces of a document: the value of the seal, which is its last member, and the closing brace."""


@frozen(kw_only=True)
class PlanDocument(PlanRecord):
    """A plan as JSON, with the view that people are shown, and the seal over all of it.

    `view` repeats the plan in words and without parts that programs need. `seal` is the SHA-256 of the whole text with zeros in
    place of the seal.
    """

    view: PlanView
    seal: str = _NO_SEAL


prepare_decoding(PlanDocument, ChangeRecord, PlanRow)

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_change = msgspec.json.Decoder(ChangeRecord).decode


def build_plan_document(plan: Plan, *, unchanged_markers: int = 0) -> PlanDocument:
    """Build the document of a plan, without its seal."""
    view = build_plan_view(plan, requests=True, unchanged_markers=unchanged_markers)
    return PlanDocument(**get_fields(to_plan_record(plan), PlanRecord), view=view)


def render_plan_json(plan: Plan, *, unchanged_markers: int = 0) -> Iterator[str]:
    """Render the file of a plan, in pieces: for a large fleet, it has hundreds of megabytes."""
    return seal_document(build_plan_document(plan, unchanged_markers=unchanged_markers))


def seal_document(document: PlanDocument) -> Iterator[str]:
    """Compute the seal of a document, and render the document with its seal, in pieces."""
    digest, pending = hashlib.sha256(), deque[str]()
    for piece in encode_document(document):
        digest.update(piece.encode())
        pending.append(piece)
        if len(pending) > _TRAILING_PIECES:
            yield pending.popleft()
    _zeros, closing_brace = pending  # the seal replaces the zeros
    yield f"{encode_json(digest.hexdigest())}{closing_brace}"


def parse_plan_file(raw: bytes) -> PlanDocument:
    """Parse a saved plan.

    Its changes and the rows of its view are decoded whenever they are used, to save memory.
    Raises PlanRejectedError if `raw` is not a saved plan, has another version, or was edited.
    """
    wrong_format = PlanRejectedError([f'not a saved plan: expected "format": "{FORMAT}"'])
    try:
        members = _decode_members(raw)
        saved_format, version, seal = (
            msgspec.json.decode(members.get(name, _NULL)) for name in ("format", "version", "seal")
        )
    except msgspec.ValidationError:  # JSON, but not an object
        raise wrong_format from None
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise PlanRejectedError([f"not a saved plan: {error}"]) from None
    if saved_format == ROLLOUT_PLAN_FORMAT:
        problem = "the file has the plans of several environments, which are approved by their digest"
        advice = "apply with --approved DIGEST and the --env or --all-envs of the plan"
        raise PlanRejectedError([f"{problem}; {advice}"])
    if saved_format != FORMAT:
        raise wrong_format
    if version != VERSION:
        reason = (
            f"the file has version {version!r} of the plan format; this reconciler reads version {VERSION}"
        )
        raise PlanRejectedError([f"{reason}; save the plan again"])
    _check_seal(raw, seal)
    try:
        return _decode_document(members)
    except (msgspec.DecodeError, RecursionError) as error:  # not an edit, because the seal is right
        reason = f"the file was saved by another version of reconciler ({error}); save the plan again"
        raise PlanRejectedError([reason]) from None


def check_view(document: PlanDocument, plan: Plan) -> None:
    """Check that the view in a saved plan is the view of its changes.

    `plan` is a new plan with the same changes. Raises PlanRejectedError if its view differs from the saved one.
    """
    saved_view, expected_view = document.view, build_plan_view(plan, requests=True)
    # The other members of a view, such as notes, do not decide what is applied.
    members = ("workspace", "environment", "target", "digest", "sections", "counts")
    if any(getattr(saved_view, name) != getattr(expected_view, name) for name in members):
        raise PlanRejectedError(
            ["the file was edited: its view does not match its changes; save the plan again"]
        )


def _check_seal(raw: bytes, seal: Any) -> None:
    if not isinstance(seal, str) or not seal:
        raise PlanRejectedError(["the file was edited: its seal is missing; save the plan again"])
    start, content = raw.rfind(seal.encode()), memoryview(raw)
    digest = hashlib.sha256(content[:start])
    digest.update(_NO_SEAL.encode())
    digest.update(content[start + len(seal.encode()) :])
    actual = digest.hexdigest()
    if actual != seal:
        raise PlanRejectedError(
            [
                f"the file was edited: its seal is {seal}, but its content has the seal {actual}; save the plan again"
            ]
        )


def _decode_document(members: _Members) -> PlanDocument:
    """Decode the members of a saved plan.

    Raises msgspec.DecodeError if one of them is missing or has another type.
    """
    view = _decode_members(_get_member(members, "view"))
    sections = [_decode_members(section) for section in _decode_items(_get_member(view, "sections"))]
    row_lists = [_decode_lazily(section, "rows", _decode_row) for section in sections]
    view_without_rows = {
        **_decode_small_members(view),
        "sections": [{**_decode_small_members(section), "rows": ()} for section in sections],
    }
    content = {
        **_decode_small_members(members),
        "changes": (),
        "view": _escape_texts(view_without_rows),
    }
    document = msgspec.convert(content, PlanDocument)
    complete_sections = tuple(
        evolve(section, rows=rows) for section, rows in zip(document.view.sections, row_lists, strict=True)
    )
    return evolve(
        document,
        changes=_decode_lazily(members, "changes", _decode_change),
        view=evolve(document.view, sections=complete_sections),
    )


def _get_member(members: _Members, name: str) -> msgspec.Raw:
    if name not in members:
        raise msgspec.ValidationError(f"Object missing required field `{name}`")
    return members[name]


def _decode_small_members(members: _Members) -> Mapping[str, Any]:
    return {name: msgspec.json.decode(raw) for name, raw in members.items() if name not in _LARGE_MEMBERS}


def _decode_lazily(
    members: _Members, name: str, decode: Callable[[msgspec.Raw], ItemT]
) -> LazySequence[msgspec.Raw, ItemT]:
    """Return the items of a large member, each decoded whenever it is used.

    All are decoded once, to check them.
    """
    items = _decode_items(_get_member(members, name))
    for number, item in enumerate(items):
        try:
            decode(item)
        except msgspec.ValidationError as error:
            raise msgspec.ValidationError(f"{name}[{number}]: {error}") from None
    return LazySequence(decode, items)


def _decode_row(raw: msgspec.Raw) -> PlanRow:
    return msgspec.convert(_escape_texts(msgspec.json.decode(raw)), PlanRow)


def _escape_texts(value: Any) -> Any:
    """Return the view of a file with every text escaped, because anyone may have written the file."""
    match value:
        case str():
            return escape_invisible(value)
        case dict():
            return {escape_invisible(key): _escape_texts(item) for key, item in value.items()}
        case list():
            return [_escape_texts(item) for item in value]
        case _:
            return value
