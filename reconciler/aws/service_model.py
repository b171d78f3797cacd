"""AWS's documented constraints on values, read from the installed botocore service models."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeAlias

import attrs

from reconciler.aws.java_patterns import compile_pattern
from reconciler.aws.request_shapes import Shape, find_shape, list_operations
from reconciler.kinds.base.aws_limits import TAGS
from reconciler.kinds.base.members import get_member_name
from reconciler.kinds.base.schema import Member, get_members
from reconciler.model.diagnostic import Suggestion, ValueProblem
from reconciler.model.document import Document
from reconciler.model.resource import NOT_COMPARED, External
from reconciler.model.secret import Secret
from reconciler.model.text import describe_value, format_choices, format_count, quote

_RESERVED_PREFIX = "aws:"
_ANY_TEXT = r"[\s\S]*"
_TAG_KEY_SHAPE = "TagKey"

# Takes a value and whether it is secret; no problem contains a secret value. A file can have millions of values, so the checks of
# texts and types make an iterator only for values with problems.
Check: TypeAlias = Callable[[Any, bool], Iterable[ValueProblem]]


class ServiceModelConstraints:
    """`Constraints` from the service models, which are loaded at first use."""

    def find_violations(
        self, service: str, member: str, value: object, *, secret: bool = False
    ) -> Iterable[ValueProblem]:
        """Return how `value` violates the constraints of a request member.

        Raises LookupError for an unknown member.
        """
        return _build_member_check(service, member)(value, secret)

    def list_operations(self, service: str) -> Collection[str]:
        """Return the names of the service's operations."""
        return list_operations(service)


@cache
def _build_member_check(service: str, member: str) -> Check:
    return _build_check(find_shape(service, member))


def _build_check(shape: Shape) -> Check:
    match shape.type_name:
        case "string":
            return _build_typed_check(_build_string_check(shape), "a string", str)
        case "boolean":
            return _build_typed_check(_accept, "true or false", bool)
        case "integer" | "long":
            return _build_typed_check(_build_number_check(shape), "an integer", int)
        case "float" | "double":
            return _build_typed_check(_build_number_check(shape), "a number", int, float)
        case "map":
            return _build_typed_check(_build_map_check(shape.max, shape.key, shape.value), "a table", Mapping)
        case "list" if _is_tag(shape.member):
            key, value = (shape.member.members[name] for name in ("Key", "Value"))
            return _build_typed_check(_build_map_check(shape.max, key, value), "a table", Mapping)
        case "list":
            return _build_typed_check(_build_list_check(shape), "an array", list, tuple)
        case "structure" if not shape.is_document:
            return _build_structure_check(shape)
        case _:
            return _accept


def _accept(_value: Any, _secret: bool) -> Iterable[ValueProblem]:  # noqa: FBT001 (a Check)
    return ()


