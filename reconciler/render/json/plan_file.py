"""A saved plan as a JSON file: one line for each change, the same bytes for the same plan.

`view` is what is shown to people, for example by `reconciler show`. `seal` is the SHA-256 of the whole text with
zeros in place of the seal, so an edit that does not also compute a new seal is detected. The seal does not authenticate the
author: anyone who can write a plan can write its seal. That is why an apply plans again, and only compares its plan with the file.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from reconciler.engine.plan.saved_plan import FORMAT, VERSION, PlanRecord, to_plan_record
from reconciler.engine.threads import prepare_decoding
from reconciler.frozen_classes import frozen
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Plan
from reconciler.model.text import escape_invisible
from reconciler.render.json.encode import encode_document, encode_json, get_fields
from reconciler.render.json.rollout_file import ROLLOUT_PLAN_FORMAT
from reconciler.render.views.plan import PlanView, build_plan_view

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

    Raises PlanRejectedError if `raw` is not a saved plan, has another version, or was edited.
    """
    try:
        content: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise PlanRejectedError([f"not a saved plan: {error}"]) from None
    if isinstance(content, dict) and content.get("format") == ROLLOUT_PLAN_FORMAT:
        problem = "the file has the plans of several environments, which are approved by their digest"
        advice = "apply with --approved DIGEST and the --env or --all-envs of the plan"
        raise PlanRejectedError([f"{problem}; {advice}"])
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PlanRejectedError([f'not a saved plan: expected "format": "{FORMAT}"'])
    version = content.get("version")
    if version != VERSION:
        reason = (
            f"the file has version {version!r} of the plan format; this reconciler reads version {VERSION}"
        )
        raise PlanRejectedError([f"{reason}; save the plan again"])
    _check_seal(raw, content.get("seal"))
    try:
        return msgspec.convert({**content, "view": _escape_texts(content.get("view"))}, PlanDocument)
    except msgspec.ValidationError as error:  # not an edit, because the seal is right
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
    head, _, tail = raw.rpartition(seal.encode())
    actual = hashlib.sha256(head + _NO_SEAL.encode() + tail).hexdigest()
    if actual != seal:
        raise PlanRejectedError(
            [
                f"the file was edited: its seal is {seal}, but its content has the seal {actual}; save the plan again"
            ]
        )


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


prepare_decoding(PlanDocument)
