"""The README's tables, from the kinds and the commands themselves."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

import attrs
import click

from reconciler.aws.service_model import ServiceModelLimits
from reconciler.cli.main import cli
from reconciler.engine.load.converters import is_named_document, wanted, written
from reconciler.engine.permissions.operations import VERBS
from reconciler.engine.permissions.operations import calls_of as calls_by_verb
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import Member
from reconciler.model.document import Document
from reconciler.render.views.plan import noun

CHANGING = {"in_place": "in place", "replaces": "**a new one**", "create_only": "when created"}
MAKING = ("Create", "Register", "Add", "Attach")
COMMON = frozenset({"file", "debug", "color", "no_color", "help"})


def calls_of(kind: Kind) -> Mapping[str, tuple[str, ...]]:
    return calls_by_verb(kind, ServiceModelLimits())


def mapping() -> str:
    """One row a kind: what it is, how it is found and marked, what makes a new one of it."""
    rows = [
        (
            f"`[{kind.table}.*]`",
            kind.noun,
            _code(name for name in calls_of(kind)["create"] if name.startswith(MAKING)),
            _found(kind),
            _owned(kind),
            _code(_replacing(kind)) or "nothing",
        )
        for kind in all_kinds().values()
    ]
    head = (
        "In the file",
        "In AWS",
        "Made by",
        "Found by",
        "Marked as owned by",
        "A new one when this changes",
    )
    return _table(head, rows)


def calls() -> str:
    """One row a kind: every API call that it may send, by what it is for."""
    rows = []
    for kind in all_kinds().values():
        found = calls_of(kind)
        cells = [_code(found[verb]) or "none" for verb in VERBS]
        service = "" if kind.service == "iot" else f"<br>`{kind.service}`"
        rows.append((f"`{kind.table}`{service}", *cells))
    return _table(("", *(f"To {verb}" for verb in VERBS)), rows)


def fields() -> str:
    """A folded table a kind: every field."""
    return "\n\n".join(_folded(kind) for kind in all_kinds().values())


def commands() -> str:
    """One row a command."""
    return _table(("Command", "What it does", "Its own options"), list(_commands(cli, "reconciler")))


def reading() -> str:
    """What it costs to find that there is nothing to do."""
    from tests.support.desired_states import ca, converge, device, plan_of, state
    from tests.support.registry_client import Cloud

    devices, cloud = 300, Cloud()
    fleet = state(ca(), *(found for number in range(devices) for found in device(f"d{number}", site="oslo")))
    converge(fleet, cloud)
    before = cloud.requests
    assert not plan_of(fleet, cloud)
    return (
        f"Finding that {devices} devices (a CA, a certificate and a thing each) need nothing took this project "
        f"{cloud.requests - before} calls to the embedded registry."
    )


SECTIONS: Mapping[str, Callable[[], str]] = {
    "kinds": mapping,
    "calls": calls,
    "fields": fields,
    "commands": commands,
    "reading": reading,
}
"""What stands between `<!-- generated: NAME -->` and `<!-- /generated -->`."""


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
            continue
        arguments = "".join(
            f" {word}" for word in command.collect_usage_pieces(context) if word != "[OPTIONS]"
        )
        options = [
            f"`{max(option.opts, key=len)}{_value(option)}`"
            for option in command.params
            if isinstance(option, click.Option) and option.name not in COMMON
        ]
        yield f"`{path} {name}{arguments}`", command.get_short_help_str(200), ", ".join(options)


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + ", ".join(option.type.choices)
    return f" {option.metavar or option.type.name.upper()}"


def _found(kind: Kind) -> str:
    return said(kind, r"found by ([^,.;]+)") or "?"


def _owned(kind: Kind) -> str:
    found = said(kind, r"owned (?:by |through )?([^,.;]+)") or "?"
    return "the tag `reconciler:workspace`" if found == "tag" else found


def said(kind: Kind, pattern: str) -> str | None:
    """What the docstring of the kind's class says, or else its module's."""
    for text in (type(kind).__doc__, sys.modules[type(kind).__module__].__doc__):
        if match := re.search(pattern, " ".join((text or "").split())):
            return match[1]
    return None


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _replacing(kind: Kind) -> Iterator[str]:
    return (name for name, found in kind.members.items() if found.on_change == "replaces")


def _folded(kind: Kind) -> str:
    attrs.resolve_types(kind.spec_class)
    rows = []
    for attribute in attrs.fields(kind.spec_class):
        member = kind.members[attribute.name]
        api = f"`{member.api}`" if member.api else ""
        takes = _takes(attribute.type, member.references)
        rows.append((f"`{member.name}`", takes, _default(attribute), _change(kind, member), member.doc, api))
        rows += [
            (f"`{path}`", _takes(inner.type, None), _default(inner), "", "", "")
            for path, inner in _parts(member.name, attribute.type)
        ]
    head = ("Field", "Takes", "Default", "A change", "What it is", "Becomes")
    title = f"<code>[{kind.table}.NAME]</code> · {noun(kind.table, 2)}"
    parts = [f"<details><summary>{title}</summary>", _table(head, rows)]
    if unsupported := getattr(kind, "unsupported", None):
        told = "; ".join(f"`{name}` ({why})" for name, why in unsupported.items())
        parts.append(f"What AWS takes and the file cannot say: {told}.")
    return "\n\n".join((*parts, "</details>"))


def _change(kind: Kind, member: Member) -> str:
    told = CHANGING[member.on_change]
    cleared = member.on_change == "in_place" and not member.required
    return (
        f"{told}; cleared: {CHANGING['replaces']}"
        if cleared and kind.forces_replacement(member.name, None)
        else told
    )


def _takes(annotation: Any, references: str | None) -> str:
    if is_named_document(annotation):
        return f"{_takes(Document, None)}; or a name from `[{references}.*]`"
    if references:
        return _names(references, many=wanted(annotation).startswith("an array"))
    told = wanted(annotation)
    told = re.sub(r"'([A-Za-z0-9_.-]+)'", r"`\1`", told)
    return re.sub(r"\{[^}]*\}", lambda match: f"`{match[0]}`", told)


def _names(table: str, *, many: bool) -> str:
    outside = '`{ id = "…" }`, `{ arn = "…" }`'
    if table not in all_kinds():
        return f"an array of {outside}" if many else outside
    return f"{'an array of names' if many else 'a name'} from `[{table}.*]`, or {outside}"


def _default(attribute: attrs.Attribute[Any]) -> str:
    match attribute.default:
        case attrs.NOTHING:
            return "*required*"
        case None | () | attrs.Factory():
            return ""
        case bool(value):
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


def _parts(name: str, annotation: Any) -> Iterator[tuple[str, attrs.Attribute[Any]]]:
    """The fields of the table, or of each table of the array, that a field takes, by their dotted names."""
    inner = written(annotation)
    if get_origin(inner) is tuple:
        name, inner = f"{name}[]", written(get_args(inner)[0])
    if isinstance(inner, type) and attrs.has(inner) and wanted(inner) == "a table":
        attrs.resolve_types(inner)
        yield from ((f"{name}.{field.name}", field) for field in attrs.fields(inner))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
