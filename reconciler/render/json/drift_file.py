"""Drift as JSON: one document, or a summary line and a line for each resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from reconciler.engine.plan.drift import DIRECTIONS, Drift, DriftedResource, LastChange
from reconciler.engine.plan.record import UnmanagedRecord, to_json_values, to_unmanaged_records
from reconciler.frozen_classes import frozen
from reconciler.model.edge_readings import EdgeReadings
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.plan import Target
from reconciler.model.run import Run
from reconciler.render.json.encode import encode_document, encode_json, get_fields

DRIFT_FORMAT: Literal["reconciler.drift"] = "reconciler.drift"
DRIFT_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class DriftedFieldRecord:
    """One field that differs.

    `path` is dotted as in the file. `desired` and `live` are its values, null if the field is absent there, and a reference or a
    hash for a sensitive value. `sensitive` is whether the value is a secret.
    """

    path: str
    desired: Any
    live: Any
    sensitive: bool


@frozen(kw_only=True)
class LastChangeRecord:
    """The last change of a resource that CloudTrail knows.

    `operation` is the API operation, `time` is UTC in ISO 8601. `principal` is who called it, usually an ARN, and `source` the IP address or
    the AWS service that it came from. `is_from_reconciler` is whether its user agent is that of reconciler, and `run` is the ID of the run
    of this workspace in whose time it was, or empty.
    """

    operation: str
    time: str
    principal: str
    source: str
    is_from_reconciler: bool
    run: str


@frozen(kw_only=True, slots=True)
class DriftedResourceRecord:
    """One resource that differs from the file.

    `direction` is "missing" (declared, but not live), "changed" (live with other values), "extra" (managed by this workspace,
    but not declared) or "unmanaged" (live without this workspace's ownership marker). `origin` is the resource's file and line, or
    null; `owner` is the workspace that manages it, or null; `identity` is its AWS ID, or null. `fields` are the fields that differ.
    With `--who`, `last_change` is the last change, or null, and `unknown_change` is why it is not known; it is empty otherwise.
    """

    direction: Literal["missing", "changed", "extra", "unmanaged"]
    address: str
    origin: str | None
    owner: str | None
    identity: str | None
    fields: tuple[DriftedFieldRecord, ...]
    last_change: LastChangeRecord | None = None
    unknown_change: str = ""


@frozen(kw_only=True)
class LastRunRecord:
    """The workspace's last apply, according to the journal.

    `id` is for `reconciler history`. `user` is who applied, as user@host. `started_at` is UTC in ISO 8601. `job` is the URL of the
    CI job, or empty. `file_digest` is the SHA-256 of the desired state that was applied.
    """

    id: str
    user: str
    job: str
    started_at: str
    file_digest: str


@frozen(kw_only=True, slots=True)
class DriftSummary:
    """Drift without its resources: what the JSON document and the first line of JSON Lines have in common.

    `file_digest` is the SHA-256 of the desired state. `last_run` is null if the journal has no apply to this target. `counts` are
    the numbers of resources by direction; `unchanged` is the number of resources that match the file. `unlisted` are the kinds that
    could not be listed, each with the reason. `notes` describe unmanaged resources that are not in the file, `unmanaged` lists all
    of them. `undeclared` is the number of unmanaged resources that are not in the file; `counts` has that of those in the file. `kept_orphans` are the addresses of resources that are no longer in the file, but stay because of `prune = "never"`.
    `environment` is empty in a file without environments. `trail_notes` are why last changes could not be looked up.
    `edges` is how the edges were read, null if all were.
    """

    format: Literal["reconciler.drift"] = DRIFT_FORMAT
    version: Literal[1] = DRIFT_VERSION
    workspace: str
    target: Target
    file_digest: str
    counts: Mapping[str, int]
    unchanged: int
    last_run: LastRunRecord | None
    unlisted: tuple[str, ...]
    notes: tuple[str, ...]
    unmanaged: tuple[UnmanagedRecord, ...] = ()
    kept_orphans: tuple[str, ...] = ()
    environment: str = ""
    undeclared: int = 0
    trail_notes: tuple[str, ...] = ()
    edges: EdgeReadings | None = None


@frozen(kw_only=True)
class DriftDocument(DriftSummary):
    """The whole drift as one document.

    `resources` are the resources that differ, sorted by direction and address.
    """

    resources: Sequence[DriftedResourceRecord]


@frozen(kw_only=True)
class DriftLine(DriftSummary):
    """The first line; `resources` is the number of lines that follow."""

    type: Literal["drift"] = "drift"
    resources: int


@frozen(kw_only=True)
class DriftedResourceLine(DriftedResourceRecord):
    """A line for one resource."""

    type: Literal["resource"] = "resource"


def render_drift_json(drift: Drift, last_run: Run | None = None) -> Iterator[str]:
    """Render the drift as one document, in pieces."""
    summary = get_fields(_summarize(drift, last_run), DriftSummary)
    resources = LazySequence(to_resource_record, drift.items)
    return encode_document(DriftDocument(**summary, resources=resources))


def render_drift_jsonl(drift: Drift, last_run: Run | None = None) -> Iterator[str]:
    """Render the lines of the drift, each with its line break."""
    summary = get_fields(_summarize(drift, last_run), DriftSummary)
    yield f"{encode_json(DriftLine(**summary, resources=len(drift.items)))}\n"
    for resource in drift.items:
        line = DriftedResourceLine(**get_fields(to_resource_record(resource), DriftedResourceRecord))
        yield f"{encode_json(line)}\n"


def _summarize(drift: Drift, last_run: Run | None) -> DriftSummary:
    return DriftSummary(
        workspace=drift.workspace,
        target=drift.target,
        file_digest=drift.file_digest,
        counts={
            direction: sum(resource.direction == direction for resource in drift.items)
            for direction in DIRECTIONS
        },
        unchanged=drift.unchanged,
        last_run=_to_last_run(last_run) if last_run else None,
        unlisted=drift.unlisted,
        notes=drift.notes,
        unmanaged=to_unmanaged_records(drift.unmanaged),
        kept_orphans=tuple(map(str, drift.kept_orphans)),
        environment=drift.environment,
        undeclared=drift.undeclared,
        trail_notes=drift.trail_notes,
        edges=drift.edges,
    )


def _to_last_run(run: Run) -> LastRunRecord:
    return LastRunRecord(
        id=run.id,
        user=str(run.process),  # user@host
        job=run.process.job,
        started_at=run.started_at.isoformat(),
        file_digest=run.file_digest,
    )


def to_resource_record(resource: DriftedResource) -> DriftedResourceRecord:
    """Return a resource that differs as a record."""
    return DriftedResourceRecord(
        direction=resource.direction,  # type: ignore[arg-type]
        address=str(resource.address),
        origin=resource.origin,
        owner=resource.owner,
        identity=resource.identity,
        fields=tuple(
            DriftedFieldRecord(
                path=field.path,
                desired=to_json_values(field.desired),
                live=to_json_values(field.live),
                sensitive=field.sensitive,
            )
            for field in resource.fields
        ),
        last_change=_to_last_change_record(resource.last_change) if resource.last_change else None,
        unknown_change=resource.unknown_change,
    )


def _to_last_change_record(change: LastChange) -> LastChangeRecord:
    return LastChangeRecord(
        operation=change.operation,
        time=change.time.isoformat(),
        principal=change.principal,
        source=change.source,
        is_from_reconciler=change.is_from_reconciler,
        run=change.run,
    )
