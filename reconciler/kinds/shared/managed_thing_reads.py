"""What there is of managed things, and which of those without marks the file could mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.tags import NAME_TAG, OWNER_TAG, TAG_PREFIX, tagged_live, user_tags
from reconciler.kinds.shared import managed_setup_code
from reconciler.kinds.shared.managed_setup_code import RememberedText
from reconciler.kinds.shared.managed_thing_spec import (
    CAPABILITY_MEMBERS,
    LOCKER,
    OPTIONAL_MEMBERS,
    WIFI,
    ManagedThing,
    ManagedThingFacts,
    WiFiSimpleSetup,
    set_optional_fields,
)
from reconciler.model.resource import NOT_COMPARED, External, Live, Resource
from reconciler.model.secret import SecretDigest


def find_import_candidates(
    missing: Mapping[str, Resource], unmarked: Sequence[Mapping[str, Any]]
) -> Iterator[Live]:
    """What is there without marks and could be what is missing: with its serial number, or else with its name.

    Of several the first is shown with all of them, and the plan is refused.
    """
    by: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for answer in unmarked:
        for key in ("SerialNumber", "Name"):
            if key in answer:
                by[key, answer[key]].append(answer)
    taken: set[str] = set()
    for name, resource in sorted(missing.items()):
        spec: ManagedThing = resource.spec
        serial = spec.serial_number or managed_setup_code.parse_serial_number(
            spec.authentication_material, str(spec.authentication_material_type)
        )
        same_name = [
            answer
            for answer in by["Name", spec.name or name]
            if not serial or answer.get("SerialNumber", serial) == serial
        ]
        found = (by["SerialNumber", serial] if serial else []) or same_name
        free = [answer for answer in found if answer["Id"] not in taken]
        if free:
            taken.add(free[0]["Id"])
            yield to_live(free[0], resource, name, tuple(map(_told, found)))


def _told(answer: Mapping[str, Any]) -> str:
    said = [f"{key} {answer[key]}" for key in ("Name", "SerialNumber") if key in answer]
    return f"{answer['Id']} ({', '.join(said)})"


def to_live(
    answer: Mapping[str, Any], wanted: Resource | None, name: str | None = None, found: Sequence[str] = ()
) -> Live:
    """One managed thing as it is. Of one without marks the setup code is not known, and what the file says holds."""
    tags, meta = answer.get("Tags", {}), answer.get("MetaData", {})
    says = set(set_optional_fields(wanted.spec)) if wanted else set()
    compared = says | set(tags.get(f"{TAG_PREFIX}fields", "").split())
    ours = OWNER_TAG in tags
    spec = ManagedThing(
        role=answer["Role"],
        authentication_material=SecretDigest.parse(tags.get(f"{TAG_PREFIX}material", ""))
        if ours
        else NOT_COMPARED,
        authentication_material_type=tags.get(f"{TAG_PREFIX}type", "") if ours else NOT_COMPARED,
        thing=External(meta[f"{TAG_PREFIX}thing"]) if f"{TAG_PREFIX}thing" in meta else None,
        name=answer.get("Name"),
        **{each: _told_back(each, answer) for each in compared & OPTIONAL_MEMBERS.keys()},
        **{each: _remembers(tags, each) for each in CAPABILITY_MEMBERS},
        meta_data=user_tags(meta),
        tags=user_tags(tags),
    )
    name = tags.get(NAME_TAG, name) if ours else name
    facts = ManagedThingFacts(tuple(found))
    return tagged_live(answer["Id"], spec, tags, answer["Arn"], declared_name=name, facts=facts)


def _remembers(tags: Mapping[str, str], name: str) -> Any:
    digest = tags.get(TAG_PREFIX + name.replace("_", "-"))
    return RememberedText(digest) if digest else () if name == "capability_schemas" else None


def _told_back(name: str, answer: Mapping[str, Any]) -> Any:
    value = answer.get(OPTIONAL_MEMBERS[name])
    if value is None:
        return None
    if name == LOCKER:
        return External(value)
    if name == WIFI:
        return WiFiSimpleSetup(
            value.get("EnableAsProvisioner", False),
            value.get("EnableAsProvisionee", False),
            value.get("TimeoutInMinutes", 0),
        )
    return value
