"""Tables of the fields of each kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs

from reconciler.aws.json_schema import build_member_schema
from reconciler.engine.load.resource_names import MAX_NAME_LENGTH
from reconciler.engine.load.toml_types import (
    accepts_document_or_name,
    accepts_external,
    describe_type,
    select_toml_type,
)
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import Member, get_members
from reconciler.model.document import Document
from reconciler.model.resource import NotCompared
from reconciler.render.views.labels import pluralize
from reconciler.render.views.regex_words import describe_expected
from tests.docs.markdown import build_anchor, render_heading, render_table

EXAMPLES_FOLDER = Path(__file__).parent / "examples"
"""A valid example for each kind, in a file with the name of the kind's table."""

EFFECTS_OF_A_CHANGE = {"in_place": "in place", "replaces": "**replaces**", "create_only": "at creation only"}

SPECIAL_EFFECTS_OF_A_CHANGE = {("certificates", "rotation"): "changes running grace periods, too"}
"""The effects of a change to fields that are not compared, but that matter after creation, too."""


_CHARACTERS_AT_END = re.compile(r"(.*?)((?:, )?)((?:[^\sa-z] )*[^\sa-z])")
"""A description of characters that ends with single ones: `letters, digits, _ -`."""


def render_field_overview() -> str:
    """Render a table of the kinds, each with a link to its section."""
    rows = [
        (
            f"[`{build_header(kind)}`](#{build_heading_anchor(kind)})",
            kind.noun,
            ", ".join(f"`{name}`" for name in kind.members),
        )
        for kind in all_kinds().values()
    ]
    return render_table(("Table", "Declares a", "Fields"), rows)


def render_field_reference() -> str:
    """Render a section for each kind: a heading, an example, and the fields."""
    return "\n\n".join(_render_kind_reference(kind) for kind in all_kinds().values())


def _render_kind_reference(kind: Kind) -> str:
    example = (EXAMPLES_FOLDER / f"{kind.table}.toml").read_text(encoding="utf-8")
    parts = [
        render_heading(2, _build_title(kind)),
        _describe_names(kind),
        f"```toml\n{example}```",
        _render_fields_with_limits(kind),
        *_list_unsupported_members(kind),
    ]
    return "\n\n".join(parts)


def build_heading_anchor(kind: Kind) -> str:
    """Return the anchor of the heading of a kind's section."""
    return build_anchor(_build_title(kind))


def _build_title(kind: Kind) -> str:
    return f"`{build_header(kind)}`: {kind.noun}"


def build_header(kind: Kind) -> str:
    """Return the header of the table of a resource, as the file has it."""
    return f"[{kind.table}]" if kind.only_name else f"[{kind.table}.NAME]"


def _describe_names(kind: Kind) -> str:
    if kind.only_name:
        return "An account has these settings once in each Region. Fields that the table does not set stay as they are."
    if not kind.name_api:
        return f"`NAME` is a name in the file: 1 to {MAX_NAME_LENGTH} characters."
    limits = _describe_limits(build_member_schema(kind.service, kind.name_api))
    return f"`NAME` is also its name in AWS (`{kind.name_api}`): {limits}."


def _render_fields_with_limits(kind: Kind) -> str:
    rows = []
    for path, attribute, member in _iterate_fields(kind):
        values = _describe_values(attribute.type, member.references)
        limits = _describe_field_limits(kind, member, attribute.type)
        apis = [api for api in (member.api, member.document_api) if api]
        api = f"<br>AWS: {' or '.join(f'`{name}`' for name in apis)}" if apis else ""
        is_nested = "." in path
        rows.append(
            (
                f"`{path}`",
                f"{values}<br>{limits}" if limits else values,
                _describe_default(attribute),
                "" if is_nested else _describe_change(kind, member),
                f"{member.doc}{api}",
            )
        )
    return render_table(("Field", "Value", "Default", "A change", "Description"), rows)


def _iterate_fields(kind: Kind) -> Iterator[tuple[str, attrs.Attribute[Any], Member]]:
    """Yield each field with its path and its member, followed by the fields of its nested table."""
    attrs.resolve_types(kind.spec_class)
    described_types: set[type] = set()
    for attribute in attrs.fields(kind.spec_class):
        yield attribute.name, attribute, kind.members[attribute.name]
        yield from _list_nested_fields(attribute.name, attribute.type, described_types)


def _list_unsupported_members(kind: Kind) -> list[str]:
    if not kind.unsupported_members:
        return []
    members = "; ".join(f"`{name}` ({reason})" for name, reason in kind.unsupported_members.items())
    return [f"Request members that the file cannot set: {members}."]


