"""The types of the values that fields have in a TOML file, and their descriptions for messages."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from reconciler.engine.load.input_files import SECRET_FORMAT
from reconciler.model.document import Document
from reconciler.model.output_file import KeyFile, OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Reference
from reconciler.model.secret import KeySecret, Secret
from reconciler.model.text import format_choices

PEM_FORMAT = 'a certificate in PEM, as text or { file = "path" }'
DOCUMENT_FORMAT = 'a JSON object: { file = "path" }, text, or a table'
DOCUMENT_OR_NAME_FORMAT = f"{DOCUMENT_FORMAT}; or a name in this file"
REFERENCE_FORMAT = 'a name in this file, { id = "…" } or { arn = "…" }'
DOCUMENT_OR_REFERENCE_FORMAT = 'a name in this file, { id = "…" } or { arn = "…" }; or a JSON object: { file = "path" }, text, or a table'
LONG_TEXT_FORMAT = 'a string, or { file = "path" } for long text'

SCALAR_FORMATS: Mapping[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
}


def is_union(annotation: Any) -> bool:
    """Return whether an annotation is a union, such as `str | None`."""
    return get_origin(annotation) in (Union, UnionType)


def select_toml_type(annotation: Any) -> Any:
    """Return the type of the values that a TOML file can have in a field with this annotation.

    For a union, that is its first type, or `Reference`, which is a union itself. The union's other types
    are not for values in the file: AWS reports such values, or the key is absent (None; TOML has no null). In some unions, a second type is
    for values in the file; callers recognize them by `select_toml_types` (a string or a secret) and `accepts_document_or_name`.
    """
    if not is_union(annotation):
        return annotation
    parts = get_args(annotation)
    return Reference if External in parts else parts[0]


def select_toml_types(annotation: Any) -> tuple[Any, ...]:
    """Return all types of the values that a TOML file can have in a field with this annotation.

    For a document or the name of one, only the first type is returned.
    """
    parts = set(get_args(annotation)) if is_union(annotation) else set()
    if {str, Secret} <= parts:
        return (str, Secret)
    return (select_toml_type(annotation),)


def accepts_document_or_name(annotation: Any) -> bool:
    """Return whether a field takes a document, or the name of one in this file."""
    return is_union(annotation) and {Document, str} <= set(get_args(annotation))


def accepts_external(annotation: Any) -> bool:
    """Return whether a field takes a reference to a resource outside the file."""
    return is_union(annotation) and External in get_args(annotation)


def describe_type(annotation: Any) -> str:
    """Return a description of the valid values for an annotation, for messages and the documentation."""
    if accepts_document_or_name(annotation):
        return DOCUMENT_OR_REFERENCE_FORMAT if accepts_external(annotation) else DOCUMENT_OR_NAME_FORMAT
    annotation = select_toml_type(annotation)
    if annotation == Reference:
        return REFERENCE_FORMAT
    origin = get_origin(annotation) or annotation
    if origin is Literal:
        return format_choices(get_args(annotation))
    if origin is tuple:
        return f"an array, each item {describe_type(get_args(annotation)[0])}"
    descriptions: Mapping[Any, str] = {
        **SCALAR_FORMATS,
        Pem: PEM_FORMAT,
        OutputFile: "the path of a new file",
        KeyFile: "the path of a new file",
        KeySecret: "the name of a new secret",
        Document: DOCUMENT_FORMAT,
        Secret: SECRET_FORMAT,
    }
    return descriptions.get(origin, "a table")
