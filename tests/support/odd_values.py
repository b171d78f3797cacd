"""Values that AWS normalizes: empty texts and maps, spaces, and other forms of a reference."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin

import attrs
from attrs import evolve
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.toml_types import select_toml_types
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.normalize import normalize_resources
from reconciler.kinds.base.schema import Member
from reconciler.model.resource import External, Lifecycle, Resource
from tests.support.desired_states import make_resource

_TEXTS = ("", " ", " Two  Words ", "MiXeD", "mixed", "1.0", "in {aws.region} of {{var.x}}")
_MAPS: tuple[dict[str, str], ...] = (
    {},
    {"odd": ""},
    {"odd": " "},
    {"Odd": "MiXeD", "odd": "mixed"},
    {"odd": "", "Odd": "1.0"},
    {"aws:odd": "odd"},
)

_DEPENDENT_FIELDS = frozenset(
    {
        ("account_associations", "auth_material_name"),
        ("authorizers", "token_key_name"),
        ("authorizers", "token_signing_public_keys"),
        ("certificates", "csr"),
        ("cloud_connectors", "description"),
        ("connector_destinations", "description"),
        ("connector_destinations", "o_auth_complete_redirect_url"),
        ("custom_metrics", "metric_type"),
        ("event_log_configurations", "resource_id"),
        ("event_log_configurations", "resource_type"),
        ("managed_destinations", "description"),
        ("managed_destinations", "tags"),
        ("managed_things", "capabilities"),
        ("provisioned_things", "template"),
    }
)
"""Fields whose values cannot be chosen at random.

These are a signing request, JSON, a template in place of its name, the name of a destination's material, the resource of an event log
configuration, and what replaces a resource, which no plan does while others refer to it.
"""

_NAMED_BY_AWS = frozenset(
    {
        "ca_certificates",
        "certificates",
        "cloud_connectors",
        "connector_destinations",
        "credential_lockers",
        "managed_things",
        "package_versions",
        "provisioning_profiles",
    }
)
"""The tables whose AWS IDs are not the names in the file."""


@st.composite
def odd_resources(draw: st.DrawFn, resource: Resource) -> Resource:
    """Return a valid resource in which up to three fields have other values than in `resource`."""
    kind = all_kinds()[resource.address.kind]
    fields = _find_changeable_fields(kind)
    names = draw(st.sets(st.sampled_from(fields), max_size=3)) if fields else frozenset[str]()
    if not names:
        return resource
    values: dict[str, Any] = {}
    for name in sorted(names):
        value = getattr(resource.spec, name)
        if kind.members[name].references:
            values[name] = _draw_other_form(draw, kind.members[name].references, value)
        elif isinstance(value, Mapping):
            values[name] = {**value, **draw(st.sampled_from(_list_values(kind, name)))}
        else:
            values[name] = draw(st.sampled_from(_list_values(kind, name)))
    if kind.table == "thing_types" and (resource.spec.description or values.get("description")):
        values.pop("description", None)  # AWS cannot change it, and no plan replaces a type that things have
    changed = make_resource(kind.table, resource.address.name, evolve(resource.spec, **values))
    (normalized,) = normalize_resources({changed.address: changed}).values()
    has_errors = any(problem.severity == "error" for problem in kind.check(normalized, {}))
    return resource if has_errors else changed


@st.composite
def with_ignored_fields(draw: st.DrawFn, resource: Resource) -> Resource:
    """Return the resource with up to two ignored fields, or keys of maps."""
    kind = all_kinds()[resource.address.kind]
    names = [name for name in kind.members if (kind.table, name) not in _UNIGNORABLE_FIELDS]
    keys = [f"{name}.{key}" for name in names if _is_text_map(kind, name) for key in ("odd", "site")]
    if not draw(st.booleans()):
        return resource
    paths = draw(st.sets(st.sampled_from([*names, *keys]), max_size=2))
    return replace(resource, lifecycle=Lifecycle(ignore_changes=tuple(sorted(paths))))


_UNIGNORABLE_FIELDS = frozenset({("thing_types", "deprecated")})
"""Fields that other resources depend on: things cannot get a type that stays deprecated."""


def _is_text_map(kind: Kind, name: str) -> bool:
    annotation = attrs.fields_dict(attrs.resolve_types(kind.spec_class))[name].type
    return any(
        get_origin(part) is not None and get_args(part) == (str, str)
        for part in select_toml_types(annotation)
    )


@cache
def _find_changeable_fields(kind: Kind) -> tuple[str, ...]:
    """Return the names of the fields with odd values: optional texts, maps of texts, and references."""
    names = []
    for attribute in attrs.fields(attrs.resolve_types(kind.spec_class)):
        member = kind.members[attribute.name]
        if (kind.table, member.name) in _DEPENDENT_FIELDS:
            continue
        if (member.references and member.references not in _NAMED_BY_AWS) or _list_values(kind, member.name):
            names.append(member.name)
    return tuple(names)


@cache
def _list_values(kind: Kind, name: str) -> tuple[Any, ...]:
    """Return the odd values of a field that violate none of AWS's constraints."""
    attribute = attrs.fields_dict(attrs.resolve_types(kind.spec_class))[name]
    member = kind.members[name]
    if member.references or member.api is None or member.on_change == "create_only":
        return ()
    types = select_toml_types(attribute.type)
    is_optional_text = str in types and attribute.default is not attrs.NOTHING
    values: tuple[Any, ...] = ()
    if is_optional_text:
        values = _TEXTS
    elif _is_text_map(kind, name):
        values = _MAPS
    return tuple(value for value in values if _is_valid(kind, member, value))


def _is_valid(kind: Kind, member: Member, value: Any) -> bool:
    assert member.api
    constraints = ServiceModelConstraints()
    return not any(True for _ in constraints.find_violations(kind.service, member.api, value))


def _draw_other_form(draw: st.DrawFn, table: str, value: Any) -> Any:
    """Return a reference, or each one of a list, by name or by ID; a list may have both forms of one."""
    if isinstance(value, tuple):
        items = [form for item in value for form in draw(st.sampled_from(_list_forms(item)))]
        return tuple(draw(st.permutations(items)))
    return draw(st.sampled_from([form for forms in _list_forms(value) for form in forms]))


def _list_forms(reference: Any) -> list[tuple[Any, ...]]:
    if not isinstance(reference, str):
        return [(reference,)]
    by_id, by_arn = External(reference), External(f"arn:aws:iot:eu-west-1:123456789012:x/{reference}")
    return [(reference,), (by_id,), (by_arn,), (reference, by_id), (by_arn, by_id)]
