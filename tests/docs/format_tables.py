"""Tables of the members of each output format, for the reference."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

import attrs

from reconciler.render.json.schemas import OUTPUTS, build_output_schema
from reconciler.render.views.plan import PlanView
from tests.docs.markdown import build_anchor, render_heading, render_table, unwrap

_CLAUSE_END = re.compile(r"(?<=\.) (?=[A-Z`])|; (?=`)")
_SUBJECT = re.compile(r"`\w+` (?:is|are) ")
_LIST_ITEM = re.compile(r"- `(\w+)`: (.*?)[;.]?")


def render_format(output: str) -> str:
    """Render the members of one output: a table for each object, the document's or the lines' first."""
    definitions = build_output_schema(output)["$defs"]
    classes = {cls.__name__: cls for root in OUTPUTS[output] for cls in _iterate_classes(root)}
    return "\n\n".join(_render_object(output, cls, definitions[name]) for name, cls in classes.items())


def _render_object(output: str, cls: type, schema: Mapping[str, Any]) -> str:
    members = schema["properties"]
    description, meanings = _read_docstrings(cls, members)
    rows = [
        (f"`{name}`", _describe_schema(member, output), meanings.get(name, ""))
        for name, member in members.items()
    ]
    heading = render_heading(3, _build_title(output, cls.__name__))
    return "\n\n".join(
        filter(None, (heading, description, render_table(("Member", "Type", "Meaning"), rows)))
    )


def _build_title(output: str, name: str) -> str:
    return f"`{output}`: `{name}`"


def _read_docstrings(cls: type, members: Collection[str]) -> tuple[str, Mapping[str, str]]:
    """Split a class's docstrings into a description and the members' meanings.

    The docstrings of the classes that it adds members to are included. A meaning is a list item about the member, or the sentences
    that name it.
    """
    meanings: dict[str, list[str]] = {}
    descriptions: list[str] = []
    for base in (base for base in cls.__mro__ if attrs.has(base)):
        lines = unwrap(base.__doc__ or "").replace("None", "null").splitlines()
        remaining = [_remove_meanings(line, members, meanings) for line in lines[1:]]
        if base is cls:
            descriptions = [*lines[:1], *remaining]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(descriptions)).strip()
    return text, {name: " ".join(dict.fromkeys(clauses)) for name, clauses in meanings.items()}


def _remove_meanings(line: str, members: Collection[str], meanings: dict[str, list[str]]) -> str:
    """Add a docstring's line about members to their meanings, and return the rest of the line."""
    if (item := _LIST_ITEM.fullmatch(line)) and item[1] in members:
        meanings.setdefault(item[1], []).append(_to_sentence(item[2]))
        return ""
    rest = []
    for clause in _CLAUSE_END.split(line):
        names = [name for name in members if f"`{name}`" in clause]
        if not names or clause.endswith("one of"):  # a list follows, which stays in the description
            rest.append(clause)
            continue
        for name in names:
            is_only_subject = len(names) == 1 and clause.startswith(f"`{name}`")
            text = _SUBJECT.sub("", clause, count=1) if is_only_subject else clause
            meanings.setdefault(name, []).append(_to_sentence(text))
    return " ".join(rest)


def _to_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.;')}."


def _describe_schema(schema: Mapping[str, Any], output: str) -> str:
    """Describe a JSON Schema in words, with a link if it is an object of another table."""
    match schema:
        case {"$ref": "#/$defs/PlanView"}:
            return "object"
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return f"[{name}](#{build_anchor(_build_title(output, name))})"
        case {"anyOf": list(choices)}:
            return " or ".join(_describe_schema(choice, output) for choice in choices)
        case {"enum": [value]} | {"const": value}:
            return f"`{_to_json(value)}`"
        case {"enum": list(values)}:
            return ", ".join(f"`{_to_json(value)}`" for value in values)
        case {"type": "array", "prefixItems": list(items)}:
            return f"array of {len(items)}: {', '.join(_describe_schema(item, output) for item in items)}"
        case {"type": "array", "items": Mapping() as items}:
            return f"array, each item {_describe_schema(items, output)}"
        case {"type": "object", "additionalProperties": Mapping() as values}:
            return f"object, each value {_describe_schema(values, output)}"
        case {"type": str(name)}:
            return name
        case _:
            return "any value"


def _to_json(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _iterate_classes(cls: type) -> Iterator[type]:
    """Yield a class and the classes of its members, each where it is first used.

    The view of a plan is left out, because it is for people.
    """
    if cls is PlanView:
        return
    yield cls
    attrs.resolve_types(cls)
    for attribute in attrs.fields(cls):
        for inner in _find_classes(attribute.type):
            yield from _iterate_classes(inner)


def _find_classes(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and attrs.has(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _find_classes(argument)