def _build_typed_check(check: Check, expected: str, *types: type) -> Check:
    """Return a check of the value's type, followed by `check`.

    The type is checked because a value inside a JSON document may have any type. `NOT_COMPARED` and a secret that is not set pass.
    """
    exact_types = {dict if value_type is Mapping else value_type for value_type in types}

    def check_typed(value: Any, secret: bool) -> Iterable[ValueProblem]:  # noqa: FBT001 (a Check)
        return check(value, secret) if type(value) in exact_types else check_other(value, secret)

    def check_other(value: Any, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        if value is NOT_COMPARED:
            return
        if isinstance(value, Secret):
            if value.value is not None:
                yield from check_typed(value.value, True)
            return
        content = value.text if isinstance(value, Document) and str in types else value
        if isinstance(content, types) and (bool in types or not isinstance(content, bool)):
            yield from check(content, secret)
        else:
            yield ValueProblem(
                "wrong-type",
                "the value has the wrong type" if secret else f"got {describe_value(content)}",
                expected,
            )

    return check_typed


def _build_structure_check(shape: Shape) -> Check:
    """Return the check of a structure.

    The structure is a JSON object with AWS's member names, or a table of the file with these names in snake_case.
    """
    checks = {name: _build_check(member) for name, member in shape.members.items()}

    def check(structure: Any, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        members = _list_members(structure, checks)
        if members is None:
            yield ValueProblem(
                "wrong-type",
                "the value has the wrong type" if secret else f"got {describe_value(structure)}",
                "a table",
            )
            return
        for key, (name, value) in members.items():
            if name not in checks:
                yield ValueProblem(
                    "unknown-key",
                    "unknown key",
                    format_choices(checks),
                    Suggestion(key, checks),
                    path=(key,),
                )
                continue
            for problem in checks[name](value, secret):
                yield problem.nest_under(key)
        for name in sorted(set(shape.required_members) - {name for name, _ in members.values()}):
            yield ValueProblem(
                "missing-key", f"{quote(name)} is missing", f"all of {', '.join(shape.required_members)}"
            )

    return check


def _list_members(structure: Any, names: Collection[str]) -> Mapping[str, tuple[str, Any]] | None:
    """Return the name in AWS and the value of each member that is set, by its key in the file.

    `names` are AWS's names of all members. Returns None for a value that is not a structure.
    """
    if isinstance(structure, Document):
        structure = structure.value
    if isinstance(structure, Mapping):
        return {key: (key, value) for key, value in structure.items()}
    if not attrs.has(type(structure)):
        return None
    aws_names = {name.lower(): name for name in names}
    members = get_members(type(structure))
    values = attrs.asdict(structure, recurse=False)
    return {
        key: (_find_aws_name(members[key], aws_names), _to_checked_value(members[key], value))
        for key, value in values.items()
        if value is not None
    }


def _to_checked_value(member: Member, value: Any) -> Any:
    """Return the value to check for a field of a table.

    References outside the file are checked by name. A name in the file passes: it is checked where that resource is declared.
    """
    match value:
        case tuple() if member.references:
            return tuple(_to_checked_value(member, item) for item in value)
        case External():
            return value.name
        case str() if member.references and not member.is_builtin(value):
            return NOT_COMPARED
        case _:
            return value


def _find_aws_name(member: Member, aws_names: Mapping[str, str]) -> str:
    """Return AWS's name of a field, one of `aws_names`, or the field's name if AWS has no such member."""
    name = get_member_name(member.api) if member.api else member.name
    return aws_names.get(name.replace("_", "").lower(), member.name)


def _build_string_check(shape: Shape) -> Check:
    min_length, max_length, java_pattern = shape.min or 0, shape.max, shape.pattern
    longest = sys.maxsize if max_length is None else max_length
    is_any_text = java_pattern is None or java_pattern == _ANY_TEXT
    pattern = None if is_any_text else compile_pattern(java_pattern)
    enum = frozenset(shape.enum)

    def check(value: str, secret: bool) -> Iterable[ValueProblem]:  # noqa: FBT001 (a Check)
        if enum:
            is_valid = value in enum
        else:
            has_valid_length = min_length <= len(value) <= longest
            is_valid = has_valid_length and (pattern is None or pattern.fullmatch(value) is not None)
        return () if is_valid else (describe_problem(value, secret=secret),)

    def describe_problem(value: str, *, secret: bool) -> ValueProblem:
        length_text = "the value has the wrong length" if secret else format_count(len(value), "character")
        subject = "the value" if secret else quote(value)
        if enum:
            suggestion = None if secret else Suggestion(value, shape.enum)
            return ValueProblem(
                "invalid-choice", f"{subject} is not valid", format_choices(shape.enum), suggestion
            )
        if len(value) < min_length:
            upper_bound = "" if max_length is None else f" and at most {max_length}"
            return ValueProblem("too-short", length_text, f"at least {min_length}{upper_bound}")
        if max_length is not None and len(value) > max_length:
            return ValueProblem("too-long", length_text, f"at most {max_length}")
        return ValueProblem(
            "pattern-mismatch", f"{subject} is not accepted by AWS", f"a match of {java_pattern}"
        )

    return check


def _build_number_check(shape: Shape) -> Check:
    minimum, maximum = shape.min, shape.max

    def check(value: float, secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        subject = "the value" if secret else f"{value}"
        if minimum is not None and value < minimum:
            yield ValueProblem("out-of-range", f"{subject} is too small", f"at least {minimum}")
        if maximum is not None and value > maximum:
            yield ValueProblem("out-of-range", f"{subject} is too large", f"at most {maximum}")

    return check


def _build_map_check(max_items: float | None, key: Shape, value: Shape) -> Check:
    """Return the check of a map or of a list of tags; the file writes either as a table."""
    check_key, check_value = _build_key_check(key), _build_check(value)
    is_tags = key.name == _TAG_KEY_SHAPE
    if max_items is None and is_tags:
        max_items = TAGS.maximum

    def check(items: Mapping[str, Any], secret: bool) -> list[ValueProblem]:  # noqa: FBT001 (a Check)
        problems: list[ValueProblem] = []
        if max_items is not None and len(items) > max_items:
            expected = f"at most {max_items}"
            problems.append(ValueProblem("too-many-items", format_count(len(items), "entry"), expected))
        for name, item in items.items():
            problems += check_key(name)
            value_problems = check_value(item, secret)
            if value_problems:
                problems += [problem.nest_under(name) for problem in value_problems]
        return problems

    return check


def _build_key_check(shape: Shape) -> Callable[[str], Sequence[ValueProblem]]:
    """Return the check of a key, which is never secret.

    A fleet's maps have the same few keys, so each is checked once.
    """
    check_text = _build_check(shape)
    is_tag = shape.name == _TAG_KEY_SHAPE

    @lru_cache(maxsize=1024)
    def check(name: str) -> Sequence[ValueProblem]:
        problems = [
            ValueProblem(
                f"key-{problem.code}",
                f"the key: {problem.problem}",
                problem.expected,
                problem.nearest,
                path=(name,),
            )
            for problem in check_text(name, False)
        ]
        if is_tag and name.lower().startswith(_RESERVED_PREFIX):
            problem = f"the prefix {_RESERVED_PREFIX!r} is AWS's own"
            problems.insert(0, ValueProblem("reserved-name", problem, "another key", path=(name,)))
        return problems

    return check


def _build_list_check(shape: Shape) -> Check:
    check_item, max_items = _build_check(shape.member), shape.max

    def check(items: Collection[Any], secret: bool) -> Iterator[ValueProblem]:  # noqa: FBT001 (a Check)
        if max_items is not None and len(items) > max_items:
            yield ValueProblem("too-many-items", format_count(len(items), "entry"), f"at most {max_items}")
        for index, item in enumerate(items):
            for problem in check_item(item, secret):
                yield problem.nest_under(index)

    return check


def _is_tag(shape: Shape) -> bool:
    return shape.type_name == "structure" and set(shape.members) == {"Key", "Value"}
