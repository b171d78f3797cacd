"""Generate the README's tables from the kinds and the commands."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

import attrs
import click

from reconciler.cli.main import cli
from reconciler.engine.load.converters import accepts_document_or_name, describe_type, select_toml_type
from reconciler.engine.permissions.operations import VERBS
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import Member
from reconciler.model.document import Document
from reconciler.render.views.labels import format_kind

EFFECTS_OF_A_CHANGE = {"in_place": "in place", "replaces": "**replaces**", "create_only": "at creation only"}
CREATING_PREFIXES = ("Create", "Register", "Add", "Attach")
COMMON_OPTIONS = frozenset({"file", "debug", "color", "no_color", "help"})


def render_kinds() -> str:
    """Return a table of the kinds.

    It shows the AWS noun, the creating calls, the identity, the ownership, and the fields that force a replacement.
    """
    rows = [
        (
            f"`[{kind.table}.*]`",
            kind.noun,
            _join_code(name for name in kind.operations.create if name.startswith(CREATING_PREFIXES)),
            _describe_identity(kind),
            _describe_ownership(kind),
            _join_code(_list_replacing_fields(kind)) or "nothing",
        )
        for kind in all_kinds().values()
    ]
    header = (
        "In the file",
        "In AWS",
        "Created by",
        "Found by",
        "Owned through",
        "Replaced when this changes",
    )
    return _render_table(header, rows)


def render_calls() -> str:
    """Return a table of the kinds with every API call they send, by purpose."""
    rows = []
    for kind in all_kinds().values():
        cells = [_join_code(getattr(kind.operations, verb)) or "none" for verb in VERBS]
        service = "" if kind.service == "iot" else f"<br>`{kind.service}`"
        rows.append((f"`{kind.table}`{service}", *cells))
    return _render_table(("", *(f"To {verb}" for verb in VERBS)), rows)


def render_fields() -> str:
    """Return a table of the fields of each kind, in a `<details>` element."""
    return "\n\n".join(_render_kind_fields(kind) for kind in all_kinds().values())


def render_commands() -> str:
    """Return a table of the commands."""
    return _render_table(("Command", "Description", "Options"), list(_build_command_rows(cli, "reconciler")))


def measure_refresh_cost() -> str:
    """Plan a fleet that needs no changes, and return a sentence with the number of calls that this took."""
    from tests.support.desired_states import converge, make_ca, make_device, make_state, plan_state
    from tests.support.registry_client import Cloud

    device_count, cloud = 300, Cloud()
    devices = [make_device(f"d{number}", site="oslo") for number in range(device_count)]
    fleet = make_state(make_ca(), *(resource for resources in devices for resource in resources))
    converge(fleet, cloud)
    calls_before = cloud.request_count
    assert not plan_state(fleet, cloud)
    return (
        f"A plan without changes for {device_count} devices (one CA; a certificate and a thing each) took this project "
        f"{cloud.request_count - calls_before} calls to the embedded registry."
    )


SECTIONS: Mapping[str, Callable[[], str]] = {
    "kinds": render_kinds,
    "calls": render_calls,
    "fields": render_fields,
    "commands": render_commands,
    "refresh_cost": measure_refresh_cost,
}
"""Generators of the text between `<!-- generated: NAME -->` and `<!-- /generated -->`."""


def _build_command_rows(group: click.Group, path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _build_command_rows(command, f"{path} {name}")
            continue
        arguments = "".join(
            f" {word}" for word in command.collect_usage_pieces(context) if word != "[OPTIONS]"
        )
        options = [
            f"`{max(option.opts, key=len)}{_describe_option_value(option)}`"
            for option in command.params
            if isinstance(option, click.Option) and option.name not in COMMON_OPTIONS
        ]
        yield f"`{path} {name}{arguments}`", command.get_short_help_str(200), ", ".join(options)


def _describe_option_value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + ", ".join(option.type.choices)
    return f" {option.metavar or option.type.name.upper()}"


def _describe_identity(kind: Kind) -> str:
    return search_docstring(kind, r"found by ([^,.;]+)") or "?"


def _describe_ownership(kind: Kind) -> str:
    ownership = search_docstring(kind, r"owned (?:by |through )?([^,.;]+)") or "?"
    return "the tag `reconciler:workspace`" if ownership == "tag" else ownership


def search_docstring(kind: Kind, pattern: str) -> str | None:
    """Return the pattern's first group in the docstring of the kind's class, or else of its module."""
    for text in (type(kind).__doc__, sys.modules[type(kind).__module__].__doc__):
        if match := re.search(pattern, " ".join((text or "").split())):
            return match[1]
    return None


def _join_code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _list_replacing_fields(kind: Kind) -> Iterator[str]:
    """Return the fields whose change replaces the resource."""
    return (name for name, member in kind.members.items() if member.on_change == "replaces")


def _render_kind_fields(kind: Kind) -> str:
    attrs.resolve_types(kind.spec_class)
    rows = []
    for attribute in attrs.fields(kind.spec_class):
        member = kind.members[attribute.name]
        api = f"`{member.api}`" if member.api else ""
        values = _describe_values(attribute.type, member.references)
        rows.append(
            (
                f"`{member.name}`",
                values,
                _describe_default(attribute),
                _describe_change(kind, member),
                member.doc,
                api,
            )
        )
        rows += [
            (f"`{path}`", _describe_values(inner.type, None), _describe_default(inner), "", "", "")
            for path, inner in _list_nested_fields(member.name, attribute.type)
        ]
    header = ("Field", "Value", "Default", "A change", "Description", "Request member")
    title = f"<code>[{kind.table}.NAME]</code> · {format_kind(kind.table, 2)}"
    parts = [f"<details><summary>{title}</summary>", _render_table(header, rows)]
    if unsupported := kind.unsupported_members:
        members = "; ".join(f"`{name}` ({reason})" for name, reason in unsupported.items())
        parts.append(f"Request members that the file cannot set: {members}.")
    return "\n\n".join((*parts, "</details>"))


def _describe_change(kind: Kind, member: Member) -> str:
    effect = EFFECTS_OF_A_CHANGE[member.on_change]
    can_be_cleared = member.on_change == "in_place" and not member.required
    if can_be_cleared and kind.forces_replacement(member.name, None):
        return f"{effect}; clearing it {EFFECTS_OF_A_CHANGE['replaces']}"
    return effect


def _describe_values(annotation: Any, references: str | None) -> str:
    """Describe the values of a field. `references` is the table that the field refers to, if any."""
    if accepts_document_or_name(annotation):
        return f"{_describe_values(Document, None)}; or a name from `[{references}.*]`"
    if references:
        return _describe_references(references, many=describe_type(annotation).startswith("an array"))
    text = describe_type(annotation)
    text = re.sub(r"'([A-Za-z0-9_.-]+)'", r"`\1`", text)
    return re.sub(r"\{[^}]*\}", lambda match: f"`{match[0]}`", text)


def _describe_references(table: str, *, many: bool) -> str:
    external = '`{ id = "…" }`, `{ arn = "…" }`'
    if table not in all_kinds():
        return f"an array of {external}" if many else external
    return f"{'an array of names' if many else 'a name'} from `[{table}.*]`, or {external}"


def _describe_default(attribute: attrs.Attribute[Any]) -> str:
    match attribute.default:
        case attrs.NOTHING:
            return "*required*"
        case None | () | attrs.Factory():
            return ""
        case bool(value):
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


def _list_nested_fields(name: str, annotation: Any) -> Iterator[tuple[str, attrs.Attribute[Any]]]:
    """Yield the fields of a nested table, or of the tables in an array, with their dotted paths.

    `name` is the path of the field whose type is `annotation`. A field of any other type has no nested fields.
    """
    inner = select_toml_type(annotation)
    if get_origin(inner) is tuple:
        name, inner = f"{name}[]", select_toml_type(get_args(inner)[0])
    if isinstance(inner, type) and attrs.has(inner) and describe_type(inner) == "a table":
        attrs.resolve_types(inner)
        yield from ((f"{name}.{field.name}", field) for field in attrs.fields(inner))


def _render_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
