"""A plan that is kept in a file between a review and its apply: what it holds, and whether it still holds.

Nothing of it is ever sent as it was written. It is planned anew, from the same file for the same target with the same
request, and where that gives the same plan, this one is applied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Literal, get_origin

import cattrs
from attrs import frozen

from reconciler.engine.plan import record
from reconciler.engine.plan.record import CallRecord, ChangeRecord, FieldRecord
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Plan, Target
from reconciler.model.plan_options import PlanOptions
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState

FORMAT: Literal["reconciler.plan"] = "reconciler.plan"
VERSION: Literal[1] = 1

_MOST = 20
"""So many reasons are told; of more, how many there are."""


@frozen(kw_only=True)
class NoteRecord:
    """Something to know about a plan that is no change."""

    level: str
    text: str
    address: str | None = None


@frozen(kw_only=True)
class PlanSummary:
    """A plan without its changes: what the saved plan and the first of a plan's JSON lines have in common.

    `file_digest` is the SHA-256 of the desired state, and `digest` the SHA-256 of the calls and of the live state they depend
    on. `options` are those the plan was made with. `calls` counts requests by API, and `seconds` is the least time that AWS's
    quotas allow for them.
    """

    format: Literal["reconciler.plan"] = FORMAT
    version: Literal[1] = VERSION
    workspace: str
    target: Target
    file_digest: str
    digest: str
    options: Mapping[str, Any]
    counts: Mapping[str, int]
    unchanged: int
    calls: Mapping[str, int]
    seconds: float


@frozen(kw_only=True)
class PlanRecord(PlanSummary):
    """A whole plan as JSON values.

    `changes` are in an order that respects their dependencies. `secrets` has a salted hash for each reference, null for a
    reference without a value.
    """

    changes: tuple[ChangeRecord, ...]
    notes: tuple[NoteRecord, ...]
    secrets: Mapping[str, str | None]


def to_plan_record(plan: Plan) -> PlanRecord:
    """The plan written down. Hashing its secrets costs milliseconds each, spread over all processors."""
    return PlanRecord(
        workspace=plan.workspace,
        target=plan.target,
        file_digest=plan.file_digest,
        digest=plan.digest,
        options=_requests().unstructure(plan.options),
        counts=plan.counts,
        unchanged=plan.unchanged,
        calls={f"{service}:{name}": count for (service, name), count in plan.estimate.calls.items()},
        seconds=plan.estimate.seconds,
        changes=record.to_change_records(plan.steps),
        notes=tuple(
            NoteRecord(level=note.level, text=note.text, address=str(note.address) if note.address else None)
            for note in plan.notes
        ),
        secrets=_hashes(plan),
    )


def read_options(saved: PlanRecord) -> PlanOptions:
    """What the plan was asked for. Raises PlanRejectedError where it was something that we do not know."""
    try:
        return _requests().structure(saved.options, PlanOptions)
    except (cattrs.BaseValidationError, ValueError) as error:
        raise PlanRejectedError(
            ["it was asked for something that this version of reconciler does not know"]
        ) from error


def _requests() -> cattrs.Converter:
    """Requests as JSON has them: addresses as text, sets sorted."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(Address, lambda text, _: Address.parse(text))
    converter.register_unstructure_hook_func(_is_set, lambda found: sorted(map(str, found)))
    return converter


def _is_set(sort: Any) -> bool:
    origin: Any = get_origin(sort)
    return origin is frozenset


def check_inputs(saved: PlanRecord, state: DesiredState, target: Target) -> None:
    """Raises PlanRejectedError with both values of everything that is another one than when the plan was made."""
    pairs = (
        ("for the workspace", saved.workspace, state.settings.name),
        ("for the endpoint", saved.target.endpoint, target.endpoint),
        ("for the account", saved.target.account, target.account),
        ("for the region", saved.target.region, target.region),
        ("from a desired state with the SHA-256", saved.file_digest, state.digest),
    )
    _refuse(f"it was made {what} {then}; now it is {now}" for what, then, now in pairs if then != now)


def check_changes(saved: PlanRecord, anew: Plan) -> None:
    """Raises PlanRejectedError with every difference between a saved plan and what is planned now."""
    found = {change.address: change for change in record.to_change_records(anew.steps)}
    written = {change.address: change for change in saved.changes}
    if written and not found:
        _refuse(
            ["nothing of it is to be done any more: it was applied already, or somebody else has done it"]
        )
    _refuse(
        reason
        for address in sorted(found.keys() | written.keys())
        if written.get(address) != found.get(address)
        for reason in _differences(address, written.get(address), found.get(address))
    )
    if saved.changes != tuple(found.values()) or saved.digest != anew.digest:
        _refuse([f"its digest was {saved.digest[:12]}, and now it is {anew.digest[:12]}"])
    _refuse(_other_secrets(saved.secrets, anew))


