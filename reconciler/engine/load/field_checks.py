"""Check the values of fields: AWS's constraints, names outside the file, secrets, and names in ARNs.

The checks that a field needs follow from its type, so they are selected once for each kind. A field that is the same for all rows of a
manifest is checked once, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import attrs
from attrs import evolve

from reconciler.engine.load.arn_names import find_unreplaced_names
from reconciler.engine.load.resources import ParsedDeclaration, ParsedForEachTable
from reconciler.kinds import get_kind
from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import Member, get_members, list_value_types
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import External, NotCompared, Resource
from reconciler.model.secret import KeySecret, Secret

_TYPES_WITHOUT_SECRETS = (str, type(None), tuple, bool, int, Pem, Document, Secret)
"""The types of most values, which need not be searched for secrets."""

MAX_UNCHECKED_DER_BYTES = 2**14
"""The maximum size of a certificate whose text is not built to check its length: AWS's limits on PEM texts are higher."""

_RESERVED_KEY = f"the prefix {TAG_PREFIX!r} is reserved for reconciler's own entries"
_FOREIGN_TEXT_TYPES = (str, Secret)

_Check: TypeAlias = Callable[[Any], Sequence[ValueProblem]]
"""Takes the value of a field."""

_FieldChecks: TypeAlias = tuple[str, Sequence[_Check]]
"""A field, and the checks of its value."""


class FieldChecker:
    """Checks the fields of declarations; `scope` has the resources of the file."""

    def __init__(self, scope: Scope, constraints: Constraints) -> None:
        self._scope = scope
        self._constraints = constraints
        self._checks_by_field: dict[tuple[Kind, str, bool], _FieldChecks] = {}
        self._row_checks: dict[ParsedForEachTable, Sequence[_FieldChecks]] = {}
        self._shared_problems: dict[tuple[ParsedForEachTable, bool], Sequence[ValueProblem]] = {}

    def check(self, item: ParsedDeclaration) -> list[ValueProblem]:
        """Return the problems of the fields of a declaration, and of the values that its kind derives."""
        table = item.for_each
        if table is None:
            problems = _check_fields(item, self._list_checks(item, item.kind.members))
        else:
            if table not in self._row_checks:
                self._row_checks[table] = self._list_checks(item, table.row_fields)
            problems = _check_fields(item, self._row_checks[table])
            problems += self._check_shared_fields(item, table)
        if item.resource and item.kind.derives_values(item.resource.spec):
            problems += self._check_derived_values(item, item.resource)
        return problems

    def _check_shared_fields(
        self, item: ParsedDeclaration, table: ParsedForEachTable
    ) -> Sequence[ValueProblem]:
        """Return the problems of the fields that all rows share, checked once."""
        key = (table, item.resource is not None)  # only the spec of a resource has the defaults
        if key not in self._shared_problems:
            names = [name for name in item.kind.members if name not in table.row_fields]
            self._shared_problems[key] = _check_fields(item, self._list_checks(item, names))
        return self._shared_problems[key]

    def _list_checks(self, item: ParsedDeclaration, names: Iterable[str]) -> Sequence[_FieldChecks]:
        entries = item.declaration.table.entries
        return [
            self._get_checks(item.kind, name, is_literal=isinstance(entries.get(name), str)) for name in names
        ]

    def _check_derived_values(self, item: ParsedDeclaration, resource: Resource) -> Iterator[ValueProblem]:
        """Yield the problems of the values that the kind derives for fields that are not set."""
        kind = item.kind
        effective = kind.compute_effective_spec(resource, self._scope)
        if effective is resource.spec:
            return
        # The effective spec of a resource made from a template is not of its kind's spec class.
        is_other_class = type(effective) is not kind.spec_class
        members = {**get_members(type(effective)), **kind.members} if is_other_class else kind.members
        for name, member in members.items():
            if member.api and item.get_value(name) is None:
                value = getattr(effective, name, None)
                yield from _check_constraints(kind, member, self._constraints, value)

    def _get_checks(self, kind: Kind, name: str, *, is_literal: bool) -> _FieldChecks:
        key = (kind, name, is_literal)
        if key not in self._checks_by_field:
            checks = _build_checks(kind, kind.members[name], self._constraints, is_literal=is_literal)
            self._checks_by_field[key] = (name, [*checks])
        return self._checks_by_field[key]


def _build_checks(
    kind: Kind, member: Member, constraints: Constraints, *, is_literal: bool
) -> Iterator[_Check]:
    """Yield the checks that the values of a field need.

    `is_literal` is whether its text is written in the TOML file itself, with columns or without.
    """
    types = list_value_types(kind.spec_class)[member.name]
    if Mapping in types:
        yield partial(_check_reserved_keys, member.name)
    if member.api or member.document_api:
        yield partial(_check_constraints, kind, member, constraints, is_literal=is_literal)
    target = get_kind(member.references) if member.references and member.api is None else None
    if target and target.description:
        api = f"{target.description.operation}.{target.description.id_param}"
        yield partial(_check_names_outside, target, api, member, constraints)
    if Secret in types:
        yield partial(_find_secret_problems, member)
    if not types.isdisjoint((str, External)):
        yield partial(find_unreplaced_names, member.name)


