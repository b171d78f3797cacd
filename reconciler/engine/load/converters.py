"""Convert a value of the file to the type of its field.

Types are not coerced (5 is not a string), except an integer where a number is expected.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NewType, get_args, get_origin

import attrs

from reconciler.engine.load.hooks import Hook, Hooks
from reconciler.engine.load.input_files import SECRET_FORMAT, SECRET_KEYS, LoadContext
from reconciler.engine.load.placeholders import TypedText
from reconciler.engine.load.table_problems import build_missing_key_problem, build_unknown_key_problem
from reconciler.engine.load.toml_types import (
    DOCUMENT_FORMAT,
    LONG_TEXT_FORMAT,
    PEM_FORMAT,
    REFERENCE_FORMAT,
    SCALAR_FORMATS,
    accepts_document_or_name,
    accepts_external,
    describe_type,
    is_union,
    select_toml_type,
)
from reconciler.kinds.base.schema import is_spec_class
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.document import Document
from reconciler.model.output_file import KeyFile, OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Reference
from reconciler.model.secret import KeySecret, Secret
from reconciler.model.text import describe_value, format_choices, quote, suggest_file_table, type_name

_PLAIN_NAME = re.compile(r"[\w.:@-]{1,60}")
_ARN_FORMAT = "arn:partition:service:region:account:resource"


def build_hooks(context: LoadContext | None = None) -> Hooks:
    """Return the hooks that convert TOML values to attrs classes; unknown keys are errors.

    `context` reads the files and environment variables that values refer to. Without it, the classes may not have PEMs,
    documents, secrets or output files, and a string cannot be read from a file.
    """
    hooks = Hooks()
    for scalar in SCALAR_FORMATS:
        hooks.register(scalar, _build_scalar_hook(scalar))
    hooks.register_builder(is_union, lambda annotation: _build_union_hook(annotation, hooks))
    hooks.register_builder(_build_origin_predicate(Literal), _build_literal_hook)
    hooks.register_builder(
        _build_origin_predicate(tuple), lambda annotation: _build_array_hook(annotation, hooks)
    )
    hooks.register_builder(
        _build_origin_predicate(Mapping), lambda annotation: _build_mapping_hook(annotation, hooks)
    )
    hooks.register_builder(
        lambda annotation: isinstance(annotation, NewType),
        lambda annotation: hooks.get(annotation.__supertype__),
    )
    if context:
        hooks.register(str, lambda value, _: _read_text(value, context))
        hooks.register(Document, lambda value, _: _read_document(value, context))
        hooks.register(OutputFile, lambda value, _: context.read_output_file(value))
        hooks.register(KeyFile, lambda value, _: context.read_key_file(value))
        hooks.register(KeySecret, lambda value, _: context.read_key_secret(value))
        hooks.register(Pem, lambda value, _: _read_pem(value, context))
        hooks.register(Secret, lambda value, _: _read_secret(value, context))
    hooks.register_builder(attrs.has, lambda cls: _build_table_hook(cls, hooks))
    return hooks


def _build_origin_predicate(origin: Any) -> Callable[[Any], bool]:
    """Return a function that returns whether an annotation is `origin[…]`, such as `Mapping[str, int]`."""
    return lambda annotation: get_origin(annotation) is origin


def _build_scalar_hook(scalar: type) -> Hook:
    def convert(value: Any, _: Any) -> Any:
        if type(value) is scalar and scalar is not float:
            return value
        if isinstance(value, TypedText):
            value = str(value) if scalar is str else value.value
        if scalar is float and type(value) is int:
            return float(value)
        if type(value) is not scalar:
            raise _build_wrong_type_error(value, SCALAR_FORMATS[scalar])
        if isinstance(value, float) and not math.isfinite(value):
            raise _build_wrong_type_error(value, "a finite number")
        return value

    return convert


def _build_table_hook(cls: Any, hooks: Hooks) -> Hook:
    fields = attrs.fields(attrs.resolve_types(cls))
    names = [field.name for field in fields]
    columns = [
        (field.name, field.type, hooks.get(field.type), field.default is attrs.NOTHING) for field in fields
    ]

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            # The value may be a private key or a certificate, so the message does not repeat it.
            raise _build_error("wrong-type", f"got {type_name(value)}", f"a table with {' or '.join(names)}")
        values: dict[str, Any] = {}
        problems: list[ValueProblem] = []
        for name, annotation, hook, is_required in columns:
            if name in value:
                try:
                    values[name] = hook(value[name], annotation)
                except InvalidValueError as error:
                    problems += error.nest_under(name).problems
            elif is_required:
                problems.append(build_missing_key_problem(name, describe_type(annotation)))
        problems += (build_unknown_key_problem(name, names) for name in sorted(value.keys() - set(names)))
        if problems:
            raise InvalidValueError(*problems)
        return cls(**values)

    return convert


def _build_mapping_hook(annotation: Any, hooks: Hooks) -> Hook:
    item_type = get_args(annotation)[1]
    # A text inside a map is literal, unless it is a `LongText`.
    item_hook: Hook = _build_scalar_hook(str) if item_type is str else hooks.get(item_type)

    def convert(value: Any, _: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _build_wrong_type_error(value, "a table")
        return _convert_items(value.items(), item_hook, item_type)

    return convert


def _build_array_hook(annotation: Any, hooks: Hooks) -> Hook:
    item_type = get_args(annotation)[0]
    item_hook: Hook = hooks.get(item_type)

    def convert(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            problem = f"got {describe_value(value)}"
            nearest = _suggest_array(value, item_type)
            raise _build_error("wrong-type", problem, describe_type(annotation), nearest)
        items = _convert_items(enumerate(value), item_hook, item_type)
        if len(items) > 1:
            _reject_duplicates(items)
        return tuple(items.values())

    return convert


def _reject_duplicates(items: Mapping[int, Any]) -> None:
    """Raise InvalidValueError if an array has an item twice; `items` are by index."""
    earlier_items: set[Any] = set()
    earlier_tables: list[Any] = []  # tables with maps, which a set cannot have; arrays have few of them
    for index, item in items.items():
        is_table = is_spec_class(type(item))
        if item in earlier_tables if is_table else item in earlier_items:
            problem = "this table is listed twice" if is_table else f"{quote(str(item))} is listed twice"
            raise _build_error("duplicate-item", problem, "each item once").nest_under(index)
        if is_table:
            earlier_tables.append(item)
        else:
            earlier_items.add(item)


def _suggest_array(value: Any, item_type: Any) -> str | None:
    """Return an array of one text if that text was written without brackets, or None."""
    takes_texts = select_toml_type(item_type) in (str, Reference)
    if not takes_texts or not isinstance(value, str) or not _PLAIN_NAME.fullmatch(value):
        return None
    return f'["{value}"]'


def _convert_items(items: Iterable[tuple[Any, Any]], hook: Hook, item_type: Any) -> dict[Any, Any]:
    """Return the converted items of a map by key, or of an array by index.

    Raises InvalidValueError with the problems of all items.
    """
    converted: dict[Any, Any] = {}
    problems: list[ValueProblem] = []
    for key, item in items:
        try:
            converted[key] = hook(item, item_type)
        except InvalidValueError as error:
            problems += error.nest_under(key).problems
    if problems:
        raise InvalidValueError(*problems)
    return converted


def _build_literal_hook(annotation: Any) -> Hook:
    choices = get_args(annotation)

    def convert(value: Any, _: Any) -> Any:
        if type(value) is not str:
            raise _build_wrong_type_error(value, format_choices(choices))
        if value not in choices:
            problem = f"{quote(value)} is not valid"
            suggestion = Suggestion(value, choices)
            raise InvalidValueError(
                ValueProblem("invalid-choice", problem, format_choices(choices), suggestion)
            )
        return value

    return convert


def _build_union_hook(annotation: Any, hooks: Hooks) -> Hook:
    parts = set(get_args(annotation))
    if accepts_document_or_name(annotation):
        document_hook: Hook = hooks.get(Document)
        return _build_document_or_name_hook(document_hook, describe_type(annotation))
    if {str, Secret} <= parts:
        return _build_text_or_secret_hook(hooks.get(str), hooks.get(Secret))
    value_type = select_toml_type(annotation)
    if value_type == Reference:
        return _to_reference
    hook: Hook = hooks.get(value_type)
    return lambda value, _: hook(value, value_type)


def _build_document_or_name_hook(document_hook: Hook, expected: str) -> Hook:
    """Return the hook for a document or a reference to one; `expected` describes both.

    A text that starts with a brace is JSON, any other text is a name.
    """

    def convert(value: Any, annotation: Any) -> Any:
        if isinstance(value, str) and not value.lstrip().startswith("{"):
            return value
        if isinstance(value, dict) and accepts_external(annotation) and value.keys() & {"id", "arn"}:
            return _to_reference(value, annotation)
        if not isinstance(value, str | dict):
            raise _build_wrong_type_error(value, expected)
        return document_hook(value, annotation)

    return convert


def _build_text_or_secret_hook(text_hook: Hook, secret_hook: Hook) -> Hook:
    def convert(value: Any, _: Any) -> Any:
        if isinstance(value, dict) and value.keys() & SECRET_KEYS:
            return secret_hook(value, Secret)
        return text_hook(value, str)

    return convert


def _to_reference(value: Any, _: Any) -> str | External:
    match value:
        case str():
            return value
        case {"id": str(identity), **rest} if identity and not rest:
            return External(identity)
        case {"arn": str(arn), **rest} if not rest:
            if not _is_arn(arn):
                raise _build_error("invalid-arn", f"{quote(arn)} is not a valid ARN", _ARN_FORMAT)
            return External(arn)
        case dict():
            raise _build_error("wrong-type", "not a valid table", REFERENCE_FORMAT)
        case _:
            raise _build_wrong_type_error(value, REFERENCE_FORMAT)


def _is_arn(text: str) -> bool:
    has_all_parts = text.count(":") >= _ARN_FORMAT.count(":")
    has_id = not text.endswith("/")  # the ID is what follows the last slash
    return text.startswith("arn:") and has_all_parts and has_id


def _read_named_file(value: Mapping[str, Any], context: LoadContext, expected: str) -> str:
    if set(value) != {"file"}:
        texts = [item for item in value.values() if isinstance(item, str)]
        nearest = suggest_file_table(texts[0]) if len(value) == len(texts) == 1 else None
        raise _build_error("wrong-type", "not a valid table", expected, nearest)
    return context.read_text(value["file"])


def _read_text(value: Any, context: LoadContext) -> str:
    if isinstance(value, dict):
        return _read_named_file(value, context, LONG_TEXT_FORMAT)
    return str(_build_scalar_hook(str)(value, str))


def _read_pem(value: Any, context: LoadContext) -> Pem:
    match value:
        case str():
            if "-----BEGIN" not in value:
                problem = "no PEM certificate found"
                raise _build_error("invalid-pem", problem, PEM_FORMAT, suggest_file_table(value))
            text, source = value, None
        case dict():
            text = _read_named_file(value, context, PEM_FORMAT)
            source = str(value["file"])
        case _:
            raise _build_wrong_type_error(value, PEM_FORMAT)
    try:
        return Pem.parse(text, source)
    except InvalidValueError as error:
        raise _build_parse_error(error, source, PEM_FORMAT) from None


def _read_document(value: Any, context: LoadContext) -> Document:
    source = None
    if isinstance(value, dict) and value.keys() == {"file"}:
        source = str(value["file"])
        value = context.read_text(value["file"])
    elif not isinstance(value, str | dict):
        raise _build_wrong_type_error(value, DOCUMENT_FORMAT)
    try:
        return Document.parse(value, source) if isinstance(value, str) else Document.from_value(value)
    except InvalidValueError as error:
        nearest = suggest_file_table(value) if isinstance(value, str) and not source else None
        raise _build_parse_error(error, source, DOCUMENT_FORMAT, nearest) from None


def _read_secret(value: Any, context: LoadContext) -> Secret:
    if isinstance(value, dict):
        return context.read_secret(value)
    raise _build_error("literal-secret", "a secret cannot be written into the file", SECRET_FORMAT)


def _build_parse_error(
    error: InvalidValueError, source: str | None, expected: str, nearest: str | None = None
) -> InvalidValueError:
    """Return a parser's error with the file's name, if there is a file, and with what was expected.

    `expected` is used only if the parser's error does not state what it expected.
    """
    (problem,) = error.problems
    text = f"{quote(source)}: {problem.problem}" if source else problem.problem
    return _build_error(problem.code, text, problem.expected or expected, nearest)


def _build_wrong_type_error(value: object, expected: str) -> InvalidValueError:
    return _build_error("wrong-type", f"got {describe_value(value)}", expected)


def _build_error(code: str, problem: str, expected: str, nearest: str | None = None) -> InvalidValueError:
    return InvalidValueError(ValueProblem(code, problem, expected, nearest))