def check_approved_digest(approved: str, plan: Plan) -> None:
    """Raises PlanRejectedError with both digests when the plan is not the one that was approved, by its digest or a part of it."""
    if not plan.digest.startswith(approved):
        now = f"{plan.digest[:12]}, {plan}"
        _refuse([f"the plan that was approved has the digest {approved}; what would be done now is {now}"])


def _refuse(reasons: Iterable[str]) -> None:
    """Raises PlanRejectedError where there is a reason."""
    left = iter(reasons)
    if told := list(islice(left, _MOST)):
        more = sum(1 for _ in left)
        raise PlanRejectedError([*told, f"and {more:,} more"] if more else told)


def _differences(address: str, then: ChangeRecord | None, now: ChangeRecord | None) -> Iterator[str]:
    if now is None:
        assert then
        yield f"{address}: the plan would {then.action} it; now nothing is to be done about it"
    elif then is None:
        yield f"{address}: the plan leaves it as it is; now it would {now.action} it"
    elif then.action != now.action:
        yield f"{address}: the plan would {then.action} it; now it would {now.action} it"
    else:
        yield from (f"{address}: {told}" for told in _inside(then, now))


def _inside(then: ChangeRecord, now: ChangeRecord) -> Iterator[str]:
    """The same change of the same resource, and yet another one: the first cause that there is."""
    fields = [*_fields(then.fields, now.fields)]
    seen = [
        f"{name} was {_told(getattr(then.live, name, None))}; now it is {_told(getattr(now.live, name, None))}"
        for name in ("identity", "version", "owner")
        if getattr(then.live, name, None) != getattr(now.live, name, None)
    ]
    yield from fields
    yield from seen
    if fields or seen:
        return
    if then.live != now.live and then.live and now.live:
        yield (
            f"it was changed since: its fingerprint was {then.live.fingerprint[:12]}; now it is {now.live.fingerprint[:12]}"
        )
    elif then.calls != now.calls:
        yield f"its calls were {_sent(then.calls)}; now they are {_sent(now.calls)}"
    elif then.dependencies != now.dependencies:
        yield f"it waited for {_listed(then.dependencies)}; now it waits for {_listed(now.dependencies)}"
    else:
        yield f"it was declared at {then.origin}; now it is at {now.origin}"


def _fields(then: Iterable[FieldRecord], now: Iterable[FieldRecord]) -> Iterator[str]:
    old, new = {field.path: field for field in then}, {field.path: field for field in now}
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield f"{path} was planned as {_step(old.get(path))}; now it is {_step(new.get(path))}"


def _step(field: FieldRecord | None) -> str:
    if field is None:
        return "no change"
    return "(sensitive)" if field.sensitive else f"{_told(field.before)} → {_told(field.after)}"


def _told(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:100]}…"  # noqa: PLR2004 (characters of one line)


def _sent(calls: Iterable[CallRecord]) -> str:
    return _listed(f"{call.operation} {_told(dict(call.params))}" for call in calls)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "nothing"


def _salt(workspace: str, secret: Secret) -> str:
    return f"{workspace}/{secret.reference}"


def _secrets(plan: Plan) -> Mapping[str, Secret]:
    """The secrets that the calls need, by reference."""
    found = (
        secret for step in plan.steps for call in step.calls for secret in record.find_secrets(call.params)
    )
    return dict(sorted({secret.reference: secret for secret in found}.items()))


def _hashes(plan: Plan) -> Mapping[str, str | None]:
    def hashed(secret: Secret) -> str | None:
        return None if secret.value is None else str(secret.digest(_salt(plan.workspace, secret)))

    secrets = _secrets(plan)
    if not secrets:
        return {}
    with ThreadPoolExecutor() as pool:
        return dict(zip(secrets, pool.map(hashed, secrets.values()), strict=True))


def _other_secrets(written: Mapping[str, str | None], anew: Plan) -> Iterator[str]:
    """The references that yield another value than when the plan was made. Nothing of either is told."""
    for reference, now in _hashes(anew).items():
        then = written.get(reference)
        if then != now:
            words = [
                "(not set)" if value is None else f"(sensitive, hash {_tail(value)})" for value in (then, now)
            ]
            yield f"the secret from {reference} was {words[0]}; now it is {words[1]}"


def _tail(stored: str) -> str:
    """A bit of a salted hash, enough to see that two differ."""
    parsed = SecretDigest.parse(stored)
    return f"{parsed.digest[:8]}…" if parsed else "that is none"