def _check_fields(item: ParsedDeclaration, field_checks: Iterable[_FieldChecks]) -> list[ValueProblem]:
    problems: list[ValueProblem] = []
    get_value = partial(getattr, item.resource.spec) if item.resource else item.valid_fields.get
    for name, checks in field_checks:
        value = get_value(name, None)
        if value is not None:
            for check in checks:
                problems += check(value)
    return problems


def _check_reserved_keys(name: str, value: Any) -> list[ValueProblem]:
    """Return a problem for each reserved key of a map."""
    if not isinstance(value, dict):
        return []
    return [
        ValueProblem("reserved-name", _RESERVED_KEY, "another key", path=(name, key))
        for key in value
        if key.startswith(TAG_PREFIX)
    ]


def _check_constraints(
    kind: Kind, member: Member, constraints: Constraints, value: Any, *, is_literal: bool = True
) -> list[ValueProblem]:
    """Return a problem for each violation of AWS's constraints.

    A text from another file may be anything, so problems reveal no more of it than of a secret.
    """
    api = member.document_api if isinstance(value, Document) and member.document_api else member.api
    checked_value = _to_checked_value(value, member.references)
    if api is None or checked_value is None or checked_value in ({}, ()):
        return []
    is_foreign = not is_literal and isinstance(value, _FOREIGN_TEXT_TYPES)
    violations = constraints.find_violations(kind.service, api, checked_value, secret=is_foreign)
    return [violation.nest_under(member.name) for violation in violations]


def _to_checked_value(value: Any, references: str | None) -> Any:
    """Return the value to check against AWS's constraints, or None if it is unknown or needs no check."""
    match value:
        case dict():  # secrets among its values are not checked: they are revealed only to be sent
            has_secret = Secret in map(type, value.values())
            return {k: v for k, v in value.items() if not isinstance(v, Secret)} if has_secret else value
        case Pem():
            return value.text if value.der and len(value.der) > MAX_UNCHECKED_DER_BYTES else None
        case Document():
            return value
        case Secret():
            return value.value
        case External():
            return value.id.rpartition("/")[2]
        case str() | tuple() if references:  # names in the file, checked where these resources are declared
            return None
        case str() | tuple():
            return value
        case int() | float() if not isinstance(value, bool):
            return value
        case _ if attrs.has(type(value)) and not isinstance(value, NotCompared | OutputFile | KeySecret):
            return value
        case _:
            return None


def _check_names_outside(
    target: Kind, api: str, member: Member, constraints: Constraints, value: Any
) -> list[ValueProblem]:
    """Return a problem for each reference outside the file with a name or ID that AWS does not allow.

    Fields that are sent as one request member are checked with `_check_constraints`.
    """
    problems: list[ValueProblem] = []
    for index, reference in enumerate(value if isinstance(value, tuple) else (value,)):
        if isinstance(reference, External):
            path = (member.name, index) if isinstance(value, tuple) else (member.name,)
            violations = constraints.find_violations(target.service, api, reference.name)
            problems += (violation.nest_under(*path) for violation in violations)
    return problems


def _find_secret_problems(member: Member, value: Any) -> list[ValueProblem]:
    """Return the problems of secrets.

    One that only a creation needs may have no value, which is a warning.
    """
    problems = [*_find_unset_secrets([(member.name, value)])]
    if member.on_change == "create_only":
        return [evolve(problem, severity="warning") for problem in problems]
    return problems


def _find_unset_secrets(
    values: Iterable[tuple[str | int, Any]], path: ValuePath = ()
) -> Iterator[ValueProblem]:
    """Yield a problem for each secret without a value: unset, empty, or not readable at AWS.

    A secret that AWS stores has no problem if it was not read.
    """
    for name, value in values:
        match value:
            case Secret() if value.problem:
                yield ValueProblem("unreadable-secret", value.problem, path=(*path, name))
            case Secret() if value.value is None and value.reference.startswith("env "):
                yield ValueProblem(
                    "unset-secret",
                    f"{value.reference} is unset or empty",
                    "a value before a plan uses it",
                    path=(*path, name),
                    severity="warning",
                )
            case Mapping():
                yield from _find_unset_secrets(value.items(), (*path, name))
            case tuple() if value and not isinstance(value[0], str):
                yield from _find_unset_secrets(enumerate(value), (*path, name))
            case _ if not isinstance(value, _TYPES_WITHOUT_SECRETS) and attrs.has(type(value)):
                yield from _find_unset_secrets(attrs.asdict(value, recurse=False).items(), (*path, name))