def _describe_change(kind: Kind, member: Member) -> str:
    if special_effect := SPECIAL_EFFECTS_OF_A_CHANGE.get((kind.table, member.name)):
        return special_effect
    effect = EFFECTS_OF_A_CHANGE[member.on_change]
    can_be_cleared = member.on_change == "in_place" and not member.required
    if can_be_cleared and kind.forces_replacement(member.name, None):
        return f"{effect}; clearing it {EFFECTS_OF_A_CHANGE['replaces']}"
    return effect


def _describe_field_limits(kind: Kind, member: Member, annotation: Any) -> str:
    """Describe AWS's limits on a field's value; return an empty text without any."""
    is_plain = select_toml_type(annotation) in {str, int, float} or get_origin(
        select_toml_type(annotation)
    ) in {tuple, Mapping}
    if member.api is None or member.references or not is_plain:
        return ""
    return _describe_limits(build_member_schema(kind.service, member.api))


def _describe_limits(schema: Mapping[str, Any]) -> str:
    """Describe the limits in a JSON Schema in words, such as "1 to 128 characters (letters, digits)"."""
    if choices := schema.get("enum"):
        return (
            f"one of {', '.join(f'`{choice}`' for choice in choices)}"
            if len(choices) > 1
            else f"`{choices[0]}`"
        )
    length = _describe_range(schema.get("minLength"), schema.get("maxLength"), "character")
    characters = _describe_pattern(schema.get("pattern", ""))
    parts = [
        f"{length} ({characters})" if length and characters else length or characters,
        _describe_range(schema.get("minimum"), schema.get("maximum"), ""),
        _describe_range(None, schema.get("maxItems"), "item"),
        _describe_range(None, schema.get("maxProperties"), "entry"),
    ]
    for part, title in (("propertyNames", "keys"), ("additionalProperties", "values"), ("items", "each")):
        inner = schema.get(part)
        if isinstance(inner, Mapping) and "properties" not in inner and (text := _describe_limits(inner)):
            parts.append(f"{title}: {text}")
    return "; ".join(filter(None, parts))


def _describe_range(least: int | None, most: int | None, unit: str) -> str:
    if most is None:
        return f"at least {_count(least, unit)}" if least and least > 1 else ""
    if least == most:
        return f"exactly {_count(most, unit)}"
    return f"{f'{least:,} to' if least else 'at most'} {_count(most, unit)}"


def _count(number: int, unit: str) -> str:
    return pluralize(number, unit) if unit else f"{number:,}"


def _describe_pattern(pattern: str) -> str:
    """Describe the characters that a pattern allows; return an empty text if it cannot be put in words.

    The schema has the pattern in `^(?:…)$`, and a range of ASCII characters in place of `\\p{Graph}`.
    """
    aws_pattern = pattern.removeprefix("^(?:").removesuffix(")$").replace(r"\x21-\x7e", r"\p{Graph}")
    expected = f"a match of {aws_pattern}"
    description = describe_expected(expected).removesuffix(f" ({expected})")
    if description in {expected, "any text"}:
        return ""
    match = _CHARACTERS_AT_END.fullmatch(description)
    return f"{match[1]}{match[2]}`{match[3]}`" if match else description


def _describe_values(annotation: Any, references: str | None) -> str:
    """Describe the values of a field. `references` is the table that the field refers to, if any."""
    if accepts_document_or_name(annotation):
        document = _describe_values(Document, None)
        if accepts_external(annotation):
            return f"{_describe_references(references, many=False)}; or {document}"
        return f"{document}; or a name from `[{references}.*]`"
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
        case NotCompared():
            return ""
        case attrs.NOTHING:
            return "*required*"
        case None | () | attrs.Factory():
            return ""
        case bool() | tuple() as value:
            return f"`{json.dumps(value)}`"
        case value:
            return f"`{value}`"


def _list_nested_fields(
    name: str, annotation: Any, described_types: set[type]
) -> Iterator[tuple[str, attrs.Attribute[Any], Member]]:
    """Yield the fields of a nested table or of an array's tables, on all levels, with paths and members.

    `name` is the path of the field whose type is `annotation`. A field of any other type has no nested fields, and one of a type in
    `described_types`, to which its types are added, has the fields that are described already.
    """
    inner = select_toml_type(annotation)
    if get_origin(inner) is tuple:
        name, inner = f"{name}[]", select_toml_type(get_args(inner)[0])
    if not (isinstance(inner, type) and attrs.has(inner) and describe_type(inner) == "a table"):
        return
    if inner in described_types:
        return
    described_types.add(inner)
    attrs.resolve_types(inner)
    members = get_members(inner)
    for field in attrs.fields(inner):
        path = f"{name}.{field.name}"
        yield path, field, members[field.name]
        yield from _list_nested_fields(path, field.type, described_types)
