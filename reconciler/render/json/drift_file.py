"""Drift as JSON: one document, or a line for the whole and one for each resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from attrs import frozen

from reconciler.engine.plan.drift import DIRECTIONS, Drift, DriftedResource
from reconciler.engine.plan.record import to_json_values
from reconciler.model.plan import Target
from reconciler.model.run import Run
from reconciler.render.json.encode import encode_document, encode_json

DRIFT_FORMAT: Literal["reconciler.drift"] = "reconciler.drift"
DRIFT_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class DifferenceRecord:
    """One attribute: as the file has it and as it is there; null is absence."""

    path: str
    file: Any
    there: Any
    sensitive: bool


@frozen(kw_only=True)
class DriftedRecord:
    """One resource that is not as the file says.

    `direction` is "missing" (it is not there), "changed" (it is there and is another), "extra" (it is there, this workspace's,
    and not in the file) or "unmanaged" (it is there without this workspace's mark).
    """

    direction: Literal["missing", "changed", "extra", "unmanaged"]
    address: str
    origin: str | None
    owner: str | None
    identity: str | None
    differences: tuple[DifferenceRecord, ...]


@frozen(kw_only=True)
class LastRunRecord:
    """This workspace's last apply as the journal has it. `file` is the SHA-256 of what the file was then."""

    id: str
    by: str
    job: str
    begun: str
    file: str


@frozen(kw_only=True)
class DriftDocument:
    """The whole drift. `same` counts what is as the file says, `file` is the SHA-256 of the desired state."""

    format: Literal["reconciler.drift"] = DRIFT_FORMAT
    version: Literal[1] = DRIFT_VERSION
    workspace: str
    target: Target
    file: str
    counts: Mapping[str, int]
    same: int
    last_run: LastRunRecord | None
    closed: tuple[str, ...]
    remarks: tuple[str, ...]
    resources: tuple[DriftedRecord, ...]


@frozen(kw_only=True)
class DriftLine:
    """The first line: the whole, with how many lines follow in place of the resources."""

    type: Literal["drift"] = "drift"
    format: Literal["reconciler.drift"] = DRIFT_FORMAT
    version: Literal[1] = DRIFT_VERSION
    workspace: str
    target: Target
    file: str
    counts: Mapping[str, int]
    same: int
    last_run: LastRunRecord | None
    closed: tuple[str, ...]
    remarks: tuple[str, ...]
    resources: int


@frozen(kw_only=True)
class DriftedLine(DriftedRecord):
    """One resource."""

    type: Literal["drifted"] = "drifted"


def render_drift_json(drift: Drift, last: Run | None = None) -> str:
    """The text of the document."""
    resources = tuple(map(_drifted, drift.items))
    return "".join(encode_document(DriftDocument(**_whole(drift, last), resources=resources)))


def render_drift_jsonl(drift: Drift, last: Run | None = None) -> Iterator[str]:
    """The lines, each ending with its line break."""
    yield f"{encode_json(DriftLine(**_whole(drift, last), resources=len(drift.items)))}\n"
    yield from (f"{encode_json(_drifted(item, DriftedLine))}\n" for item in drift.items)


def _whole(drift: Drift, last: Run | None) -> Mapping[str, Any]:
    return {
        "workspace": drift.workspace,
        "target": drift.target,
        "file": drift.source,
        "counts": {
            direction: sum(item.direction == direction for item in drift.items) for direction in DIRECTIONS
        },
        "same": drift.unchanged,
        "last_run": _last(last) if last else None,
        "closed": drift.unlisted,
        "remarks": drift.notes,
    }


def _last(run: Run) -> LastRunRecord:
    return LastRunRecord(
        id=run.id,
        by=str(run.process),
        job=run.process.job,
        begun=run.started_at.isoformat(),
        file=run.file_digest,
    )


def _drifted(item: DriftedResource, sort: type[DriftedRecord] = DriftedRecord) -> DriftedRecord:
    return sort(
        direction=item.direction,  # type: ignore[arg-type]
        address=str(item.address),
        origin=item.origin,
        owner=item.owner,
        identity=item.identity,
        differences=tuple(
            DifferenceRecord(
                path=found.path,
                file=to_json_values(found.desired),
                there=to_json_values(found.live),
                sensitive=found.sensitive,
            )
            for found in item.fields
        ),
    )
