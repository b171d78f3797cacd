"""One resource as JSON: desired and live, with its status in AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from reconciler.engine.plan.record import FieldRecord, to_field_record, to_json_values
from reconciler.engine.status import Status
from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import get_members
from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.resource import Live, Resource
from reconciler.render.json.encode import encode_document

RESOURCE_FORMAT: Literal["reconciler.resource"] = "reconciler.resource"
RESOURCE_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class ResourceDocument:
    """One resource, desired and live.

    `origin` is the file and line of its table, or null; `identity` is AWS's ID, or null; `owner` is the workspace that manages it, or
    null. `desired` and `live` are the values of its fields by name, null if the file does not declare it or AWS does not have it.
    `action` is that of the change that a plan would make, or null; `fields` are the fields that this change is about. `status` has
    what AWS reports in addition to the fields, by name, such as the connection of a managed thing; `denied` are the operations that
    would report more, but that the caller has no permission for.
    """

    format: Literal["reconciler.resource"] = RESOURCE_FORMAT
    version: Literal[1] = RESOURCE_VERSION
    address: str
    origin: str | None
    identity: str | None
    owner: str | None
    action: str | None
    desired: Mapping[str, Any] | None
    live: Mapping[str, Any] | None
    fields: tuple[FieldRecord, ...]
    status: Mapping[str, Any]
    denied: tuple[str, ...]


def render_resource_json(
    address: Address, desired: Resource | None, live: Live | None, change: Change | None, status: Status
) -> Iterator[str]:
    """Render one resource as one JSON document, in pieces."""
    document = ResourceDocument(
        address=str(address),
        origin=str(desired.origin) if desired else None,
        identity=live.identity if live else None,
        owner=live.owner if live else None,
        action=change.action if change else None,
        desired=_to_values(desired.spec) if desired else None,
        live=_to_values(live.spec) if live else None,
        fields=tuple(map(to_field_record, change.fields)) if change else (),
        status=to_json_values(status.values),
        denied=status.denied,
    )
    yield from encode_document(document)


def _to_values(spec: object) -> Mapping[str, Any]:
    return {name: to_json_values(getattr(spec, name)) for name in get_members(type(spec))}
