"""Read Terraform's state: the state file, version 4, or the output of `terraform show -json`.

Source: Terraform, "JSON Output Format", for the output; the state file is internal to Terraform, and its version 4 is that of all
releases since 0.12.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.convert.source import (
    Source,
    SourcePath,
    SourceResource,
    iterate_true_paths,
    parse_json_object,
)
from reconciler.engine.load.placeholders import escape_placeholders
from reconciler.kinds.base.field_aliases import fold_name
from reconciler.model.errors import ReconcilerError

_PREFIX = "aws_iot_"
_STATE_VERSION = 4
_SHOW_ADVICE = "write it with `terraform show -json`"

_IDENTIFIER = r"[^\W\d][\w-]*"
_BASE_ADDRESS = re.compile(
    rf'(?:module\.{_IDENTIFIER}(?:\[(?:\d+|"(?:[^"\\\n\r]|\\.)*")\])?\.)*{_IDENTIFIER}\.{_IDENTIFIER}'
)
"""A resource's address without its key. Source: Terraform, "Resource Address Reference" and "Identifiers"."""


def parse_terraform_state(text: str, name: str) -> Source:
    """Return the managed resources in a state; `name` is that of the file. Raises ReconcilerError."""
    state = parse_json_object(text, name, _SHOW_ADVICE)
    if "encrypted_data" in state:
        raise ReconcilerError(
            f"{name}: the state is encrypted; decrypt it with `tofu show -json | reconciler import terraform -`"
        )
    if "planned_values" in state or "resource_changes" in state:
        raise ReconcilerError(f"{name}: this is a plan, not a state; {_SHOW_ADVICE} and no file")
    if "format_version" in state:
        resources = _list_resources(_iterate_shown, state.get("values", {}).get("root_module", {}), name)
    elif state.get("version") == _STATE_VERSION:
        resources = _list_resources(_iterate_stored, state, name)
    elif "version" in state:
        raise ReconcilerError(
            f"{name}: state version {state['version']!r} is not supported; expected version {_STATE_VERSION}: {_SHOW_ADVICE}"
        )
    else:
        raise ReconcilerError(f"{name}: not a state of Terraform; {_SHOW_ADVICE}")
    iot = tuple(resource for resource in resources if resource.type.startswith(_PREFIX))
    other_types = Counter(resource.type for resource in resources if not resource.type.startswith(_PREFIX))
    if not iot:
        raise ReconcilerError(
            f"{name}: the state has no {_PREFIX}* resources among its {len(resources):,} resources; check that it is the right state"
        )
    return Source("Terraform", iot, dict(sorted(other_types.items())))


def _list_resources(
    iterate: Callable[[Any], Iterator[SourceResource]], value: Any, name: str
) -> list[SourceResource]:
    """Return the resources. Raises ReconcilerError if the structure is not that of a state."""
    try:
        return list(iterate(value))
    except (AttributeError, LookupError, TypeError):
        raise ReconcilerError(f"{name}: not a state of Terraform; {_SHOW_ADVICE}") from None


def _iterate_stored(state: Mapping[str, Any]) -> Iterator[SourceResource]:
    """Yield the resources of a state file."""
    for resource in state.get("resources", ()):
        if resource.get("mode") != "managed":
            continue
        module = f"{resource['module']}." if resource.get("module") else ""
        base = f"{module}{resource['type']}.{resource['name']}"
        for instance in resource.get("instances", ()):
            paths = [_parse_path(path) for path in instance.get("sensitive_attributes", ())]
            yield _build(
                base,
                resource,
                instance.get("index_key"),
                instance.get("attributes") or {},
                frozenset(path for path in paths if path),
                is_deposed="deposed" in instance,
            )


def _iterate_shown(module: Mapping[str, Any]) -> Iterator[SourceResource]:
    """Yield the resources of a module in the output of `terraform show -json`, and of the modules in it."""
    for resource in module.get("resources", ()):
        if resource.get("mode") == "managed":
            prefix = f"{module['address']}." if module.get("address") else ""
            yield _build(
                f"{prefix}{resource['type']}.{resource['name']}",
                resource,
                resource.get("index"),
                resource.get("values") or {},
                frozenset(iterate_true_paths(resource.get("sensitive_values", {}))),
                is_deposed="deposed_key" in resource,
            )
    for child in module.get("child_modules", ()):
        yield from _iterate_shown(child)


def _build(  # noqa: PLR0913 (what both formats have)
    base: str,
    resource: Mapping[str, Any],
    key: str | int | None,
    attributes: Mapping[str, Any],
    sensitive_paths: frozenset[SourcePath],
    *,
    is_deposed: bool,
) -> SourceResource:
    if not isinstance(attributes, Mapping) or not isinstance(key, str | int | None):
        raise TypeError("not a resource of a state")
    if not _BASE_ADDRESS.fullmatch(base):
        raise TypeError("not an address that Terraform writes")
    index = "" if key is None else f"[{_quote_key(key)}]"
    label = str(key) if isinstance(key, str) else f"{resource['name']}{'' if key is None else f'-{key}'}"
    return SourceResource(
        address=f"{base}{index}",
        block=base,
        type=resource["type"],
        noun=fold_name(resource["type"].removeprefix(_PREFIX)),
        label=label,
        attributes=escape_placeholders(attributes),
        sensitive_paths=sensitive_paths,
        obstacle="Terraform has yet to delete it (a deposed object)" if is_deposed else None,
    )


def _quote_key(key: str | int) -> str:
    """Return a key of `count` or `for_each` as Terraform writes it in addresses."""
    if not isinstance(key, str):
        return str(key)
    return json.dumps(key, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _parse_path(steps: Any) -> SourcePath:
    """Return the path of a sensitive attribute: a list of steps, each an attribute's name or an index."""
    path: list[str | int] = []
    for step in steps:
        value = step.get("value") if isinstance(step, Mapping) else None
        if isinstance(value, Mapping):
            value = value.get("value")
        if not isinstance(value, str | int):
            break  # a step into a set, which has no index: everything above it is sensitive
        path.append(value)
    return tuple(path)
