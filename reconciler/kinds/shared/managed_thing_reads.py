"""Build live managed things from responses, and match those without an owner to the file's resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.context import Response
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNER_TAG,
    TAG_PREFIX,
    build_tagged_live,
    select_user_entries,
    select_user_tags,
)
from reconciler.kinds.shared.managed_setup_code import HashedText, parse_serial_number
from reconciler.kinds.shared.managed_thing_spec import (
    CAPABILITY_MEMBERS,
    CREDENTIAL_LOCKER,
    OPTIONAL_MEMBERS,
    WIFI_SIMPLE_SETUP,
    ManagedThing,
    ManagedThingFacts,
    WiFiSimpleSetup,
    find_optional_fields,
)
from reconciler.model.resource import NOT_COMPARED, External, Live, Resource
from reconciler.model.secret import SecretDigest


def find_import_candidates(missing: Mapping[str, Resource], unmanaged: Sequence[Response]) -> Iterator[Live]:
    """Yield, for each missing resource, a managed thing without an owner that matches it, if there is one.

    It matches by serial number; if none does, by name. If several match, the first one that has not been yielded for another
    resource is yielded, with a description of all of them, so that the plan is rejected.
    """
    candidates_by_serial: defaultdict[str, list[Response]] = defaultdict(list)
    candidates_by_name: defaultdict[str, list[Response]] = defaultdict(list)
    for managed_thing in unmanaged:
        if "SerialNumber" in managed_thing:
            candidates_by_serial[managed_thing["SerialNumber"]].append(managed_thing)
        if "Name" in managed_thing:
            candidates_by_name[managed_thing["Name"]].append(managed_thing)
    taken_ids: set[str] = set()
    for name, resource in sorted(missing.items()):
        spec: ManagedThing = resource.spec
        serial = spec.serial_number or parse_serial_number(
            spec.authentication_material, str(spec.authentication_material_type)
        )
        candidates = candidates_by_serial[serial] if serial else []
        if not candidates:
            candidates = [
                managed_thing
                for managed_thing in candidates_by_name[spec.name or name]
                if not serial or managed_thing.get("SerialNumber", serial) == serial
            ]
        free_candidates = [candidate for candidate in candidates if candidate["Id"] not in taken_ids]
        if free_candidates:
            taken_ids.add(free_candidates[0]["Id"])
            yield to_live(
                free_candidates[0], resource, name, [_describe(candidate) for candidate in candidates]
            )


def _describe(managed_thing: Response) -> str:
    names = [
        f"{member} {managed_thing[member]}" for member in ("Name", "SerialNumber") if member in managed_thing
    ]
    return f"{managed_thing['Id']} ({', '.join(names)})"


def to_live(
    managed_thing: Response, desired: Resource | None, name: str | None = None, candidates: Sequence[str] = ()
) -> Live:
    """Return one live managed thing, with the optional fields that the file sets or has set before.

    `name` and `candidates` are for a managed thing without an owner: the name in the file of the resource that it matches, and
    descriptions of all managed things that match this resource. Its authentication material is unknown, so it is not compared.
    """
    tags, meta_data = managed_thing.get("Tags", {}), managed_thing.get("MetaData", {})
    is_managed = OWNER_TAG in tags
    compared_fields = set(tags.get(f"{TAG_PREFIX}fields", "").split())
    if desired:
        compared_fields |= set(find_optional_fields(desired.spec))
    thing_name = meta_data.get(f"{TAG_PREFIX}thing")
    material = SecretDigest.parse(tags.get(f"{TAG_PREFIX}material", "")) if is_managed else NOT_COMPARED
    spec = ManagedThing(
        role=managed_thing["Role"],
        authentication_material=material,
        authentication_material_type=tags.get(f"{TAG_PREFIX}type", "") if is_managed else NOT_COMPARED,
        thing=External(thing_name) if thing_name is not None else None,
        name=managed_thing.get("Name"),
        **{field: _to_field(field, managed_thing) for field in compared_fields & OPTIONAL_MEMBERS.keys()},
        **{field: _to_capabilities(field, tags) for field in CAPABILITY_MEMBERS},
        meta_data=select_user_entries(meta_data),
        tags=select_user_tags(tags),
    )
    return build_tagged_live(
        managed_thing["Id"],
        spec,
        tags,
        managed_thing["Arn"],
        declared_name=tags.get(NAME_TAG, name) if is_managed else name,
        facts=ManagedThingFacts(tuple(candidates)),
    )


def _to_capabilities(field: str, tags: Mapping[str, str]) -> Any:
    digest = tags.get(TAG_PREFIX + field.replace("_", "-"))
    if digest:
        return HashedText(digest)
    return () if field == "capability_schemas" else None


def _to_field(field: str, managed_thing: Response) -> Any:
    value = managed_thing.get(OPTIONAL_MEMBERS[field])
    if value is None:
        return None
    if field == CREDENTIAL_LOCKER:
        return External(value)
    if field == WIFI_SIMPLE_SETUP:
        return WiFiSimpleSetup(
            value.get("EnableAsProvisioner", False),
            value.get("EnableAsProvisionee", False),
            value.get("TimeoutInMinutes", 0),
        )
    return value
